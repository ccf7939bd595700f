"""The part of the page on what was not understood of the items that were labelled."""

from functools import partial

from beam_jobs.reports.page.charts import draw_counts
from beam_jobs.reports.page.drawing import STACKED, draw_both
from beam_jobs.reports.page.facts import count_items, percent
from beam_jobs.reports.page.parts import (
    MAX_ROWS,
    Figure,
    Section,
    TableView,
    count,
    name_cell,
    some_of,
)
from beam_jobs.reports.page.report import Report
from schemas.warnings import meaning_of_warning

MAX_BARS = 12


def warnings_section(report: Report) -> Section:
    """Returns the section: how many labelled items have each code."""
    titles = ("What was not understood", "Warnings")
    rows = sorted(
        report.tables["warnings"].to_pylist(), key=lambda row: (-row["n_items"], row["code"])
    )
    if not rows:
        intro = "All that the labelled items have could be read."
        return Section("warnings", *titles, intro=intro)
    first, n_labels = rows[0], max(count_items(report).n_labels, 1)
    title = (
        f"{name_cell(first['code'])} is the most frequent: {count(first['n_items'])} of "
        f"{count(n_labels)} labelled items"
    )
    view = TableView(
        "Labelled items by what was not understood; one of several codes counts for each. "
        + some_of(MAX_ROWS, len(rows), "codes", "warnings"),
        ("code", "meaning", "items", "share of the labelled items"),
        tuple(
            (
                name_cell(row["code"]),
                meaning_of_warning(row["code"]),
                count(row["n_items"]),
                percent(row["n_items"] / n_labels),
            )
            for row in rows[:MAX_ROWS]
        ),
        n_text_columns=2,
    )
    bars = [{"name": row["code"], "n": row["n_items"]} for row in rows[:MAX_BARS]]
    picture = draw_both(partial(draw_counts, bars), f"Bar chart. {title}.", narrow=STACKED)
    return Section("warnings", *titles, (Figure(title, "", picture, tables=(view,)),))
