"""Local files: that appear whole or not at all, and what tells one from another."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


def write_whole(path: Path, content: bytes | memoryview | str, *, durable: bool = True) -> None:
    """Writes a file in place of the one that is there; a reader finds the old one or the new.

    Args:
        path: its directory must exist.
        content: a text is written in UTF-8.
        durable: whether the file must also survive a power cut. Syncing takes milliseconds.

    Raises:
        OSError: the file cannot be written; the old one is still there.
    """
    with whole_file(path, durable=durable) as temporary:
        if isinstance(content, str):
            temporary.write_text(content, encoding="utf-8")
        else:
            temporary.write_bytes(content)


@contextmanager
def whole_file(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yields a temporary path; the file that is written there then takes the place of `path`.

    For content that a library writes itself. The temporary file lies beside `path`. Its name is
    hidden, has another suffix, and is one of the thread's own: writers of one path do not meet.
    Where writing fails it is removed.

    Args:
        path: its directory must exist.
        durable: as in `write_whole`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        yield temporary
        if durable:
            sync(temporary)
        temporary.replace(path)
        if durable:
            sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Removes what killed writers of `path` have left beside it; no other may be at work."""
    for temporary in path.parent.glob(f".{path.name}.*.tmp"):
        temporary.unlink(missing_ok=True)


def hash_file(path: Path) -> str:
    """Returns the SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_file_once(path: Path) -> str:
    """Returns the SHA-256 of a file; one of the same size and time of change is not read again.

    For data and checkpoints, which are asked for several times. Who wants to fool it can: what is
    checked against a hash takes `hash_file`.

    Raises:
        OSError: it cannot be read.
    """
    status = path.stat()
    return _hash_version(path, status.st_size, status.st_mtime_ns)


@cache
def _hash_version(path: Path, size: int, changed_ns: int) -> str:
    del size, changed_ns  # of another content they are others
    return hash_file(path)


def sync(path: Path) -> None:
    """Waits until a file's content, or the names in a directory, have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
