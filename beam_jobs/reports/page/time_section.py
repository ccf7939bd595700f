"""The part of the page on time: how many items an hour or day has, and each emotion's share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from beam_jobs.reports.page.drawing import Picture, draw_both, to_svg
from beam_jobs.reports.page.facts import WEEKDAYS, mix_of_emotions, percent, shorten
from beam_jobs.reports.page.group_section import draw_group_picture
from beam_jobs.reports.page.parts import (
    MAX_ROWS,
    MIN_ITEMS,
    NO_LABELS,
    Figure,
    Group,
    Panel,
    Section,
    count,
    largest_groups,
    sentences,
    shares_table,
)
from beam_jobs.reports.page.report import Report
from beam_jobs.reports.page.time_charts import (
    PANEL,
    TimeAxis,
    draw_counts_over_time,
    draw_share_over_time,
)
from beam_jobs.reports.statistics.intervals import wilson_interval

MAX_PANELS = 8
MAX_STEPS = 96
"""Hours or days in a chart: 4 days, or about 3 months."""
DAYS_BY_HOUR, MOST = 2, 0.9
"""Where so many days hold most items, time is told by the hour."""
MIN_DAYS_FOR_WEEKDAYS = 14
FIRST_YEAR, LAST_YEAR = 1000, 9998
"""What is drawn: strftime writes fewer digits of earlier years; no day of a later one ends."""


@dataclass(frozen=True)
class Step:
    """How finely time is told.

    Attributes:
        form: how a start is named, as of strftime.
    """

    table: str
    noun: str
    width: timedelta
    form: str
    axis_form: str


HOURS = Step("by_hour", "hour", timedelta(hours=1), "%-d %b %Y, %H:%M", "%-d %b %H:%M")
DAYS = Step("by_day", "day", timedelta(days=1), "%a %-d %b %Y", "%-d %b")


def time_section(report: Report, paint: Mapping[str, str]) -> Section:
    """Returns the section; a plain sentence where no item has a time of posting."""
    titles = ("Over time", "Time")
    days = largest_groups(report.tables["by_day"])
    known = _drawable(days.groups)
    n_known = sum(group.n_items for group in known)
    n_unknown = sum(group.n_items for group in days.groups if group.values[0] is None)
    n_far = sum(group.n_items for group in days.groups) - n_known - n_unknown
    far = (
        f"{count(n_far)} items have a time before the year {FIRST_YEAR} or after {LAST_YEAR}, "
        "which is not drawn; all in by_day.parquet."
        if n_far
        else ""
    )
    if not known:
        reason = "No labelled item has a time of posting." if n_unknown else NO_LABELS
        return Section("time", *titles, intro=far or reason)
    by_hour = _drawable(largest_groups(report.tables["by_hour"]).groups)
    n_busiest = sum(group.n_items for group in known[:DAYS_BY_HOUR])
    is_short = bool(by_hour) and n_busiest >= MOST * n_known
    step, every = (HOURS, by_hour) if is_short else (DAYS, known)
    shown = _busiest_window(every, step.width)
    n_shown = sum(group.n_items for group in shown)
    aside = [far]
    if n_unknown:
        aside.append(f"{count(n_unknown)} items have no time of posting.")
    if n_shown < n_known:
        aside.append(
            f"{count(n_known - n_shown)} items were posted outside of the {step.noun}s shown; "
            f"all in {step.table}.parquet."
        )
    figures = [_counts_figure(shown, step), *_shares_figures(report, shown, step, paint)]
    if len(known) >= MIN_DAYS_FOR_WEEKDAYS:
        figures.append(_weekday_figure(report, report.tables["by_weekday"], paint))
    return Section("time", *titles, tuple(figures), sentences("Times are UTC.", *aside))


def _drawable(groups: Sequence[Group]) -> list[Group]:
    """Returns the groups whose time is known, and of a year that can be drawn."""
    return [
        group
        for group in groups
        if group.values[0] is not None and FIRST_YEAR <= group.values[0].year <= LAST_YEAR
    ]


def _start(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime.combine(value if isinstance(value, date) else date.min, time.min, UTC)


def _busiest_window(groups: Sequence[Group], width: timedelta) -> list[Group]:
    """Returns the groups of the MAX_STEPS hours or days on end that hold most items."""
    ordered = sorted(groups, key=lambda group: _start(group.values[0]))
    best, best_items, first, items = (0, 0), -1, 0, 0
    for last, group in enumerate(ordered):
        items += group.n_items
        while _start(group.values[0]) - _start(ordered[first].values[0]) >= MAX_STEPS * width:
            items -= ordered[first].n_items
            first += 1
        if items >= best_items:
            best, best_items = (first, last + 1), items
    return ordered[slice(*best)]


def _every_step(groups: Sequence[Group], width: timedelta) -> list[tuple[datetime, Group | None]]:
    by_start = {_start(group.values[0]): group for group in groups}
    first, last = min(by_start), max(by_start)
    n_steps = (last - first) // width + 1
    starts = (first + i * width for i in range(n_steps))
    return [(start, by_start.get(start)) for start in starts]


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _counts_figure(groups: Sequence[Group], step: Step) -> Figure:
    steps = _every_step(groups, step.width)
    rows = [
        {"low": _iso(start), "high": _iso(start + step.width), "n": group.n_items if group else 0}
        for start, group in steps
    ]
    busiest = max(groups, key=lambda group: group.n_items)
    when = f"{_start(busiest.values[0]):{step.form}}"
    if len(groups) == 1:
        return Figure(f"All {count(busiest.n_items)} items with a time are of {when}")
    title = f"The busiest {step.noun} is {when}, with {count(busiest.n_items)} items"
    n_as_busy = sum(group.n_items == busiest.n_items for group in groups)
    if n_as_busy > 1:
        title = f"{count(busiest.n_items)} items on each of the {n_as_busy} busiest {step.noun}s"
    draw = partial(draw_counts_over_time, rows, _axis(steps, step))
    return Figure(
        title,
        f"Labelled items per {step.noun}.",
        draw_both(draw, f"Bar chart of labelled items per {step.noun}. {title}."),
    )


def _axis(steps: Sequence[tuple[datetime, Group | None]], step: Step) -> TimeAxis:
    starts = [start for start, _ in steps]
    same_day = starts[0].date() == starts[-1].date()
    form = "%H:%M" if step is HOURS and same_day else step.axis_form
    return TimeAxis(starts, step.width, form)


def _shares_figures(
    report: Report, groups: Sequence[Group], step: Step, paint: Mapping[str, str]
) -> list[Figure]:
    mix = mix_of_emotions(report)
    emotions = [share.emotion for share in mix]
    table_groups = list(groups)[-MAX_ROWS:]
    named = [
        Group((f"{_start(group.values[0]):{step.form}}",), group.n_items, group.shares)
        for group in table_groups
    ]
    more = (
        f"the last {len(named)} of {count(len(groups))} {step.noun}s; all in {step.table}.parquet"
        if len(named) < len(groups)
        else f"all {step.noun}s shown"
    )
    table = shares_table(
        f"Share of each emotion by {step.noun}, in % with its 95 % interval: {more}.",
        step.noun,
        named,
        emotions,
    )
    steps = _every_step(groups, step.width)
    least = MIN_ITEMS if any(group.n_items >= MIN_ITEMS for group in groups) else 1
    if len(groups) == 1:
        return [Figure("There is nothing to compare over time", tables=(table,))]
    panels = tuple(
        _panel(share.emotion, share.share, steps, step, paint[share.emotion], least)
        for share in mix[:MAX_PANELS]
    )
    title = _largest_swing(groups, emotions[:MAX_PANELS], step, least)
    note = sentences(
        f"Share of each emotion per {step.noun}, with its 95 % interval as a band. "
        "Each panel has a scale of its own.",
        f"The {MAX_PANELS} most frequent of {len(mix)} emotions." if len(mix) > MAX_PANELS else "",
        f"{step.noun.capitalize()}s with fewer than {least} items are left open."
        if least > 1 and any(group.n_items < least for group in groups)
        else "",
    )
    return [Figure(title, note, panels=panels, tables=(table,))]


def _panel(
    emotion: str,
    overall: float,
    steps: Sequence[tuple[datetime, Group | None]],
    step: Step,
    colour: str,
    least: int,
) -> Panel:
    rows = []
    for start, group in steps:
        row = group.shares.get(emotion) if group and group.n_items >= least else None
        values: tuple[float | None, ...] = (None, None, None)
        if row:
            values = (row["share"], row["share_low"], row["share_high"])
        elif group and group.n_items >= least:
            # The tables have no row of an emotion that no item has.
            _, high = wilson_interval(np.array([0]), np.int64(group.n_items))
            values = (0.0, 0.0, float(high[0]))
        rows.append(
            {"time": _iso(start), **dict(zip(("share", "low", "high"), values, strict=True))}
        )
    name = shorten(emotion, 18)
    label = f"Line chart of the share of {name} per {step.noun}; {percent(overall)} of all."
    draw = partial(draw_share_over_time, rows, _axis(steps, step), colour)
    return Panel(name, colour, Picture(label, to_svg(draw, PANEL)))


def _largest_swing(groups: Sequence[Group], emotions: Sequence[str], step: Step, least: int) -> str:
    swings = []
    for emotion in emotions:
        seen = [
            (row["share"] if (row := group.shares.get(emotion)) else 0.0, group)
            for group in groups
            if group.n_items >= least
        ]
        low, high = min(seen, key=lambda pair: pair[0]), max(seen, key=lambda pair: pair[0])
        swings.append((high[0] - low[0], emotion, low, high))
    _, emotion, low, high = max(swings, key=lambda swing: swing[0])
    return (
        f"The share of {shorten(emotion, 30)} swings most: from {percent(low[0])} "
        f"({_start(low[1].values[0]):{step.form}}) to {percent(high[0])} "
        f"({_start(high[1].values[0]):{step.form}})"
    )


def _weekday_figure(report: Report, table: pa.Table, paint: Mapping[str, str]) -> Figure:
    groups = sorted(
        (group for group in largest_groups(table).groups if group.values[0] is not None),
        key=lambda group: int(group.values[0]),
    )
    named = [
        Group((WEEKDAYS[group.values[0] - 1],), group.n_items, group.shares) for group in groups
    ]
    emotions = [share.emotion for share in mix_of_emotions(report)]
    return Figure(
        "The mix of emotions by day of the week",
        "Bars are shares with their 95 % interval; upright lines are the shares of all items. "
        "Each column has a scale of its own.",
        draw_group_picture(report, named, paint, "Bar charts of shares by day of the week."),
        tables=(
            shares_table(
                "Share of each emotion by day of the week, in % with its 95 % interval.",
                "weekday",
                named,
                emotions,
            ),
        ),
    )
