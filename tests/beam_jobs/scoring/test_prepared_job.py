"""A job before it runs: the threads of its workers, and what it notes of a processor or a GPU."""

from datetime import date
from pathlib import Path

import pytest

from beam_jobs.runners.beam_flags import parse_beam_flags, runs_here
from beam_jobs.scoring import prepared_job
from beam_jobs.scoring.prepared_job import prepare_job
from beam_jobs.scoring.request import ScoringRequest
from model.scoring.artifact import Artifact


def notes_of(tmp_path: Path, artifact: Path, engine: str, precision: str) -> list[str]:
    notes: list[str] = []
    request = ScoringRequest(
        items=(f"{tmp_path}/tweets.jsonl",),
        clips=(),
        audio_roots=(),
        out=str(tmp_path / "out"),
        model=str(artifact),
        run_date=date(2026, 11, 14),
        engine=engine,
        precision=precision,
    )
    (tmp_path / "tweets.jsonl").write_text('{"id": "1", "text": "rain"}\n', encoding="utf-8")
    prepare_job(request, on_note=notes.append)
    return notes


@pytest.mark.parametrize(
    ("flags", "is_local", "n_threads"),
    [
        ([], True, 4),
        (["--runner=DirectRunner"], True, 4),
        (["--direct_running_mode=multi_threading", "--direct_num_workers=4"], True, 4),
        (["--direct_running_mode=multi_processing", "--direct_num_workers=2"], True, 2),
        (["--direct_running_mode=multi_processing", "--direct_num_workers=0"], True, 1),
        (["--runner=FlinkRunner"], False, 1),
    ],
)
def test_the_threads_of_a_worker(
    monkeypatch: pytest.MonkeyPatch, flags: list[str], is_local: bool, n_threads: int
) -> None:
    monkeypatch.setattr(prepared_job, "available_cores", lambda: 4)
    options = parse_beam_flags(flags)
    assert runs_here(options) is is_local
    assert prepared_job._threads_of_a_worker(options) == n_threads


@pytest.mark.parametrize(("engine", "is_told"), [("auto", False), ("tensorflow", True)])
def test_a_processor_that_scores_in_a_gpu_s_stead_is_told(
    tiny_artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
    is_told: bool,
) -> None:
    monkeypatch.setattr("model.scoring.engine.has_gpu_device", lambda: False)
    told = ["TensorFlow finds no GPU that it can use; the processor scores"]
    assert notes_of(tmp_path, tiny_artifact, engine, "float32") == (told if is_told else [])


def test_openvino_scores_on_the_processor_without_a_word_of_the_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_job, "has_gpu_device", lambda: True)
    assert notes_of(tmp_path, Artifact.load("default").path, "openvino", "auto") == []
