"""The scoring job: tweets and clips in, labels, dead letters, reports and a manifest out."""

from dataclasses import dataclass

import apache_beam as beam

from beam_jobs.items.elements import DeadLetter
from beam_jobs.items.job_defaults import BATCH_SIZE
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.items.progress import Progress
from beam_jobs.joining.file_check import count_already_scored
from beam_jobs.joining.index_items import IndexItems
from beam_jobs.joining.read_items import ReadItems
from beam_jobs.reading.inputs import JobInputs
from beam_jobs.reports.aggregate_files import AggregateFiles
from beam_jobs.reports.run_reports import ListReportFiles, WriteRunReports
from beam_jobs.runs.earlier_letters import LeaveOutRefused
from beam_jobs.runs.run import Run
from beam_jobs.runs.sorted_parquet import WriteDeadLetters, WriteLabels
from beam_jobs.runs.write_manifest import WriteManifest
from beam_jobs.scoring.label_rows import MakeLabelRows
from beam_jobs.scoring.preprocess import PreprocessItems
from beam_jobs.scoring.score_batches import ScoreEmotions
from beam_jobs.scoring.scoring_model import ScoringModel
from schemas.tables import DEAD_LETTERS


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
    batch_size: int = BATCH_SIZE
    min_confidence: float = 0.0
    reshuffle: bool = False
    progress: Progress | None = None
    published_labels: tuple[str, ...] = ()
    privacy: Privacy = PUBLIC
    accelerator: str | None = None


def build_scoring_pipeline(root: beam.Pipeline, job: ScoringJob) -> None:
    """Every input item ends in exactly one place, once: a label row or a dead-letter row.

    An item that a published run has labelled stays where it is, and is only counted; so does one
    that the run which is extended has refused, and that is refused again.

    The files are read twice. The first time only ids and positions are taken, to find repeated ids
    and the clips that belong to them; then reading, preprocessing, scoring and writing run as one
    stage, so that no text, clip or label crosses a shuffle. With `reshuffle`, items do, as texts
    and paths of clips: clips are opened after it.
    """
    checks = root | IndexItems(job.inputs, job.progress, job.published_labels, job.privacy)
    items = checks | ReadItems(job.inputs, job.privacy)
    read = items.ok | beam.Reshuffle() if job.reshuffle else items.ok
    features = read | PreprocessItems(
        job.model, job.inputs.audio_roots, job.batch_size, job.progress, job.privacy
    )
    scored = features.ok | ScoreEmotions(job.model, job.progress, job.privacy, job.accelerator)
    run = job.run
    rows = MakeLabelRows(run.emotions, run.model_version, run.run_id, job.min_confidence, run.kept)
    labels = scored.ok | rows | WriteLabels(run)
    letters: tuple[beam.PCollection[DeadLetter], ...] = (items.dead, features.dead, scored.dead)
    already_refused = None
    if job.run.extends:
        parted = letters | LeaveOutRefused(job.run.extends.paths(job.run.out, DEAD_LETTERS))
        letters = (parted.new,)
        already_refused = parted.left_out | "AlreadyRefused" >> beam.CombineGlobally(sum)
    dead_letters = letters | WriteDeadLetters(job.run)
    rows = (labels, dead_letters) | "AllRows" >> beam.Flatten()
    reports = rows | ListReportFiles(job.run) | AggregateFiles() | WriteRunReports(job.run)
    already_scored = (
        checks
        | "CountAlreadyScored" >> beam.Map(count_already_scored)
        | "AlreadyScored" >> beam.CombineGlobally(sum)
    )
    (
        (rows, reports)
        | "AllFiles" >> beam.Flatten()
        | WriteManifest(job.run, already_scored, already_refused)
    )
