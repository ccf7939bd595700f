"""The same corpus on every runner that can run here: the same rows."""

import os
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.reports.request import ReportRequest, report_corpus
from beam_jobs.runners import remote_job
from beam_jobs.runners.remote_job import check_job_server
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.request import ScoringRequest
from beam_jobs.scoring.scoring_result import ScoringResult
from model.errors import UserError
from tests.support.clips import encode, speech_like

DAY = date(2026, 11, 22)
ENDPOINT_VARIABLE = "MM_EMOR_JOB_ENDPOINT"
"""Address of a job server of Flink's, Spark's or another's; its workers share this file system."""
RUNNERS = {
    "processes": ("--direct_running_mode=multi_processing", "--direct_num_workers=2"),
    "job server": (
        "--runner=PortableRunner",
        f"--job_endpoint={os.environ.get(ENDPOINT_VARIABLE)}",
        f"--environment_type={os.environ.get('MM_EMOR_ENVIRONMENT_TYPE', 'LOOPBACK')}",
    ),
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    (path / "clips").mkdir(parents=True)
    lines = [f'{{"id": "{number}", "text": "the rain {number}"}}' for number in range(30)]
    lines += ["nope", '{"id": "3", "text": "again"}', '{"id": "empty"}']
    (path / "tweets.jsonl").write_text("\n".join(lines), encoding="utf-8")
    clip = encode(speech_like(0.5), 16_000, "wav")
    for name in ("1", "lone"):
        (path / "clips" / f"{name}.wav").write_bytes(clip)
    return path


def rows_of(corpus: Path, model: Path, out: Path, flags: tuple[str, ...]) -> list[Any]:
    request = ScoringRequest(
        items=(f"{corpus}/tweets.jsonl",),
        clips=(f"{corpus}/clips/*",),
        audio_roots=(),
        out=str(out),
        model=str(model),
        run_date=DAY,
        engine="openvino",
        precision="float32",
        beam_flags=flags,
    )
    result = score_corpus(request)
    assert isinstance(result, ScoringResult)
    tables = ("labels", "dead_letters", "reports/by_emotion")
    return [pq.read_table(out / name / f"dt={DAY}", partitioning=None) for name in tables]


@pytest.mark.slow
@pytest.mark.parametrize("runner", RUNNERS)
def test_the_rows_are_those_of_one_process(
    runner: str, corpus: Path, tiny_artifact: Path, tmp_path: Path
) -> None:
    if runner == "job server" and ENDPOINT_VARIABLE not in os.environ:
        pytest.skip(f"{ENDPOINT_VARIABLE} names no job server")
    here = rows_of(corpus, tiny_artifact, tmp_path / "here", ())
    there = rows_of(corpus, tiny_artifact, tmp_path / "there", RUNNERS[runner])
    assert (here[0].num_rows, here[1].num_rows) == (31, 3)
    assert there[1] == here[1]
    floats = ["confidence", "scores", "disagreement"]
    assert there[0].drop_columns(floats) == here[0].drop_columns(floats)
    for one, other in zip(here[0].to_pylist(), there[0].to_pylist(), strict=True):
        assert other["scores"] == pytest.approx(one["scores"], abs=1e-5)
    counts = ["emotion", "n_items", "share"]
    assert there[2].select(counts) == here[2].select(counts)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_job_server_is_called_before_anything_is_sent(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_job, "JOB_SERVER_SECONDS", 0.3)
    port = listening.getsockname()[1]
    for endpoint in (f"127.0.0.1:{port}", "embed"):
        check_job_server(PipelineOptions(["--job_endpoint", endpoint]))
    check_job_server(PipelineOptions([]))
    listening.close()
    for endpoint, reason in ((f"127.0.0.1:{port}", "Connection refused"), ("a..b:1", ".")):
        with pytest.raises(
            UserError, match=f"^--job_endpoint {endpoint} does not answer: {reason}"
        ):
            check_job_server(PipelineOptions(["--job_endpoint", endpoint]))


def test_a_job_server_may_be_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = iter(["Connection refused", "Connection refused", None])
    monkeypatch.setattr(remote_job, "_why_silent", lambda host, port: next(refusals))
    check_job_server(PipelineOptions(["--job_endpoint", "[::1]:8099"]))
    assert next(refusals, "called three times") == "called three times"


@pytest.mark.parametrize(
    "endpoint", ["localhost", ":8099", "localhost:", "localhost:http", "localhost:65536"]
)
def test_a_job_server_has_a_host_and_a_port(endpoint: str, tmp_path: Path) -> None:
    flags = ("--runner=PortableRunner", f"--job_endpoint={endpoint}")
    message = f"^--job_endpoint is '{endpoint}'; it must be HOST:PORT$"
    with pytest.raises(UserError, match=message):
        rows_of(tmp_path, tmp_path, tmp_path / "out", flags)
    with pytest.raises(UserError, match=message):
        report_corpus(ReportRequest((str(tmp_path),), str(tmp_path / "report"), beam_flags=flags))
    assert not list(tmp_path.iterdir())
