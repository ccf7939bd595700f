"""The same corpus on every runner that can run here: the same rows."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from beam_jobs.launch import ScoringResult, score_corpus
from beam_jobs.scoring_request import ScoringRequest
from tests.model.clips import encode, speech_like

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
