"""The parts of the page on the mix, on change, on confidence and on refused items."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from beam_jobs.reports.page.charts import draw_counts, draw_shares, draw_shifts
from beam_jobs.reports.page.drawing import STACKED, Frame, draw_both
from beam_jobs.reports.page.facts import (
    EmotionShare,
    capitalise,
    count_items,
    describe_alerts,
    describe_no_alert,
    describe_several_emotions,
    has_several_emotions,
    meaning_of,
    mix_of_emotions,
    name_dates,
    name_group,
    percent,
    points,
    refusals,
    shorten,
    signed,
)
from beam_jobs.reports.page.group_section import format_p
from beam_jobs.reports.page.parts import (
    MAX_EMOTIONS,
    MAX_OPEN_ROWS,
    MAX_ROWS,
    NO_LABELS,
    Figure,
    Section,
    TableView,
    count,
    interval,
    name_cell,
    sentences,
    some_of,
)
from beam_jobs.reports.page.report import Report
from beam_jobs.reports.page.time_charts import draw_confidence

MAX_MIX_BARS = 12
MIX_WIDE, MIX_NARROW = Frame(470, 118, 1), Frame(340, 108, 1)
CONFIDENCE_EDGES = (0.0, 0.5, 0.7, 0.9)
NEARLY_ALL = 0.9
"""A group with a larger part of the items moves the shares as the whole does, and tells no more."""


def mix_figure(report: Report, paint: Mapping[str, str]) -> Figure:
    """Returns the first chart: each emotion's share of the labelled items."""
    shares = mix_of_emotions(report)
    if not shares:
        return Figure("There are no labelled items")
    first = shares[0]
    title = (
        f"{capitalise(shorten(first.emotion, 30))} is the largest share: "
        f"{percent(first.share, 0)} of {count(count_items(report).n_labels)} labelled items"
    )
    bars = [
        {
            "name": share.emotion,
            "share": share.share,
            "low": share.low,
            "high": share.high,
            "before": share.share_before,
            "text": percent(share.share),
            "colour": paint[share.emotion],
        }
        for share in shares[:MAX_MIX_BARS]
    ]
    compared = first.share_before is not None
    note = sentences(
        "Thin lines are 95 % intervals: of chance alone, not of the model's own mistakes.",
        describe_several_emotions(report),
        f"Diamonds are the shares of {name_dates(report.before)}."
        if compared and report.before
        else "",
        f"The {MAX_MIX_BARS} most frequent of {count(len(shares))} emotions."
        if len(shares) > MAX_MIX_BARS
        else "",
    )
    label = "Bar chart. " + ", ".join(
        f"{shorten(share.emotion, 30)} {percent(share.share)}" for share in shares[:MAX_MIX_BARS]
    )
    picture = draw_both(partial(draw_shares, bars), label, wide=MIX_WIDE, narrow=MIX_NARROW)
    return Figure(title, note, picture, tables=(_mix_table(shares, compared=compared),))


def _mix_table(shares: list[EmotionShare], *, compared: bool) -> TableView:
    rows = [
        (
            name_cell(share.emotion),
            count(share.n_items),
            percent(share.share),
            interval(share.low, share.high),
            *([percent(share.share_before or 0.0)] if compared else []),
            f"{share.mean_confidence:.2f}",
        )
        for share in shares[:MAX_EMOTIONS]
    ]
    before = ["share before"] if compared else []
    return TableView(
        "Each emotion's share of the labelled items. "
        + some_of(len(rows), len(shares), "emotions", "by_emotion"),
        ("emotion", "items", "share", "95 % interval", *before, "mean confidence"),
        tuple(rows),
    )


def change_section(report: Report, paint: Mapping[str, str]) -> Section:
    """Returns the section on what moved against the span before."""
    titles = ("Change in detail", "Change")
    rows = report.tables["change"].to_pylist()
    if report.before is None or not rows:
        return Section("change", *titles, intro=describe_no_alert(report))
    shares = sorted(
        (row for row in rows if row["measure"] == "share"), key=lambda row: -abs(row["shift"])
    )
    figures = [_shift_figure(shares, rows, paint)] if shares else []
    n_most = NEARLY_ALL * count_items(report).n_labels
    moved = [
        row for row in report.tables["change_by_group"].to_pylist() if row["n_group"] <= n_most
    ]
    if moved:
        figures.append(_moved_figure(moved))
    return Section("change", *titles, tuple(figures), f"Against {name_dates(report.before)}.")


def _shift_figure(
    shares: list[dict[str, Any]], rows: list[dict[str, Any]], paint: Mapping[str, str]
) -> Figure:
    bars = [
        {
            "name": row["emotion"],
            "shift": 100 * row["shift"],
            "low": 100 * (row["shift"] if row["shift_low"] is None else row["shift_low"]),
            "high": 100 * (row["shift"] if row["shift_high"] is None else row["shift_high"]),
            "text": points(row["shift"]),
            "alert": row["alert"],
            "colour": paint.get(row["emotion"], "var(--bar)"),
        }
        for row in shares[:MAX_MIX_BARS]
    ]
    n_alerts = sum(row["alert"] for row in shares)
    title = (
        f"{n_alerts} of {len(shares)} shares moved further than chance"
        if n_alerts
        else "No share moved further than chance"
    )
    return Figure(
        title,
        sentences(
            "Shift of each share in percentage points, with its 95 % interval. Filled points "
            "moved further than chance.",
            f"The {len(bars)} that moved most of {len(shares)}." if len(bars) < len(shares) else "",
        ),
        draw_both(partial(draw_shifts, bars), f"Point chart of shifts of shares. {title}."),
        tables=(_change_table(rows),),
    )


def _change_table(rows: list[dict[str, Any]]) -> TableView:
    cells = []
    for row in rows[: 2 * MAX_ROWS]:
        in_percent = row["measure"] in {"share", "dead_letter_rate"}
        write = percent if in_percent else _two_digits
        shift = points if in_percent else _signed_two_digits
        ends = [row["shift_low"], row["shift_high"]]
        cells.append(
            (
                _measure_name(row),
                write(row["value_before"]),
                write(row["value"]),
                shift(row["shift"]),
                "–" if None in ends else f"{shift(ends[0])} to {shift(ends[1])}",
                format_p(row["q_value"]),
                "yes" if row["alert"] else "no",
            )
        )
    caption = (
        "Each measure in this span and in the one before; shifts of shares are in percentage "
        "points. " + some_of(len(cells), len(rows), "measures", "change")
    )
    columns = ("measure", "before", "now", "shift", "95 % interval", "q-value", "alert")
    return TableView(caption, columns, tuple(cells))


def _two_digits(value: float) -> str:
    return f"{value:.2f}"


def _signed_two_digits(value: float) -> str:
    return signed(value, 2)


def _measure_name(row: Mapping[str, Any]) -> str:
    if row["measure"] == "share":
        return f"share of {name_cell(name_group(row['emotion']))}"
    return {
        "mean_confidence": "mean confidence",
        "dead_letter_rate": "share of refused items",
        "jensen_shannon_distance": "Jensen-Shannon distance",
    }.get(row["measure"], name_cell(row["measure"]))


def _moved_figure(rows: list[dict[str, Any]]) -> Figure:
    largest = sorted(rows, key=lambda row: -abs(row["contribution"]))[:MAX_OPEN_ROWS]
    first = largest[0]
    cells = tuple(
        (
            name_cell(name_group(row["group"])),
            name_cell(row["report"].removeprefix("by_").replace("_", " ")),
            name_cell(row["emotion"]),
            count(row["n_items_before"]),
            count(row["n_items"]),
            count(row["n_group_before"]),
            count(row["n_group"]),
            points(row["contribution"]),
        )
        for row in largest
    )
    view = TableView(
        "The groups that moved the shares most, but for those of nearly all items; what each adds "
        "to the shift of the emotion's share, in percentage points. "
        + some_of(len(cells), len(rows), "rows", "change_by_group"),
        (
            "group",
            "by",
            "emotion",
            "items before",
            "items now",
            "group before",
            "group now",
            "adds",
        ),
        cells,
        n_text_columns=3,
    )
    title = (
        f"The group that moved the shares most: {shorten(name_group(first['group']), 30)}, "
        f"{points(first['contribution'])} points of {shorten(first['emotion'], 30)}"
    )
    return Figure(title, open_table=view)


def confidence_section(report: Report) -> Section:
    """Returns the section on how sure the model is."""
    titles = ("How sure the model is", "Confidence")
    rows = [row for row in report.tables["confidence_distribution"].to_pylist() if row["n_items"]]
    mean = count_items(report).mean_confidence
    if not rows or mean is None:
        return Section("confidence", *titles, intro=NO_LABELS)
    bins: dict[float, dict[str, Any]] = {}
    for row in rows:
        one = bins.setdefault(
            round(row["confidence_low"], 6),
            {"low": row["confidence_low"], "high": row["confidence_high"], "n": 0},
        )
        one["n"] += row["n_items"]
    n_items = sum(row["n_items"] for row in rows)
    n_low = sum(one["n"] for one in bins.values() if one["low"] < 0.5 - 1e-9)
    heading = (
        f"The mean confidence is {mean:.2f}; {percent(n_low / n_items, 0)} of the items are "
        "below 0.5"
    )
    drawn = [bins[low] for low in sorted(bins)]
    figure = Figure(
        heading,
        "Labelled items by confidence, 0 to 1.",
        draw_both(partial(draw_confidence, drawn), f"Histogram of confidence. {heading}."),
        tables=(_confidence_table(rows, has_several_emotions(report)),),
    )
    return Section("confidence", *titles, (figure,))


def _confidence_table(rows: list[dict[str, Any]], several: bool) -> TableView:
    counts: dict[str, list[int]] = {}
    for row in rows:
        reached = sum(row["confidence_low"] >= edge - 1e-9 for edge in CONFIDENCE_EDGES) - 1
        counts.setdefault(row["emotion"], [0] * len(CONFIDENCE_EDGES))[reached] += row["n_items"]
    ordered = sorted(counts.items(), key=lambda pair: (-sum(pair[1]), pair[0]))[:MAX_EMOTIONS]
    return TableView(
        f"Items by {'highest ' if several else ''}emotion and confidence. "
        + some_of(len(ordered), len(counts), "emotions", "confidence_distribution"),
        ("emotion", "items", "below 0.5", "0.5 to 0.7", "0.7 to 0.9", "from 0.9"),
        tuple(
            (name_cell(emotion), count(sum(bins)), *map(count, bins)) for emotion, bins in ordered
        ),
    )


def refused_section(report: Report) -> Section:
    """Returns the section on dead letters."""
    titles = ("Refused items", "Refused")
    reasons = refusals(report)
    totals = count_items(report)
    if not reasons:
        return Section("refused", *titles, intro="No item was refused.")
    first = reasons[0]
    n_refused = sum(reason.n_items for reason in reasons)
    heading = (
        f"{first.reason} is the most frequent reason: {count(first.n_items)} of "
        f"{count(n_refused)} refused items"
    )
    if len(reasons) > 1 and reasons[1].n_items == first.n_items:
        heading = f"{count(n_refused)} items were refused, for {len(reasons)} reasons"
    bars = [{"name": reason.reason, "n": reason.n_items} for reason in reasons[:MAX_MIX_BARS]]
    rows = sorted(
        report.tables["dead_letters_by_reason"].to_pylist(),
        key=lambda row: (-row["n_items"], row["stage"], row["reason"]),
    )
    view = TableView(
        "Refused items by reason and by the step that refused them. "
        + some_of(2 * MAX_ROWS, len(rows), "rows", "dead_letters_by_reason"),
        ("reason", "meaning", "step", "items", "share of all items"),
        tuple(
            (
                name_cell(row["reason"]),
                meaning_of(row["reason"]),
                name_cell(row["stage"]),
                count(row["n_items"]),
                percent(row["n_items"] / max(totals.n_items, 1)),
            )
            for row in rows[: 2 * MAX_ROWS]
        ),
        n_text_columns=3,
    )
    label = f"Bar chart of refused items. {heading}."
    picture = draw_both(partial(draw_counts, bars), label, narrow=STACKED)
    return Section("refused", *titles, (Figure(heading, "", picture, tables=(view,)),))


def what_changed(report: Report) -> tuple[list[str], str]:
    """Returns the alerts for the first screen, or the sentence in their place."""
    alerts = describe_alerts(report)
    return alerts, "" if alerts else describe_no_alert(report)
