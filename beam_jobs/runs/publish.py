"""Publishes a run: one step makes it the one of its date, and what it replaces goes afterwards."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

from apache_beam.io.filesystems import FileSystems

from beam_jobs.items.paths import is_local
from beam_jobs.runs.manifest import (
    MANIFEST_NAME,
    Manifest,
    RunManifest,
    parse_manifest,
    read_manifest,
)
from beam_jobs.runs.output_files import (
    WrittenFile,
    is_as_written,
    list_files,
    publish_file,
    rename_files,
)
from beam_jobs.runs.run import staging_dir, temporary_name
from model.storage import is_cloud, replace_object
from schemas.tables import ITEM_TABLES, report_table

LOCK_NAME = "_manifest.lock"


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
            found = parse_manifest(text, path) if text else Manifest()
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
        tables = (*ITEM_TABLES, report_table("*"))
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
