"""The tables' columns as Markdown, made from the schemas' own descriptions."""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from schemas.dead_letters import NOT_BAD, REASON_MEANINGS
from schemas.fields import describe
from schemas.items import ITEM_SCHEMA
from schemas.reports import SHARE_GROUPS, share_schema
from schemas.tables import DEAD_LETTERS, PARTITION, Table, is_share_table, tables
from schemas.warnings import WARNING_MEANINGS

INTRODUCTION = """\
# The tables

Made from `schemas/` by `python -m schemas.data_dictionary`; `?` marks what can be null. All are Parquet, in zstd.

`mm-emor score --out OUT` writes a run's tables under its date: `OUT/labels/dt=2026-11-14/part-….parquet`,
`OUT/dead_letters/dt=…/part-….parquet`, `OUT/reports/by_day/dt=…/part-….parquet`. `dt` stands in the path, not in the file: DuckDB,
Polars and BigQuery make a column of dates of it, pandas one of texts. `OUT/_manifest.json` says which files are whole runs.

`mm-emor report --out OUT` writes a span's tables flat: `OUT/by_day.parquet`, without `dt`. Its numbers are those of the whole span:
to add up the shares of single days is not the same.

[queries.sql](queries.sql) asks them in DuckDB; [bigquery.sql](bigquery.sql) makes them in BigQuery."""  # noqa: E501

SHARE_INTRODUCTION = """\
How the emotions divide each group of items; one table for each way to group. Besides its group's column each has the same columns.
In `by_hashtag` an item counts once for each of its hashtags, and not at all without one; so its `n_group`s add up to another number than
the items'. Of a multi-label model an item counts once for each of its emotions, and as `no_emotion` without any: `n_group` is still the
items, so the shares of a group may add up to more than 1. Where there are too many groups, the smallest are left out, and `groups_left_out` says how many items they had. `mm-emor
report --by COLUMN` makes a table `by_COLUMN` of the same kind for other columns of the labels."""  # noqa: E501

KEPT_NOTE = (
    "Each field of the input that `--keep` names is a column `x_…` (`string?`) at the end, in the "
    "order of the flags; what is no letter, digit or `_` of its name is `_`. `x_text` is the text "
    "as it was scored."
)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table in Markdown.

    >>> print(markdown_table(("a", "b"), [("1", "2")]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [" | ".join(cells) for cells in (header, *rows)]
    bordered = [f"| {line} |" for line in lines]
    return "\n".join([bordered[0], "|" + "---|" * len(header), *bordered[1:]])


def markdown_of(schema: pa.Schema) -> str:
    """Returns a table of a schema's columns; `?` marks a type that can be null.

    >>> from schemas.fields import field
    >>> print(markdown_of(pa.schema([field("lang", pa.string(), "Language.")])))
    | column | type | meaning |
    |---|---|---|
    | `lang` | `string` | Language. |
    """
    rows = (
        (f"`{name}`", f"`{type_}`", description) for name, type_, description in describe(schema)
    )
    return markdown_table(("column", "type", "meaning"), rows)


def contents() -> str:
    """Returns the list of all tables: what a row is, what tells rows apart, who writes it."""
    rows = []
    for table in tables():
        anchor = "shares" if is_share_table(table) else table.name
        key = ", ".join(f"`{column}`" for column in table.key)
        writers = {"score": table.of_run, "report": table.of_report}
        commands = ", ".join(f"`{command}`" for command, writes in writers.items() if writes)
        rows.append((f"[`{table.name}`](#{anchor})", table.row, key, commands))
    return markdown_table(("table", "one row is", "key", "written by"), rows)


def _sections_of(table: Table) -> Iterator[str]:
    yield f"## {table.name}"
    key = ", ".join(f"`{column}`" for column in table.key)
    of = "of a run" if table.of_run else "of a report"
    yield f"One row is {table.row}. What tells the rows {of} apart: {key}."
    yield markdown_of(table.schema)
    if table.name == DEAD_LETTERS:
        yield "The reasons:"
        reasons = ((f"`{reason}`", meaning) for reason, meaning in REASON_MEANINGS.items())
        yield markdown_table(("reason", "meaning"), reasons)
        names = " and ".join(f"`{reason}`" for reason in sorted(NOT_BAD))
        yield f"{names} do not count as bad items."
    if table.name == "labels":
        yield KEPT_NOTE
        yield "The warnings:"
        codes = ((f"`{code}`", meaning) for code, meaning in WARNING_MEANINGS.items())
        yield markdown_table(("code", "meaning"), codes)


def _share_sections() -> Iterator[str]:
    yield "## shares"
    yield SHARE_INTRODUCTION
    groups = (
        (f"`{name}`", f"`{column}`", f"`{type_}`", description)
        for name, group in SHARE_GROUPS.items()
        for column, type_, description in describe(pa.schema([group] if group else []))
    )
    whole = ("`by_emotion`", "–", "–", "All items are one group.")
    yield markdown_table(("table", "its group's column", "type", "meaning"), (whole, *groups))
    yield "The columns of each:"
    yield markdown_of(share_schema(None))


def data_dictionary() -> str:
    """Returns the whole page, `docs/tables.md`."""
    [(name, type_, description)] = describe(pa.schema([PARTITION]))
    described, shares = tables(), [table for table in tables() if is_share_table(table)]
    sections = [
        INTRODUCTION,
        contents(),
        f"Where a run writes it, each has `{name}` (`{type_}`) too: {description}",
    ]
    for table in described:
        if table == shares[0]:
            sections += _share_sections()
        elif table not in shares:
            sections += _sections_of(table)
    sections += ["## Items", "What `mm-emor score` reads; no table is written of them."]
    return "\n\n".join([*sections, markdown_of(ITEM_SCHEMA)]) + "\n"


if __name__ == "__main__":
    print(data_dictionary(), end="")  # noqa: T201
