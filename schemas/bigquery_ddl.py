"""The tables in BigQuery's SQL, made from the schemas: `python -m schemas.bigquery_ddl`.

Native tables, not external ones over the files: they hold what the schemas promise (NOT NULL), and
BigQuery promises no consistent answer from files that a run replaces meanwhile.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import date

import pyarrow as pa

from schemas.tables import PARTITION, Table, tables

RUN_DATASET, REPORT_DATASET = "emotions", "emotions_report"
EXAMPLE_OUT, EXAMPLE_DATE = "gs://BUCKET/OUT", "2026-11-14"
TYPES = {
    pa.string(): "STRING",
    pa.bool_(): "BOOL",
    pa.int32(): "INT64",
    pa.int64(): "INT64",
    pa.float32(): "FLOAT64",
    pa.float64(): "FLOAT64",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP",
}
"""What BigQuery makes of a Parquet column that Arrow wrote with this type."""

HEADER = """\
-- The tables in BigQuery. Made from schemas/ by `python -m schemas.bigquery_ddl`; nothing here has
-- run it on BigQuery itself.
--
-- {run}: what `mm-emor score` writes, a partition for each date.
-- {report}: what `mm-emor report` writes, of one span.
-- The scores of a label are those of the model in the package.
--
-- To load a date's files, as often as you like, each statement replacing a partition (first run
-- `mm-emor verify {out}`: a run that was killed may have left files beside the others):
--   python -m schemas.bigquery_ddl --load {out} --date {date}
-- To load a report's:
--   python -m schemas.bigquery_ddl --load {out} --report
-- They print statements such as this one:
--
{example}"""


def type_of(type_: pa.DataType) -> str:
    """Returns BigQuery's type for a column of a Parquet file.

    Raises:
        KeyError: BigQuery has no such type.

    >>> type_of(pa.struct([pa.field("joy", pa.float32(), nullable=False)]))
    'STRUCT<`joy` FLOAT64 NOT NULL>'
    >>> type_of(pa.list_(pa.string()))
    'ARRAY<STRING>'
    """
    if pa.types.is_struct(type_):
        fields = (f"`{each.name}` {type_of(each.type)}{_not_null(each)}" for each in type_)
        return f"STRUCT<{', '.join(fields)}>"
    if pa.types.is_list(type_):
        return f"ARRAY<{type_of(type_.value_type)}>"
    return TYPES[type_]


def _not_null(column: pa.Field) -> str:
    # An array is never NULL in a table, and cannot be declared so.
    return "" if column.nullable or pa.types.is_list(column.type) else " NOT NULL"


def _text(text: str) -> str:
    """Returns a string literal: BigQuery's escapes within double quotes are also JSON's."""
    return json.dumps(text, ensure_ascii=False)


def _columns(schema: pa.Schema) -> Iterator[str]:
    for column in schema:
        description = _text(column.metadata[b"description"].decode())
        definition = f"`{column.name}` {type_of(column.type)}{_not_null(column)}"
        yield f"{definition} OPTIONS (description = {description})"


def create_statement(table: Table, dataset: str, *, by_date: bool) -> str:
    """Returns the statement that makes a table, partitioned by `PARTITION` or not at all."""
    # Nullable, as what BigQuery reads from a path is.
    schema = table.schema.append(PARTITION.with_nullable(True)) if by_date else table.schema
    lines = [
        f"CREATE TABLE IF NOT EXISTS `{dataset}`.`{table.name}` (",
        ",\n".join(f"  {column}" for column in _columns(schema)),
        ")",
        *([f"PARTITION BY `{PARTITION.name}`"] if by_date else []),
        f"OPTIONS (description = {_text(f'One row is {table.row}.')});",
    ]
    return "\n".join(lines)


def load_statement(table: Table, out: str, date: str) -> str:
    """Returns the statement that puts a run's files in the place of its date's partition.

    The columns stand in it because BigQuery takes a file's as nullable otherwise, and refuses to
    put them into columns that are not (googleapis/python-bigquery, issue 1981).
    """
    prefix = f"{out.rstrip('/')}/{table.run_directory}"
    return (
        f"LOAD DATA INTO `{RUN_DATASET}`.`{table.name}` (\n{_plain_columns(table)})\n"
        f"OVERWRITE PARTITIONS (`{PARTITION.name}` = DATE '{date}')\n"
        "FROM FILES (format = 'PARQUET', enable_list_inference = TRUE,\n"
        f"  hive_partition_uri_prefix = '{prefix}',\n"
        f"  uris = ['{prefix}/{PARTITION.name}={date}/*.parquet'])\n"
        f"WITH PARTITION COLUMNS (`{PARTITION.name}` DATE);"
    )


def load_report_statement(table: Table, out: str) -> str:
    """Returns the statement that puts a report's file in the place of its table's rows."""
    uri = f"{out.rstrip('/')}/{table.report_file}"
    return (
        f"LOAD DATA OVERWRITE `{REPORT_DATASET}`.`{table.name}` (\n{_plain_columns(table)})\n"
        f"FROM FILES (format = 'PARQUET', enable_list_inference = TRUE, uris = ['{uri}']);"
    )


def _plain_columns(table: Table) -> str:
    return ",\n".join(
        f"  `{column.name}` {type_of(column.type)}{_not_null(column)}" for column in table.schema
    )


def bigquery_ddl() -> str:
    """Returns the whole file, `docs/bigquery.sql`."""
    [table] = (each for each in tables() if each.name == "dead_letters_by_reason")
    example = load_statement(table, EXAMPLE_OUT, EXAMPLE_DATE)
    header = HEADER.format(
        run=RUN_DATASET,
        report=REPORT_DATASET,
        out=EXAMPLE_OUT,
        date=EXAMPLE_DATE,
        example="\n".join(f"--   {line}" for line in example.split("\n")),
    )
    statements = [header, f"CREATE SCHEMA IF NOT EXISTS `{RUN_DATASET}`;"]
    statements += [
        create_statement(table, RUN_DATASET, by_date=True) for table in tables() if table.of_run
    ]
    statements.append(f"CREATE SCHEMA IF NOT EXISTS `{REPORT_DATASET}`;")
    statements += [
        create_statement(table, REPORT_DATASET, by_date=False)
        for table in tables()
        if table.of_report
    ]
    return "\n\n".join(statements) + "\n"


def day(text: str) -> str:
    """Returns a date as it is written in a partition; argparse tells of one that is none."""
    return date.fromisoformat(text).isoformat()


def main(arguments: list[str] | None = None) -> None:
    """Prints the file, or the statements that load one date or one report."""
    parser = argparse.ArgumentParser(
        description="Print BigQuery's statements: those that make all tables, or, with --load, "
        "those that load the files of one date, or of a report."
    )
    parser.add_argument("--load", metavar="OUT", help="where the files are: gs://BUCKET/OUT")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--date", type=day, help="YYYY-MM-DD, whose rows are replaced")
    which.add_argument("--report", action="store_true", help="OUT is a report's")
    parsed = parser.parse_args(arguments)
    if parsed.load and not parsed.load.startswith("gs://"):
        parser.error(f"--load is {parsed.load}; it must be gs://BUCKET/OUT")
    if bool(parsed.load) != bool(parsed.date or parsed.report):
        parser.error("--load needs --date or --report, and these need it")
    if not parsed.load:
        text = bigquery_ddl()
    elif parsed.report:
        loads = [load_report_statement(table, parsed.load) for table in tables() if table.of_report]
        text = "\n\n".join(loads) + "\n"
    else:
        loads = [
            load_statement(table, parsed.load, parsed.date) for table in tables() if table.of_run
        ]
        text = "\n\n".join(loads) + "\n"
    print(text, end="")  # noqa: T201


if __name__ == "__main__":
    main()
