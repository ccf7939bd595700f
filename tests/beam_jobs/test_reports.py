"""The report tables: equal to one DuckDB query each, and the same in whatever order they merge."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import apache_beam as beam
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs import reports
from beam_jobs.elements import DeadLetter
from beam_jobs.parquet_io import WriteDeadLetters, WriteLabels, to_record_batch
from beam_jobs.reports import (
    PARTIAL_SCHEMAS,
    SCALE,
    Z_95,
    AggregateReports,
    WriteReports,
    aggregate_dead_letters,
    aggregate_labels,
    empty_partials,
    finish_report,
    merge_partials,
    wilson_interval,
)
from beam_jobs.run import Run, staging_dir
from schemas.dead_letters import Reason, Stage
from schemas.labels import UNCERTAIN, label_schema
from schemas.reports import REPORT_SCHEMAS, SHARE_GROUPS

EMOTIONS = ("anger", "joy", "sadness")
SCHEMA = label_schema(EMOTIONS)
DAY = date(2026, 11, 22)
START = datetime(1969, 12, 31, 22, 30, tzinfo=UTC)
"""Before 1970, where division that rounds towards zero would name the wrong hour and day."""


def make_run(out: Path) -> Run:
    started_at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    return Run(str(out), DAY, "0a1b2c3d", EMOTIONS, n_parts=3, started_at=started_at)


def random_row(number: int, rng: np.random.Generator) -> dict[str, Any]:
    scores = rng.dirichlet(np.ones(len(EMOTIONS)))
    both = rng.random() < 0.3
    return {
        "item_id": f"{number:06d}",
        "created_at": START + timedelta(seconds=int(rng.integers(200_000)))
        if rng.random() < 0.9
        else None,
        "author_id": f"author-{rng.integers(40)}" if rng.random() < 0.9 else None,
        "lang": [None, "en", "ar", "zh"][rng.integers(4)],
        "hashtags": [f"étiquette{tag}" for tag in rng.integers(5, size=rng.integers(4))],
        "modality": "text+audio" if both else ["text", "audio"][rng.integers(2)],
        "emotion": EMOTIONS[scores.argmax()],
        "confidence": scores.max(),
        "scores": dict(zip(EMOTIONS, scores, strict=True)),
        "text_emotion": EMOTIONS[rng.integers(3)] if both else None,
        "audio_emotion": EMOTIONS[rng.integers(3)] if both else None,
        "disagreement": rng.random() if both else None,
        "n_tokens": 9,
        "truncated": False,
        "clip_seconds": None,
        "model_version": "0a1b2c3d",
        "run_id": "f" * 16,
    }


def random_rows(n_rows: int, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [random_row(number, rng) for number in range(n_rows)]


def to_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_batches([to_record_batch(rows, SCHEMA)])


def finish(name: str, partial: pa.Table) -> pa.Table:
    return finish_report(name, partial, "f" * 16, "0a1b2c3d")


LABELS = to_table(random_rows(2000))

GROUP_SQL = {
    "by_emotion": "0",
    "by_hour": "date_trunc('hour', created_at)",
    "by_day": "created_at::date",
    "by_language": "lang",
    "by_hashtag": "unnest(list_distinct(hashtags))",
    "by_author": "author_id",
    "by_modality": "modality",
}


@pytest.mark.parametrize("name", SHARE_GROUPS)
def test_shares_equal_a_query(name: str) -> None:
    report = finish(name, aggregate_labels(LABELS)[name])
    query = f"""
        with item as (select {GROUP_SQL[name]} as grouped, emotion, confidence from labels),
        counted as (
            select grouped, emotion, count(*) as k, avg(confidence::double) as mean,
                sum(k) over (partition by grouped) as n, k / n as p, {Z_95} as z
            from item group by grouped, emotion
        )
        select grouped, emotion, k, n::bigint, p,
            (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
                / (1 + z * z / n),
            (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
                / (1 + z * z / n),
            mean
        from counted order by grouped nulls last, emotion
    """  # noqa: S608 - the names are this file's own
    expected = query_labels(query)
    if name == "by_emotion":
        expected = [row[1:] for row in expected]

    assert report.schema.equals(REPORT_SCHEMAS[name])
    assert_rows_match(report, expected)


def test_disagreement_equals_a_query() -> None:
    report = finish("disagreement", aggregate_labels(LABELS)["disagreement"])
    expected = query_labels("""
        select text_emotion, audio_emotion, count(*), avg(disagreement::double)
        from labels where text_emotion is not null group by all order by all
    """)
    assert report.schema.equals(REPORT_SCHEMAS["disagreement"])
    assert_rows_match(report, expected)


def test_run_summary_equals_a_query() -> None:
    partials = [
        aggregate_labels(LABELS)["run_summary"],
        aggregate_dead_letters(pa.table({"stage": ["read"] * 3, "reason": ["wrong_type"] * 3}))[
            "run_summary"
        ],
    ]
    report = finish("run_summary", merge_partials(partials))
    expected = query_labels("""
        select 'ffffffffffffffff', '0a1b2c3d', count(*) + 3, count(*), 3,
            count(*) filter (modality = 'text'), count(*) filter (modality = 'audio'),
            count(*) filter (modality = 'text+audio'), min(created_at), max(created_at),
            avg(confidence::double)
        from labels
    """)
    assert report.schema.equals(REPORT_SCHEMAS["run_summary"])
    assert_rows_match(report, expected)


def query_labels(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("labels", LABELS)
        return connection.execute(query).fetchall()


def assert_rows_match(report: pa.Table, expected: list[tuple[Any, ...]]) -> None:
    """Counts, keys and order are equal; quotients and means agree to 1e-9."""
    assert expected
    rows = [tuple(row.values()) for row in report.to_pylist()]
    assert len(rows) == len(expected)
    for row, expected_row in zip(rows, expected, strict=True):
        for value, expected_value in zip(row, expected_row, strict=True):
            if isinstance(expected_value, float):
                assert value == pytest.approx(expected_value, abs=1e-9)
            else:
                assert value == expected_value


def test_an_item_counts_once_for_each_of_its_hashtags() -> None:
    row = random_rows(1)[0] | {"emotion": "joy", "confidence": 0.5}
    rows = [
        row | {"hashtags": ["sun", "sun", "rain"]},
        row | {"hashtags": ["sun"], "emotion": "anger"},
        row | {"hashtags": []},
    ]
    report = finish("by_hashtag", aggregate_labels(to_table(rows))["by_hashtag"])
    counts = [(r["hashtag"], r["emotion"], r["n_items"], r["n_group"]) for r in report.to_pylist()]
    assert counts == [("rain", "joy", 1, 1), ("sun", "anger", 1, 2), ("sun", "joy", 1, 2)]


def test_what_is_unknown_is_a_group_of_its_own() -> None:
    unknown = dict.fromkeys(("created_at", "author_id", "lang"))
    row = random_rows(1)[0] | unknown | {"emotion": "joy", "confidence": 0.5}
    known = row | {"created_at": START, "author_id": "a", "lang": "en"}
    partials = aggregate_labels(to_table([row, row, known]))

    def groups(name: str) -> list[tuple[Any, ...]]:
        return [tuple(r.values())[:4] for r in finish(name, partials[name]).to_pylist()]

    assert groups("by_language") == [("en", "joy", 1, 1), (None, "joy", 2, 2)]
    assert groups("by_author") == [("a", "joy", 1, 1), (None, "joy", 2, 2)]
    assert groups("by_day") == [(date(1969, 12, 31), "joy", 1, 1), (None, "joy", 2, 2)]
    hour = START.replace(minute=0)
    assert groups("by_hour") == [(hour, "joy", 1, 1), (None, "joy", 2, 2)]


def test_what_is_uncertain_counts_as_a_value_of_its_own() -> None:
    row = random_rows(1)[0] | {"created_at": START, "author_id": "a", "lang": "en"}
    row |= {"modality": "text", "hashtags": ["sun"]}
    partials = aggregate_labels(
        to_table(
            [
                row | {"emotion": "joy", "confidence": 0.75},
                row | {"emotion": UNCERTAIN, "confidence": 0.5},
                row | {"emotion": UNCERTAIN, "confidence": 0.25, "hashtags": ["rain"]},
                row | {"emotion": "anger", "confidence": 1.0},
            ]
        )
    )

    def shares(name: str) -> list[tuple[Any, ...]]:
        columns = ("emotion", "n_items", "n_group", "share", "mean_confidence")
        rows = finish(name, partials[name]).to_pylist()
        return [tuple(row[column] for column in columns) for row in rows]

    whole = [("anger", 1, 4, 0.25, 1.0), ("joy", 1, 4, 0.25, 0.75), (UNCERTAIN, 2, 4, 0.5, 0.375)]
    for name in SHARE_GROUPS.keys() - {"by_hashtag"}:
        assert shares(name) == whole, name
    third = 1 / 3
    assert shares("by_hashtag") == [
        (UNCERTAIN, 1, 1, 1.0, 0.25),  # rain
        ("anger", 1, 3, third, 1.0),
        ("joy", 1, 3, third, 0.75),
        (UNCERTAIN, 1, 3, third, 0.5),
    ]


def test_what_is_uncertain_changes_only_the_shares() -> None:
    rows = random_rows(200)
    abstained = [row | {"emotion": UNCERTAIN} if row["confidence"] < 0.6 else row for row in rows]
    before, after = aggregate_labels(to_table(rows)), aggregate_labels(to_table(abstained))
    assert before.keys() - SHARE_GROUPS.keys() == {"disagreement", "run_summary"}
    for name, partial in before.items():
        same = finish(name, after[name]).equals(finish(name, partial))
        assert same == (name not in SHARE_GROUPS), name


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_merging_leaves_no_trace(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cuts = [0, *sorted(rng.integers(2000, size=6)), 2000]
    pieces = [LABELS.slice(a, b - a) for a, b in pairwise(cuts)]
    partials = [aggregate_labels(pieces[index]) for index in rng.permutation(len(pieces))]
    whole = aggregate_labels(LABELS)

    for name, partial in whole.items():
        left = merge_partials(part[name] for part in partials[:3])
        right = merge_partials(part[name] for part in partials[3:])
        assert finish(name, merge_partials([left, right])).equals(finish(name, partial)), name


def test_confidence_is_summed_without_error() -> None:
    lowest = Fraction(float(np.float32(1 / 7)))  # of the highest of seven scores
    row = random_rows(1)[0] | {"confidence": float(lowest)}
    total = aggregate_labels(to_table([row] * 1000))["run_summary"]["confidence_sum"].to_pylist()
    assert total == [1000 * lowest * SCALE]


def test_no_rows_give_every_table() -> None:
    for name, partial in empty_partials().items():
        report = finish(name, partial)
        assert report.schema.equals(REPORT_SCHEMAS[name])
        assert report.num_rows == (1 if name == "run_summary" else 0)
    assert finish("run_summary", empty_partials()["run_summary"]).to_pylist() == [
        {
            "run_id": "f" * 16,
            "model_version": "0a1b2c3d",
            **dict.fromkeys(("n_items", "n_labels", "n_dead"), 0),
            **dict.fromkeys(("n_text", "n_audio", "n_text_audio"), 0),
            **dict.fromkeys(("first_created_at", "last_created_at", "mean_confidence")),
        }
    ]


def test_partials_of_no_rows_change_nothing() -> None:
    whole, nothing = aggregate_labels(LABELS), empty_partials()
    assert aggregate_labels(LABELS.slice(0, 0)).keys() < nothing.keys()
    for name, partial in whole.items():
        assert partial.schema.equals(PARTIAL_SCHEMAS[name])
        merged = merge_partials([nothing[name], partial, nothing[name]])
        assert finish(name, merged).equals(finish(name, partial))


def test_wilson_interval_of_a_published_example() -> None:
    """Newcombe, Stat. Med. 17 (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29."""
    low, high = wilson_interval(np.array([81, 15, 0, 1]), np.array([263, 148, 20, 29]))
    assert low.round(4).tolist() == [0.2553, 0.0624, 0.0, 0.0061]
    assert high.round(4).tolist() == [0.3662, 0.1605, 0.1611, 0.1718]


LETTERS = [
    DeadLetter(None, Stage.READ, Reason.BROKEN_JSON, "m", f"a.jsonl:{line}") for line in range(5)
] + [DeadLetter("7", Stage.PREPROCESS, Reason.MISSING_CLIP, "m", "a.jsonl:9")]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_the_pipeline_writes_what_the_core_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_workers: int
) -> None:
    monkeypatch.setattr(reports, "BATCH_ROWS", 100)
    run = make_run(tmp_path)
    rows = random_rows(500)
    options = PipelineOptions(direct_num_workers=n_workers, direct_running_mode="multi_threading")
    with TestPipeline(runner=FnApiRunner(), options=options) as pipeline:
        labels = pipeline | "Labels" >> beam.Create(rows) | WriteLabels(run)
        letters = (pipeline | "Letters" >> beam.Create(LETTERS),) | WriteDeadLetters(run)
        written = (labels, letters) | beam.Flatten() | AggregateReports(run) | WriteReports(run)
        expected = [
            (f"reports/{name}", f"reports/{name}/dt=2026-11-22/part-{run.run_id}.parquet")
            for name in REPORT_SCHEMAS
        ]
        names = written | beam.Map(lambda file: (file.table, file.path))
        assert_that(names, equal_to(expected), label="written")

    letter_table = pa.table(
        {"stage": [x.stage for x in LETTERS], "reason": [x.reason for x in LETTERS]}
    )
    staged = Path(staging_dir(run.out, run.date, run.run_id)) / "reports"
    of_labels, of_letters = aggregate_labels(to_table(rows)), aggregate_dead_letters(letter_table)
    for name in REPORT_SCHEMAS:
        partials = [part[name] for part in (of_labels, of_letters) if name in part]
        expected_report = finish_report(
            name, merge_partials(partials), run.run_id, run.model_version
        )
        [path] = (staged / name / "dt=2026-11-22").iterdir()
        assert pq.read_table(path, partitioning=None).equals(expected_report), name
    by_reason = pq.read_table(staged / "dead_letters_by_reason", partitioning=None).to_pylist()
    assert by_reason == [
        {"stage": "preprocess", "reason": "missing_clip", "n_items": 1},
        {"stage": "read", "reason": "broken_json", "n_items": 5},
    ]
