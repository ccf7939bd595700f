"""What a run counts, in its result and in the file for Prometheus."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from beam_jobs.commands.metrics_file import check_metrics_path, render_metrics, write_metrics
from beam_jobs.items.counters import RunMetrics, Spread
from beam_jobs.runs.job_outcome import RunMeasures
from beam_jobs.runs.manifest import RunCounts, RunManifest, Status
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.request import ScoringRequest
from beam_jobs.scoring.scoring_result import ScoringResult
from model.errors import UserError
from schemas.dead_letters import Reason
from tests.support.clips import encode, speech_like
from tests.support.command_line import Run

RESULT = ScoringResult(
    RunManifest(
        status=Status.TOO_MANY_BAD_ITEMS,
        run_id="60706f4b",
        date=date(2026, 11, 14),
        model_version='a"b',
        started_at=datetime(2026, 11, 14, tzinfo=UTC),
        finished_at=datetime(2026, 11, 14, 0, 0, 1, 500_000, tzinfo=UTC),
        counts=RunCounts({"text": 2, "text+audio": 1}, {"broken_json": 5}),
    ),
    out="out",
    measures=RunMeasures(
        seconds=2.5,
        n_items=4,  # the others are of a run that this one adds to
        metrics=RunMetrics(
            items_read=8,
            tokens=31,
            clip_seconds=1.25,
            batches={1: 1, 4: 2, 16: 0},
            batch_sizes=Spread(3, 8, 1, 4),
            stage_seconds={
                "preprocess": Spread(3, 0.25, 0.05, 0.1),
                "score": Spread(2, 1, 0.5, 0.5),
            },
        ),
    ),
)
DEAD = "".join(
    f'mm_emor_dead_letters{{reason="{reason}"}} {5.0 if reason == Reason.BROKEN_JSON else 0.0}\n'
    for reason in Reason
)
TEXT = f"""\
# HELP mm_emor_run_info Which run this is.
# TYPE mm_emor_run_info gauge
mm_emor_run_info{{date="2026-11-14",model_version="a\\"b",run_id="60706f4b"}} 1.0
# HELP mm_emor_run_status 1 for how the run ended.
# TYPE mm_emor_run_status gauge
mm_emor_run_status{{status="complete"}} 0.0
mm_emor_run_status{{status="too_many_bad_items"}} 1.0
mm_emor_run_status{{status="lost_file"}} 0.0
# HELP mm_emor_run_finished_timestamp_seconds When the run was published, in seconds since 1970.
# TYPE mm_emor_run_finished_timestamp_seconds gauge
mm_emor_run_finished_timestamp_seconds 1.7946144015e+09
# HELP mm_emor_items Items that came in: labels and dead letters.
# TYPE mm_emor_items gauge
mm_emor_items 8.0
# HELP mm_emor_labels Items that were labelled, by what was scored.
# TYPE mm_emor_labels gauge
mm_emor_labels{{modality="text"}} 2.0
mm_emor_labels{{modality="audio"}} 0.0
mm_emor_labels{{modality="text+audio"}} 1.0
# HELP mm_emor_dead_letters Items that were refused, by reason.
# TYPE mm_emor_dead_letters gauge
{DEAD}# HELP mm_emor_run_skipped 1 where there was nothing to do.
# TYPE mm_emor_run_skipped gauge
mm_emor_run_skipped 0.0
# HELP mm_emor_command_finished_timestamp_seconds When the command ended, in seconds since 1970.
# TYPE mm_emor_command_finished_timestamp_seconds gauge
mm_emor_command_finished_timestamp_seconds 1.794614402e+09
# HELP mm_emor_run_seconds How long the pipeline ran.
# TYPE mm_emor_run_seconds gauge
mm_emor_run_seconds 2.5
# HELP mm_emor_items_per_second Items of this run, a second of it.
# TYPE mm_emor_items_per_second gauge
mm_emor_items_per_second 1.6
# HELP mm_emor_items_read Items that the workers have read.
# TYPE mm_emor_items_read gauge
mm_emor_items_read 8.0
# HELP mm_emor_tokens Tokens of the labelled texts, before any cut.
# TYPE mm_emor_tokens gauge
mm_emor_tokens 31.0
# HELP mm_emor_clip_seconds Length of the labelled clips.
# TYPE mm_emor_clip_seconds gauge
mm_emor_clip_seconds 1.25
# HELP mm_emor_batch_size Items a batch.
# TYPE mm_emor_batch_size histogram
mm_emor_batch_size_bucket{{le="1"}} 1.0
mm_emor_batch_size_bucket{{le="4"}} 3.0
mm_emor_batch_size_bucket{{le="16"}} 3.0
mm_emor_batch_size_bucket{{le="+Inf"}} 3.0
mm_emor_batch_size_count 3.0
mm_emor_batch_size_sum 8.0
# HELP mm_emor_stage_seconds Time of a batch in a stage.
# TYPE mm_emor_stage_seconds summary
mm_emor_stage_seconds_count{{stage="preprocess"}} 3.0
mm_emor_stage_seconds_sum{{stage="preprocess"}} 0.25
mm_emor_stage_seconds_count{{stage="score"}} 2.0
mm_emor_stage_seconds_sum{{stage="score"}} 1.0
"""


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beam_jobs.commands.metrics_file._now", lambda: 1794614402.0)


def test_the_text_of_a_run() -> None:
    assert render_metrics(RESULT.manifest, RESULT.measures).decode() == TEXT


def test_a_skipped_run_has_the_numbers_of_its_manifest() -> None:
    text = render_metrics(RESULT.manifest, None).decode()
    names = set(re.findall(r"^# TYPE mm_emor_(\w+)", text, re.MULTILINE))
    assert names == {
        *("run_info", "run_status", "run_skipped", "run_finished_timestamp_seconds"),
        *("items", "labels", "dead_letters", "command_finished_timestamp_seconds"),
    }
    assert "mm_emor_run_skipped 1.0\n" in text


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "mm_emor.prom"
    path.write_text("old")
    write_metrics(str(path), RESULT)
    assert path.read_text(encoding="utf-8") == TEXT
    assert [one.name for one in tmp_path.iterdir()] == ["mm_emor.prom"]


def test_a_path_that_will_not_do_is_told_before_the_job(tmp_path: Path) -> None:
    check_metrics_path(str(tmp_path / "x.prom"))
    check_metrics_path("x.prom")
    for path, message in (
        ("gs://bucket/x.prom", "is a URI; it must be a path on this machine"),
        (str(tmp_path), "is a directory"),
        (str(tmp_path / "gone" / "x.prom"), "lies in no directory that can be written"),
    ):
        with pytest.raises(UserError, match=message):
            check_metrics_path(path)


def corpus(directory: Path) -> dict[str, Any]:
    """Four texts of seven tokens, one with a clip of 1.5 s; an empty text; a broken line."""
    texts = ["the rain", "sad", "the train", "sad rain", " "]
    records = [{"id": str(row), "text": text} for row, text in enumerate(texts)]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (directory / "tweets.jsonl").write_text(lines + "{\n", encoding="utf-8")
    (directory / "clips").mkdir()
    (directory / "clips" / "1.wav").write_bytes(encode(speech_like(1.5), 16_000, "wav"))
    return {"items": (f"{directory}/tweets.jsonl",), "clips": (f"{directory}/clips/*",)}


@pytest.mark.job
@pytest.mark.parametrize(
    "flags",
    [
        (),
        pytest.param(
            ("--direct_num_workers=2", "--direct_running_mode=multi_processing"),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["one process", "two processes"],
)
def test_counts_of_a_run(tiny_artifact: Path, tmp_path: Path, flags: tuple[str, ...]) -> None:
    request = ScoringRequest(
        **corpus(tmp_path),
        audio_roots=(),
        out=str(tmp_path / "out"),
        model=str(tiny_artifact),
        run_date=date(2026, 11, 14),
        batch_size=2,
        beam_flags=flags,
    )
    result = score_corpus(request)
    assert result.measures
    metrics = result.measures.metrics
    assert (metrics.items_read, metrics.tokens, metrics.clip_seconds) == (6, 7, 1.5)
    sizes = metrics.batch_sizes
    assert (sizes.sum, sizes.min, sizes.max, sizes.count) == (5, 1, 2, 3)
    assert metrics.batches == {1: 1, 4: 2, 16: 0, 64: 0, 256: 0, 1024: 0, 4096: 0}
    assert metrics.stage_seconds["preprocess"].count == 3
    assert metrics.stage_seconds["score"].count in {2, 3}  # a batch of the empty text has no item
    assert metrics.stage_seconds["score"].sum <= result.measures.seconds
    assert json.loads(json.dumps(result.to_json()["metrics"]))["batches"]["4"] == 2


@pytest.mark.job
def test_a_failed_run_writes_its_metrics_too(
    mm_emor: Run, tiny_artifact: Path, tmp_path: Path
) -> None:
    corpus(tmp_path)
    code, out, _ = mm_emor(
        *("score", "--items", f"{tmp_path}/tweets.jsonl", "--out", str(tmp_path / "out")),
        *("--model", str(tiny_artifact), "--max-bad-fraction", "0.1", "--json"),
        *("--metrics-file", str(tmp_path / "mm_emor.prom")),
    )
    assert code == 1
    text = (tmp_path / "mm_emor.prom").read_text(encoding="utf-8")
    assert 'mm_emor_run_status{status="too_many_bad_items"} 1.0\n' in text
    assert 'mm_emor_dead_letters{reason="empty_text"} 1.0\n' in text
    assert json.loads(out)["metrics"]["items_read"] == 6


def test_a_backfill_writes_no_metrics(mm_emor: Run, tmp_path: Path) -> None:
    code, _, stderr = mm_emor(
        *("score", "--items", "{date}.csv", "--from", "2026-11-01", "--to", "2026-11-02"),
        *("--out", str(tmp_path), "--metrics-file", str(tmp_path / "x.prom")),
    )
    assert code == 2
    assert stderr == "mm-emor: --metrics-file holds one run; --from and --to make several\n"


@pytest.mark.job
def test_a_run_is_told_where_its_metrics_cannot_be_written(
    tmp_path: Path, tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from beam_jobs.commands import cli, metrics_file

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(metrics_file, "write_metrics", full)
    (tmp_path / "tweets.csv").write_text("id,text\n1,rain\n")
    request = ScoringRequest(
        items=(f"{tmp_path}/tweets.csv",),
        clips=(),
        audio_roots=(),
        out=str(tmp_path / "out"),
        model=str(tiny_artifact),
        run_date=date(2026, 11, 14),
    )
    with pytest.raises(typer.Exit) as ended:
        cli._score_and_report(request, as_json=True, metrics_file=str(tmp_path / "x.prom"))
    told = capsys.readouterr()
    assert ended.value.exit_code == 1
    assert json.loads(told.out)["labels"] == {"text": 1}
    assert told.err == (
        f"mm-emor: --metrics-file {tmp_path}/x.prom cannot be written: No space left on device\n"
    )
