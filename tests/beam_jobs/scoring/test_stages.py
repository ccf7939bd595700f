"""Which steps the runner fuses: what is between two shuffles runs as one stage."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import apache_beam as beam
import pyarrow.parquet as pq
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from beam_jobs.reading.inputs import JobInputs
from beam_jobs.runs.run import Run
from beam_jobs.scoring import launch
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.pipeline import ScoringJob, build_scoring_pipeline
from beam_jobs.scoring.request import ScoringRequest
from beam_jobs.scoring.scoring_model import ScoringModel
from model.scoring.engine import FLOAT32

STEPS = (
    "ReadItems-ReadFiles",
    "PreprocessItems-ParDo-PreprocessBatch",
    "ScoreEmotions-RunInference",
    "WriteLabels-WriteParquet-WriteTemporaryRows",
    "WriteDeadLetters-WriteParquet-WriteTemporaryRows",
)
"""What is big when it comes in: a file, items, features, rows."""
DAY = date(2026, 11, 22)


def stages_of(*, reshuffle: bool) -> list[str]:
    """Returns the names of the local runner's stages: those of their steps, joined."""
    run = Run("out", DAY, "0" * 16, ("joy",), 1, datetime(2026, 11, 22, tzinfo=UTC))
    job = ScoringJob(
        JobInputs(("tweets.jsonl",)),
        ScoringModel("default", "0" * 16, FLOAT32),
        run,
        reshuffle=reshuffle,
    )
    pipeline = beam.Pipeline(FnApiRunner())
    build_scoring_pipeline(pipeline, job)
    _, stages = FnApiRunner().create_stages(pipeline.to_runner_api())
    return [stage.name for stage in stages]


def test_one_stage_reads_scores_and_writes_on_one_machine() -> None:
    stages = stages_of(reshuffle=False)
    assert [all(step in stage for step in STEPS) for stage in stages].count(True) == 1


def test_items_are_shuffled_once_they_are_read_where_that_is_asked_for() -> None:
    stages = stages_of(reshuffle=True)
    [reads] = [stage for stage in stages if STEPS[0] in stage]
    [scores] = [stage for stage in stages if STEPS[1] in stage]
    assert "Reshuffle" in reads
    assert not any(step in reads for step in STEPS[1:4])
    assert all(step in scores for step in STEPS[1:])


@pytest.mark.job
def test_the_same_rows_come_out_of_the_reshuffle(
    tiny_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = tmp_path / "tweets.csv"
    items.write_text("id,text\n" + "".join(f"{row},rain {row}\n" for row in range(40)) + "40,\n")
    tables = []
    for reshuffle in (False, True):
        monkeypatch.setattr(
            launch,
            "build_scoring_pipeline",
            lambda root, job, on=reshuffle: build_scoring_pipeline(
                root, replace(job, reshuffle=on)
            ),
        )
        out = tmp_path / str(reshuffle)
        score_corpus(
            ScoringRequest(
                items=(str(items),),
                clips=(),
                audio_roots=(),
                out=str(out),
                model=str(tiny_artifact),
                run_date=DAY,
                engine="openvino",
                precision="float32",
            )
        )
        tables.append(
            [
                pq.read_table(out / name / f"dt={DAY}", partitioning=None)
                for name in ("labels", "dead_letters")
            ]
        )
    (labels, letters), (shuffled_labels, shuffled_letters) = tables
    assert (labels.num_rows, letters.num_rows) == (40, 1)
    assert shuffled_letters == letters
    # The last bits of a score can differ with its place in the batch.
    floats = ["confidence", "scores"]
    assert shuffled_labels.drop_columns(floats) == labels.drop_columns(floats)
    for one, other in zip(labels.to_pylist(), shuffled_labels.to_pylist(), strict=True):
        assert other["scores"] == pytest.approx(one["scores"], abs=1e-5)
