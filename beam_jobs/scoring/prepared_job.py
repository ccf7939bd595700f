"""A scoring job before it runs: its request is checked, its files are found; nothing is written."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
)

from beam_jobs.items.paths import InputFile, real_path, to_name, to_path
from beam_jobs.items.privacy import Privacy
from beam_jobs.items.pseudonyms import KEY_VARIABLE, has_key, key_fingerprint
from beam_jobs.joining.file_check import clip_id
from beam_jobs.reading.compression import is_archive_name
from beam_jobs.reading.inputs import JobInputs, match_files
from beam_jobs.reading.kept_fields import check_kept
from beam_jobs.runners.beam_flags import parse_beam_flags, runs_here
from beam_jobs.runners.cloud_access import prepare_cloud_storage
from beam_jobs.runners.remote_job import (
    check_accelerator,
    check_dataflow,
    check_job_server,
    is_dataflow,
    keep_machine_private,
)
from beam_jobs.runs.manifest import Manifest, read_manifest
from beam_jobs.runs.only_new import NothingNew, files_read, label_paths, run_to_extend
from beam_jobs.runs.run import Run
from beam_jobs.scoring.backfill import DATE_FIELD, NoFileOfDateError, on_date
from beam_jobs.scoring.pipeline import ScoringJob
from beam_jobs.scoring.request import ScoringRequest
from beam_jobs.scoring.scoring_model import ScoringModel
from model.errors import UserError
from model.scoring.artifact import Artifact
from model.scoring.engine import EngineChoice, EngineName, choose_engine, has_gpu_device
from model.scoring.processor import available_cores
from model.scoring.scorer import emotions_among
from schemas.labels import UNCERTAIN

PART_BYTES = 64 * 2**20
"""Bytes of item files that go to one output part, which is sorted in memory."""
PART_CLIPS = 100_000
"""Clips that go to one output part."""
MAX_PARTS = 256


@dataclass(frozen=True)
class PreparedJob:
    """A job that passed every check that can be made before it runs.

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
    item_files: tuple[InputFile, ...]
    clip_files: tuple[InputFile, ...]


@dataclass(frozen=True)
class CheckedRequest:
    """A request whose flags and model are in order, and what they were made into.

    Attributes:
        options: Beam's.
        inputs: how the files are read; which ones is each date's own.
        privacy: what of the items no output may show.
        artifact: the model.
        engine: what the model runs on.
    """

    options: PipelineOptions
    inputs: JobInputs
    privacy: Privacy
    artifact: Artifact
    engine: EngineChoice


@dataclass(frozen=True)
class FoundFiles:
    """The files of a date that a job is to read.

    Attributes:
        item_files: those of items.
        clip_files: those of clips.
        n_read: files that match, too, but that published runs have read.
        published: the runs whose items are not scored again; none but with `--only-new`.
    """

    item_files: tuple[InputFile, ...]
    clip_files: tuple[InputFile, ...]
    n_read: int
    published: Manifest


def prepare_job(
    request: ScoringRequest, on_note: Callable[[str], None] | None = None
) -> PreparedJob | NothingNew:
    """Makes every check of a job that can be made before it runs; writes nothing.

    Args:
        request: what to score, with what, and where to.
        on_note: called with what the operator may want to know before the run.

    Returns:
        The job; or that published runs have read all of its files.

    Raises:
        UserError: as `score_corpus`.
    """
    checked = check_request(request)
    if on_note and _misses_gpu(request.engine, checked):
        on_note("TensorFlow finds no GPU that it can use; the processor scores")
    files = find_files(request)
    if not (files.item_files or files.clip_files):
        published = files.published.runs.get(request.run_date)
        return NothingNew(request.run_date, files.n_read, published)
    return make_job(request, checked, files)


def check_request(request: ScoringRequest) -> CheckedRequest:
    """Checks what is the same for every date of a backfill.

    Raises:
        UserError: a flag, the credentials, the artifact or the manifest that is there is wrong.
    """
    options = parse_beam_flags(request.beam_flags)
    is_local = runs_here(options)
    check_accelerator(request.accelerator, request.require_gpu, options, is_local)
    if not is_local:
        keep_machine_private(options)
        check_job_server(options)
    _check_storage(request, options)
    privacy = _privacy_of(request)
    check_kept(request.keep, request.columns, privacy)
    inputs = JobInputs(
        audio_roots=tuple(map(to_path, request.audio_roots)),
        columns=request.columns,
        text_format=request.text_format,
        source=request.source,
        keep=request.keep,
    )
    artifact = Artifact.load(request.model)
    emotions_among(artifact.config.emotions, request.emotions)
    if request.min_confidence and UNCERTAIN in artifact.config.emotions:
        raise UserError(
            f"--min-confidence cannot be used with {request.model}: {UNCERTAIN!r}, the label of "
            "what lies below it, is one of the model's own emotions"
        )
    engine = choose_engine(
        artifact, request.engine, request.precision, request.require_gpu, is_local
    )
    read_manifest(request.out)
    return CheckedRequest(options, inputs, privacy, artifact, engine)


def _privacy_of(request: ScoringRequest) -> Privacy:
    uses_key = request.pseudonymise_authors or (request.redact_text and has_key())
    flag = "--pseudonymise-authors" if request.pseudonymise_authors else "--redact-text"
    key = key_fingerprint(flag) if uses_key else None
    privacy = Privacy(key if request.pseudonymise_authors else None, request.redact_text, key)
    if request.only_new and privacy.content_digest is None:
        raise UserError(
            f"--only-new with --redact-text needs a key in {KEY_VARIABLE}: without one nothing is "
            "kept that tells a line which is newly refused from one that was refused before"
        )
    return privacy


def _check_storage(request: ScoringRequest, options: PipelineOptions) -> None:
    """Checks that what lies in cloud storage can be reached, by Dataflow's workers too."""
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


def _misses_gpu(engine: EngineName, checked: CheckedRequest) -> bool:
    """Says whether this machine has a GPU, or TensorFlow was asked for, and none is used."""
    wants_gpu = engine == EngineName.TENSORFLOW or (engine == EngineName.AUTO and has_gpu_device())
    return wants_gpu and runs_here(checked.options) and checked.engine.device == "cpu"


def find_files(request: ScoringRequest) -> FoundFiles:
    """Finds the files of the request's date, but for those that published runs have read.

    Raises:
        UserError: a pattern matches none; `NoFileOfDateError` where it has a date in it.
    """
    item_files = _matched(request.items, request.run_date)
    clip_files = _matched(request.clips, request.run_date, is_clips=True)
    published = (read_manifest(request.out) if request.only_new else None) or Manifest()
    read = files_read(published)
    new_items = tuple(file for file in item_files if file not in read)
    new_clips = tuple(file for file in clip_files if file not in read)
    n_read = len(item_files) + len(clip_files) - len(new_items) - len(new_clips)
    return FoundFiles(new_items, new_clips, n_read, published)


def make_job(request: ScoringRequest, checked: CheckedRequest, files: FoundFiles) -> PreparedJob:
    """Puts together what the pipeline is built from.

    Raises:
        UserError: the run that it would add to was scored with other settings.
    """
    artifact, published = checked.artifact, files.published
    settings = {
        "audio_roots": list(checked.inputs.audio_roots),
        # The last bits of a score can differ with the batch that it is computed in.
        "batch_size": request.batch_size,
        "engine": checked.engine.as_settings(),
        "columns": [list(column) for column in request.columns],
        "source": request.source,
        "keep": list(request.keep),
        "min_confidence": request.min_confidence,
        "author_key": checked.privacy.author_key,  # its fingerprint; null: authors as they are
        "redact_text": checked.privacy.redact_text,
        "languages": list(artifact.languages),  # of texts in others the rows warn
        "content_digest": checked.privacy.content_digest,
    }
    emotions = emotions_among(artifact.config.emotions, request.emotions)
    if request.emotions:
        settings["emotions"] = list(emotions)
    if not artifact.calibrated:
        settings["calibrated"] = False  # the report's page says so
    if text_format := request.text_format.to_json():
        settings["text_format"] = text_format
    run = Run(
        out=request.out,
        date=request.run_date,
        model_version=artifact.model_version,
        emotions=emotions,
        n_parts=count_parts(files.item_files, files.clip_files),
        started_at=datetime.now(UTC),
        inputs=(*files.item_files, *files.clip_files),
        settings=settings,
        max_bad_fraction=request.max_bad_fraction,
        leaves_out=tuple(run.run_id for run in published.runs.values()),
        adds=request.only_new,
        extends=run_to_extend(published, request.run_date, artifact.model_version, settings),
        kept=request.keep,
    )
    job = ScoringJob(
        inputs=replace(
            checked.inputs,
            item_files=tuple(file.path for file in files.item_files),
            clip_files=tuple(file.path for file in files.clip_files),
        ),
        model=ScoringModel(
            request.model,
            artifact.model_version,
            checked.engine,
            _threads_of_a_worker(checked.options),
            emotions if request.emotions else (),
        ),
        run=run,
        batch_size=request.batch_size,
        min_confidence=request.min_confidence,
        reshuffle=not runs_here(checked.options),
        published_labels=label_paths(request.out, published),
        privacy=checked.privacy,
        accelerator=request.accelerator,
    )
    return PreparedJob(job, checked.options, artifact, files.item_files, files.clip_files)


def _threads_of_a_worker(options: PipelineOptions) -> int:
    """Returns how many threads each worker process scores and decodes on.

    Of other runners than the local one nothing is known here; Dataflow starts a process a core.
    """
    direct = options.view_as(DirectOptions)
    if not runs_here(options):
        return 1
    if direct.direct_running_mode != "multi_processing":
        return available_cores()  # one process, whose worker threads share one scorer
    return max(1, available_cores() // (direct.direct_num_workers or available_cores()))


def count_parts(item_files: Sequence[InputFile], clip_files: Sequence[InputFile]) -> int:
    """Returns how many files the labels are divided into, from the input's size alone.

    >>> count_parts([InputFile("a.jsonl", 200 * 2**20)], [])
    4
    """
    n_bytes: int = sum(file.size_bytes for file in item_files)
    return min(1 + n_bytes // PART_BYTES + len(clip_files) // PART_CLIPS, MAX_PARTS)


def _matched(patterns: Sequence[str], day: date, *, is_clips: bool = False) -> list[InputFile]:
    """Returns a date's files of all patterns in order, each once, under its first spelling.

    Two links to one file are two files if their stems differ: a clip's stem is its id.
    """
    found: dict[tuple[str, str], InputFile] = {}
    for unfilled in patterns:
        pattern = on_date(unfilled, day)
        if os.path.isdir(to_name(pattern)):
            raise UserError(f"{pattern} is a directory; name its files, as in '{pattern}/*'")
        files = match_files(pattern)
        if files and is_clips and all(is_archive_name(file.path) for file in files):
            raise UserError(
                f"{files[0].path} is an archive, whose clips are not read: unpack it, and name them"
            )
        if not files:
            error = NoFileOfDateError if DATE_FIELD in unfilled else UserError
            raise error(f"no file matches {pattern}")
        for file in files:
            found.setdefault((real_path(file.path), clip_id(file.path)), file)
    return sorted(found.values(), key=lambda file: file.path)
