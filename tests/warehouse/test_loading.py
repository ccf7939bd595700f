"""Every table loads in pandas, DuckDB and Polars as it was written; BigQuery knows its types."""

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.tables import Table, tables

TABLES = tables()
PLACES = [(table, True) for table in TABLES if table.of_run] + [
    (table, False) for table in TABLES if table.of_report
]
IDS = [f"{'out' if of_run else 'report'}-{table.name}" for table, of_run in PLACES]
every_table = pytest.mark.parametrize(("table", "of_run"), PLACES, ids=IDS)

DUCKDB_TYPES = {
    "string": "VARCHAR",
    "float": "FLOAT",
    "double": "DOUBLE",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
    "list<element: string>": "VARCHAR[]",
}
POLARS_TYPES = {
    "string": pl.String,
    "float": pl.Float32,
    "double": pl.Float64,
    "int32": pl.Int32,
    "int64": pl.Int64,
    "bool": pl.Boolean,
    "date32[day]": pl.Date,
    "timestamp[us, tz=UTC]": pl.Datetime("us", "UTC"),
    "list<element: string>": pl.List(pl.String),
}
BIGQUERY_TYPES = {
    "string": ("BYTE_ARRAY", "STRING", {}),
    "float": ("FLOAT", "NONE", {}),
    "double": ("DOUBLE", "NONE", {}),
    "int32": ("INT32", "NONE", {}),
    "int64": ("INT64", "NONE", {}),
    "bool": ("BOOLEAN", "NONE", {}),
    "date32[day]": ("INT32", "DATE", {}),
    "timestamp[us, tz=UTC]": (
        "INT64",
        "TIMESTAMP",
        {"isAdjustedToUTC": True, "timeUnit": "microseconds"},
    ),
}
"""Physical and logical type, as BigQuery's page on loading Parquet data wants them: a string that
were not marked so would become BYTES, a time that were not adjusted to UTC a DATETIME."""


def files_of(week: Path, table: Table, of_run: bool) -> list[Path]:
    if not of_run:
        return [week / "report" / table.report_file]
    return sorted((week / "out" / table.run_directory).glob("dt=*/*.parquet"))


def pattern_of(week: Path, table: Table, of_run: bool) -> str:
    if not of_run:
        return str(week / "report" / table.report_file)
    return str(week / "out" / table.run_directory / "*" / "*.parquet")


def written(week: Path, table: Table, of_run: bool) -> list[dict[str, Any]]:
    """The rows that were written, in the files' order; those of a run with their date as `dt`."""
    rows = []
    for path in files_of(week, table, of_run):
        partition = {"dt": date.fromisoformat(path.parent.name[3:])} if of_run else {}
        content = pq.ParquetFile(path).read()
        assert content.schema.equals(table.schema)
        rows += [row | partition for row in content.to_pylist()]
    return rows


def name_of(type_: pa.DataType) -> str:
    return str(type_).replace("item: ", "element: ")


@every_table
def test_duckdb(week: Path, table: Table, of_run: bool) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        pattern = pattern_of(week, table, of_run)
        relation = connection.sql(f"FROM '{pattern}'")
        found = dict(zip(relation.columns, map(str, relation.types), strict=True))
        rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    expected = {
        column.name: "STRUCT(" + ", ".join(f"{field.name} FLOAT" for field in column.type) + ")"
        if pa.types.is_struct(column.type)
        else DUCKDB_TYPES[name_of(column.type)]
        for column in table.schema
    }
    expected |= {"dt": "DATE"} if of_run else {}
    assert {name: kind.replace('"', "") for name, kind in found.items()} == expected
    assert_same_rows(rows, written(week, table, of_run))


@every_table
def test_polars(week: Path, table: Table, of_run: bool) -> None:
    frame = pl.scan_parquet(pattern_of(week, table, of_run), hive_partitioning=of_run).collect()
    expected = {
        column.name: pl.Struct({field.name: pl.Float32 for field in column.type})
        if pa.types.is_struct(column.type)
        else POLARS_TYPES[name_of(column.type)]
        for column in table.schema
    }
    expected |= {"dt": pl.Date} if of_run else {}
    assert dict(frame.schema) == expected
    assert_same_rows(frame.to_dicts(), written(week, table, of_run))


@every_table
def test_pandas(week: Path, table: Table, of_run: bool) -> None:
    """pandas has `dt` as a category of texts, and numbers with nulls as float64."""
    directory = week / "out" / table.run_directory
    frame = pd.read_parquet(directory if of_run else week / "report" / table.report_file)
    for column in table.schema:
        kind = frame[column.name].dtype
        if pa.types.is_timestamp(column.type):
            assert kind == pd.DatetimeTZDtype("us", "UTC")
        elif pa.types.is_primitive(column.type) and not pa.types.is_date(column.type):
            is_float = pa.types.is_integer(column.type) and frame[column.name].isna().any()
            assert kind == np.dtype("float64" if is_float else column.type.to_pandas_dtype())
    rows = [
        {name: to_plain(value) for name, value in row.items()} for row in frame.to_dict("records")
    ]
    for row in rows if of_run else ():
        row["dt"] = date.fromisoformat(row["dt"])
    assert_same_rows(rows, written(week, table, of_run))


@every_table
def test_pandas_keeps_the_types_where_asked(week: Path, table: Table, of_run: bool) -> None:
    [path, *_] = files_of(week, table, of_run)
    frame = pd.read_parquet(path, dtype_backend="pyarrow", partitioning=None)
    kinds = {name: frame[name].dtype.pyarrow_dtype for name in frame.columns}
    assert kinds == {column.name: column.type for column in table.schema}


def to_plain(value: Any) -> Any:
    """pandas' value of a cell as Python's; None for what is missing."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if not isinstance(value, dict) and pd.isna(value):
        return None
    return value


def assert_same_rows(rows: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """All rows are there with all values; files may have been read in another order."""
    assert len(rows) == len(expected)
    assert sorted(map(as_text, rows)) == sorted(map(as_text, expected))


def as_text(row: dict[str, Any]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return (value.timestamp(), str(value.utcoffset()))
        if isinstance(value, (float, np.floating)):
            return float(value).hex()
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        if isinstance(value, (bool, str, list)) or value is None:
            return value
        return str(value) if isinstance(value, date) else float(value).hex()

    return json.dumps({name: plain(value) for name, value in row.items()}, sort_keys=True)


@every_table
def test_bigquery_knows_every_type(week: Path, table: Table, of_run: bool) -> None:
    """Also where a group is null, and where a table has no rows."""
    leaves: dict[str, str] = {}
    for column in table.schema:
        if pa.types.is_struct(column.type):
            leaves |= {f"{column.name}.{each.name}": str(each.type) for each in column.type}
        elif pa.types.is_list(column.type):
            # What enable_list_inference makes an array of.
            leaves[f"{column.name}.list.element"] = str(column.type.value_type)
        else:
            leaves[column.name] = str(column.type)
    for path in files_of(week, table, of_run):
        parquet = pq.ParquetFile(path)
        columns = [parquet.schema.column(number) for number in range(len(parquet.schema.names))]
        assert [column.path for column in columns] == list(leaves)
        for column, kind in zip(columns, leaves.values(), strict=True):
            physical, logical, details = BIGQUERY_TYPES[kind]
            assert column.physical_type == physical
            assert column.logical_type.type == logical
            found = json.loads(column.logical_type.to_json())
            assert {name: found[name] for name in details} == details
        metadata = parquet.metadata
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                assert metadata.row_group(group).column(number).compression == "ZSTD"


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_bigquery_takes_the_names(table: Table) -> None:
    """Letters, digits and underscores; some prefixes are BigQuery's own."""
    for name in table.schema.names:
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,127}", name)


def test_no_array_holds_a_null(week: Path) -> None:
    """BigQuery's arrays cannot, and it refuses a file that has one."""
    rows = pq.read_table(week / "out" / "labels", columns=["hashtags"])
    assert rows["hashtags"].combine_chunks().flatten().null_count == 0
    assert rows["hashtags"].null_count == 0


def test_the_week_has_nulls_of_every_kind(week: Path) -> None:
    """Else the tests above would say nothing of them."""
    seen = set()
    for table, of_run in PLACES:
        for path in files_of(week, table, of_run):
            content = pq.ParquetFile(path).read()
            seen |= {
                (table.name, name) for name in content.column_names if content[name].null_count
            }
    nullable = {
        (table.name, column.name) for table in TABLES for column in table.schema if column.nullable
    }
    never = {("run_summary", name) for name in ("first_created_at", "last_created_at")}
    assert seen == nullable - never - {("run_summary", "mean_confidence")}


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_the_key_tells_rows_apart(week: Path, table: Table) -> None:
    for of_run in (table.of_run, not table.of_report):
        for path in files_of(week, table, of_run):
            keys = pq.ParquetFile(path).read(list(table.key)).to_pylist()
            assert len({tuple(key.values()) for key in keys}) == len(keys)
