"""The part of the page on groups of items: by language, hashtag, author and what was asked for."""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import NormalDist
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.reports.page.charts import draw_groups, draw_shares
from beam_jobs.reports.page.drawing import STACKED, Picture, draw_both
from beam_jobs.reports.page.facts import group_columns, mix_of_emotions, percent, shorten
from beam_jobs.reports.page.parts import (
    MAX_ROWS,
    MIN_ITEMS,
    NO_LABELS,
    Figure,
    Group,
    Section,
    TableView,
    count,
    enough_items,
    largest_groups,
    name_cell,
    sentences,
    shares_table,
    some_of,
)
from beam_jobs.reports.page.report import Report
from beam_jobs.reports.statistics.intervals import Z_95

MAX_BARS = 12
MAX_TABLES = 8
MAX_Q_VALUE = 0.05
NOUNS = {
    "by_language": ("language", "languages"),
    "by_hashtag": ("hashtag", "hashtags"),
    "by_author": ("author", "authors"),
    "by_modality": ("modality", "modalities"),
}
NOT_GROUPS = frozenset({"by_emotion", "by_hour", "by_day", "by_weekday"})


def groups_section(report: Report, paint: Mapping[str, str]) -> Section:
    """Returns a figure for each table of shares, the known ones first."""
    titles = ("Groups of items", "Groups")
    if not report.tables["by_emotion"].num_rows:
        return Section("groups", *titles, intro=NO_LABELS)
    others = sorted(
        name
        for name in report.tables
        if name.startswith("by_") and name not in NOT_GROUPS and name not in NOUNS
    )
    names = [*(name for name in NOUNS if name in report.tables), *others]
    figures = []
    for name in names[:MAX_TABLES]:
        figures.append(_group_figure(report, name, paint))
        if name == "by_hashtag" and "hashtag_lift" in report.tables:
            figures.append(_lift_figure(report, paint))
    intro = sentences(
        "Bars are shares with their 95 % interval; upright lines are the shares of all items. "
        "Each column has a scale of its own."
        if any(figure.picture for figure in figures)
        else "",
        some_of(MAX_TABLES, len(names), "tables of groups", "report/by_…"),
    )
    return Section("groups", *titles, tuple(figures), intro)


def _nouns(name: str, table: pa.Table) -> tuple[str, str]:
    if name in NOUNS:
        return NOUNS[name]
    column = shorten(" and ".join(group_columns(table)).replace("_", " "), 40)
    return column, f"groups by {column}"


def _group_figure(report: Report, name: str, paint: Mapping[str, str]) -> Figure:
    table = report.tables[name]
    noun, nouns = _nouns(name, table)
    left_out = _describe_left_out(report, name, nouns)
    if not table.num_rows:
        nothing = f"no {noun} has enough items" if left_out else "no labelled item has one"
        return Figure(f"By {noun}: {nothing}", left_out)
    largest = largest_groups(table, MAX_ROWS)
    groups = [_named(name, group) for group in largest.groups]
    emotions = [share.emotion for share in mix_of_emotions(report)]
    view = shares_table(
        f"Share of each emotion by {noun}, in % with its 95 % interval. "
        + (some_of(len(groups), largest.n_groups, nouns, name) or f"All {nouns}."),
        noun,
        groups,
        emotions,
    )
    if largest.n_groups == 1:
        [group] = groups
        title = f"By {noun}: all {count(group.n_items)} items are {shorten(group.name, 40)}"
        return Figure(title, left_out, tables=(view,))
    drawn = enough_items(groups)[:MAX_BARS]
    small = f"with at least {MIN_ITEMS} items" if drawn[-1].n_items >= MIN_ITEMS else ""
    shown = (
        f"The {len(drawn)} largest of {largest.n_groups:,} {nouns}"
        if len(drawn) < largest.n_groups
        else f"All {largest.n_groups} {nouns}"
    )
    title = f"By {noun}: {_most_unlike(report, drawn)}"
    return Figure(
        title,
        sentences(f"{shown} {small}".strip() + ".", left_out),
        draw_group_picture(report, drawn, paint, f"Bar charts of shares by {noun}. {title}."),
        tables=(view,),
    )


def _named(name: str, group: Group) -> Group:
    """Returns the group with its values as the page writes them."""
    if name == "by_hashtag":
        return Group((f"#{group.name}",), group.n_items, group.shares)
    return group


def draw_group_picture(
    report: Report, groups: Sequence[Group], paint: Mapping[str, str], label: str
) -> Picture:
    """Returns the chart of the groups, with a column for each of the most frequent emotions."""
    rows = [
        (
            group.name,
            {
                emotion: (row["share"], row["share_low"], row["share_high"])
                for emotion, row in group.shares.items()
            },
        )
        for group in groups
    ]
    columns = [
        (share.emotion, share.share, paint[share.emotion]) for share in mix_of_emotions(report)
    ]
    return draw_both(partial(draw_groups, rows, columns), label, narrow=STACKED)


def _most_unlike(report: Report, groups: Sequence[Group]) -> str:
    """Returns which known group is furthest from all items, of those surely further than chance.

    Each share is looked at, so that an interval counts that holds for all together (Bonferroni).
    """
    overall = {share.emotion: share.share for share in mix_of_emotions(report)}
    shares = [
        (group, row, row["share"] - overall[emotion])
        for group in groups
        if None not in group.values
        for emotion, row in group.shares.items()
        if emotion in overall
    ]
    widening = NormalDist().inv_cdf(1 - 0.025 / max(len(shares), 1)) / Z_95
    unlike = []
    for group, row, distance in shares:
        end = row["share_low"] if distance > 0 else row["share_high"]
        if abs(distance) > widening * abs(row["share"] - end):
            unlike.append((abs(distance), group, row))
    if not unlike:
        return "none of the known ones shown differs clearly from all items"
    _, group, row = max(unlike, key=lambda found: found[0])
    emotion = row["emotion"]
    return (
        f"{shorten(group.name, 30)} differs most, with {percent(row['share'], 0)} "
        f"{shorten(emotion, 30)} against {percent(overall[emotion], 0)} of all"
    )


def _describe_left_out(report: Report, name: str, nouns: str) -> str:
    for row in report.tables["groups_left_out"].to_pylist():
        if row["report"] == name:
            return (
                f"{nouns.capitalize()} with fewer than {row['min_items']:,} items are in no table "
                f"({row['n_left_out']:,} of {row['n_counted'] + row['n_left_out']:,} counts)."
            )
    return ""


def _lift_figure(report: Report, paint: Mapping[str, str]) -> Figure:
    table = report.tables["hashtag_lift"]
    if not table.num_rows:
        return Figure("No hashtag has enough items to tell whether it goes with an emotion")
    sure = table.filter(pc.less_equal(table["q_value"], MAX_Q_VALUE))
    often = sure.filter(pc.greater(sure["lift"], 1.0))
    columns = [("lift", "descending"), ("n_items", "descending"), ("hashtag", "ascending")]
    rows = often.sort_by([*columns, ("emotion", "ascending")]).slice(0, MAX_ROWS).to_pylist()
    view = TableView(
        "Hashtags that go with an emotion more often than chance (q-value at most .05). "
        + some_of(len(rows), often.num_rows, "pairs", "hashtag_lift"),
        ("hashtag", "emotion", "items", "of", "share", "of all items", "lift", "q-value"),
        tuple(_lift_cells(row) for row in rows),
        n_text_columns=2,
    )
    if not rows:
        return Figure("No hashtag goes with an emotion more often than chance (q-value above .05)")
    first = rows[0]
    title = (
        f"#{shorten(first['hashtag'], 30)} goes most with {shorten(first['emotion'], 30)}: "
        f"{first['lift']:.1f} times as often as all items"
    )
    picture = draw_both(
        partial(draw_shares, _lift_bars(report, rows[:MAX_BARS], paint)),
        f"Bar chart of the shares of emotions in hashtags. {title}.",
        narrow=STACKED,
    )
    note = (
        "Share of the emotion among the hashtag's items, with its 95 % interval; the diamond is "
        "its share of all items, and the figure how many times that it is."
    )
    return Figure(title, note, picture, tables=(view,))


def _lift_bars(
    report: Report, rows: Sequence[Mapping[str, Any]], paint: Mapping[str, str]
) -> list[dict[str, Any]]:
    table = report.tables["by_hashtag"]
    tags = pa.array(sorted({row["hashtag"] for row in rows}), table["hashtag"].type)
    seen = {
        (row["hashtag"], row["emotion"]): row
        for row in table.filter(pc.is_in(table["hashtag"], value_set=tags)).to_pylist()
    }
    bars = []
    for row in rows:
        shares = seen.get((row["hashtag"], row["emotion"]))
        bars.append(
            {
                "name": f"{shorten(row['emotion'], 12)} in #{row['hashtag']}",
                "share": row["share"],
                "low": shares["share_low"] if shares else row["share"],
                "high": shares["share_high"] if shares else row["share"],
                "before": row["corpus_share"],
                "text": f"{row['lift']:.1f} ×",
                "colour": paint.get(row["emotion"], "var(--bar)"),
            }
        )
    return bars


def _lift_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        name_cell("#" + row["hashtag"]),
        name_cell(row["emotion"]),
        count(row["n_items"]),
        count(row["n_group"]),
        percent(row["share"]),
        percent(row["corpus_share"]),
        f"{row['lift']:.2f}",
        format_p(row["q_value"]),
    )


def format_p(value: float) -> str:
    """Returns a probability as tables write it.

    >>> format_p(0.0123), format_p(1e-9)
    ('0.012', '< 0.001')
    """
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
