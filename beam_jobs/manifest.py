"""The manifest: which files of an output directory are whole runs, and what went into them."""

import fcntl
import importlib.metadata
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Literal

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import AsSingleton
from pydantic import TypeAdapter, ValidationError

from beam_jobs.output_files import (
    WrittenFile,
    is_as_written,
    is_local,
    list_files,
    publish_file,
    read_small_table,
    rename_files,
)
from beam_jobs.run import EarlierRun, InputFile, Run, staging_dir, temporary_name
from model.cloud_storage import is_cloud, replace_object
from model.errors import UserError
from schemas.dead_letters import Reason
from schemas.emotions import Modality
from schemas.reports import REPORT_SCHEMAS

MANIFEST_NAME = "_manifest.json"
LOCK_NAME = "_manifest.lock"
VERSIONED_LIBRARIES = (
    "apache-beam",
    "keras",
    "librosa",
    "mm-emor",
    "numpy",
    "pyarrow",
    "scipy",
    "soxr",
    "tensorflow",
    "tokenizers",
    "transformers",
)
"""What can change a label or a file's bytes."""


class Status(StrEnum):
    """How a run ended; all its rows are written in each case."""

    COMPLETE = "complete"
    TOO_MANY_BAD_ITEMS = "too_many_bad_items"
    LOST_FILE = "lost_file"


@dataclass(frozen=True)
class RunCounts:
    """How many items a run labelled and refused."""

    labels_by_modality: Mapping[str, int]
    dead_letters_by_reason: Mapping[str, int]

    @property
    def n_labels(self) -> int:
        """Items that were labelled."""
        return sum(self.labels_by_modality.values())

    @property
    def n_dead(self) -> int:
        """Items that were refused."""
        return sum(self.dead_letters_by_reason.values())

    @property
    def n_items(self) -> int:
        """Items that were labelled or refused."""
        return self.n_labels + self.n_dead

    def status(self, max_bad_fraction: float) -> Status:
        """Returns how a run with these counts ended; a lost file counts before bad items.

        >>> RunCounts({"text": 1}, {"broken_json": 1}).status(max_bad_fraction=0.5)
        <Status.COMPLETE: 'complete'>
        >>> RunCounts({"text": 1}, {"broken_json": 2}).status(max_bad_fraction=0.5)
        <Status.TOO_MANY_BAD_ITEMS: 'too_many_bad_items'>
        """
        if self.dead_letters_by_reason.get(Reason.UNREADABLE_FILE):
            return Status.LOST_FILE
        if self.n_dead > max_bad_fraction * (self.n_labels + self.n_dead):
            return Status.TOO_MANY_BAD_ITEMS
        return Status.COMPLETE


@dataclass(frozen=True)
class RunManifest:
    """A run for one date, as published.

    Attributes:
        started_at: when the run was started; with `finished_at`, the only wall-clock times.
        inputs: every file that was read, in path order; a file that changed, once for each version.
        outputs: every data file of the date, in path order.
        settings: what else decided the rows.
        versions: of the libraries that the worker had.
        extends: ids of the runs to which this one added, the oldest first; their labels and dead
            letters are among `outputs`, and counted.
        already_scored: items of `inputs` that were not scored: a published run had labelled their
            ids.
        already_refused: items of `inputs` that stood as they are in an earlier version of their
            file, and were refused then. With labels, dead letters and the items that were scored
            already they are all items that were read.
    """

    status: Status
    run_id: str
    date: date
    model_version: str
    started_at: datetime
    finished_at: datetime
    counts: RunCounts
    inputs: tuple[InputFile, ...] = ()
    outputs: tuple[WrittenFile, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    extends: tuple[str, ...] = ()
    already_scored: int = 0
    already_refused: int = 0


@dataclass(frozen=True)
class Manifest:
    """The runs of an output directory, by date; one run a date."""

    format: Literal[1] = 1
    runs: Mapping[date, RunManifest] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Reads what `to_json` wrote.

        Raises:
            pydantic.ValidationError: if it is anything else.
        """
        return _MANIFEST.validate_json(text)

    def to_json(self) -> bytes:
        """Returns the manifest as indented JSON, dates in order."""
        ordered = replace(self, runs=dict(sorted(self.runs.items())))
        return _MANIFEST.dump_json(ordered, indent=2) + b"\n"


_MANIFEST = TypeAdapter(Manifest)


def read_manifest(out: str) -> Manifest | None:
    """Returns the manifest of an output directory; None where nothing was published yet.

    Raises:
        UserError: if it is there and cannot be understood.
    """
    path = FileSystems.join(out, MANIFEST_NAME)
    if not FileSystems.exists(path):
        return None
    with FileSystems.open(path) as file:
        return _parse(file.read(), path)


def _parse(text: bytes, path: str) -> Manifest:
    try:
        return Manifest.from_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(key) for key in first["loc"])
        raise UserError(f"{path} is not a manifest of mm-emor: {where}: {first['msg']}") from error


def publish_run(out: str, run: RunManifest, *, adds: bool = False) -> tuple[WrittenFile, ...]:
    """Makes a run the one of its date, in one step, for whoever reads the manifest.

    Its files get their final names right before, so that who reads the directories alone sees
    nothing of a run that failed. Done again, it goes on where it was stopped. Local runs that
    finish at once wait for each other. In Google Cloud Storage the manifest is replaced only if it
    is still the one that was read, and the run's files are there; else both are looked at again. In
    other storage the last one to write may drop the other's entry.

    Args:
        out: the output directory.
        run: the run.
        adds: whether the run may replace no run but the one that it extends.

    Returns:
        The files of the run that was replaced.

    Raises:
        UserError: if the manifest that is there is broken.
        RuntimeError: if a file of the run is not there as it was written: another run of the same
            date has removed it; or if the date has another run than the one that it may replace.
            The files that were renamed, if any, are gone.
    """
    with _locked(out):
        manifest = read_manifest(out) or Manifest()
        _check_replaced(run, manifest.runs.get(run.date), adds)
        path = FileSystems.join(out, MANIFEST_NAME)
        staged = staging_dir(out, run.date, run.run_id)
        new_paths = _check_outputs(out, run.outputs, staged)
        rename_files(new_paths)
        if not is_cloud(out):
            publish_file(path, _with_run(manifest, run), staged)
            return _files_of(manifest, run.date)
        # Where the answer to our own write is lost, the last one that is seen is this run's.
        seen: set[WrittenFile] = set()

        def switch(text: bytes | None) -> bytes:
            found = _parse(text, path) if text else Manifest()
            try:
                _check_replaced(run, found.runs.get(run.date), adds)
                _check_still_there(out, run.outputs)
            except RuntimeError:
                listed = {FileSystems.join(out, file.path) for file in _files_of(found, run.date)}
                _delete_files(new for new in new_paths.values() if new not in listed)
                raise
            seen.update(_files_of(found, run.date))
            return _with_run(found, run)

        replace_object(path, switch)
        return tuple(seen)


def _with_run(manifest: Manifest, run: RunManifest) -> bytes:
    return replace(manifest, runs={**manifest.runs, run.date: run}).to_json()


def _files_of(manifest: Manifest, run_date: date) -> tuple[WrittenFile, ...]:
    return manifest.runs[run_date].outputs if run_date in manifest.runs else ()


def remove_superseded(out: str, run: RunManifest, replaced: Iterable[WrittenFile]) -> None:
    """Removes what a run that is published has replaced or left; done again, it does no harm.

    On a local disk that is each data file of the date that the manifest does not list, and all
    unfinished ones, those of another run of the date at work among them: that one stops. Elsewhere,
    where no lock keeps others out, it is the replaced run's files, but for those that the manifest
    lists now, and the run's own unfinished ones; what a run that was killed has left stays.

    Raises:
        UserError: if the manifest is broken.
    """
    if is_local(out):
        remove_unlisted(out, run.date)
        with _locked(out):
            temporary_dir = FileSystems.join(out, temporary_name(run.date))
            if FileSystems.exists(temporary_dir):
                FileSystems.delete([temporary_dir])
        return
    listed = {file.path for file in _files_of(read_manifest(out) or Manifest(), run.date)}
    _delete_files(FileSystems.join(out, file.path) for file in replaced if file.path not in listed)
    staged = staging_dir(out, run.date, run.run_id)
    FileSystems.delete(list(list_files(FileSystems.join(staged, "**"))))


def remove_unlisted(out: str, run_date: date) -> None:
    """Removes the date's data files that the manifest does not list, from a local disk.

    They are of a run that was killed between publishing and removing: other runs name their files
    so only while they hold the lock. Nothing is removed for a date without a published run, nor
    from other storage, which has no lock.

    Raises:
        UserError: if the manifest is broken.
    """
    if not is_local(out):
        return
    with _locked(out):
        manifest = read_manifest(out)
        if manifest is None or run_date not in manifest.runs:
            return
        listed = {FileSystems.join(out, file.path) for file in manifest.runs[run_date].outputs}
        tables = ("labels", "dead_letters", "reports/*")
        patterns = [FileSystems.join(out, table, f"dt={run_date}", "*") for table in tables]
        written = [path for pattern in patterns for path in list_files(pattern)]
        FileSystems.delete([path for path in written if path not in listed])


def _delete_files(paths: Iterable[str]) -> None:
    """Deletes those of the files that are there."""
    FileSystems.delete([path for path in paths if FileSystems.exists(path)])


def _check_replaced(run: RunManifest, published: RunManifest | None, adds: bool) -> None:
    found = published.run_id if published else None
    if found == run.run_id:  # publishing is done again
        return
    if run.extends and found != run.extends[-1]:
        raise RuntimeError(
            f"the run adds to run {run.extends[-1]} of {run.date}, which another run has replaced; "
            "start it again"
        )
    if adds and not run.extends and found:
        raise RuntimeError(
            f"run {found} of {run.date} was published meanwhile, and --only-new replaces none; "
            "start it again"
        )


def _check_still_there(out: str, files: Iterable[WrittenFile]) -> None:
    """Checks names and sizes, once all contents were checked.

    Raises:
        RuntimeError: if a file is gone.
    """
    there: dict[str, dict[str, int]] = {}
    for file in files:
        directory, name = os.path.split(file.path)
        if directory not in there:
            found = list_files(FileSystems.join(out, directory, "*"))
            there[directory] = {os.path.basename(path): n_bytes for path, n_bytes in found.items()}
        if there[directory].get(name) != file.n_bytes:
            raise RuntimeError(
                f"{file.path} is no longer as it was written ({file.n_bytes} bytes); is another "
                "run of the same date at work?"
            )


def _check_outputs(out: str, files: Iterable[WrittenFile], staged: str) -> dict[str, str]:
    """Returns the final path of each file that still has its staged one.

    Raises:
        RuntimeError: if a file lies in neither place with the content that it was written with.
    """
    final_paths = {}
    for file in files:
        path, staged_path = (FileSystems.join(root, file.path) for root in (out, staged))
        if is_as_written(path, file):
            continue
        if not is_as_written(staged_path, file):
            raise RuntimeError(
                f"{file.path} is no longer as it was written ({file.n_bytes} bytes, SHA-256 "
                f"{file.sha256}); is another run of the same date at work?"
            )
        final_paths[staged_path] = path
    return final_paths


@contextmanager
def _locked(out: str) -> Iterator[None]:
    """Keeps other processes of the machine from the manifest; does nothing in cloud storage."""
    if not is_local(out):
        yield
        return
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, LOCK_NAME), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed, or the process ends
        yield


def count_items(run: Run, files: Iterable[WrittenFile]) -> RunCounts:
    """Returns the counts of a run, out of its report files."""
    reports = {file.table: file for file in files}
    [summary] = _read_rows(run, reports["reports/run_summary"])
    reasons: Counter[str] = Counter()
    for row in _read_rows(run, reports["reports/dead_letters_by_reason"]):
        reasons[row["reason"]] += row["n_items"]
    by_modality = {
        Modality.TEXT: summary["n_text"],
        Modality.AUDIO: summary["n_audio"],
        Modality.TEXT_AUDIO: summary["n_text_audio"],
    }
    return RunCounts(
        {str(modality): n_items for modality, n_items in by_modality.items() if n_items},
        dict(sorted(reasons.items())),
    )


def _read_rows(run: Run, file: WrittenFile) -> list[dict[str, Any]]:
    path = FileSystems.join(staging_dir(run.out, run.date, run.run_id), file.path)
    if not FileSystems.exists(path):  # an earlier attempt has published it
        path = FileSystems.join(run.out, file.path)
    rows: list[dict[str, Any]] = read_small_table(path).to_pylist()
    return rows


def library_versions() -> dict[str, str]:
    """Returns the version of Python and of each library that is installed here."""
    versions = {"python": platform.python_version()}
    for name in VERSIONED_LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def publish_files(
    files: Sequence[WrittenFile], run: Run, already_scored: int = 0, already_refused: int = 0
) -> RunManifest:
    """Publishes a run whose files are all written, removes what it replaces, returns its entry.

    What it extends stays: the earlier labels, dead letters and inputs are listed with its own.

    Raises:
        RuntimeError: if a table is missing, the reports count other rows than were written, or a
            file is gone.
        UserError: if the manifest that is there is broken.
    """
    _check_tables(files, run)
    earlier = run.extends or EarlierRun((), (), ())
    counts = count_items(run, files)
    all_files = (*earlier.files, *files)
    _check_counts(all_files, counts)
    entry = RunManifest(
        status=counts.status(run.max_bad_fraction),
        run_id=run.run_id,
        date=run.date,
        model_version=run.model_version,
        started_at=run.started_at,
        finished_at=datetime.now(UTC),
        counts=counts,
        inputs=tuple(sorted((*earlier.inputs, *run.inputs), key=attrgetter("path"))),
        outputs=tuple(sorted(all_files, key=attrgetter("path"))),
        settings=run.settings,
        versions=library_versions(),
        extends=earlier.run_ids,
        already_scored=earlier.already_scored + already_scored,
        already_refused=earlier.already_refused + already_refused,
    )
    replaced = publish_run(run.out, entry, adds=run.adds)
    remove_superseded(run.out, entry, replaced)
    return entry


def _check_tables(files: Iterable[WrittenFile], run: Run) -> None:
    written = Counter(file.table for file in files)
    expected = {
        "labels": run.n_parts,
        "dead_letters": run.n_parts,
        **{f"reports/{name}": 1 for name in REPORT_SCHEMAS},
    }
    if written != expected:
        raise RuntimeError(f"the run wrote {dict(written)} files; expected {expected}")


def _check_counts(files: Iterable[WrittenFile], counts: RunCounts) -> None:
    n_rows: Counter[str] = Counter()
    for file in files:
        n_rows[file.table] += file.n_rows
    if (n_rows["labels"], n_rows["dead_letters"]) != (counts.n_labels, counts.n_dead):
        raise RuntimeError(
            f"the files hold {n_rows['labels']} labels and {n_rows['dead_letters']} dead letters; "
            f"the reports count {counts.n_labels} and {counts.n_dead}"
        )


@dataclass
class WriteManifest(beam.PTransform):
    """Publishes the run, as the pipeline's last step, whether or not the launcher still runs.

    In come the `WrittenFile`s of labels, dead letters and reports; out comes one `RunManifest`.
    A table that is missing, or files of which another run has removed some, stop the job with the
    earlier run still published. Retried, it publishes the same again, with a later `finished_at`.

    Attributes:
        already_scored: one number: the items that published runs have labelled.
        already_refused: one number: the items that the run which is extended has refused.
    """

    run: Run
    already_scored: beam.PCollection[int] | None = None
    already_refused: beam.PCollection[int] | None = None

    def expand(self, files: beam.PCollection[WrittenFile]) -> beam.PCollection[RunManifest]:
        """Gathers the files and publishes."""
        counts = {
            "already_scored": self.already_scored,
            "already_refused": self.already_refused,
        }
        counted = {name: AsSingleton(count) for name, count in counts.items() if count is not None}
        return files | beam.combiners.ToList() | beam.Map(publish_files, run=self.run, **counted)
