"""Parquet to records, batch by batch."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import parse_record, refuse
from schemas.dead_letters import Reason

BATCH_ROWS = 4096

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def read_parquet(
    file: BinaryIO, path: str, file_layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    """Yields the records of a Parquet file; only the columns that can hold a field are read.

    Rows count from 1. Bytes that Arrow refuses end the file with one unreadable_file dead letter.

    Raises:
        OSError: if the file itself cannot be read, as when the network fails.
    """
    row, privacy = 0, file_layout.privacy
    try:
        parquet = pq.ParquetFile(file, pre_buffer=False, page_checksum_verification=True)
        layout = replace(file_layout, found=tuple(parquet.schema_arrow.names))
        if fault := layout.missing_column():
            yield refuse(Reason.UNREADABLE_FILE, fault, Location(path), b"")
            return
        names = [name for name in dict.fromkeys(layout.found or ()) if layout.is_read(name)]
        for batch in _batches(parquet, names):
            values, suspect = _rows_of(batch)
            for cells in values:
                row += 1
                record = dict(zip(batch.schema.names, cells, strict=True))
                yield parse_record(record, Location(path, row), layout, suspect=suspect)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        # Arrow's OSError for damaged bytes is bare; the system's own has a number or a subclass.
        if isinstance(error, OSError) and (type(error) is not OSError or error.errno is not None):
            raise
        # Arrow may quote a value.
        fault = str(error) if privacy.quotes_values else type(error).__name__
        message = f"row {row + 1} and what follows cannot be read: {fault}"
        yield refuse(Reason.UNREADABLE_FILE, message, Location(path, row + 1), b"")


def _batches(parquet: pq.ParquetFile, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yields the batches of one row group after the other, so that damage costs no earlier one."""
    for group in range(parquet.num_row_groups):
        yield from parquet.iter_batches(BATCH_ROWS, [group], columns=names, use_threads=False)


def _rows_of(batch: pa.RecordBatch) -> tuple[Iterator[tuple[Any, ...]], bool]:
    """Returns the rows' cells, and whether a string may hold lone surrogates for invalid UTF-8."""
    if not batch.num_columns:
        return itertools.repeat((), batch.num_rows), False
    columns, suspects = zip(*(_to_python(column) for column in batch.columns), strict=True)
    return zip(*columns, strict=True), any(suspects)


def _to_python(column: pa.Array) -> tuple[list[Any], bool]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_date32(column.type):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_date64(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        unit = column.type.unit
        return [_to_time(value, unit) for value in column.cast(pa.int64()).to_pylist()], False
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        values = column.to_pylist()
        return [v if v is None else v.decode("utf-8", "surrogateescape") for v in values], True
    try:
        return column.to_pylist(), False
    except (ValueError, OverflowError, pa.ArrowException):
        return [_cell_to_python(cell) for cell in column], True


def _to_time(value: int | None, unit: str) -> datetime | str | None:
    """Returns a count of units since 1970 as a time in UTC, or in words if there is none.

    A timestamp without a zone is in UTC too: Arrow counts both from the same instant then.

    >>> _to_time(1539202764999, "ms").isoformat(), _to_time(1 << 62, "s")
    ('2018-10-10T20:19:24.999000+00:00', '4611686018427387904 s after 1970')
    """
    if value is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=value * 1_000_000 // _UNITS_PER_SECOND[unit])
    except OverflowError:
        return f"{value} {unit} after 1970"


def _cell_to_python(cell: pa.Scalar) -> Any:
    """Returns a cell that may be invalid UTF-8, or hold a nested value that Python cannot."""
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        if isinstance(cell, pa.StringScalar | pa.LargeStringScalar):
            return cell.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")
        return "\udcff"  # a nested string: the row is refused as invalid UTF-8
    except (ValueError, OverflowError, pa.ArrowException):
        return None
