"""The clip that an item names: found under the roots that the operator named, or never opened."""

import os
import posixpath
from collections.abc import Sequence
from http import HTTPStatus

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from beam_jobs.items.paths import to_name
from model.errors import ItemError
from model.preprocessing.clip_file import read_limited, read_local_clip
from schemas.dead_letters import Reason


def resolve_audio_uri(audio_uri: str, audio_roots: Sequence[str]) -> str:
    """Returns the path of an item's clip, which lies under one of the roots.

    A relative path is looked for under each root in turn; `..` and symbolic links are followed
    before the check, so that what is opened is what was checked. Of URIs only those of a root's
    own scheme and bucket pass.

    Raises:
        ItemError: clip_outside_roots; or missing_clip, where a root has no such file.
    """
    outside = ItemError(
        Reason.CLIP_OUTSIDE_ROOTS,
        f"audio_uri {audio_uri!r:.200} lies under no --audio-root"
        + ("" if audio_roots else "; none was given"),
    )
    if "\x00" in audio_uri:
        raise outside
    candidates = [
        path for root in audio_roots if (path := _path_under(audio_uri, root)) is not None
    ]
    if not candidates:
        raise outside
    for path in candidates:
        if FileSystems.exists(path):
            return path
    raise ItemError(Reason.MISSING_CLIP, f"there is no file at {audio_uri!r:.200}")


def _path_under(audio_uri: str, root: str) -> str | None:
    """Returns the path that a URI means under a root, or None where it leads out of it.

    >>> _path_under("a/../1.wav", "gs://clips/2026"), _path_under("../1.wav", "gs://clips/2026")
    ('gs://clips/2026/1.wav', None)
    >>> _path_under("gs://Clips/2026/1.wav", "gs://clips/2026"), _path_under("http://x/1", "/")
    (None, None)
    """
    if "://" in root:
        if audio_uri.startswith("/"):
            return None
        base = root.rstrip("/")
        # What follows "scheme://bucket" is a name, not a path: `..` in it means what it says only
        # to whoever wrote it, so it is worked out before the check.
        uri = audio_uri if "://" in audio_uri else f"{base}/{audio_uri}"
        scheme, _, rest = uri.partition("://")
        path = f"{scheme}://{posixpath.normpath(rest)}"
        return path if path.startswith(f"{base}/") else None
    if "://" in audio_uri:
        return None
    real_root = os.path.realpath(to_name(root))
    path = os.path.realpath(os.path.join(real_root, audio_uri))
    return path if os.path.commonpath([real_root, path]) == real_root else None


def read_clip(path: str, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """Returns a clip's bytes, of which no more than `max_bytes` and one are read.

    Args:
        path: a path or URI.
        max_bytes: of the file.
        follow_links: False for what `resolve_audio_uri` returns, in which no link is left: one
            that is there all the same was put there since, and may lead anywhere.

    Raises:
        ItemError: missing_clip, where it is gone, unreadable or no file; clip_too_large.
    """
    if FileSystems.get_scheme(path) is None:
        return read_local_clip(to_name(path), max_bytes, follow_links=follow_links)
    try:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            return read_limited(file, path, max_bytes)
    except Exception as error:  # Google's, which have no class in common with the others
        is_refused = getattr(error, "code", None) in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN)
        if not (is_refused or isinstance(error, OSError | BeamIOError)):
            raise
        raise ItemError(Reason.MISSING_CLIP, f"{path} cannot be read: {error}") from error
