"""Files by their paths, on local disks and in storage: what a run reads, and where it lies."""

import os
import posixpath
from dataclasses import dataclass

from apache_beam.io.filesystems import FileSystems

CHUNK_BYTES = 2**20
BYTES_OF_NAMES = 0x10FF00
"""From here on, private characters of Unicode stand for the bytes of names that are not UTF-8.

Python's own characters for them, lone surrogates, can be written to no file: neither a manifest nor
a shuffle takes them.
"""
_TO_NAME = {BYTES_OF_NAMES + byte: 0xDC00 + byte for byte in range(0x80, 0x100)}
_TO_PATH = {theirs: ours for ours, theirs in _TO_NAME.items()}
_TO_SHOW = {BYTES_OF_NAMES + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}


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
    return to_path(os.path.realpath(to_name(rest)))


def to_path(name: str) -> str:
    r"""Returns a file's name, as Python has it, as Unicode that can be written.

    >>> ascii(to_path("caf\udce9.wav"))
    "'caf\\U0010ffe9.wav'"
    """
    return name if name.isascii() else name.translate(_TO_PATH)


def to_name(path: str) -> str:
    r"""Returns what Python opens of a path: the other way round.

    >>> ascii(to_name(to_path("caf\udce9.wav")))
    "'caf\\udce9.wav'"
    """
    return path if path.isascii() else path.translate(_TO_NAME)


def shown(path: str) -> str:
    r"""Returns a path for people: bytes that are no UTF-8 as escapes.

    >>> print(shown(to_path("caf\udce9.wav")))
    caf\xe9.wav
    """
    return path if path.isascii() else path.translate(_TO_SHOW)
