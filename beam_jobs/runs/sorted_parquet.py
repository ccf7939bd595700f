"""Rows to sorted Parquet files of the same bytes, however the runner divides and retries the work.

Rows are written to temporary files in the stage that makes them; only the files' names cross the
shuffle that brings each part's rows together. The finished files, too, lie in the run's staging
directory, until `beam_jobs.runs.publish` publishes them.
"""

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.window import GlobalWindows

from beam_jobs.items.counters import count_dead_letter
from beam_jobs.items.elements import DeadLetter
from beam_jobs.runs.output_files import WrittenFile, publish_file, unique_path
from beam_jobs.runs.run import Run, TableLocation
from schemas.dead_letters import DEAD_LETTER_SCHEMA
from schemas.labels import label_schema
from schemas.tables import DEAD_LETTERS, LABELS

Row = dict[str, Any]
MAX_BUFFERED_ROWS = 8192
"""Rows that a bundle holds before it writes them: about 10 MB of label rows."""
ROW_GROUP_ROWS = 65_536
"""Rows of a row group: what a reader of the files holds at a time."""


@dataclass(frozen=True)
class TemporaryRows:
    """The rows of one part that one bundle has written.

    Attributes:
        path: an Arrow IPC file, shared by all parts.
        batches: which of the file's record batches hold the part's rows.
    """

    path: str
    batches: tuple[int, ...]


def part_of(key: str, n_parts: int) -> int:
    """Returns the part that a key's rows belong to, the same on every machine.

    >>> [part_of(key, 4) for key in ("1", "2", "3", "4")]
    [3, 1, 3, 0]
    """
    return zlib.crc32(key.encode("utf-8")) % n_parts


def to_record_batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Returns rows as Arrow columns.

    Raises:
        ValueError: if a row lacks a column or has another, or a null stands where the schema has
            none.
    """
    names = set(schema.names)
    for row in rows:
        if row.keys() != names:
            raise ValueError(f"the row's columns are {sorted(row)}; the schema's {sorted(names)}")
    columns = [pa.array([row[field.name] for row in rows], field.type) for field in schema]
    for field, column in zip(schema, columns, strict=True):
        _refuse_nulls(field.name, field, column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _refuse_nulls(path: str, field: pa.Field, column: pa.Array) -> None:
    if column.null_count and not field.nullable:
        raise ValueError(f"{path} is null in {column.null_count} rows; the schema has it non-null")
    if pa.types.is_struct(field.type):
        for child, values in zip(field.type, column.flatten(), strict=True):
            _refuse_nulls(f"{path}.{child.name}", child, values)


def sort_rows(table: pa.Table, sort_keys: Sequence[str]) -> pa.Table:
    """Returns the rows sorted by the keys, nulls last; rows of equal keys by all that they hold.

    The order of the rows that come in leaves no trace.

    >>> sort_rows(pa.table({"id": ["b", "a", "a"], "n": [1, 3, 2]}), ["id"]).to_pylist()
    [{'id': 'a', 'n': 2}, {'id': 'a', 'n': 3}, {'id': 'b', 'n': 1}]
    """
    if table.group_by(list(sort_keys)).aggregate([]).num_rows < table.num_rows:
        table = pa.Table.from_pylist(sorted(table.to_pylist(), key=repr), schema=table.schema)
    # Arrow's sort is stable (documentation of pyarrow.compute.sort_indices).
    order = pc.sort_indices(table, sort_keys=[(key, "ascending") for key in sort_keys])
    return table.take(order).combine_chunks()


def to_parquet(table: pa.Table, plain: Sequence[str] = ()) -> pa.Buffer:
    """Returns the bytes of a Parquet file: the same for the same rows, wherever it is made.

    Args:
        table: rows in their final order.
        plain: string columns whose values seldom repeat, which a dictionary would not shrink.
    """
    sink = pa.BufferOutputStream()
    dictionary = [path for path in _string_paths(table.schema) if path not in plain]
    pq.write_table(
        table.combine_chunks(),
        sink,
        compression="zstd",
        use_dictionary=dictionary,
        row_group_size=ROW_GROUP_ROWS,
    )
    return sink.getvalue()


def _string_paths(schema: pa.Schema) -> Iterator[str]:
    for column in schema:
        if pa.types.is_string(column.type):
            yield column.name
        elif pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
            yield f"{column.name}.list.element"


def write_table(
    table: pa.Table, location: TableLocation, part: str = "", plain: Sequence[str] = ()
) -> WrittenFile:
    """Writes a table whole to where it awaits publishing, and says what was written."""
    content = to_parquet(table, plain)
    sha256 = publish_file(location.staged_path(part), memoryview(content), location.temporary_dir)
    return WrittenFile(location.table, location.path(part), table.num_rows, content.size, sha256)


class WriteTemporaryRows(beam.DoFn):
    """Writes a bundle's rows to one temporary file, a record batch per flush and part.

    The file's name is passed on when the bundle ends, so that nothing is read of an attempt that
    failed.
    """

    def __init__(self, directory: str, schema: pa.Schema, partition_key: str, n_parts: int) -> None:
        self._directory = directory
        self._schema = schema
        self._partition_key = partition_key
        self._n_parts = n_parts

    def start_bundle(self) -> None:
        """Forgets what an attempt that failed has left."""
        self._rows: list[Row] = []
        self._path: str | None = None
        self._batches: defaultdict[int, list[int]] = defaultdict(list)

    def process(self, row: Row) -> Iterable[tuple[int, TemporaryRows]]:
        """Keeps a row, and writes those kept when they are many."""
        self._rows.append(row)
        if len(self._rows) >= MAX_BUFFERED_ROWS:
            self._flush()
        return ()

    def finish_bundle(self) -> Iterator[Any]:
        """Writes the rest and yields, for each part, where its rows are."""
        if self._rows:
            self._flush()
        if self._path is None:
            return
        self._writer.close()
        self._file.close()
        for part, batches in self._batches.items():
            rows = TemporaryRows(self._path, tuple(batches))
            yield GlobalWindows.windowed_value((part, rows))

    def _flush(self) -> None:
        if self._path is None:
            self._path = unique_path(self._directory, "rows")
            self._file = FileSystems.create(self._path)
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_file(self._file, self._schema, options=options)
        parts = [part_of(row[self._partition_key], self._n_parts) for row in self._rows]
        order = sorted(range(len(parts)), key=parts.__getitem__)
        batch = to_record_batch([self._rows[index] for index in order], self._schema)
        start = 0
        for part, n_rows in sorted(Counter(parts).items()):
            self._batches[part].append(self._writer.stats.num_record_batches)
            self._writer.write_batch(batch.slice(start, n_rows))
            start += n_rows
        self._rows = []


def _read_batches(written: Iterable[TemporaryRows]) -> Iterator[pa.RecordBatch]:
    for rows in written:
        with FileSystems.open(rows.path) as file, pa.ipc.open_file(file) as batches:
            for index in rows.batches:
                yield batches.get_batch(index)


def write_part(
    part_and_written: tuple[int, Iterable[TemporaryRows | None]],
    location: TableLocation,
    schema: pa.Schema,
    sort_keys: Sequence[str],
    n_parts: int,
) -> WrittenFile:
    """Writes one part: its rows, out of the temporary files of all bundles, sorted."""
    part, written = part_and_written
    batches = _read_batches(rows for rows in written if rows is not None)
    table = sort_rows(pa.Table.from_batches(batches, schema), sort_keys)
    return write_table(table, location, f"-{part:05d}-of-{n_parts:05d}", plain=sort_keys[:1])


@dataclass
class WriteParquet(beam.PTransform):
    """Writes rows to `run.n_parts` Parquet files, each sorted; there are as many for no rows.

    In comes a tuple of collections of rows (dicts with the schema's columns, no more and no less);
    each is written in the stage that makes it, so that no row waits in memory for those of another
    stage. Out comes a `WrittenFile` per part. A row goes to the part that the hash of its partition
    key names, so that files differ by neither bundling, nor order, nor the number of workers; a
    part is held in memory to be sorted. Nothing becomes a dead letter; a row that breaks the schema
    stops the job.

    Attributes:
        table: `labels` or `dead_letters`.
        partition_key: a string column without nulls.
        sort_keys: columns; the first seldom repeats.
    """

    run: Run
    table: str
    schema: pa.Schema
    partition_key: str
    sort_keys: tuple[str, ...]

    @beam.typehints.no_annotations
    def expand(self, rows: Sequence[beam.PCollection[Row]]) -> beam.PCollection[WrittenFile]:
        """Writes where the rows are made, then gathers each part's file names."""
        location, n_parts = self.run.location(self.table), self.run.n_parts
        write = WriteTemporaryRows(location.temporary_dir, self.schema, self.partition_key, n_parts)
        written = [
            each | f"WriteTemporaryRows{number}" >> beam.ParDo(write)
            for number, each in enumerate(rows)
        ]
        every_part = rows[0].pipeline | "EveryPart" >> beam.Create(
            [(part, None) for part in range(n_parts)], reshuffle=False
        )
        return (
            (*written, every_part)
            | beam.Flatten()
            | beam.GroupByKey()
            | beam.Map(
                write_part,
                location=location,
                schema=self.schema,
                sort_keys=self.sort_keys,
                n_parts=n_parts,
            )
        )


@dataclass
class WriteLabels(beam.PTransform):
    """Writes label rows, sorted by id: in come rows of `label_schema`, out a file per part."""

    run: Run

    def expand(self, rows: beam.PCollection[Row]) -> beam.PCollection[WrittenFile]:
        """Writes the table `labels`."""
        schema = label_schema(self.run.emotions, self.run.kept)
        return (rows,) | WriteParquet(self.run, LABELS, schema, "item_id", ("item_id",))


@dataclass
class WriteDeadLetters(beam.PTransform):
    """Writes dead letters, sorted by source.

    In comes a tuple of collections of `DeadLetter`s, one for each step that refuses items; out
    comes a file per part.
    """

    run: Run

    @beam.typehints.no_annotations
    def expand(
        self, letters: Sequence[beam.PCollection[DeadLetter]]
    ) -> beam.PCollection[WrittenFile]:
        """Writes the table `dead_letters`."""
        sort_keys = ("source", "reason", "item_id", "message")
        rows = tuple(
            each | f"ToRows{number}" >> beam.Map(to_dead_letter_row, run_id=self.run.run_id)
            for number, each in enumerate(letters)
        )
        return rows | WriteParquet(self.run, DEAD_LETTERS, DEAD_LETTER_SCHEMA, "source", sort_keys)


def to_dead_letter_row(letter: DeadLetter, run_id: str) -> Row:
    """Returns a dead letter as its row; a lone surrogate, which UTF-8 cannot hold, becomes `?`."""
    count_dead_letter(letter.reason)
    columns = {**vars(letter), "run_id": run_id}
    return {
        name: text and text.encode("utf-8", errors="replace").decode("utf-8")
        for name, text in columns.items()
    }
