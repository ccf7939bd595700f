"""A clip's file on this machine: opened without waiting, and read no further than a limit."""

import os
import stat
from typing import BinaryIO

from model.errors import ItemError
from schemas.dead_letters import Reason


def read_local_clip(path: str, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """Returns a clip's bytes.

    Args:
        path: a path.
        max_bytes: of the file.
        follow_links: whether a symbolic link in the path is followed.

    Raises:
        ItemError: missing_clip, where it is gone, unreadable or no file; clip_too_large.
    """
    try:
        with _open_clip(path, follow_links) as file:
            return read_limited(file, path, max_bytes)
    except (OSError, ValueError) as error:  # ValueError: no file has a name with NUL
        raise ItemError(Reason.MISSING_CLIP, f"{_shown(path)} cannot be read: {error}") from error


def read_limited(file: BinaryIO, path: str, max_bytes: int) -> bytes:
    """Returns what an open file holds, of which no more than `max_bytes` and one are read.

    Raises:
        ItemError: clip_too_large.
    """
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ItemError(
            Reason.CLIP_TOO_LARGE, f"{_shown(path)} is larger than the limit of {max_bytes} bytes"
        )
    return bytes(data)


def _open_clip(path: str, follow_links: bool) -> BinaryIO:
    # O_NONBLOCK: opening a pipe would wait for somebody to write to it.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags) if follow_links else _open_without_links(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ItemError(Reason.MISSING_CLIP, f"{_shown(path)} is not a file")
    return os.fdopen(descriptor, "rb")


def _open_without_links(path: str, flags: int) -> int:
    """Returns the descriptor of an absolute path's file, opened one directory after the other.

    Raises:
        OSError: there is none, or a part of the path is a link.
    """
    *directories, name = path.split("/")
    # O_PATH needs only the right to pass through a directory, as opening a path does.
    through = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    place = os.open("/", through)
    try:
        for directory in filter(None, directories):
            following = os.open(directory, through, dir_fd=place)
            os.close(place)
            place = following
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=place)
    finally:
        os.close(place)


def _shown(path: str) -> str:
    r"""Returns a path for people: bytes that are no UTF-8 as escapes.

    >>> print(_shown("caf\udce9.wav"))
    caf\xe9.wav
    """
    return path.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")
