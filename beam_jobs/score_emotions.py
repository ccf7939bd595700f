"""The scoring job: tweets and clips in, labels, dead letters, reports and a manifest out."""

from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from beam_jobs.earlier_letters import LeaveOutRefused
from beam_jobs.elements import DeadLetter, ScoredItem
from beam_jobs.inputs import JobInputs
from beam_jobs.join import IndexItems, count_already_scored
from beam_jobs.parquet_io import WriteDeadLetters, WriteLabels
from beam_jobs.preprocess import PreprocessItems
from beam_jobs.privacy import PUBLIC, Privacy
from beam_jobs.progress import Progress
from beam_jobs.read_items import ReadItems
from beam_jobs.reports import AggregateReports, ListReportFiles, WriteReports
from beam_jobs.run import Run
from beam_jobs.score import ScoreEmotions
from beam_jobs.scoring_model import ScoringModel
from beam_jobs.write_manifest import WriteManifest
from schemas.labels import UNCERTAIN


@dataclass(frozen=True)
class ScoringJob:
    """What one scoring job reads, scores with and writes.

    Attributes:
        inputs: the files, and how to read them.
        model: what to score with.
        run: where everything is written, and under which id.
        batch_size: items of one batch.
        min_confidence: an item with a lower confidence is labelled uncertain; 0: none is.
        reshuffle: whether items are spread over all workers once they are read: without it a worker
            scores what it reads, and a corpus of one large file would keep one worker busy.
        progress: where a local job counts; None elsewhere.
        published_labels: files of labels; an item whose id stands there is not scored again.
        privacy: what of the items no output may show.
        accelerator: the GPU that workers on other machines are to score on, in the runner's words.
    """

    inputs: JobInputs
    model: ScoringModel
    run: Run
    batch_size: int = 256
    min_confidence: float = 0.0
    reshuffle: bool = False
    progress: Progress | None = None
    published_labels: tuple[str, ...] = ()
    privacy: Privacy = PUBLIC
    accelerator: str | None = None


def build_pipeline(root: beam.Pipeline, job: ScoringJob) -> None:
    """Every input item ends in exactly one place, once: a label row or a dead-letter row.

    An item that a published run has labelled stays where it is, and is only counted; so does one
    that the run which is extended has refused, and that is refused again.

    The files are read twice. The first time only ids and positions are taken, to find repeated ids
    and the clips that belong to them; then reading, preprocessing, scoring and writing run as one
    stage, so that no text, clip or label crosses a shuffle. With `reshuffle`, items do, as texts
    and paths of clips: clips are opened after it.
    """
    verdicts = root | IndexItems(job.inputs, job.progress, job.published_labels)
    items = verdicts | ReadItems(job.inputs, job.privacy)
    read = items.ok | beam.Reshuffle() if job.reshuffle else items.ok
    features = read | PreprocessItems(
        job.model, job.inputs.audio_roots, job.batch_size, job.progress, job.privacy
    )
    scored = features.ok | ScoreEmotions(job.model, job.progress, job.privacy, job.accelerator)
    labels = scored.ok | MakeLabelRows(job.run, job.min_confidence) | WriteLabels(job.run)
    letters: tuple[beam.PCollection[DeadLetter], ...] = (items.dead, features.dead, scored.dead)
    already_refused = None
    if job.run.extends:
        parted = letters | LeaveOutRefused(job.run.extends.paths(job.run.out, "dead_letters"))
        letters = (parted.new,)
        already_refused = parted.left_out | "AlreadyRefused" >> beam.CombineGlobally(sum)
    dead_letters = letters | WriteDeadLetters(job.run)
    rows = (labels, dead_letters) | "AllRows" >> beam.Flatten()
    reports = rows | ListReportFiles(job.run) | AggregateReports() | WriteReports(job.run)
    already_scored = (
        verdicts
        | "CountAlreadyScored" >> beam.Map(count_already_scored)
        | "AlreadyScored" >> beam.CombineGlobally(sum)
    )
    (
        (rows, reports)
        | "AllFiles" >> beam.Flatten()
        | WriteManifest(job.run, already_scored, already_refused)
    )


@dataclass
class MakeLabelRows(beam.PTransform):
    """In come `ScoredItem`s, out come rows of `schemas.labels.label_schema`."""

    run: Run
    min_confidence: float = 0.0

    def expand(self, scored: beam.PCollection[ScoredItem]) -> beam.PCollection[dict[str, Any]]:
        """Maps item by item."""
        return scored | beam.Map(
            to_label_row,
            self.run.emotions,
            self.run.model_version,
            self.run.run_id,
            self.min_confidence,
        )


def to_label_row(
    scored: ScoredItem,
    emotions: tuple[str, ...],
    model_version: str,
    run_id: str,
    min_confidence: float = 0.0,
) -> dict[str, Any]:
    """Returns a scored item as a row of `schemas.labels.label_schema`.

    Below `min_confidence` its `emotion` is `UNCERTAIN`; its scores still say which is the highest.
    """
    item, scores = scored.item, scored.scores
    best = int(scores.scores.argmax())
    # The float32 that is written, as a double: the limit itself is not rounded to float32.
    confidence = float(scores.scores[best])
    return {
        "item_id": item.item_id,
        "created_at": item.created_at,
        "author_id": item.author_id,
        "lang": item.lang,
        "hashtags": list(item.hashtags),
        "modality": str(scores.modality),
        "emotion": UNCERTAIN if confidence < min_confidence else emotions[best],
        "confidence": confidence,
        "scores": dict(zip(emotions, scores.scores.tolist(), strict=True)),
        "text_emotion": _highest(scores.text_scores, emotions),
        "audio_emotion": _highest(scores.audio_scores, emotions),
        "disagreement": scores.disagreement,
        "n_tokens": scored.n_tokens,
        "truncated": scored.truncated,
        "clip_seconds": scored.clip_seconds,
        "model_version": model_version,
        "run_id": run_id,
    }


def _highest(scores: Any | None, emotions: tuple[str, ...]) -> str | None:
    return None if scores is None else emotions[int(scores.argmax())]
