"""Rows to files: the same bytes from whatever bundles, and nothing of an attempt that failed."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import apache_beam as beam
import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs.items.elements import DeadLetter
from beam_jobs.runs import sorted_parquet as parquet_io
from beam_jobs.runs.output_files import WrittenFile
from beam_jobs.runs.run import Run, staging_dir
from beam_jobs.runs.sorted_parquet import (
    TemporaryRows,
    WriteDeadLetters,
    WriteLabels,
    WriteTemporaryRows,
    part_of,
    sort_rows,
    to_parquet,
    to_record_batch,
    write_part,
)
from schemas.dead_letters import DEAD_LETTER_SCHEMA, Reason, Stage
from schemas.labels import label_schema

EMOTIONS = ("joy", "sadness")
SCHEMA = label_schema(EMOTIONS)
DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def make_run(out: Path, n_parts: int = 3) -> Run:
    return Run(str(out), DAY, "0a1b2c3d", EMOTIONS, n_parts, started_at=NOON)


def label_row(number: int) -> dict[str, Any]:
    joy = 0.5 + number % 32 / 64  # an exact float32
    return {
        "item_id": f"item-{number:04d}",
        "created_at": NOON + timedelta(minutes=number) if number % 5 else None,
        "author_id": None if number % 7 == 0 else f"author-{number % 4}",
        "lang": "en",
        "hashtags": ["été", "🌞"][: number % 3],
        "modality": "text+audio" if number % 2 else "text",
        "emotion": "joy",
        "emotions": ["joy"],
        "confidence": joy,
        "scores": {"joy": joy, "sadness": 1 - joy},
        "text_emotion": "sadness" if number % 2 else None,
        "audio_emotion": "joy" if number % 2 else None,
        "disagreement": 0.25 if number % 2 else None,
        "n_tokens": number,
        "truncated": False,
        "repost_of": None,
        "lang_detected": False,
        "text_is_cut": False,
        "warnings": [],
        "clip_seconds": 1.5 if number % 2 else None,
        "model_version": "0a1b2c3d",
        "run_id": "f" * 16,
    }


ROWS = [label_row(number) for number in range(200)]


def write_labels(
    run: Run, rows: list[dict[str, Any]], *, shuffled: bool = False, n_workers: int = 1
) -> None:
    options = PipelineOptions(direct_num_workers=n_workers, direct_running_mode="multi_threading")
    with TestPipeline(runner=FnApiRunner(), options=options) as pipeline:
        elements = pipeline | beam.Create(rows)
        if shuffled:
            elements |= beam.Reshuffle()
        elements | WriteLabels(run)


def in_any_order(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    return [rows[index] for index in np.random.default_rng(seed).permutation(len(rows))]


def staged_dir(run: Run) -> Path:
    return Path(staging_dir(run.out, run.date, run.run_id))


def staged(run: Run) -> dict[str, str]:
    root = staged_dir(run)
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.glob("*/dt=*/*"))
    }


@pytest.mark.job
@pytest.mark.parametrize("n_parts", [1, 3, 8])
def test_each_row_is_in_the_part_of_its_id_and_parts_are_sorted(
    tmp_path: Path, n_parts: int
) -> None:
    run = make_run(tmp_path, n_parts)
    write_labels(run, ROWS)

    for part in range(n_parts):
        name = f"labels/dt=2026-11-22/part-{run.run_id}-{part:05d}-of-{n_parts:05d}.parquet"
        expected = [row for row in ROWS if part_of(row["item_id"], n_parts) == part]
        assert pq.read_table(staged_dir(run) / name, partitioning=None).to_pylist() == expected
    assert len(staged(run)) == n_parts
    assert [path.name for path in tmp_path.iterdir()] == ["_tmp.dt=2026-11-22"]


@pytest.mark.job
@pytest.mark.parametrize(
    ("buffered_rows", "n_workers", "seed"), [(1, 1, 1), (7, 1, 2), (8192, 1, 3), (50, 3, 4)]
)
def test_bytes_do_not_depend_on_order_bundles_workers_or_flushes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buffered_rows: int, n_workers: int, seed: int
) -> None:
    plain, other = make_run(tmp_path / "plain"), make_run(tmp_path / "other")
    write_labels(plain, ROWS)
    monkeypatch.setattr(parquet_io, "MAX_BUFFERED_ROWS", buffered_rows)
    rows = in_any_order(ROWS, seed)
    write_labels(other, rows, shuffled=True, n_workers=n_workers)

    assert staged(other) == staged(plain)
    n_bundles = len(list((tmp_path / "other").glob("_tmp.*/*/labels/rows.*")))
    assert n_bundles == n_workers


@pytest.mark.job
def test_no_rows_give_every_part_with_the_schema(tmp_path: Path) -> None:
    run = make_run(tmp_path, n_parts=2)
    content = to_parquet(SCHEMA.empty_table(), plain=["item_id"])
    sha256 = hashlib.sha256(content).hexdigest()
    names = [
        f"labels/dt=2026-11-22/part-{run.run_id}-0000{part}-of-00002.parquet" for part in (0, 1)
    ]
    with TestPipeline(runner=FnApiRunner()) as pipeline:
        written = pipeline | beam.Create([]) | WriteLabels(run)
        expected = [WrittenFile("labels", name, 0, content.size, sha256) for name in names]
        assert_that(written, equal_to(expected), label="written")

    for name in names:
        assert pq.read_schema(staged_dir(run) / name).equals(SCHEMA)
        assert (staged_dir(run) / name).read_bytes() == content.to_pybytes()


@pytest.mark.job
def test_what_is_reported_is_what_lies_there(tmp_path: Path) -> None:
    run = make_run(tmp_path, n_parts=1)
    content = to_parquet(to_table(ROWS), plain=["item_id"]).to_pybytes()
    path = f"labels/dt=2026-11-22/part-{run.run_id}-00000-of-00001.parquet"
    sha256 = hashlib.sha256(content).hexdigest()
    with TestPipeline(runner=FnApiRunner()) as pipeline:
        written = pipeline | beam.Create(ROWS[::-1]) | WriteLabels(run)
        expected = [WrittenFile("labels", path, 200, len(content), sha256)]
        assert_that(written, equal_to(expected), label="written")
    assert (staged_dir(run) / path).read_bytes() == content


def to_table(rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA) -> pa.Table:
    return pa.Table.from_batches([to_record_batch(rows, schema)])


def write_bundle(do_fn: WriteTemporaryRows, rows: list[dict[str, Any]]) -> list[Any]:
    for row in rows:
        assert list(do_fn.process(row)) == []
    return [value.value for value in do_fn.finish_bundle()]


def test_a_failed_attempt_leaves_nothing_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_io, "MAX_BUFFERED_ROWS", 2)
    run = make_run(tmp_path)
    location = run.location("labels")
    do_fn = WriteTemporaryRows(location.temporary_dir, SCHEMA, "item_id", n_parts=1)
    do_fn.start_bundle()
    for row in ROWS[:5]:  # two flushes, then the bundle fails
        do_fn.process(row)
    do_fn.start_bundle()
    [(part, written)] = write_bundle(do_fn, ROWS[:5])

    assert (part, written) == (0, TemporaryRows(written.path, (0, 1, 2)))
    assert len(list(Path(location.temporary_dir).iterdir())) == 2
    file = write_part((0, [written, None]), location, SCHEMA, ("item_id",), n_parts=1)
    assert pq.read_table(staged_dir(run) / file.path, partitioning=None).to_pylist() == ROWS[:5]


def test_a_part_that_is_made_again_is_the_same_file(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    location = run.location("labels")
    do_fn = WriteTemporaryRows(location.temporary_dir, SCHEMA, "item_id", n_parts=1)
    do_fn.start_bundle()
    [(part, rows)] = write_bundle(do_fn, ROWS)
    bundle = part, [rows]
    first = write_part(bundle, location, SCHEMA, ("item_id",), n_parts=1)
    again = write_part(bundle, location, SCHEMA, ("item_id",), n_parts=1)

    assert again == first
    assert staged(run) == {first.path: first.sha256}
    beside = [path.name[:5] for path in Path(location.temporary_dir).iterdir() if path.is_file()]
    assert beside == ["rows."]


def test_an_empty_bundle_writes_no_file(tmp_path: Path) -> None:
    do_fn = WriteTemporaryRows(str(tmp_path / "tmp"), SCHEMA, "item_id", n_parts=1)
    do_fn.start_bundle()
    assert list(do_fn.finish_bundle()) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.job
def test_pandas_and_duckdb_read_the_partitioned_labels(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    write_labels(run, ROWS)
    partition = Path("labels", "dt=2026-11-22")
    (tmp_path / "labels").mkdir()
    (staged_dir(run) / partition).rename(tmp_path / partition)

    frame = pd.read_parquet(tmp_path / "labels").sort_values("item_id")
    assert frame["item_id"].tolist() == [row["item_id"] for row in ROWS]
    assert frame["dt"].astype(str).unique().tolist() == ["2026-11-22"]
    assert frame["scores"].tolist() == [row["scores"] for row in ROWS]

    query = """
        select dt, modality, count(*), count(created_at), sum(confidence), sum(scores.joy)
        from labels group by all order by all
    """
    labels = duckdb.read_parquet(f"{tmp_path}/labels/*/*.parquet", hive_partitioning=True)
    expected = []
    for modality in ("text", "text+audio"):
        rows = [row for row in ROWS if row["modality"] == modality]
        n_timed = sum(row["created_at"] is not None for row in rows)
        confidence = sum(row["confidence"] for row in rows)
        expected.append((DAY, modality, len(rows), n_timed, confidence, confidence))
    assert labels.query("labels", query).fetchall() == expected


@pytest.mark.job
def test_files_are_zstd_with_dictionaries_and_name_no_path(tmp_path: Path) -> None:
    run = make_run(tmp_path, n_parts=1)
    write_labels(run, ROWS)
    [name] = staged(run)
    file = pq.ParquetFile(staged_dir(run) / name)

    row_group = file.metadata.row_group(0)
    columns = [row_group.column(index) for index in range(row_group.num_columns)]
    assert {column.compression for column in columns} == {"ZSTD"}
    dictionaries = {c.path_in_schema for c in columns if c.has_dictionary_page}
    assert dictionaries == {
        *("author_id", "lang", "hashtags.list.element", "modality", "emotion"),
        *("text_emotion", "audio_emotion", "model_version", "run_id", "repost_of"),
        *("warnings.list.element", "emotions.list.element"),
    }
    assert set(file.metadata.metadata) == {b"ARROW:schema"}
    assert str(tmp_path).encode() not in (staged_dir(run) / name).read_bytes()
    required = {column.name for column in file.schema_arrow if not column.nullable}
    assert required == {column.name for column in SCHEMA if not column.nullable}


@pytest.mark.job
def test_dead_letters_are_sorted_by_source_reason_id_and_message(tmp_path: Path) -> None:
    run = make_run(tmp_path, n_parts=1)

    def letter(source: str, reason: Reason, item_id: str | None, message: str) -> DeadLetter:
        return DeadLetter(item_id, Stage.READ, reason, message, source, payload="{")

    letters = [
        letter("a:1", Reason.BROKEN_JSON, "1", "m"),
        letter("a:1", Reason.BROKEN_JSON, None, "m"),
        letter("a:1", Reason.MISSING_ID, "0", "k"),
        letter("a:1", Reason.MISSING_ID, "0", "l"),
        letter("b:1", Reason.BROKEN_JSON, "0", "a"),
    ]
    with TestPipeline(runner=FnApiRunner()) as pipeline:
        refused = (
            pipeline | "Some" >> beam.Create(letters[:1:-1]),
            pipeline | "Others" >> beam.Create(letters[1::-1]),
        )
        _ = refused | WriteDeadLetters(run)

    [name] = staged(run)
    table = pq.read_table(staged_dir(run) / name, partitioning=None)
    assert table.schema.equals(DEAD_LETTER_SCHEMA)
    assert table.to_pylist() == [
        {
            "item_id": letter.item_id,
            "stage": "read",
            "reason": str(letter.reason),
            "message": letter.message,
            "source": letter.source,
            "payload": "{",
            "content_key": None,
            "run_id": run.run_id,
        }
        for letter in letters
    ]


def test_a_lone_surrogate_does_not_stop_the_dead_letters() -> None:
    letter = DeadLetter("\ud83d", Stage.READ, Reason.WRONG_TYPE, "text is \udc00", "a:1")
    row = parquet_io.to_dead_letter_row(letter, run_id="f" * 16)
    assert row == {
        "item_id": "?",
        "stage": "read",
        "reason": "wrong_type",
        "message": "text is ?",
        "source": "a:1",
        "payload": None,
        "content_key": None,
        "run_id": "f" * 16,
    }


def test_rows_of_equal_keys_have_one_order() -> None:
    rows = [{"key": key, "tags": tags} for key in ("b", None, "a") for tags in (["x"], [], ["a"])]
    schema = pa.schema([("key", pa.string()), ("tags", pa.list_(pa.string()))])
    tables = [sort_rows(to_table(in_any_order(rows, seed), schema), ["key"]) for seed in range(10)]
    assert [row["key"] for row in tables[0].to_pylist()] == [*"aaabbb", None, None, None]
    assert all(table.equals(tables[0]) for table in tables)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emotion": None}, "emotion is null in 1 rows; the schema has it non-null"),
        ({"scores": {"joy": 1.0}}, "scores.sadness is null in 1 rows; the schema has it non-null"),
        ({"sarcasm": True}, "the row's columns are .*'sarcasm'.*; the schema's "),
    ],
)
def test_a_row_that_breaks_the_schema_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_record_batch([ROWS[0] | change], SCHEMA)


def test_a_row_without_a_column_is_refused() -> None:
    with pytest.raises(ValueError, match="the row's columns are"):
        to_record_batch([{"item_id": "1"}], SCHEMA)
