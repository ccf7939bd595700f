"""Files by their paths, on local disks and in storage: what a run reads, and where it lies."""

import os
import posixpath
from dataclasses import dataclass

from apache_beam.io.filesystems import FileSystems

CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class InputFile:
    """A file that a run reads.

    Attributes:
        path: path or URI.
        updated: the storage's word for its version: an object's generation in `gs://`, elsewhere
            the modification time in seconds since 1970.
    """

    path: str
    size_bytes: int
    updated: str | None = None


def is_local(path: str) -> bool:
    """Says whether a path lies on a local disk.

    >>> is_local("/data/out"), is_local("gs://bucket/out")
    (True, False)
    """
    return FileSystems.get_scheme(path) is None


def real_path(path: str) -> str:
    """Returns the one spelling of a path: absolute, no symbolic links; of a URI, without `..`.

    >>> real_path("gs://clips/a/../1.wav"), real_path("file:///no-such/./1.wav")
    ('gs://clips/1.wav', '/no-such/1.wav')
    """
    scheme, separator, rest = path.removeprefix("file://").rpartition("://")
    if separator or "\x00" in rest:  # no file has a name with NUL, and realpath refuses it
        return scheme + separator + posixpath.normpath(rest)
    return os.path.realpath(rest)
