"""Files that appear whole or not at all, on local disks and in cloud storage."""

import hashlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from beam_jobs.items.paths import CHUNK_BYTES, is_local
from model.errors import UserError
from model.files import sync


@dataclass(frozen=True)
class WrittenFile:
    """A data file that a run has written.

    Attributes:
        table: `labels`, `dead_letters` or `reports/` and a report's name.
        path: relative to the output directory, and to the staging directory before publishing.
    """

    table: str
    path: str
    n_rows: int
    n_bytes: int
    sha256: str


def unique_path(directory: str, name: str) -> str:
    """Returns a path for a temporary file that no other attempt has."""
    return str(FileSystems.join(directory, f"{name}.{uuid.uuid4().hex}"))


def check_out(out: str) -> None:
    """Checks the name of a directory that is written to.

    Raises:
        UserError: it is empty, or Beam would take it for a pattern.
    """
    if not out:
        raise UserError("out is empty; it must name a directory")
    if any(character in out for character in "*?["):
        raise UserError(f"out is {out!r}; `*`, `?` and `[` cannot stand in it")


def check_writable(out: str, name: str) -> None:
    """Writes a file in the directory `out/name`, which is for temporary files, and removes it.

    Raises:
        UserError: that failed.
    """
    if is_local(out) and os.path.isfile(out):
        raise UserError(f"--out {out} is a file; it must be a directory, or not be there yet")
    try:
        probe = unique_path(FileSystems.join(out, name), "probe")
        FileSystems.create(probe).close()
        FileSystems.delete([probe])
    except Exception as error:  # each storage has its own
        reason = error.strerror if isinstance(error, OSError) else None
        reason = reason or str(error).strip().partition("\n")[0]
        raise UserError(f"--out {out} cannot be written: {reason}") from error


def publish_file(path: str, content: bytes | memoryview, temporary_dir: str) -> str:
    """Writes a whole file at `path`, in place of one that is there, and returns its SHA-256.

    It is staged and then renamed: after a power cut, too, a reader finds the old file or the new.
    """
    rename_files({stage_file(path, content, temporary_dir): path})
    return hashlib.sha256(content).hexdigest()


def stage_file(path: str, content: bytes | memoryview, temporary_dir: str) -> str:
    """Writes what is to stand at `path` under another name, and returns that.

    It is synced (local disks; an object store does so on closing).
    """
    temporary = unique_path(temporary_dir, os.path.basename(path))
    with FileSystems.create(temporary) as file:
        file.write(content)
    if is_local(temporary):
        sync(Path(temporary))
    return temporary


def rename_files(new_paths: Mapping[str, str]) -> None:
    """Renames files that were written, in place of those that are there, and makes it durable.

    In cloud storage each is copied and then deleted.

    Args:
        new_paths: the new path of each old one; all local, or all in the same storage.
    """
    if not new_paths:
        return
    parents = {FileSystems.split(path)[0] for path in new_paths.values() if is_local(path)}
    for parent in parents:
        os.makedirs(parent, exist_ok=True)
    FileSystems.rename(list(new_paths), list(new_paths.values()))
    for parent in parents:
        sync(Path(parent))


def is_as_written(path: str, file: WrittenFile) -> bool:
    """Says whether a file is there with the size and the SHA-256 that it was written with."""
    [found] = FileSystems.match([path])
    if [metadata.size_in_bytes for metadata in found.metadata_list] != [file.n_bytes]:
        return False
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
        digest = hashlib.sha256()
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest() == file.sha256


def read_small_table(path: str) -> pa.Table:
    """Returns a Parquet file's rows.

    They are read on this thread alone: pyarrow 25's own threads, where the process ends right after
    it has read with them, now and then end it by an abort.
    """
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
        content = pa.BufferReader(source.read())
    return pq.ParquetFile(content, pre_buffer=False).read(use_threads=False)


def list_files(pattern: str) -> dict[str, int]:
    """Returns path and size in bytes of the files that match a Beam pattern, in path order."""
    [found] = FileSystems.match([pattern])
    return dict(sorted((file.path, file.size_in_bytes) for file in found.metadata_list))
