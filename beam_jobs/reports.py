"""Label and dead-letter files to the report tables.

Counts and sums are kept as integers, so that a table is the same in whatever order the files'
partial tables are merged: floating-point addition is not associative, and Beam merges in any order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from beam_jobs.output_files import WrittenFile
from beam_jobs.parquet_io import write_table
from beam_jobs.run import Run, TableLocation, staging_dir
from schemas.emotions import Modality
from schemas.fields import TIMESTAMP
from schemas.reports import REPORT_SCHEMAS, SHARE_GROUPS

SCALE = 2**30
"""Confidences are summed as multiples of 1 / SCALE.

A float32 of at least 2⁻⁷ is such a multiple exactly, and the highest of up to 128 scores that sum
to 1 is no smaller; the error of a smaller number is at most 2⁻³¹. An int64 holds the sum for 8.6
billion items (2⁶³ / SCALE), where the 2²⁴ that float32's mantissa suggests would round most
confidences below ½.
"""
Z_95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""

LABEL_COLUMNS = (
    "created_at",
    "author_id",
    "lang",
    "hashtags",
    "modality",
    "emotion",
    "confidence",
    "text_emotion",
    "audio_emotion",
    "disagreement",
)
DEAD_LETTER_COLUMNS = ("stage", "reason")
BATCH_ROWS = 65_536

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Partials = dict[str, pa.Table]
"""Partial table of each report, by its name: the keys that it groups by, counts and sums."""

MERGED_BY = {
    **dict.fromkeys(("n_items", "confidence_sum", "disagreement_sum"), "sum"),
    **dict.fromkeys(("n_labels", "n_dead", "n_text", "n_audio", "n_text_audio"), "sum"),
    "first_created_at": "min",
    "last_created_at": "max",
}
"""How two partial tables' columns become one; every other column is a key."""


def _partial_schemas() -> dict[str, pa.Schema]:
    count, total, word = pa.int64(), pa.int64(), pa.string()
    shares = {
        name: pa.schema(
            [
                *([(group.name, group.type)] if group is not None else []),
                ("emotion", word),
                ("n_items", count),
                ("confidence_sum", total),
            ]
        )
        for name, group in SHARE_GROUPS.items()
    }
    disagreement = [
        ("text_emotion", word),
        ("audio_emotion", word),
        ("n_items", count),
        ("disagreement_sum", total),
    ]
    summary = [
        *((name, count) for name in ("n_labels", "n_dead", "n_text", "n_audio", "n_text_audio")),
        ("confidence_sum", total),
        ("first_created_at", TIMESTAMP),
        ("last_created_at", TIMESTAMP),
    ]
    return {
        **shares,
        "disagreement": pa.schema(disagreement),
        "dead_letters_by_reason": pa.schema(
            [("stage", word), ("reason", word), ("n_items", count)]
        ),
        "run_summary": pa.schema(summary),
    }


PARTIAL_SCHEMAS = _partial_schemas()


def aggregate_labels(labels: pa.Table) -> Partials:
    """Returns the partial tables of some label rows, of which `LABEL_COLUMNS` are read."""
    one = pa.array(np.ones(labels.num_rows, np.int64))
    created_at = labels["created_at"].combine_chunks()
    # Without a zone, so that flooring needs no time zone database: the times are UTC already.
    utc = created_at.view(pa.timestamp("us"))
    modality = labels["modality"]
    rows = pa.table(
        {
            **{name: labels[name] for name in ("emotion", "lang", "author_id", "modality")},
            "hour": pc.floor_temporal(utc, unit="hour").view(TIMESTAMP),
            "day": pc.floor_temporal(utc, unit="day").cast(pa.date32()),
            "n_items": one,
            "confidence_sum": _to_fixed_point(labels["confidence"]),
            "n_labels": one,
            "n_dead": pc.subtract(one, one),
            "n_text": pc.equal(modality, Modality.TEXT).cast(pa.int64()),
            "n_audio": pc.equal(modality, Modality.AUDIO).cast(pa.int64()),
            "n_text_audio": pc.equal(modality, Modality.TEXT_AUDIO).cast(pa.int64()),
            "first_created_at": created_at,
            "last_created_at": created_at,
            "text_emotion": labels["text_emotion"],
            "audio_emotion": labels["audio_emotion"],
            "disagreement_sum": _to_fixed_point(labels["disagreement"]),
        }
    )
    sources = {
        **dict.fromkeys((*SHARE_GROUPS, "run_summary"), rows),
        "by_hashtag": _one_row_per_hashtag(rows, labels["hashtags"]),
        "disagreement": rows.filter(
            pc.and_(pc.is_valid(rows["text_emotion"]), pc.is_valid(rows["audio_emotion"]))
        ),
    }
    return {name: _combine(source, PARTIAL_SCHEMAS[name]) for name, source in sources.items()}


def aggregate_dead_letters(letters: pa.Table) -> Partials:
    """Returns the partial tables of some dead letters, of which `DEAD_LETTER_COLUMNS` are read."""
    one = pa.array(np.ones(letters.num_rows, np.int64))
    schema = PARTIAL_SCHEMAS["run_summary"]
    summary = empty_partials()["run_summary"]
    n_dead = pa.array([letters.num_rows], pa.int64())
    return {
        "dead_letters_by_reason": _combine(
            letters.append_column("n_items", one), PARTIAL_SCHEMAS["dead_letters_by_reason"]
        ),
        "run_summary": summary.set_column(schema.names.index("n_dead"), "n_dead", n_dead),
    }


def empty_partials() -> Partials:
    """Returns the partial tables of no rows, to which others add up."""
    return {
        name: _combine(schema.empty_table(), schema) for name, schema in PARTIAL_SCHEMAS.items()
    }


def merge_partials(partials: Iterable[pa.Table]) -> pa.Table:
    """Returns the partial table that one pass over the rows of all (at least one) would make."""
    rows = pa.concat_tables(partials)
    return _combine(rows, rows.schema)


def _combine(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Adds up rows of equal keys; a label row, with n_items = 1, is the smallest partial table."""
    keys = [column for column in schema.names if column not in MERGED_BY]
    merged = [(column, MERGED_BY[column]) for column in schema.names if column in MERGED_BY]
    # Beam does the work in parallel already.
    grouped = rows.group_by(keys, use_threads=False).aggregate(merged)
    columns = {key: grouped[key] for key in keys}
    for column, function in merged:
        values = grouped[f"{column}_{function}"]
        columns[column] = values.fill_null(0) if function == "sum" else values
    return pa.table(columns).cast(schema)


def _to_fixed_point(numbers: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns numbers, 0 to 1, as whole multiples of 1 / SCALE."""
    return pc.round(pc.multiply(numbers.cast(pa.float64()), float(SCALE))).cast(pa.int64())


def _one_row_per_hashtag(rows: pa.Table, hashtags: pa.ChunkedArray) -> pa.Table:
    """Returns each row once for each different hashtag of its item."""
    lists = hashtags.combine_chunks()
    pairs = pa.table({"row": pc.list_parent_indices(lists), "hashtag": pc.list_flatten(lists)})
    pairs = pairs.group_by(["row", "hashtag"], use_threads=False).aggregate([])
    return rows.take(pairs["row"]).append_column("hashtag", pairs["hashtag"])


def wilson_interval(k: Integers, n: Integers) -> tuple[Floats, Floats]:
    """Returns the ends of the 95 % intervals of shares seen in k of n items.

    Wilson's score interval (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927) stays within 0 and 1 and
    holds for small groups, where the usual `p ± 1.96 √(p (1 − p) / n)` does not.

    Args:
        k: items with the property, 0 to n.
        n: items, at least 1.

    >>> low, high = wilson_interval(np.array([0, 1, 10]), np.array([10, 10, 10]))
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0, 0.0179, 0.7225], [0.2775, 0.4042, 1.0])
    """
    share, z2 = k / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # The ends of k = 0 and k = n are 0 and 1 but for rounding.
    return np.where(k == 0, 0.0, centre - half), np.where(k == n, 1.0, centre + half)


def finish_named(
    name_and_partial: tuple[str, pa.Table], run_id: str, model_version: str
) -> tuple[str, pa.Table]:
    """Returns the name with the report table of its whole partial table."""
    name, partial = name_and_partial
    return name, finish_report(name, partial, run_id, model_version)


def finish_report(name: str, partial: pa.Table, run_id: str, model_version: str) -> pa.Table:
    """Returns a report table from its whole partial table, sorted by its keys, nulls last."""
    if name == "run_summary":
        return _finish_summary(partial, run_id, model_version)
    keys = [column for column in partial.column_names if column not in MERGED_BY]
    partial = partial.sort_by([(key, "ascending") for key in keys])
    if name in SHARE_GROUPS:
        return _finish_shares(name, partial)
    if name == "disagreement":
        mean = _mean(partial["disagreement_sum"], partial["n_items"])
        return _as_report(name, [*partial.drop_columns("disagreement_sum").columns, mean])
    return _as_report(name, partial.columns)


def _finish_shares(name: str, partial: pa.Table) -> pa.Table:
    group, n_items = SHARE_GROUPS[name], partial["n_items"].to_numpy()
    if group is None:
        groups = np.zeros(len(n_items), np.int64)
    else:
        encoded = partial[group.name].combine_chunks().dictionary_encode(null_encoding="encode")
        groups = encoded.indices.to_numpy()
    totals = np.zeros(len(n_items), np.int64)
    np.add.at(totals, groups, n_items)
    n_group = totals[groups]
    low, high = wilson_interval(n_items, n_group)
    columns = [
        *partial.drop_columns("confidence_sum").columns,
        n_group,
        n_items / n_group,
        low,
        high,
        _mean(partial["confidence_sum"], partial["n_items"]),
    ]
    return _as_report(name, columns)


def _finish_summary(partial: pa.Table, run_id: str, model_version: str) -> pa.Table:
    [row] = partial.to_pylist()
    total, n_labels = row.pop("confidence_sum"), row["n_labels"]
    row["n_items"] = n_labels + row["n_dead"]
    row["mean_confidence"] = total / SCALE / n_labels if n_labels else None
    row |= {"run_id": run_id, "model_version": model_version}
    return pa.Table.from_pylist([row], REPORT_SCHEMAS["run_summary"])


def _mean(total: pa.ChunkedArray, n_items: pa.ChunkedArray) -> Floats:
    mean: Floats = total.to_numpy() / SCALE / n_items.to_numpy()
    return mean


def _as_report(name: str, columns: Iterable[Any]) -> pa.Table:
    return pa.table(list(columns), schema=REPORT_SCHEMAS[name])


def aggregate_file(file: WrittenFile, directory: str) -> Iterator[tuple[str, pa.Table]]:
    """Yields the partial table of each report that a file of labels or dead letters adds to.

    Args:
        file: a file of either table.
        directory: what the file's path is relative to.
    """
    aggregate, columns = {
        "labels": (aggregate_labels, LABEL_COLUMNS),
        "dead_letters": (aggregate_dead_letters, DEAD_LETTER_COLUMNS),
    }[file.table]
    partials = empty_partials()
    with FileSystems.open(FileSystems.join(directory, file.path)) as source:
        for batch in pq.ParquetFile(source).iter_batches(BATCH_ROWS, columns=list(columns)):
            for name, partial in aggregate(pa.Table.from_batches([batch])).items():
                partials[name] = merge_partials((partials[name], partial))
    yield from partials.items()


@dataclass
class AggregateReports(beam.PTransform):
    """Makes the report tables of a run's files, by adding up the tables of each file's batches.

    In come the `WrittenFile`s of labels and dead letters, not published yet; out comes each
    report's name and its table, which has no rows where the files have none (`run_summary` always
    has one). Only partial tables cross the shuffle: memory grows with the number of groups, not of
    items. A file that cannot be read stops the job.

    The files of an earlier run, to which this one adds, are added up with them.
    """

    run: Run

    def expand(
        self, files: beam.PCollection[WrittenFile]
    ) -> beam.PCollection[tuple[str, pa.Table]]:
        """Aggregates each file where it was written, then all of them."""
        staged = staging_dir(self.run.out, self.run.date, self.run.run_id)
        partials = files | beam.FlatMap(aggregate_file, directory=staged)
        if self.run.extends:
            earlier = (
                files.pipeline
                | "EarlierFiles" >> beam.Create(self.run.extends.files)
                | "AggregateEarlier" >> beam.FlatMap(aggregate_file, directory=self.run.out)
            )
            partials = (partials, earlier) | beam.Flatten()
        return (
            partials
            | beam.CombinePerKey(merge_partials)
            | beam.Map(finish_named, run_id=self.run.run_id, model_version=self.run.model_version)
        )


@dataclass
class WriteReports(beam.PTransform):
    """Writes each report table to one file; in come (name, table), out comes a file per table."""

    run: Run

    def expand(
        self, tables: beam.PCollection[tuple[str, pa.Table]]
    ) -> beam.PCollection[WrittenFile]:
        """Writes the tables `reports/<name>`."""
        return tables | beam.Map(write_report, reports=self.run.location("reports"))


def write_report(name_and_table: tuple[str, pa.Table], reports: TableLocation) -> WrittenFile:
    """Writes the report table `reports/<name>`."""
    name, table = name_and_table
    return write_table(table, replace(reports, table=f"{reports.table}/{name}"))
