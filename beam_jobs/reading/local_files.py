"""Files of this machine: which a pattern names, and whether one has changed."""

import glob
import os
import re
import stat
from collections.abc import Iterator

from beam_jobs.items.paths import InputFile, shown, to_name, to_path
from model.errors import UserError

_BY_EFFECTIVE_ID = os.access in os.supports_effective_ids
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def match_local(pattern: str) -> Iterator[InputFile]:
    """Yields the files of a pattern with sizes and times, in no order.

    `*` stands for a part of a name, `**` for any directories, as in a shell; hidden files and
    directories are left out unless the pattern has the dot. A file of exactly that name is the one
    that is meant, and a backslash is a backslash.

    Raises:
        UserError: what matches is a link to nothing, something that can be read only once, or a
            file that this user may not read.
    """
    name = to_name(pattern)
    names = [name] if os.path.lexists(name) else _expand(name)
    for found in dict.fromkeys(names):
        try:
            status = os.stat(found)
        except OSError as error:
            path = shown(to_path(found))
            if os.path.islink(found):
                target = shown(to_path(os.readlink(found)))
                raise UserError(f"{path} is a link to {target}, which is not there") from error
            raise UserError(f"{path} cannot be looked up: {error.strerror}") from error
        if stat.S_ISDIR(status.st_mode):
            continue
        if kind := _KINDS.get(stat.S_IFMT(status.st_mode)):
            raise UserError(
                f"{shown(to_path(found))} is {kind}, not a file: input is read more than once"
            )
        if not os.access(found, os.R_OK, effective_ids=_BY_EFFECTIVE_ID):
            raise UserError(f"{shown(to_path(found))} cannot be read: permission denied")
        yield InputFile(to_path(found), status.st_size, str(status.st_mtime))


def _expand(pattern: str) -> Iterator[str]:
    """Yields the names of a pattern; links to directories are followed by `*`, not by `**`."""
    before, stars, _ = pattern.partition("**")
    if not stars:
        yield from glob.iglob(pattern)
        return
    base = before[: before.rfind("/") + 1]
    rest = pattern[len(base) :]
    matches = re.compile(_to_regex(rest), re.DOTALL).fullmatch
    for top in glob.iglob(base) if base else ("",):
        for directory, names, files in os.walk(top or "."):
            if not any(part.startswith(".") for part in rest.split("/")):
                names[:] = [name for name in names if not name.startswith(".")]
            inside = directory[len(top or "./") :].strip("/")
            for file in files:
                relative = f"{inside}/{file}" if inside else file
                if matches(relative) and not is_hidden(relative, rest):
                    yield top + relative


def _to_regex(pattern: str) -> str:
    r"""Returns a pattern as a regular expression.

    >>> _to_regex("a*/**/[!b]?.wav")
    'a[^/]*/(?:.*/)?[^b][^/]\\.wav'
    """
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    found = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\])", pattern):
        if len(part) > 1 and part[0] == "[":
            negated, inside = part[1] == "!", part[1:-1].removeprefix("!")
            escaped = re.sub(r"([\[\]\\^&~|])", r"\\\1", inside)
            found += f"[{'^' if negated else ''}{escaped}]"
        else:
            found += parts.get(part, re.escape(part))
    return found


def is_hidden(path: str, pattern: str) -> bool:
    """Says whether a path has a hidden part where the pattern has no dot.

    >>> is_hidden("gs://b/in/._1.wav", "gs://b/in/*"), is_hidden("gs://b/.in/1.wav", "gs://b/.in/*")
    (True, False)
    """
    dotted = [part for part in pattern.split("/") if part.startswith(".")]
    hidden = [part for part in path.split("/") if part.startswith(".")]
    return len(hidden) > len(dotted)


def local_version(path: str) -> str:
    """Returns what changes with a file's content: its size, time and inode."""
    status = os.stat(to_name(path))
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
