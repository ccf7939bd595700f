"""The part of the page on items of which text and audio say different things."""

from collections import Counter
from functools import partial
from typing import Any

from beam_jobs.reports.page.charts import draw_matrix
from beam_jobs.reports.page.drawing import Frame, draw_both
from beam_jobs.reports.page.facts import mix_of_emotions, name_group, percent
from beam_jobs.reports.page.parts import (
    MAX_OPEN_ROWS,
    MAX_ROWS,
    NO_LABELS,
    Figure,
    Section,
    TableView,
    count,
    name_cell,
    sentences,
    some_of,
)
from beam_jobs.reports.page.report import Report

MAX_MATRIX = 8
MATRIX_NARROW = Frame(340, 84, 1)


def disagreement_section(report: Report) -> Section:
    """Returns the section on items of which text and audio say different things."""
    titles = ("Text against audio", "Text and audio")
    rows = report.tables["disagreement"].to_pylist()
    if not rows:
        reason = "No item has both text and audio." if mix_of_emotions(report) else NO_LABELS
        return Section("disagreement", *titles, intro=reason)
    figures = [_matrix_figure(rows)]
    most = report.tables["most_disagreeing"]
    if most.num_rows:
        figures.append(
            _most_disagreeing_figure(most.slice(0, MAX_OPEN_ROWS).to_pylist(), most.num_rows)
        )
    return Section("disagreement", *titles, tuple(figures))


def _matrix_figure(rows: list[dict[str, Any]]) -> Figure:
    n_items = sum(row["n_items"] for row in rows)
    n_agree = sum(row["n_items"] for row in rows if row["text_emotion"] == row["audio_emotion"])
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row["text_emotion"]] += row["n_items"]
        totals[row["audio_emotion"]] += row["n_items"]
    names = sorted(totals, key=lambda name: (-totals[name], name))[:MAX_MATRIX]
    place = {name: position for position, name in enumerate(names)}
    counts = {(row["text_emotion"], row["audio_emotion"]): row["n_items"] for row in rows}
    cells = [
        {
            "row": place[text],
            "column": place[audio],
            "n": counts.get((text, audio), 0),
            "text": _in_thousands(counts.get((text, audio), 0)),
            "agree": text == audio,
        }
        for text in names
        for audio in names
    ]
    title = (
        f"Text and audio say the same of {percent(n_agree / n_items, 0)} of the "
        f"{count(n_items)} items with both"
    )
    largest = sorted(rows, key=lambda row: -row["n_items"])[:MAX_ROWS]
    view = TableView(
        "What the text says and what the audio says; the mean disagreement is 0 where both are "
        "the same and 1 where they have nothing in common. "
        + some_of(len(largest), len(rows), "pairs", "disagreement"),
        ("text", "audio", "items", "mean disagreement"),
        tuple(
            (
                name_cell(row["text_emotion"]),
                name_cell(row["audio_emotion"]),
                count(row["n_items"]),
                f"{row['mean_disagreement']:.2f}",
            )
            for row in largest
        ),
        n_text_columns=2,
    )
    note = sentences(
        "Items by what the text alone says (rows) and what the audio alone says (columns). "
        "Outlined: both say the same.",
        f"The {MAX_MATRIX} most frequent of {len(totals)} emotions."
        if len(totals) > MAX_MATRIX
        else "",
    )
    label = f"Matrix of counts. {title}."
    picture = draw_both(partial(draw_matrix, cells, names, names), label, narrow=MATRIX_NARROW)
    return Figure(title, note, picture, tables=(view,))


def _in_thousands(n: int) -> str:
    """Returns a count in four characters or less.

    >>> [_in_thousands(n) for n in (999, 1204, 120400, 3000000)]
    ['999', '1.2k', '120k', '3M']
    """
    if n < 1000:
        return str(n)
    if n < 1_000_000:
        return f"{n / 1000:.1f}k" if n < 9950 else f"{n / 1000:.0f}k"
    return f"{n / 1_000_000:.0f}M"


def _most_disagreeing_figure(rows: list[dict[str, Any]], n_rows: int) -> Figure:
    view = TableView(
        "Items whose text and audio disagree most. "
        + some_of(len(rows), n_rows, "items", "most_disagreeing"),
        ("item", "text", "audio", "together", "posted (UTC)", "confidence", "disagreement"),
        tuple(
            (
                name_cell(row["item_id"]),
                name_cell(row["text_emotion"]),
                name_cell(row["audio_emotion"]),
                name_cell(row["emotion"]),
                name_group(row["created_at"]),
                f"{row['confidence']:.2f}",
                f"{row['disagreement']:.2f}",
            )
            for row in rows
        ),
        n_text_columns=5,
    )
    return Figure(
        "The items that disagree most", "A sign of irony, or of a bad clip.", open_table=view
    )
