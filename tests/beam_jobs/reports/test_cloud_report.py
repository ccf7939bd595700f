"""A report of runs in `gs://`, to `gs://`: the same tables as on a local disk."""

from dataclasses import replace
from pathlib import Path

import pytest

from beam_jobs.reports import directory as report_directory
from beam_jobs.reports.request import ReportRequest, report_corpus
from beam_jobs.scoring.launch import score_corpus
from tests.beam_jobs.buckets import objects, put, request_for
from tests.beam_jobs.storage_server import StorageServer


@pytest.mark.parametrize("faulty", [0.0, pytest.param(0.2, marks=pytest.mark.slow)])
def test_a_report_of_runs_in_a_bucket(
    storage: StorageServer, bucket_corpus: Path, tmp_path: Path, faulty: float
) -> None:
    put(bucket_corpus)
    score_corpus(request_for("gs://in", "gs://out/runs"))
    storage.faulty = faulty
    request = ReportRequest(("gs://out/runs",), "gs://out/report", by=("lang", "modality"))
    made = report_corpus(request)
    storage.faulty = 0.0
    local = report_corpus(replace(request, out=f"{tmp_path}/report"))
    assert made.tables == local.tables
    names = {name.removeprefix("report/") for name in objects("out") if name.startswith("report/")}
    assert names == {path.name for path in (tmp_path / "report").iterdir()}

    # Again with other tables: those that are no longer made are gone.
    report_corpus(replace(request, by=("hashtag",)))
    names = {name.removeprefix("report/") for name in objects("out") if name.startswith("report/")}
    assert "by_hashtag.parquet" in names
    assert "by_language.parquet" not in names
    assert not any(name.startswith("_tmp") for name in names)


def test_a_report_that_fails_leaves_the_bucket_as_it_was(
    storage: StorageServer, bucket_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket_corpus)
    score_corpus(request_for("gs://in", "gs://out/runs"))
    made = report_corpus(ReportRequest(("gs://out/runs",), f"{tmp_path}/report", by=("lang",)))
    before = objects("out")
    stage = report_directory.stage_file

    def fail_at_the_last(path: str, content: bytes | memoryview, temporary_dir: str) -> str:
        if path.endswith("report.json"):
            raise OSError("stopped")
        return stage(path, content, temporary_dir)

    monkeypatch.setattr(report_directory, "stage_file", fail_at_the_last)
    with pytest.raises(OSError, match="stopped"):
        report_directory.write_report(made, "gs://out/report")
    assert objects("out") == before
