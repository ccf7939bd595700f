"""Starts a scoring job: checks all that can be checked first, runs it, and says how it ended."""

import argparse
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal, NoReturn

import apache_beam as beam
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    StandardOptions,
)
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.runners.runner import PipelineRunner, create_runner

from beam_jobs.backfill import DATE_FIELD, NoFileOfDateError, on_date
from beam_jobs.cloud_access import prepare_cloud_storage
from beam_jobs.counters import BATCH_SIZE_BOUNDS, RunMetrics, read_metrics
from beam_jobs.inputs import JobInputs, match_files, real_path
from beam_jobs.join import clip_id
from beam_jobs.manifest import (
    Manifest,
    RunManifest,
    Status,
    read_manifest,
    remove_superseded,
    remove_unlisted,
)
from beam_jobs.only_new import NothingNew, files_read, label_paths, run_to_extend
from beam_jobs.output_files import unique_path
from beam_jobs.privacy import Privacy
from beam_jobs.progress import Progress
from beam_jobs.pseudonyms import key_fingerprint
from beam_jobs.remote_job import (
    Submitted,
    check_accelerator,
    check_dataflow,
    is_dataflow,
    keep_machine_private,
    runner_name,
    waits,
)
from beam_jobs.run import InputFile, Run, temporary_name
from beam_jobs.score_emotions import ScoringJob, build_pipeline
from beam_jobs.scoring_model import ScoringModel, load_scorer
from beam_jobs.worker_processes import watch_worker_processes
from model.artifact import Artifact
from model.engine import (
    EngineChoice,
    EngineName,
    Precision,
    available_cores,
    choose_engine,
    has_gpu_device,
)
from model.errors import UserError
from schemas.labels import UNCERTAIN

PART_BYTES = 64 * 2**20
"""Bytes of item files that go to one output part, which is sorted in memory."""
PART_CLIPS = 100_000
"""Clips that go to one output part."""
MAX_PARTS = 256
MAX_BATCH_SIZE = BATCH_SIZE_BOUNDS[-1]
LOCAL_RUNNERS = ("DirectRunner", "FnApiRunner")
POLL_SECONDS = 0.2

OnProgress = Callable[[int, int], None]
"""Called with the number of items done and of items found so far."""


@dataclass(frozen=True)
class ScoringRequest:
    """The command line of `mm-emor score`, as values.

    Attributes:
        items: patterns of item files; `{date}` stands for the run's date.
        clips: patterns of clips whose name's stem is an item's id; `{date}` as in `items`.
        audio_roots: directories under which an item's `audio_uri` may lie.
        out: the output directory.
        model: the artifact: a directory, a `gs://` prefix, or `default`.
        run_date: the date that the run is for.
        if_done: what to do where the date is complete already.
        engine: what to run the model on: auto, tensorflow or onnx.
        precision: of TensorFlow: auto, float32 or bfloat16.
        require_gpu: whether to refuse a machine without a GPU.
        batch_size: items of one batch.
        max_bad_fraction: dead letters among all items, above which the run has failed.
        min_confidence: an item with a lower confidence is labelled uncertain; 0: none is.
        columns: (our field, their column) for each renamed field.
        pseudonymise_authors: whether author ids become tokens, with the environment's key.
        redact_text: whether dead letters keep a text's length in place of the text.
        beam_flags: Beam's own flags.
        only_new: whether what a published run has read or labelled is left out.
        accelerator: the GPU that workers on other machines are to score on, in the runner's words.

    Raises:
        UserError: there is nothing to score, or a number is out of its range.
    """

    items: tuple[str, ...]
    clips: tuple[str, ...]
    audio_roots: tuple[str, ...]
    out: str
    model: str
    run_date: date
    if_done: Literal["skip", "replace"] = "replace"
    engine: str = "auto"
    precision: str = "auto"
    require_gpu: bool = False
    batch_size: int = 256
    max_bad_fraction: float = 0.5
    min_confidence: float = 0.0
    columns: tuple[tuple[str, str], ...] = ()
    pseudonymise_authors: bool = False
    redact_text: bool = False
    beam_flags: tuple[str, ...] = ()
    only_new: bool = False
    accelerator: str | None = None

    def __post_init__(self) -> None:
        if not (self.items or self.clips):
            raise UserError("there is nothing to score: give --items, --clips or both")
        if not 1 <= self.batch_size <= MAX_BATCH_SIZE:
            raise UserError(
                f"--batch-size is {self.batch_size}; it lies within 1 and {MAX_BATCH_SIZE}"
            )
        if not 0 <= self.max_bad_fraction <= 1:
            raise UserError(
                f"--max-bad-fraction is {self.max_bad_fraction}; it lies within 0 and 1"
            )
        if not 0 <= self.min_confidence <= 1:
            raise UserError(f"--min-confidence is {self.min_confidence}; it lies within 0 and 1")
        for flag, value, known in (
            ("--engine", self.engine, EngineName),
            ("--precision", self.precision, Precision),
        ):
            if value not in list(known):
                raise UserError(f"{flag} is {value}; it is one of {', '.join(known)}")
        if self.only_new and self.if_done == "skip":
            raise UserError("--only-new adds to a complete date, which --if-done skip leaves alone")


@dataclass(frozen=True)
class ScoringResult:
    """How a run ended.

    Attributes:
        manifest: the run as published.
        skipped: whether the date was complete already and nothing ran.
        seconds: how long the pipeline ran, start-up left out.
        n_items: items that it labelled or refused; those of a run that it extends are not its own.
        metrics: what it has counted; None where nothing ran.
    """

    manifest: RunManifest
    skipped: bool
    seconds: float
    n_items: int = 0
    metrics: RunMetrics | None = None


@dataclass(frozen=True)
class PreparedJob:
    """A job of which all is checked that can be checked before it runs.

    Attributes:
        job: what the pipeline is built from.
        options: Beam's.
        artifact: the model.
        item_files: files of items that it is to read.
        clip_files: files of clips.
    """

    job: ScoringJob
    options: PipelineOptions
    artifact: Artifact
    item_files: tuple[FileMetadata, ...]
    clip_files: tuple[FileMetadata, ...]


def score_corpus(
    request: ScoringRequest,
    on_progress: OnProgress | None = None,
    on_note: Callable[[str], None] | None = None,
) -> ScoringResult | NothingNew | Submitted:
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
    done = _published_run(run)
    if request.if_done == "skip" and done and done.status == Status.COMPLETE:
        remove_superseded(run.out, done, ())  # what a run that was killed has left
        return ScoringResult(done, skipped=True, seconds=0.0)
    _check_writable(run)
    if not (_is_local(options) or waits(options)):
        return _submit(job, options)
    seconds, metrics = _run_pipeline(job, options, on_progress)
    entry = _published_run(run)
    if entry is None or (entry.run_id, entry.started_at) != (run.run_id, run.started_at):
        raise RuntimeError("the job ended without publishing its run")
    n_before = done.counts.n_items if done and run.extends else 0
    return ScoringResult(
        entry,
        skipped=False,
        seconds=seconds,
        n_items=entry.counts.n_items - n_before,
        metrics=metrics,
    )


def prepare_job(
    request: ScoringRequest, on_note: Callable[[str], None] | None = None
) -> PreparedJob | NothingNew:
    """Checks all of a job that can be checked before it runs; writes nothing.

    Raises:
        UserError: as `score_corpus`.
    """
    options, privacy, artifact, choice = check_common(request)
    is_local = _is_local(options)
    wants_gpu = request.engine == EngineName.TENSORFLOW or has_gpu_device()
    if on_note and is_local and choice.device == "cpu" and wants_gpu:
        on_note("TensorFlow finds no GPU that it can use; the processor scores")
    item_files = _matched(request.items, request.run_date)
    clip_files = _matched(request.clips, request.run_date)
    before = read_manifest(request.out) if request.only_new else None
    if before:
        n_files = len(item_files) + len(clip_files)
        read = files_read(before)
        item_files = [file for file in item_files if _input_file(file) not in read]
        clip_files = [file for file in clip_files if _input_file(file) not in read]
        if not (item_files or clip_files):
            return NothingNew(request.run_date, n_files, before.runs.get(request.run_date))
    before = before or Manifest()
    inputs = JobInputs(
        item_files=tuple(file.path for file in item_files),
        clip_files=tuple(file.path for file in clip_files),
        audio_roots=request.audio_roots,
        columns=request.columns,
    )
    settings = {
        "audio_roots": list(request.audio_roots),
        # The last bits of a score can differ with the batch that it is computed in.
        "batch_size": request.batch_size,
        "engine": choice.as_settings(),
        "columns": [list(column) for column in request.columns],
        "min_confidence": request.min_confidence,
        "author_key": privacy.author_key,  # its fingerprint; null: authors as they are
        "redact_text": privacy.redact_text,
    }
    run = Run(
        out=request.out,
        date=request.run_date,
        model_version=artifact.model_version,
        emotions=artifact.config.emotions,
        n_parts=count_parts(item_files, clip_files),
        started_at=datetime.now(UTC),
        inputs=tuple(_input_file(file) for file in (*item_files, *clip_files)),
        settings=settings,
        max_bad_fraction=request.max_bad_fraction,
        leaves_out=tuple(run.run_id for run in before.runs.values()),
        adds=request.only_new,
        extends=run_to_extend(before, request.run_date, artifact.model_version, settings),
    )
    model = ScoringModel(
        request.model, artifact.model_version, choice, _threads_of_a_worker(options)
    )
    job = ScoringJob(
        inputs,
        model,
        run,
        request.batch_size,
        request.min_confidence,
        reshuffle=not is_local,
        published_labels=label_paths(request.out, before),
        privacy=privacy,
        accelerator=request.accelerator,
    )
    return PreparedJob(job, options, artifact, tuple(item_files), tuple(clip_files))


def check_common(
    request: ScoringRequest,
) -> tuple[PipelineOptions, Privacy, Artifact, EngineChoice]:
    """Checks what is the same for every date of a backfill, and returns what it was made into.

    Raises:
        UserError: a flag, the credentials, the artifact or the manifest that is there is wrong.
    """
    options = parse_beam_flags(request.beam_flags)
    is_local = _is_local(options)
    check_accelerator(request.accelerator, request.require_gpu, options, is_local)
    if not is_local:
        keep_machine_private(options)
    paths = [on_date(each, request.run_date) for each in (*request.items, *request.clips)]
    paths += [*request.audio_roots, request.out, request.model]
    if is_dataflow(options):
        check_dataflow(
            options,
            {
                "--items": request.items,
                "--clips": request.clips,
                "--audio-root": request.audio_roots,
                "--out": (request.out,),
                "--model": (request.model,),
            },
        )
        google = options.view_as(GoogleCloudOptions)
        paths += filter(None, (google.temp_location, google.staging_location))
    prepare_cloud_storage(paths, options)
    privacy = Privacy(
        key_fingerprint() if request.pseudonymise_authors else None, request.redact_text
    )
    artifact = Artifact.load(request.model)
    if request.min_confidence and UNCERTAIN in artifact.config.emotions:
        raise UserError(
            f"--min-confidence cannot be used with {request.model}: {UNCERTAIN!r}, the label of "
            "what lies below it, is one of the model's own emotions"
        )
    choice = choose_engine(
        artifact, request.engine, request.precision, request.require_gpu, is_local
    )
    read_manifest(request.out)
    return options, privacy, artifact, choice


def _threads_of_a_worker(options: PipelineOptions) -> int:
    """Returns how many threads each worker process scores and decodes on.

    Of other runners than the local one nothing is known here; Dataflow starts a process a core.
    """
    direct = options.view_as(DirectOptions)
    if not _is_local(options):
        return 1
    if direct.direct_running_mode != "multi_processing":
        return available_cores()  # one process, whose worker threads share one scorer
    return max(1, available_cores() // (direct.direct_num_workers or available_cores()))


def _is_local(options: PipelineOptions) -> bool:
    """Says whether the job runs on this machine, which it does if no other runner is named."""
    runner = options.view_as(StandardOptions).runner or LOCAL_RUNNERS[0]
    return runner.rpartition(".")[2] in LOCAL_RUNNERS


def _published_run(run: Run) -> RunManifest | None:
    """Returns what is published for the run's date."""
    manifest = read_manifest(run.out)
    return manifest.runs.get(run.date) if manifest else None


def _check_writable(run: Run) -> None:
    """Writes and removes a file; its directory goes when a run of the date is published."""
    try:
        probe = unique_path(FileSystems.join(run.out, temporary_name(run.date)), "probe")
        FileSystems.create(probe).close()
        FileSystems.delete([probe])
    except Exception as error:  # each storage has its own
        first_line = str(error).strip().partition("\n")[0]
        raise UserError(f"--out {run.out} cannot be written: {first_line}") from error


def _run_pipeline(
    job: ScoringJob, options: PipelineOptions, on_progress: OnProgress | None
) -> tuple[float, RunMetrics]:
    if not _is_local(options):
        return _timed(job, None, options)
    if options.view_as(DirectOptions).direct_running_mode == "in_memory":
        # The workers are threads of this process: what is wrong with the weights shows here.
        load_scorer(job.model)
    with tempfile.TemporaryDirectory() as directory:
        progress = Progress(directory)
        with _watched(progress, on_progress), watch_worker_processes():
            return _timed(replace(job, progress=progress), _local_runner(options), options)


def _submit(job: ScoringJob, options: PipelineOptions) -> Submitted:
    """Hands the job over without waiting for its end."""
    with beam.Pipeline(options=options) as root:
        build_pipeline(root, job)
    result = root.result
    has_job = getattr(result, "has_job", True)  # Dataflow's, where only a template was made
    job_id = str(result.job_id()) if has_job and hasattr(result, "job_id") else None
    return Submitted(job.run.date, job.run.run_id, runner_name(options), job_id)


def _local_runner(options: PipelineOptions) -> PipelineRunner:
    """Returns a runner that tells its worker processes the options, as Beam's DirectRunner does.

    DirectRunner itself would first try to download another runner; this one needs no network.
    """
    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    provision = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
    return FnApiRunner(provision_info=ExtendedProvisionInfo(provision))


def _timed(
    job: ScoringJob, runner: PipelineRunner | None, options: PipelineOptions
) -> tuple[float, RunMetrics]:
    """Runs the pipeline to its end; returns the seconds that it took, and what it has counted."""
    started = time.monotonic()
    with beam.Pipeline(runner, options) as root:
        build_pipeline(root, job)
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


def parse_beam_flags(flags: Sequence[str]) -> PipelineOptions:
    """Returns Beam's options.

    Raises:
        UserError: Beam has no such flag, or cannot read its value.
    """
    known = _BeamFlagParser(add_help=False, allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(known)
    _, unknown = known.parse_known_args(list(flags))
    if unknown:
        if not unknown[0].startswith("-"):
            raise UserError(
                f"{unknown[0]} stands alone: quote a pattern, and name several files with --items "
                "or --clips each"
            )
        raise UserError(f"{unknown[0]} is not a flag of this command, nor of Beam's after --")
    logging.getLogger("apache_beam.options.pipeline_options").setLevel(logging.ERROR)
    options = PipelineOptions(list(flags))
    runner = options.view_as(StandardOptions).runner
    if runner:
        try:
            create_runner(runner)
        except (ValueError, ImportError, AttributeError) as error:
            raise UserError(f"--runner is {runner!r}, which Beam does not have") from error
    return options


class _BeamFlagParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"Beam's flags: {message}")

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:
        # Which flags a runner requires is for Beam to say; and two of its classes share a few.
        kwargs.pop("required", None)
        try:
            return super().add_argument(*args, **kwargs)
        except argparse.ArgumentError:
            return argparse.Action([], "")


def count_parts(item_files: Sequence[FileMetadata], clip_files: Sequence[FileMetadata]) -> int:
    """Returns how many files the labels are divided into, from the input's size alone.

    >>> count_parts([FileMetadata("a.jsonl", 200 * 2**20)], [])
    4
    """
    n_bytes: int = sum(file.size_in_bytes for file in item_files)
    return min(1 + n_bytes // PART_BYTES + len(clip_files) // PART_CLIPS, MAX_PARTS)


def _matched(patterns: Sequence[str], day: date) -> list[FileMetadata]:
    """Returns a date's files of all patterns in order, each once, under its first spelling.

    Two links to one file are two files if their stems differ: a clip's stem is its id.
    """
    found: dict[tuple[str, str], FileMetadata] = {}
    for unfilled in patterns:
        pattern = on_date(unfilled, day)
        if os.path.isdir(pattern):
            raise UserError(f"{pattern} is a directory; name its files, as in '{pattern}/*'")
        files = match_files(pattern)
        if not files:
            error = NoFileOfDateError if DATE_FIELD in unfilled else UserError
            raise error(f"no file matches {pattern}")
        for file in files:
            found.setdefault((real_path(file.path), clip_id(file.path)), file)
    return sorted(found.values(), key=lambda file: file.path)


def _input_file(file: FileMetadata) -> InputFile:
    updated = file.last_updated_in_seconds
    return InputFile(file.path, file.size_in_bytes, str(updated) if updated else None)
