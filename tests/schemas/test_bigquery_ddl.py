"""The BigQuery statements are what the schemas say, and BigQuery's SQL as far as a parser tells."""

from pathlib import Path

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from schemas.bigquery_ddl import (
    REPORT_DATASET,
    RUN_DATASET,
    bigquery_ddl,
    load_report_statement,
    load_statement,
    main,
)
from schemas.tables import PARTITION, Table, tables

ROOT = Path(__file__).parents[2]
TABLES = tables()
STATEMENTS = sqlglot.parse(bigquery_ddl(), dialect="bigquery")
CREATED: dict[tuple[str, str], exp.Create] = {
    (each.this.this.db, each.this.this.name): each
    for each in STATEMENTS
    if isinstance(each, exp.Create) and each.kind == "TABLE"
}


def names(tables: list[Table]) -> list[str]:
    return [table.name for table in tables]


def type_and_mode(column: pa.Field) -> tuple[str, bool]:
    """BigQuery's type of a Parquet column, and whether it is required, as its manual has it."""
    kind = column.type
    if pa.types.is_struct(kind):
        inner = ", ".join(f"`{each.name}` FLOAT64 NOT NULL" for each in kind)
        return f"STRUCT<{inner}>", not column.nullable
    if pa.types.is_list(kind):
        return "ARRAY<STRING>", False
    known = {
        "string": "STRING",
        "float": "FLOAT64",
        "double": "FLOAT64",
        "int32": "INT64",
        "int64": "INT64",
        "bool": "BOOL",
        "date32[day]": "DATE",
        "timestamp[us, tz=UTC]": "TIMESTAMP",
    }
    return known[str(kind)], not column.nullable


def described(create: exp.Create) -> list[tuple[str, str, bool, str]]:
    """(name, type, whether required, description) of each column of a parsed statement."""
    columns = []
    for column in create.this.expressions:
        [options] = (
            each.kind for each in column.constraints if isinstance(each.kind, exp.Properties)
        )
        [description] = options.expressions
        assert description.name == "description"
        required = any(
            isinstance(each.kind, exp.NotNullColumnConstraint) for each in column.constraints
        )
        kind = column.kind.sql(dialect="bigquery")
        columns.append((column.name, kind, required, description.args["value"].this))
    return columns


def expected(schema: pa.Schema) -> list[tuple[str, str, bool, str]]:
    return [
        (each.name, *type_and_mode(each), each.metadata[b"description"].decode()) for each in schema
    ]


def test_the_file_is_up_to_date() -> None:
    text = (ROOT / "docs" / "bigquery.sql").read_text(encoding="utf-8")
    assert text == bigquery_ddl(), "run: python -m schemas.bigquery_ddl > docs/bigquery.sql"


def test_every_statement_is_understood() -> None:
    """sqlglot keeps what it does not know as a `Command`."""
    assert {type(each) for each in STATEMENTS} == {exp.Create}


def test_every_table_is_made() -> None:
    of_runs = [(RUN_DATASET, table.name) for table in TABLES if table.of_run]
    of_reports = [(REPORT_DATASET, table.name) for table in TABLES if table.of_report]
    assert list(CREATED) == of_runs + of_reports
    assert {"labels", "dead_letters"} < {name for _, name in of_runs}
    assert {"change", "change_by_group"} < {name for _, name in of_reports}


@pytest.mark.parametrize("table", TABLES, ids=names(list(TABLES)))
def test_columns_are_the_schemas(table: Table) -> None:
    if table.of_run:
        create = CREATED[RUN_DATASET, table.name]
        schema = table.schema.append(PARTITION.with_nullable(True))
        assert described(create) == expected(schema)
        assert create.find(exp.PartitionedByProperty).this.name == "dt"
    if table.of_report:
        create = CREATED[REPORT_DATASET, table.name]
        assert described(create) == expected(table.schema)
        assert create.find(exp.PartitionedByProperty) is None


def test_a_date_is_loaded_into_its_partition(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--load", "gs://b/out/", "--date", "2026-11-22"])
    printed = capsys.readouterr().out.split("\n\n")
    assert len(printed) == sum(table.of_run for table in TABLES)
    [by_language] = (each for each in printed if "`by_language`" in each)
    assert (
        by_language
        == """\
LOAD DATA INTO `emotions`.`by_language` (
  `lang` STRING,
  `emotion` STRING NOT NULL,
  `n_items` INT64 NOT NULL,
  `n_group` INT64 NOT NULL,
  `share` FLOAT64 NOT NULL,
  `share_low` FLOAT64 NOT NULL,
  `share_high` FLOAT64 NOT NULL,
  `mean_confidence` FLOAT64 NOT NULL)
OVERWRITE PARTITIONS (`dt` = DATE '2026-11-22')
FROM FILES (format = 'PARQUET', enable_list_inference = TRUE,
  hive_partition_uri_prefix = 'gs://b/out/reports/by_language',
  uris = ['gs://b/out/reports/by_language/dt=2026-11-22/*.parquet'])
WITH PARTITION COLUMNS (`dt` DATE);"""
    )
    assert load_statement(TABLES[0], "gs://b/out", "2026-11-22") == printed[0]
    assert "'gs://b/out/labels/dt=2026-11-22/*.parquet'" in printed[0]


def test_a_report_is_loaded_whole(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--load", "gs://b/report", "--report"])
    loads = sqlglot.parse(capsys.readouterr().out, dialect="bigquery")
    of_report = [table for table in TABLES if table.of_report]
    assert {type(each) for each in loads} == {exp.LoadData}
    assert all(each.args["overwrite"] for each in loads)
    found = [each.find(exp.Table) for each in loads]
    assert [(each.db, each.name) for each in found] == [
        (REPORT_DATASET, table.name) for table in of_report
    ]
    uris = [each.args["files"].find(exp.Array).expressions[0].this for each in loads]
    assert uris == [f"gs://b/report/{table.name}.parquet" for table in of_report]
    assert load_report_statement(of_report[0], "gs://b/report").endswith(");")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--load", "gs://b/out"], "--load needs --date or --report"),
        (["--date", "2026-11-22"], "--load needs --date or --report, and these need it"),
        (["--load", "out", "--report"], "--load is out; it must be gs://BUCKET/OUT"),
        (["--load", "gs://b/out", "--date", "2026-02-31"], "invalid day value: '2026-02-31'"),
    ],
)
def test_nothing_is_loaded_by_guess(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
