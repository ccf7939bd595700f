"""Files that appear whole or not at all, on local disks and in cloud storage."""

import hashlib
import os
import uuid
from dataclasses import dataclass
from typing import IO

from apache_beam.io.filesystems import FileSystems


@dataclass(frozen=True)
class WrittenFile:
    """A data file that a run has written.

    Attributes:
        table: `labels`, `dead_letters` or `reports/` and a report's name.
        path: relative to the output directory.
    """

    table: str
    path: str
    n_rows: int
    n_bytes: int
    sha256: str


def is_local(path: str) -> bool:
    """Says whether a path lies on a local disk.

    >>> is_local("/data/out"), is_local("gs://bucket/out")
    (True, False)
    """
    return FileSystems.get_scheme(path) is None


def unique_path(directory: str, name: str) -> str:
    """Returns a path for a temporary file that no other attempt has."""
    return str(FileSystems.join(directory, f"{name}.{uuid.uuid4().hex}"))


def close_durably(file: IO[bytes], path: str) -> None:
    """Closes a file that was written; a local one has then reached the disk."""
    if is_local(path):
        file.flush()
        os.fsync(file.fileno())
    file.close()


def publish_file(path: str, content: bytes | memoryview, temporary_dir: str) -> str:
    """Writes a whole file at `path`, in place of one that is there, and returns its SHA-256.

    It is written under another name, synced (local disks; an object store does so on closing) and
    then renamed. After a power cut, too, a reader finds the old file or the new one.
    """
    temporary = unique_path(temporary_dir, os.path.basename(path))
    file = FileSystems.create(temporary)
    file.write(content)
    close_durably(file, temporary)
    parent, _ = FileSystems.split(path)
    if is_local(path):
        os.makedirs(parent, exist_ok=True)
    FileSystems.rename([temporary], [path])
    if is_local(path):
        descriptor = os.open(parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return hashlib.sha256(content).hexdigest()


def list_files(pattern: str) -> dict[str, int]:
    """Returns path and size in bytes of the files that match a Beam pattern, in path order."""
    [found] = FileSystems.match([pattern])
    return dict(sorted((file.path, file.size_in_bytes) for file in found.metadata_list))
