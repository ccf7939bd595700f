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
from scipy import stats

from beam_jobs import reports
from beam_jobs.elements import DeadLetter
from beam_jobs.groupings import choose_groupings
from beam_jobs.parquet_io import WriteDeadLetters, WriteLabels, to_record_batch
from beam_jobs.report_counts import (
    SCALE,
    Partials,
    RunKey,
    aggregate_dead_letters,
    aggregate_labels,
    empty_partials,
    merge_partials,
    partial_schemas,
)
from beam_jobs.report_tables import GroupLimits, ReportPlan, finish_tables
from beam_jobs.reports import AggregateReports, ListReportFiles, WriteReports, run_key
from beam_jobs.run import PAGE_TABLE, Run, staging_dir
from beam_jobs.share_statistics import Z_95
from schemas.dead_letters import Reason, Stage
from schemas.labels import UNCERTAIN, label_schema
from schemas.reports import REPORT_SCHEMAS, SHARE_GROUPS

EMOTIONS = ("anger", "joy", "sadness")
SCHEMA = label_schema(EMOTIONS)
DAY = date(2026, 11, 22)
START = datetime(1969, 12, 31, 22, 30, tzinfo=UTC)
"""Before 1970, where division that rounds towards zero would name the wrong hour and day."""
PLAN = ReportPlan()
RUN = RunKey(DAY, "f" * 16, "0a1b2c3d")


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


def count(rows: pa.Table) -> Partials:
    return aggregate_labels(rows, RUN, PLAN.groupings)


def finish(*partials: Partials) -> dict[str, pa.Table]:
    return finish_tables(merge_partials([empty_partials(PLAN.groupings), *partials]), PLAN)


LABELS = to_table(random_rows(2000))

GROUP_SQL = {
    "by_emotion": "0",
    "by_hour": "date_trunc('hour', created_at)",
    "by_day": "created_at::date",
    "by_weekday": "isodow(created_at)",
    "by_language": "lang",
    "by_hashtag": "unnest(list_distinct(hashtags))",
    "by_author": "author_id",
    "by_modality": "modality",
}


@pytest.mark.parametrize("name", SHARE_GROUPS)
def test_shares_equal_a_query(name: str) -> None:
    report = finish(count(LABELS))[name]
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
    report = finish(count(LABELS))["disagreement"]
    expected = query_labels("""
        select text_emotion, audio_emotion, count(*), avg(disagreement::double)
        from labels where text_emotion is not null group by all order by all
    """)
    assert report.schema.equals(REPORT_SCHEMAS["disagreement"])
    assert_rows_match(report, expected)


def letters(n_letters: int) -> pa.Table:
    return pa.table({"stage": ["read"] * n_letters, "reason": ["wrong_type"] * n_letters})


def test_run_summary_equals_a_query() -> None:
    report = finish(count(LABELS), aggregate_dead_letters(letters(3), RUN))["run_summary"]
    expected = query_labels("""
        select '2026-11-22'::date, 'ffffffffffffffff', '0a1b2c3d', count(*) + 3, count(*), 3,
            count(*) filter (modality = 'text'), count(*) filter (modality = 'audio'),
            count(*) filter (modality = 'text+audio'), min(created_at), max(created_at),
            avg(confidence::double)
        from labels
    """)
    assert report.schema.equals(REPORT_SCHEMAS["run_summary"])
    assert_rows_match(report, expected)


def test_each_run_has_a_summary_of_its_own() -> None:
    other = RunKey(date(2026, 11, 21), "0" * 16, "0a1b2c3d")
    report = finish(
        count(LABELS.slice(0, 5)),
        aggregate_labels(LABELS.slice(5, 2), other, PLAN.groupings),
        aggregate_dead_letters(letters(4), other),
    )["run_summary"]
    columns = ("date", "run_id", "n_items", "n_labels", "n_dead")
    assert [tuple(row[name] for name in columns) for row in report.to_pylist()] == [
        (date(2026, 11, 21), "0" * 16, 6, 2, 4),
        (DAY, "f" * 16, 5, 5, 0),
    ]


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
    report = finish(count(to_table(rows)))["by_hashtag"]
    counts = [(r["hashtag"], r["emotion"], r["n_items"], r["n_group"]) for r in report.to_pylist()]
    assert counts == [("rain", "joy", 1, 1), ("sun", "anger", 1, 2), ("sun", "joy", 1, 2)]


def test_what_is_unknown_is_a_group_of_its_own() -> None:
    unknown = dict.fromkeys(("created_at", "author_id", "lang"))
    row = random_rows(1)[0] | unknown | {"emotion": "joy", "confidence": 0.5}
    known = row | {"created_at": START, "author_id": "a", "lang": "en"}
    tables = finish(count(to_table([row, row, known])))

    def groups(name: str) -> list[tuple[Any, ...]]:
        return [tuple(r.values())[:4] for r in tables[name].to_pylist()]

    assert groups("by_language") == [("en", "joy", 1, 1), (None, "joy", 2, 2)]
    assert groups("by_author") == [("a", "joy", 1, 1), (None, "joy", 2, 2)]
    assert groups("by_weekday") == [(3, "joy", 1, 1), (None, "joy", 2, 2)]
    assert groups("by_day") == [(date(1969, 12, 31), "joy", 1, 1), (None, "joy", 2, 2)]
    hour = START.replace(minute=0)
    assert groups("by_hour") == [(hour, "joy", 1, 1), (None, "joy", 2, 2)]


def test_what_is_uncertain_counts_as_a_value_of_its_own() -> None:
    row = random_rows(1)[0] | {"created_at": START, "author_id": "a", "lang": "en"}
    row |= {"modality": "text", "hashtags": ["sun"]}
    rows = [
        row | {"emotion": "joy", "confidence": 0.75},
        row | {"emotion": UNCERTAIN, "confidence": 0.5},
        row | {"emotion": UNCERTAIN, "confidence": 0.25, "hashtags": ["rain"]},
        row | {"emotion": "anger", "confidence": 1.0},
    ]
    tables = finish(count(to_table(rows)))

    def shares(name: str) -> list[tuple[Any, ...]]:
        columns = ("emotion", "n_items", "n_group", "share", "mean_confidence")
        return [tuple(row[column] for column in columns) for row in tables[name].to_pylist()]

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


def test_what_is_uncertain_changes_no_count_of_items() -> None:
    rows = random_rows(200)
    abstained = [row | {"emotion": UNCERTAIN} if row["confidence"] < 0.6 else row for row in rows]
    before, after = finish(count(to_table(rows))), finish(count(to_table(abstained)))
    same = {name for name, table in before.items() if table.equals(after[name])}
    assert same == {"disagreement", "run_summary", "groups_left_out", "dead_letters_by_reason"}


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_merging_leaves_no_trace(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cuts = [0, *sorted(rng.integers(2000, size=6)), 2000]
    pieces = [LABELS.slice(a, b - a) for a, b in pairwise(cuts)]
    partials = [count(pieces[index]) for index in rng.permutation(len(pieces))]
    merged = [merge_partials(partials[:3]), merge_partials(partials[3:])]
    assert finish(*merged) == finish(count(LABELS))


def test_confidence_is_summed_without_error() -> None:
    lowest = Fraction(float(np.float32(1 / 7)))  # of the highest of seven scores
    row = random_rows(1)[0] | {"confidence": float(lowest)}
    total = count(to_table([row] * 1000))["run_summary"]["confidence_sum"].to_pylist()
    assert total == [1000 * lowest * SCALE]


def test_no_rows_give_every_table() -> None:
    tables = finish(count(LABELS.slice(0, 0)))
    assert tables.keys() == REPORT_SCHEMAS.keys()
    for name, table in tables.items():
        assert table.schema.equals(REPORT_SCHEMAS[name])
        assert table.num_rows == (1 if name == "run_summary" else 0)
    assert tables["run_summary"].to_pylist() == [
        {
            "date": DAY,
            "run_id": "f" * 16,
            "model_version": "0a1b2c3d",
            **dict.fromkeys(("n_items", "n_labels", "n_dead"), 0),
            **dict.fromkeys(("n_text", "n_audio", "n_text_audio"), 0),
            **dict.fromkeys(("first_created_at", "last_created_at", "mean_confidence")),
        }
    ]


def test_partials_of_no_rows_change_nothing() -> None:
    whole, nothing = count(LABELS), empty_partials(PLAN.groupings)
    assert {name: table.schema for name, table in whole.items()} == {
        name: schema
        for name, schema in partial_schemas(PLAN.groupings).items()
        if name != "dead_letters_by_reason"
    }
    assert finish(nothing, whole, nothing) == finish(whole)


def test_most_disagreeing_are_the_first_of_a_query() -> None:
    report = finish(count(LABELS))["most_disagreeing"]
    names = ", ".join(REPORT_SCHEMAS["most_disagreeing"].names)
    expected = query_labels(
        f"select {names} from labels where disagreement is not null "  # noqa: S608
        "order by disagreement desc, item_id limit 100"
    )
    assert [tuple(row.values()) for row in report.to_pylist()] == expected


def test_confidences_are_counted_in_bins() -> None:
    row = random_rows(1)[0] | {"emotion": "joy"}
    confidences = (0.0, 0.049, 0.05, 0.5, 0.9999, 1.0)
    rows = to_table([row | {"confidence": value} for value in confidences])
    report = finish(count(rows))["confidence_distribution"]
    assert [tuple(row.values()) for row in report.to_pylist()] == [
        ("joy", 0.0, 0.05, 2),
        ("joy", 0.05, 0.1, 1),
        ("joy", 0.5, 0.55, 1),
        ("joy", 0.95, 1.0, 2),
    ]


def test_lift_compares_with_the_items_without_the_hashtag() -> None:
    report = finish(count(LABELS))["hashtag_lift"].to_pylist()
    assert len(report) == 5 * len(EMOTIONS)
    n_all = LABELS.num_rows
    for row in report:
        [(k_all,)] = query_labels(
            f"select count(*) from labels where emotion = '{row['emotion']}'"  # noqa: S608
        )
        k, n = row["n_items"], row["n_group"]
        table = [[k, n - k], [k_all - k, n_all - n - k_all + k]]
        tails = [stats.fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
        assert row["p_value"] == pytest.approx(min(2 * min(tails), 1), rel=1e-9)
        assert row["lift"] == pytest.approx(k / n * n_all / k_all)
    p_values = [row["p_value"] for row in report]
    assert [row["q_value"] for row in report] == pytest.approx(
        stats.false_discovery_control(p_values).tolist()
    )


def test_lift_counts_an_emotion_that_no_item_of_the_hashtag_has() -> None:
    row = random_rows(1)[0] | {"emotion": "joy", "hashtags": ["sun"]}
    rows = [row, row | {"hashtags": [], "emotion": "anger"}]
    report = finish(count(to_table(rows)))["hashtag_lift"].to_pylist()
    columns = ("hashtag", "emotion", "n_items", "n_group", "corpus_share", "lift")
    assert [tuple(row[name] for name in columns) for row in report] == [
        ("sun", "anger", 0, 1, 0.5, 0.0),
        ("sun", "joy", 1, 1, 0.5, 2.0),
    ]


def test_small_groups_and_those_past_the_top_are_left_out() -> None:
    row = random_rows(1)[0] | {"emotion": "joy", "hashtags": []}
    sizes = {"a": 5, "b": 4, "c": 4, "d": 3, "e": 1, None: 6}
    rows = to_table([row | {"author_id": author} for author in sizes for _ in range(sizes[author])])
    plan = ReportPlan(choose_groupings(["author_id"]), GroupLimits(min_items=3, top=3))
    partials = merge_partials(
        [empty_partials(plan.groupings), aggregate_labels(rows, RUN, plan.groupings)]
    )
    tables = finish_tables(partials, plan)
    groups = [(row["author_id"], row["n_group"]) for row in tables["by_author"].to_pylist()]
    assert groups == [("a", 5), ("b", 4), (None, 6)]
    assert tables["groups_left_out"].to_pylist() == [
        {"report": "by_author", "n_groups": 3, "n_counted": 15, "n_left_out": 8, "min_items": 3}
    ]


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
        written = (
            (labels, letters)
            | beam.Flatten()
            | ListReportFiles(run)
            | AggregateReports()
            | WriteReports(run)
        )
        names = written | beam.Map(lambda file: (file.table, file.path))
        expected = [
            (f"reports/{name}", f"reports/{name}/dt=2026-11-22/part-{run.run_id}.parquet")
            for name in REPORT_SCHEMAS
        ]
        page = (PAGE_TABLE, f"{PAGE_TABLE}/dt=2026-11-22/part-{run.run_id}.html")
        assert_that(names, equal_to([*expected, page]), label="written")

    letter_table = pa.table(
        {"stage": [x.stage for x in LETTERS], "reason": [x.reason for x in LETTERS]}
    )
    staged = Path(staging_dir(run.out, run.date, run.run_id)) / "reports"
    key = run_key(run)
    tables = finish(
        aggregate_labels(to_table(rows), key, PLAN.groupings),
        aggregate_dead_letters(letter_table, key),
    )
    for name, table in tables.items():
        [path] = (staged / name / "dt=2026-11-22").iterdir()
        assert pq.read_table(path, partitioning=None).equals(table), name
    by_reason = pq.read_table(staged / "dead_letters_by_reason", partitioning=None).to_pylist()
    assert by_reason == [
        {"stage": "preprocess", "reason": "missing_clip", "n_items": 1},
        {"stage": "read", "reason": "broken_json", "n_items": 5},
    ]
    assert (staged / "page" / "dt=2026-11-22" / f"part-{run.run_id}.html").stat().st_size


@pytest.mark.parametrize("batch_rows", [7, 1000])
def test_groups_that_are_too_many_are_cut_to_the_frequent_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(reports, "BATCH_ROWS", batch_rows)
    rng = np.random.default_rng(0)
    row = random_rows(1)[0] | {"emotion": "joy", "hashtags": [], "author_id": None}
    tags = ["often"] * 90 + ["seldom"] * 30 + [f"once{number}" for number in range(400)]
    rows = to_table([row | {"hashtags": [tags[index]]} for index in rng.permutation(len(tags))])
    files = []
    for number in range(4):
        path = str(tmp_path / f"{number}.parquet")
        pq.write_table(rows.slice(number * 130, 130), path)
        files.append(reports.ReportFile(path, "labels", RUN))
    plan = ReportPlan(choose_groupings(["hashtag"]), GroupLimits(max_groups=20))
    with TestPipeline(runner=FnApiRunner()) as pipeline:
        spans = pipeline | beam.Create(files) | AggregateReports(plan)
        tables = spans | beam.MapTuple(lambda _, partials: finish_tables(partials, plan))
        groups = tables | beam.FlatMap(
            lambda made: [(r["hashtag"], r["n_items"]) for r in made["by_hashtag"].to_pylist()]
        )
        assert_that(groups, equal_to([("often", 90), ("seldom", 30)]), label="groups")
        left_out = tables | "LeftOut" >> beam.FlatMap(
            lambda made: [tuple(row.values()) for row in made["groups_left_out"].to_pylist()]
        )
        # 27 is more than a twentieth of 520: no group as large can have been dropped.
        assert_that(left_out, equal_to([("by_hashtag", 2, 120, 400, 27)]), label="left out")


def test_a_span_with_few_groups_counts_all_of_them_beside_one_with_too_many(tmp_path: Path) -> None:
    row = random_rows(1)[0] | {"emotion": "joy"}
    tags = {
        False: ["new"] * 50 + ["old"] * 40,
        True: ["old"] * 90 + [f"once{number}" for number in range(400)],
    }
    files = []
    for before, column in tags.items():
        path = str(tmp_path / f"{before}.parquet")
        pq.write_table(to_table([row | {"hashtags": [tag]} for tag in column]), path)
        files.append(reports.ReportFile(path, "labels", RUN, before))
    plan = ReportPlan(choose_groupings(["hashtag"]), GroupLimits(max_groups=20))
    with TestPipeline(runner=FnApiRunner()) as pipeline:
        spans = pipeline | beam.Create(files) | AggregateReports(plan)
        tables = spans | beam.MapTuple(lambda before, made: (before, finish_tables(made, plan)))
        groups = tables | beam.FlatMapTuple(
            lambda before, made: [
                (before, row["hashtag"], row["n_items"]) for row in made["by_hashtag"].to_pylist()
            ]
        )
        expected = [(False, "new", 50), (False, "old", 40), (True, "old", 90)]
        assert_that(groups, equal_to(expected), label="groups")
        left_out = tables | "LeftOut" >> beam.FlatMapTuple(
            lambda before, made: [
                (before, row["n_left_out"]) for row in made["groups_left_out"].to_pylist()
            ]
        )
        assert_that(left_out, equal_to([(True, 400)]), label="left out")


def test_spans_are_counted_apart(tmp_path: Path) -> None:
    files = []
    for number, before in enumerate((False, True, False)):
        path = str(tmp_path / f"{number}.parquet")
        pq.write_table(LABELS.slice(number * 10, 10 + number), path)
        files.append(reports.ReportFile(path, "labels", RUN, before))
    with TestPipeline(runner=FnApiRunner()) as pipeline:
        spans = pipeline | beam.Create(files) | AggregateReports(PLAN)
        counts = spans | beam.MapTuple(
            lambda before, made: (before, made["run_summary"]["n_labels"].to_pylist())
        )
        assert_that(counts, equal_to([(False, [22]), (True, [11])]), label="spans")
