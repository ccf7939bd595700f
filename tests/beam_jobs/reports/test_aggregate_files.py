"""The pipeline that makes reports: what the core makes, for all spans, batches and workers."""

from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs.items.elements import DeadLetter
from beam_jobs.reports import aggregate_files
from beam_jobs.reports.aggregate_files import AggregateFiles
from beam_jobs.reports.counts import (
    aggregate_dead_letters,
    aggregate_labels,
)
from beam_jobs.reports.groupings import choose_groupings
from beam_jobs.reports.run_reports import ListReportFiles, WriteRunReports, run_key
from beam_jobs.reports.tables import GroupLimits, ReportPlan, finish_tables
from beam_jobs.runs.run import PAGE_TABLE, staging_dir
from beam_jobs.runs.sorted_parquet import WriteDeadLetters, WriteLabels
from schemas.dead_letters import Reason, Stage
from schemas.reports import REPORT_SCHEMAS
from tests.support.report_rows import (
    LABELS,
    PLAN,
    RUN,
    finish,
    make_run,
    random_rows,
    says,
    to_table,
)

LETTERS = [
    DeadLetter(None, Stage.READ, Reason.BROKEN_JSON, "m", f"a.jsonl:{line}") for line in range(5)
] + [DeadLetter("7", Stage.PREPROCESS, Reason.MISSING_CLIP, "m", "a.jsonl:9")]


@pytest.mark.job
@pytest.mark.parametrize("n_workers", [1, 2])
def test_the_pipeline_writes_what_the_core_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_workers: int
) -> None:
    monkeypatch.setattr(aggregate_files, "BATCH_ROWS", 100)
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
            | AggregateFiles()
            | WriteRunReports(run)
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


@pytest.mark.job
@pytest.mark.parametrize("batch_rows", [7, 1000])
def test_groups_that_are_too_many_are_cut_to_the_frequent_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(aggregate_files, "BATCH_ROWS", batch_rows)
    rng = np.random.default_rng(0)
    row = random_rows(1)[0] | {**says("joy"), "hashtags": [], "author_id": None}
    tags = ["often"] * 90 + ["seldom"] * 30 + [f"once{number}" for number in range(400)]
    rows = to_table([row | {"hashtags": [tags[index]]} for index in rng.permutation(len(tags))])
    files = []
    for number in range(4):
        path = str(tmp_path / f"{number}.parquet")
        pq.write_table(rows.slice(number * 130, 130), path)
        files.append(aggregate_files.ReportFile(path, "labels", RUN))
    plan = ReportPlan(choose_groupings(["hashtag"]), GroupLimits(max_groups=20))
    with TestPipeline(runner=FnApiRunner()) as pipeline:
        spans = pipeline | beam.Create(files) | AggregateFiles(plan)
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


@pytest.mark.job
def test_a_span_with_few_groups_counts_all_of_them_beside_one_with_too_many(tmp_path: Path) -> None:
    row = random_rows(1)[0] | {**says("joy")}
    tags = {
        False: ["new"] * 50 + ["old"] * 40,
        True: ["old"] * 90 + [f"once{number}" for number in range(400)],
    }
    files = []
    for before, column in tags.items():
        path = str(tmp_path / f"{before}.parquet")
        pq.write_table(to_table([row | {"hashtags": [tag]} for tag in column]), path)
        files.append(aggregate_files.ReportFile(path, "labels", RUN, before))
    plan = ReportPlan(choose_groupings(["hashtag"]), GroupLimits(max_groups=20))
    with TestPipeline(runner=FnApiRunner()) as pipeline:
        spans = pipeline | beam.Create(files) | AggregateFiles(plan)
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


@pytest.mark.job
def test_spans_are_counted_apart(tmp_path: Path) -> None:
    files = []
    for number, before in enumerate((False, True, False)):
        path = str(tmp_path / f"{number}.parquet")
        pq.write_table(LABELS.slice(number * 10, 10 + number), path)
        files.append(aggregate_files.ReportFile(path, "labels", RUN, before))
    with TestPipeline(runner=FnApiRunner()) as pipeline:
        spans = pipeline | beam.Create(files) | AggregateFiles(PLAN)
        counts = spans | beam.MapTuple(
            lambda before, made: (before, made["run_summary"]["n_labels"].to_pylist())
        )
        assert_that(counts, equal_to([(False, [22]), (True, [11])]), label="spans")
