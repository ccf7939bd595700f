"""What the page is made of: sections of figures, each with its table, cut to what a page holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.reports.page.drawing import Picture
from beam_jobs.reports.page.facts import group_columns, name_group, percent, shorten

MAX_ROWS = 20
"""Of groups, runs or items in a table of the page."""
MAX_EMOTIONS = 20
MAX_COLUMNS = 12
"""Of emotions in a table of groups: what a sheet of paper holds."""
MAX_OPEN_ROWS = 10
"""Of a table that stands in place of a chart."""
MAX_HEAD = 16
MAX_CELL = 32
"""Columns of text in a cell; the whole text is in the report's own table."""
MIN_ITEMS = 10
"""A group with fewer items is not drawn, unless all have."""


NO_LABELS = "There are no labelled items."


@dataclass(frozen=True)
class TableView:
    """A table of the page, as text; the first column names the row.

    Attributes:
        n_text_columns: how many columns at the left are text; the others are numbers.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_text_columns: int = 1


@dataclass(frozen=True)
class Panel:
    """One of several small charts beside each other."""

    name: str
    colour: str
    picture: Picture


@dataclass(frozen=True)
class Figure:
    """A chart with its title and its table; or a plain sentence where there is nothing to draw.

    Attributes:
        tables: shown when asked for.
        open_table: shown in place of a chart.
    """

    title: str
    note: str = ""
    picture: Picture | None = None
    panels: tuple[Panel, ...] = ()
    tables: tuple[TableView, ...] = ()
    open_table: TableView | None = None


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading, and a shorter one for the list of parts."""

    name: str
    title: str
    short_title: str
    figures: tuple[Figure, ...] = ()
    intro: str = ""


@dataclass(frozen=True)
class Group:
    """A row of a table of shares, all its emotions together.

    Attributes:
        values: what the items have in common.
        shares: by emotion, the rows of the table.
    """

    values: tuple[Any, ...]
    n_items: int
    shares: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The group as people write it."""
        return " · ".join(name_group(value) for value in self.values)


@dataclass(frozen=True)
class Groups:
    """The largest groups of a table of shares, and how many groups there are."""

    groups: tuple[Group, ...]
    n_groups: int


def largest_groups(table: pa.Table, limit: int | None = None) -> Groups:
    """Returns the groups with most items, at most `limit` of them; of equal ones, by name."""
    keys = group_columns(table)
    sizes = table.group_by(keys, use_threads=False).aggregate([("n_group", "max")])
    order = [("n_group_max", "descending"), *((key, "ascending") for key in keys)]
    largest = sizes.sort_by(order).slice(0, limit)
    # Of several columns the first narrows the rows down, and the loop looks at all.
    rows = table.filter(pc.is_in(table[keys[0]], value_set=pc.unique(largest[keys[0]])))
    by_key: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows.to_pylist():
        by_key.setdefault(tuple(row[key] for key in keys), {})[row["emotion"]] = row
    groups = [
        Group(key, row["n_group_max"], by_key[key])
        for row in largest.to_pylist()
        for key in [tuple(row[name] for name in keys)]
    ]
    return Groups(tuple(groups), sizes.num_rows)


def enough_items(groups: Iterable[Group]) -> list[Group]:
    """Returns the groups with at least MIN_ITEMS items; all, where none has as many."""
    every = list(groups)
    return [group for group in every if group.n_items >= MIN_ITEMS] or every


def name_cell(text: str) -> str:
    """Returns the text as a cell shows it."""
    return shorten(text, MAX_CELL)


def count(n: int) -> str:
    """Returns a count with separators.

    >>> count(1204)
    '1,204'
    """
    return f"{n:,}"


def interval(low: float, high: float) -> str:
    """Returns the interval of a share, in percent.

    >>> interval(0.3456, 0.5)
    '34.6–50.0'
    """
    return f"{100 * low:.1f}–{100 * high:.1f}"


def shares_table(
    caption: str, head: str, groups: Sequence[Group], emotions: Sequence[str]
) -> TableView:
    """Returns a row for each group: its items, and each emotion's share above its interval."""
    caption = sentences(
        caption,
        f"The {MAX_COLUMNS} most frequent of {len(emotions)} emotions."
        if len(emotions) > MAX_COLUMNS
        else "",
    )
    emotions = emotions[:MAX_COLUMNS]
    rows = []
    for group in groups:
        cells = [name_cell(group.name), count(group.n_items)]
        for emotion in emotions:
            row = group.shares.get(emotion)
            cells.append(
                f"{percent(row['share'])}\n{interval(row['share_low'], row['share_high'])}"
                if row
                else percent(0.0)
            )
        rows.append(tuple(cells))
    return TableView(
        caption, (head, "items", *(shorten(emotion, MAX_HEAD) for emotion in emotions)), tuple(rows)
    )


def some_of(shown: int, total: int, noun: str, table: str) -> str:
    """Returns how many of all are shown, and where the others are; nothing where all are.

    >>> some_of(20, 1204, "hashtags", "by_hashtag"), some_of(3, 3, "hashtags", "by_hashtag")
    ('20 of 1,204 hashtags; all in by_hashtag.parquet.', '')
    """
    if shown >= total:
        return ""
    return f"{shown:,} of {total:,} {noun}; all in {table}.parquet."


def sentences(*parts: str | None) -> str:
    """Returns the parts that say something, one after the other."""
    return " ".join(part for part in parts if part)
