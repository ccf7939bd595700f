"""A run is published last and in one step, and what it replaces is gone."""

import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import apache_beam as beam
import duckdb
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs.items.elements import DeadLetter
from beam_jobs.items.paths import InputFile
from beam_jobs.reports.aggregate_files import AggregateFiles
from beam_jobs.reports.run_reports import ListReportFiles, WriteRunReports
from beam_jobs.runs import write_manifest
from beam_jobs.runs.manifest import Manifest, RunCounts, RunManifest, Status, read_manifest
from beam_jobs.runs.publish import remove_unlisted
from beam_jobs.runs.run import Run, staging_dir
from beam_jobs.runs.sorted_parquet import WriteDeadLetters, WriteLabels
from beam_jobs.runs.write_manifest import WriteManifest, finish_run
from schemas.dead_letters import Reason, Stage
from schemas.reports import REPORT_SCHEMAS

DAY, NEXT_DAY = date(2026, 11, 22), date(2026, 11, 23)


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def make_run(out: Path, **changes: Any) -> Run:
    settings = {
        "out": str(out),
        "date": DAY,
        "model_version": "0a1b2c3d",
        "emotions": ("joy", "sadness"),
        "n_parts": 2,
        "started_at": NOON,
        "inputs": (InputFile("tweets.jsonl", 120, "2026-11-22T00:00:00Z"),),
        "settings": {"max_clip_seconds": 300.0, "audio_roots": ["clips"]},
    }
    return Run(**(settings | changes))


def label_row(number: int, run: Run) -> dict[str, Any]:
    return {
        "item_id": str(number),
        **dict.fromkeys(("created_at", "author_id", "lang", "clip_seconds")),
        "hashtags": [],
        "modality": "audio" if number % 3 == 0 else "text",
        "emotion": "joy",
        "emotions": ["joy"],
        "confidence": 0.75,
        "scores": {"joy": 0.75, "sadness": 0.25},
        **dict.fromkeys(("text_emotion", "audio_emotion", "disagreement")),
        "n_tokens": 4,
        "truncated": False,
        "lang_detected": False,
        "repost_of": None,
        "text_is_cut": False,
        "warnings": [],
        "model_version": run.model_version,
        "run_id": run.run_id,
    }


def dead_letter(line: int, reason: Reason = Reason.BROKEN_JSON) -> DeadLetter:
    return DeadLetter(None, Stage.READ, reason, "m", f"tweets.jsonl:{line}")


def write_run(run: Run, n_labels: int = 10, letters: tuple[DeadLetter, ...] = ()) -> RunManifest:
    rows = [label_row(number, run) for number in range(n_labels)]
    with TestPipeline(runner=FnApiRunner()) as pipeline:
        labels = pipeline | "Labels" >> beam.Create(rows) | WriteLabels(run)
        dead = (pipeline | "Letters" >> beam.Create(letters),) | WriteDeadLetters(run)
        data = (labels, dead) | "Data" >> beam.Flatten()
        reports = data | ListReportFiles(run) | AggregateFiles() | WriteRunReports(run)
        published = (data, reports) | "All" >> beam.Flatten() | WriteManifest(run)
        ids = published | beam.Map(lambda entry: (entry.date, entry.run_id))
        assert_that(ids, equal_to([(run.date, run.run_id)]), label="published")
    found = read_manifest(run.out)
    assert found is not None
    return found.runs[run.date]


@pytest.fixture(scope="module")
def written_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("written")
    write_run(make_run(out), 10, (dead_letter(1),))
    return out


@pytest.fixture
def written(written_once: Path, tmp_path: Path) -> tuple[Run, RunManifest]:
    """A run of ten labels and a dead letter, published in the test's own directory."""
    shutil.copytree(written_once, tmp_path, dirs_exist_ok=True)
    found = read_manifest(str(tmp_path))
    assert found is not None
    return make_run(tmp_path), found.runs[DAY]


def files_under(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def listed(*entries: RunManifest) -> set[str]:
    return {file.path for entry in entries for file in entry.outputs}


BESIDES = {"_manifest.json", "_manifest.lock"}


@pytest.mark.job
def test_a_run_is_published_with_all_its_files_and_nothing_else(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    entry = write_run(run, 10, (dead_letter(1), dead_letter(2, Reason.MISSING_ID)))

    assert (entry.status, entry.run_id, entry.date) == (Status.COMPLETE, run.run_id, DAY)
    assert (entry.model_version, entry.started_at) == ("0a1b2c3d", NOON)
    assert timedelta() <= datetime.now(UTC) - entry.finished_at < timedelta(minutes=1)
    assert (entry.inputs, entry.settings) == (run.inputs, run.settings)
    assert entry.counts == RunCounts({"text": 6, "audio": 4}, {"broken_json": 1, "missing_id": 1})
    assert {"python", "apache-beam", "pyarrow", "tensorflow"} < entry.versions.keys()

    assert files_under(tmp_path) == listed(entry) | BESIDES
    assert {path.name for path in tmp_path.iterdir()} == BESIDES | {
        *("labels", "dead_letters", "reports")
    }
    for file in entry.outputs:
        content = (tmp_path / file.path).read_bytes()
        assert len(content) == file.n_bytes
        assert hashlib.sha256(content).hexdigest() == file.sha256
    tables = [file.table for file in entry.outputs]
    assert tables == ["dead_letters"] * 2 + ["labels"] * 2 + [
        f"reports/{name}" for name in sorted([*REPORT_SCHEMAS, "page"])
    ]


@pytest.mark.job
def test_the_same_run_again_gives_the_same_tree(
    written: tuple[Run, RunManifest], tmp_path: Path
) -> None:
    _, first = written
    again = write_run(
        make_run(tmp_path, started_at=NOON + timedelta(hours=1)), 10, (dead_letter(1),)
    )
    assert again.outputs == first.outputs
    assert files_under(tmp_path) == listed(first) | BESIDES


@pytest.mark.job
def test_an_empty_corpus_is_published(tmp_path: Path) -> None:
    entry = write_run(make_run(tmp_path), n_labels=0)
    assert (entry.status, entry.counts) == (Status.COMPLETE, RunCounts({}, {}))
    assert {file.table: file.n_rows for file in entry.outputs} == {
        "labels": 0,
        "dead_letters": 0,
        **{f"reports/{name}": int(name == "run_summary") for name in [*REPORT_SCHEMAS, "page"]},
    }
    assert files_under(tmp_path) == listed(entry) | BESIDES


@pytest.mark.job
def test_another_run_of_a_date_replaces_it_and_leaves_other_dates(tmp_path: Path) -> None:
    first = write_run(make_run(tmp_path, n_parts=3), 10, (dead_letter(1),))
    other = write_run(make_run(tmp_path, date=NEXT_DAY), 4)
    killed = tmp_path / "_tmp.dt=2026-11-22" / "0123" / "labels"
    killed.mkdir(parents=True)
    (killed / "rows.0").write_bytes(b"half")
    second = write_run(make_run(tmp_path, model_version="new"), 7)

    assert not listed(first) & listed(second)
    assert files_under(tmp_path) == listed(other, second) | BESIDES
    assert not killed.parent.parent.exists()
    labels = duckdb.read_parquet(f"{tmp_path}/labels/*/*.parquet", hive_partitioning=True)
    counts = labels.query(
        "labels", "select dt, run_id, count(*) from labels group by all order by 1"
    )
    assert counts.fetchall() == [(DAY, second.run_id, 7), (NEXT_DAY, other.run_id, 4)]


@pytest.mark.parametrize("spelling", ["{}/", "{}//", "{}/../{name}"])
def test_no_spelling_of_the_directory_endangers_what_is_listed(
    written: tuple[Run, RunManifest], tmp_path: Path, spelling: str
) -> None:
    _, entry = written
    remove_unlisted(spelling.format(tmp_path, name=tmp_path.name), DAY)
    assert files_under(tmp_path) == listed(entry) | BESIDES


@pytest.mark.job
def test_nothing_is_removed_before_a_run_is_published(tmp_path: Path) -> None:
    path = tmp_path / "labels" / "dt=2026-11-22" / "part-0.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    remove_unlisted(str(tmp_path), DAY)
    write_run(make_run(tmp_path, date=NEXT_DAY), 1)
    assert path.exists()


@pytest.mark.job
def test_too_many_bad_items_are_published_too(tmp_path: Path) -> None:
    run = make_run(tmp_path, max_bad_fraction=0.1)
    entry = write_run(run, 8, (dead_letter(1),))
    assert entry.status is Status.TOO_MANY_BAD_ITEMS
    assert files_under(tmp_path) == listed(entry) | BESIDES


@pytest.mark.job
def test_a_lost_file_is_published_as_such(tmp_path: Path) -> None:
    letters = (dead_letter(1, Reason.UNREADABLE_FILE), dead_letter(2))
    entry = write_run(make_run(tmp_path, max_bad_fraction=0.0), 100, letters)
    assert entry.status is Status.LOST_FILE


@pytest.mark.job
@pytest.mark.parametrize("n_renamed", [0, 1, 6, None])
def test_publishing_that_is_retried_goes_on_where_it_stopped(
    written: tuple[Run, RunManifest], tmp_path: Path, n_renamed: int | None
) -> None:
    run, first = written
    if n_renamed is not None:
        (tmp_path / "_manifest.json").unlink()
        for file in first.outputs[n_renamed:]:
            staged = Path(staging_dir(run.out, DAY, run.run_id)) / file.path
            staged.parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file.path).rename(staged)
    again = finish_run(first.outputs, run)

    assert replace(again, finished_at=first.finished_at) == first
    assert read_manifest(run.out) == Manifest(runs={DAY: again})
    assert files_under(tmp_path) == listed(first) | BESIDES
    assert not list(tmp_path.glob("_tmp*"))


@pytest.mark.job
def test_a_run_that_dies_before_publishing_changes_nothing_that_is_read(
    written: tuple[Run, RunManifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = written

    def die(*_: object) -> RunCounts:
        raise MemoryError("the worker dies")

    def data_files() -> dict[str, bytes]:
        tables = [*tmp_path.glob("[!_]*/dt=*/*"), *tmp_path.glob("reports/*/dt=*/*")]
        return {str(path.relative_to(tmp_path)): path.read_bytes() for path in tables}

    before = data_files()
    assert before.keys() == listed(first)
    other = make_run(tmp_path, model_version="new")
    with monkeypatch.context() as patch:
        patch.setattr(write_manifest, "read_counts", die)
        for run in (other, make_run(tmp_path)):  # another run's id, and the same again
            with pytest.raises(Exception, match="the worker dies"):
                write_run(run, 7)
    assert data_files() == before
    assert read_manifest(str(tmp_path)) == Manifest(runs={DAY: first})
    labels = duckdb.read_parquet(f"{tmp_path}/labels/*/*.parquet")
    ids = labels.query("labels", "select item_id from labels order by item_id::int").fetchall()
    assert ids == [(str(number),) for number in range(10)]

    second = write_run(other, 7)
    assert data_files().keys() == listed(second)
    assert files_under(tmp_path) == listed(second) | BESIDES
    assert not list(tmp_path.glob("_tmp*"))


@pytest.mark.job
def test_a_missing_table_is_not_published(written: tuple[Run, RunManifest]) -> None:
    run, entry = written
    with pytest.raises(RuntimeError, match=r"the run wrote .*; expected .*'labels': 2"):
        finish_run(entry.outputs[:-1], run)
