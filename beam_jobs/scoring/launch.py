"""Prepares a scoring job, runs it, and returns how it ended."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.runners.runner import PipelineRunner

from beam_jobs.items.counters import RunMetrics, read_metrics
from beam_jobs.items.progress import Progress
from beam_jobs.runners.beam_flags import runs_here
from beam_jobs.runners.local_runner import local_runner
from beam_jobs.runners.remote_job import Submitted, runner_name, waits
from beam_jobs.runs.if_done import IfDone
from beam_jobs.runs.job_outcome import JobOutcome, RunMeasures
from beam_jobs.runs.manifest import RunManifest, Status, read_manifest
from beam_jobs.runs.only_new import NothingNew
from beam_jobs.runs.output_files import check_writable
from beam_jobs.runs.publish import remove_superseded, remove_unlisted
from beam_jobs.runs.run import Run, temporary_name
from beam_jobs.scoring.pipeline import ScoringJob, build_scoring_pipeline
from beam_jobs.scoring.prepared_job import prepare_job
from beam_jobs.scoring.request import ScoringRequest
from beam_jobs.scoring.scoring_model import load_scorer
from beam_jobs.scoring.scoring_result import ScoringResult

POLL_SECONDS = 0.2
OnProgress = Callable[[int, int], None]
"""Called with the number of items done and of items found so far."""


def score_corpus(
    request: ScoringRequest,
    on_progress: OnProgress | None = None,
    on_note: Callable[[str], None] | None = None,
) -> JobOutcome:
    """Runs a scoring job to its end, or hands it to a runner that is not waited for.

    Args:
        request: what to score, with what, and where to.
        on_progress: called now and then, in a local run.
        on_note: called with what the operator may want to know before the run.

    Raises:
        UserError: a flag, an input, the artifact or the output directory is wrong; no item was
            read. `NoFileOfDateError` where the date's files are not there.
        RuntimeError: the job ended, and what is published for the date is not its run.
    """
    prepared = prepare_job(request, on_note)
    if isinstance(prepared, NothingNew):
        remove_unlisted(request.out, request.run_date)  # what a run that was killed has left
        return prepared
    job, options, run = prepared.job, prepared.options, prepared.job.run
    done = _run_of_date(run)
    if request.if_done == IfDone.SKIP and done and done.status == Status.COMPLETE:
        remove_superseded(run.out, done, ())  # what a run that was killed has left
        return ScoringResult(done, run.out)
    check_writable(run.out, temporary_name(run.date))
    if not (runs_here(options) or waits(options)):
        return _submit(job, options)
    seconds, metrics = _run_pipeline(job, options, on_progress)
    entry = _run_of_date(run)
    if entry is None or (entry.run_id, entry.started_at) != (run.run_id, run.started_at):
        raise RuntimeError("the job ended without publishing its run")
    n_before = done.counts.n_items if done and run.extends else 0
    measures = RunMeasures(seconds, entry.counts.n_items - n_before, metrics)
    return ScoringResult(entry, run.out, measures)


def _run_of_date(run: Run) -> RunManifest | None:
    """Returns what is published for the run's date."""
    manifest = read_manifest(run.out)
    return manifest.runs.get(run.date) if manifest else None


def _run_pipeline(
    job: ScoringJob, options: PipelineOptions, on_progress: OnProgress | None
) -> tuple[float, RunMetrics]:
    if not runs_here(options):
        return _timed(job, None, options)
    if options.view_as(DirectOptions).direct_running_mode == "in_memory":
        # The workers are threads of this process: what is wrong with the weights shows here.
        load_scorer(job.model)
    with tempfile.TemporaryDirectory() as directory:
        progress = Progress(directory)
        with _watched(progress, on_progress), local_runner(options) as runner:
            return _timed(replace(job, progress=progress), runner, options)


def _submit(job: ScoringJob, options: PipelineOptions) -> Submitted:
    """Hands the job over without waiting for its end."""
    with beam.Pipeline(options=options) as root:
        build_scoring_pipeline(root, job)
    result = root.result
    has_job = getattr(result, "has_job", True)  # Dataflow's, where only a template was made
    job_id = str(result.job_id()) if has_job and hasattr(result, "job_id") else None
    return Submitted(job.run.date, job.run.run_id, runner_name(options), job_id)


def _timed(
    job: ScoringJob, runner: PipelineRunner | None, options: PipelineOptions
) -> tuple[float, RunMetrics]:
    """Runs the pipeline to its end; returns the seconds of its run, and what it has counted."""
    with beam.Pipeline(runner, options) as root:
        build_scoring_pipeline(root, job)
        started = time.monotonic()
    return time.monotonic() - started, read_metrics(root.result)


@contextmanager
def _watched(progress: Progress, on_progress: OnProgress | None) -> Iterator[None]:
    """Reports progress from a thread while the local runner holds this one."""
    if on_progress is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(POLL_SECONDS):
            on_progress(progress.done(), progress.found())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        on_progress(progress.done(), progress.found())
