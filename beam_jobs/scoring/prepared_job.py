"""A scoring job before it runs: all is checked that can be, and nothing is written."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
)

from beam_jobs.items.paths import InputFile, real_path
from beam_jobs.items.privacy import Privacy
from beam_jobs.items.pseudonyms import key_fingerprint
from beam_jobs.joining.file_check import clip_id
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
from schemas.labels import UNCERTAIN

PART_BYTES = 64 * 2**20
"""Bytes of item files that go to one output part, which is sorted in memory."""
PART_CLIPS = 100_000
"""Clips that go to one output part."""
MAX_PARTS = 256


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
    item_files: tuple[InputFile, ...]
    clip_files: tuple[InputFile, ...]


def prepare_job(
    request: ScoringRequest, on_note: Callable[[str], None] | None = None
) -> PreparedJob | NothingNew:
    """Checks all of a job that can be checked before it runs; writes nothing.

    Raises:
        UserError: as `score_corpus`.
    """
    options, privacy, artifact, choice = check_common(request)
    is_local = runs_here(options)
    wants_gpu = request.engine == EngineName.TENSORFLOW or (
        request.engine == EngineName.AUTO and has_gpu_device()
    )
    if on_note and is_local and choice.device == "cpu" and wants_gpu:
        on_note("TensorFlow finds no GPU that it can use; the processor scores")
    item_files = _matched(request.items, request.run_date)
    clip_files = _matched(request.clips, request.run_date)
    before = read_manifest(request.out) if request.only_new else None
    if before:
        n_files = len(item_files) + len(clip_files)
        read = files_read(before)
        item_files = [file for file in item_files if file not in read]
        clip_files = [file for file in clip_files if file not in read]
        if not (item_files or clip_files):
            return NothingNew(request.run_date, n_files, before.runs.get(request.run_date))
    before = before or Manifest()
    inputs = JobInputs(
        item_files=tuple(file.path for file in item_files),
        clip_files=tuple(file.path for file in clip_files),
        audio_roots=request.audio_roots,
        columns=request.columns,
        source=request.source,
        keep=request.keep,
    )
    check_kept(request.keep, request.columns, privacy)
    settings = {
        "audio_roots": list(request.audio_roots),
        # The last bits of a score can differ with the batch that it is computed in.
        "batch_size": request.batch_size,
        "engine": choice.as_settings(),
        "columns": [list(column) for column in request.columns],
        "source": request.source,
        "keep": list(request.keep),
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
        inputs=(*item_files, *clip_files),
        settings=settings,
        max_bad_fraction=request.max_bad_fraction,
        leaves_out=tuple(run.run_id for run in before.runs.values()),
        adds=request.only_new,
        extends=run_to_extend(before, request.run_date, artifact.model_version, settings),
        kept=request.keep,
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
    is_local = runs_here(options)
    check_accelerator(request.accelerator, request.require_gpu, options, is_local)
    if not is_local:
        keep_machine_private(options)
        check_job_server(options)
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


def _matched(patterns: Sequence[str], day: date) -> list[InputFile]:
    """Returns a date's files of all patterns in order, each once, under its first spelling.

    Two links to one file are two files if their stems differ: a clip's stem is its id.
    """
    found: dict[tuple[str, str], InputFile] = {}
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
