"""Parquet to records, batch by batch."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.reading.column_names import doubled_column
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import parse_record, refuse
from schemas.dead_letters import Reason

BATCH_ROWS = 4096
BATCH_BYTES = 1 << 25
"""32 MiB: what the values of a batch take at most, as far as the file's own counts tell."""
LARGE_CHUNK_BYTES = 1 << 28
"""Of a column in a row group; from here on the average says little of the largest values."""
LARGE_CHUNK_ROWS = 256
SAMPLE_ROWS = 64
"""Rows that are read to see a column's dictionary, which is read whole with the first."""
MAX_LIST_BYTES = 1 << 30
"""What all lists of a row group may hold: all can stand in one row."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def read_parquet(
    file: BinaryIO, path: str, file_layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    """Yields the records of a Parquet file; only the columns that can hold a field are read.

    Rows count from 1. Bytes that Arrow refuses end the file with one unreadable_file dead letter;
    so does a file that lacks a column that `--column` names, or has two of one that is read.

    Memory: `BATCH_BYTES` of values at a time, and a page as its writer made it. Arrow's own writer
    ends a page behind 1 MiB or 1,024 values, whichever is more.

    Raises:
        OSError: if the file itself cannot be read, as when the network fails.
    """
    row, privacy = 0, file_layout.privacy
    try:
        parquet = pq.ParquetFile(file, pre_buffer=False, page_checksum_verification=True)
        layout = replace(file_layout, found=tuple(parquet.schema_arrow.names))
        if fault := layout.missing_column() or doubled_column(layout, has_objects=True):
            yield refuse(Reason.UNREADABLE_FILE, fault, Location(path), b"")
            return
        names = [name for name in dict.fromkeys(layout.found or ()) if layout.is_read(name)]
        for batch in _batches(parquet, file, names):
            values, suspect = _rows_of(batch)
            for cells in values:
                row += 1
                record = dict(zip(batch.schema.names, cells, strict=True))
                yield parse_record(record, Location(path, row), layout, suspect=suspect)
    except (pa.ArrowException, OSError, UnicodeDecodeError, _TooLargeError) as error:
        # Arrow's OSError for damaged bytes is bare; the system's own has a number or a subclass.
        if isinstance(error, OSError) and (type(error) is not OSError or error.errno is not None):
            raise
        # Arrow may quote a value.
        fault = str(error) if privacy.quotes_values else type(error).__name__
        message = f"row {row + 1} and what follows cannot be read: {fault}"
        yield refuse(Reason.UNREADABLE_FILE, message, Location(path, row + 1), b"")


class _TooLargeError(ValueError):
    """A row group may hold more than fits in memory."""


def _batches(parquet: pq.ParquetFile, file: BinaryIO, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yields the batches of one row group after the other, so that damage costs no earlier one."""
    for group in range(parquet.num_row_groups):
        n_rows = _rows_of_a_batch(parquet, file, group, names)
        yield from parquet.iter_batches(n_rows, [group], columns=names, use_threads=False)


def _rows_of_a_batch(parquet: pq.ParquetFile, file: BinaryIO, group: int, names: list[str]) -> int:
    """Returns how many rows of a row group take up no more than `BATCH_BYTES`.

    Without a dictionary the average tells. One value of a dictionary may stand in each row, so
    that a file of 10 KB can hold gigabytes: there the longest value counts.
    """
    metadata = parquet.metadata.row_group(group)
    leaves = (parquet.schema.column(index) for index in range(metadata.num_columns))
    in_lists = {leaf.path for leaf in leaves if leaf.max_repetition_level}
    n_group = max(metadata.num_rows, 1)
    chunks = [metadata.column(index) for index in range(metadata.num_columns)]
    chunks = [chunk for chunk in chunks if chunk.path_in_schema.partition(".")[0] in names]
    doubtful = [
        chunk.path_in_schema
        for chunk in chunks
        if chunk.has_dictionary_page
        and chunk.num_values * chunk.total_uncompressed_size > BATCH_BYTES
    ]
    longest = _longest_values(file, group, doubtful) if doubtful else {}
    bytes_of_row, n_rows = 1.0, BATCH_ROWS
    for chunk in chunks:
        name, n_values = chunk.path_in_schema, chunk.num_values
        of_value = longest.get(name)
        if of_value is None:
            of_value = chunk.total_uncompressed_size / max(n_values, 1)
            if chunk.total_uncompressed_size > LARGE_CHUNK_BYTES:
                n_rows = LARGE_CHUNK_ROWS
        elif name in in_lists and n_values * of_value > MAX_LIST_BYTES:
            raise _TooLargeError(f"column {name} may hold {n_values * of_value:,} bytes")
        bytes_of_row += of_value * max(n_values / n_group, 1)
    return max(1, min(n_rows, int(BATCH_BYTES / bytes_of_row)))


def _longest_values(file: BinaryIO, group: int, paths: list[str]) -> dict[str, int]:
    """Returns the bytes of the longest value in each column's dictionary."""
    with_dictionaries = pq.ParquetFile(
        file, read_dictionary=paths, pre_buffer=False, page_checksum_verification=True
    )
    metadata = with_dictionaries.metadata.row_group(group)
    sizes = {
        chunk.path_in_schema: chunk.total_uncompressed_size
        for chunk in (metadata.column(index) for index in range(metadata.num_columns))
    }
    longest = {}
    for path in paths:
        sample = next(
            with_dictionaries.iter_batches(SAMPLE_ROWS, [group], columns=[path], use_threads=False),
            None,
        )
        values = [] if sample is None else [_longest_of(column) for column in sample.columns]
        found = max((value for value in values if value is not None), default=None)
        longest[path] = sizes[path] if found is None else found
    return longest


def _longest_of(column: pa.Array) -> int | None:
    """Returns the bytes of the longest value in an array's dictionaries; None if it shows none."""
    while pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = column.values
    if pa.types.is_struct(column.type):
        found = [_longest_of(column.field(index)) for index in range(column.type.num_fields)]
        return max((each for each in found if each is not None), default=None)
    if not pa.types.is_dictionary(column.type):  # of numbers
        return 16 if pa.types.is_primitive(column.type) else None
    if not len(column.dictionary):
        return None
    return int(pc.max(pc.binary_length(column.dictionary)).as_py() or 0)


def _rows_of(batch: pa.RecordBatch) -> tuple[Iterator[tuple[Any, ...]], bool]:
    """Returns the rows' cells, and whether a string may hold lone surrogates for invalid UTF-8."""
    if not batch.num_columns:
        return itertools.repeat((), batch.num_rows), False
    columns, suspects = zip(*(_to_python(column) for column in batch.columns), strict=True)
    return zip(*columns, strict=True), any(suspects)


def _to_python(column: pa.Array) -> tuple[list[Any], bool]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if isinstance(column.type, pa.BaseExtensionType):
        if isinstance(column.type, pa.UuidType):
            return [None if value is None else str(value) for value in column.to_pylist()], False
        column = column.storage
    if pa.types.is_date32(column.type):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_date64(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        unit = column.type.unit
        return [_to_time(value, unit) for value in column.cast(pa.int64()).to_pylist()], False
    if pa.types.is_fixed_size_binary(column.type):
        # Shorter values are filled up.
        return [v and _to_text(v.rstrip(b"\0")) for v in column.to_pylist()], True
    if _is_binary(column.type):
        return [v if v is None else _to_text(v) for v in column.to_pylist()], True
    try:
        values, is_suspect = column.to_pylist(), False
    except (ValueError, OverflowError, pa.ArrowException):
        values, is_suspect = [_cell_to_python(cell) for cell in column], True
    if _has_decimal(column.type):
        values = [_with_integers(value) for value in values]
    return values, is_suspect


def _has_decimal(type_: pa.DataType) -> bool:
    within = [type_.field(index).type for index in range(type_.num_fields)]
    return bool(pa.types.is_decimal(type_)) or any(map(_has_decimal, within))


def _is_binary(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(type_)
        or pa.types.is_large_binary(type_)
        or pa.types.is_binary_view(type_)
    )


def _to_text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _with_integers(value: Any) -> Any:
    """Returns a value in which whole decimals are integers, as databases export their ids.

    >>> _with_integers({"id": Decimal("1436278513418522630"), "rate": [Decimal("0.5")]})
    {'id': 1436278513418522630, 'rate': [Decimal('0.5')]}
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, dict):
        return {name: _with_integers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_integers(each) for each in value]
    return value


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
