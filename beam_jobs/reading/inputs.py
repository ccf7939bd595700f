"""What a scoring job reads: the files, and how to read them."""

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from beam_jobs.items.elements import DeadLetter, Item
from beam_jobs.items.paths import CHUNK_BYTES, InputFile, is_local, to_name
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.reading.item_files import check_item_files, read_records
from beam_jobs.reading.local_files import is_hidden, local_version, match_local
from beam_jobs.reading.sources import AUTO, FIELDS
from beam_jobs.reading.text_format import PLAIN, TextFormat
from model.errors import UserError
from model.storage import find_object, is_cloud, list_objects


@dataclass(frozen=True)
class JobInputs:
    """The files of a job, matched before it starts, so that every attempt reads the same ones.

    Attributes:
        item_files: paths or URIs of items, in order, each once.
        clip_files: paths or URIs of clips whose name's stem is an item's id, in order, each once.
        audio_roots: directories under which a relative `audio_uri` may lie.
        columns: (our field, their path) for each field that stands elsewhere in the files.
        text_format: how files of text are written.
        source: who wrote the records: auto, plain, or a network of `reading.sources`.
        keep: paths of the fields that go into the labels.

    Raises:
        UserError: if a file is of no known format, an audio root is neither a directory nor a URI
            with a bucket, or a field is unknown.
    """

    item_files: tuple[str, ...] = ()
    clip_files: tuple[str, ...] = ()
    audio_roots: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    text_format: TextFormat = PLAIN
    source: str = AUTO
    keep: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for paths in (self.item_files, self.clip_files):
            if list(paths) != sorted(set(paths)):
                raise ValueError("the files of a job must be in order, each once")
        check_item_files(self.item_files)
        for root in self.audio_roots:
            _check_audio_root(root)
        fields = [field for field, _ in self.columns]
        for field in fields:
            if field not in FIELDS:
                raise UserError(f"--column {field}=…: the fields are {', '.join(FIELDS)}")
            if fields.count(field) > 1:
                raise UserError(f"--column {field}=…: the field is renamed twice")


def _check_audio_root(root: str) -> None:
    scheme, separator, rest = root.partition("://")
    if separator:
        if not scheme or not rest.partition("/")[0]:
            raise UserError(f"--audio-root {root!a} names no bucket or host: give scheme://bucket")
    elif not os.path.isdir(to_name(root)):
        raise UserError(f"--audio-root {root!a} is not a directory")


def match_files(pattern: str) -> tuple[InputFile, ...]:
    """Returns the files of a pattern with sizes and versions, by path; none if none match.

    Args:
        pattern: a path or URI, where `*` stands for a part of a name, and `**` for any directories.
            Hidden files, whose names begin with a dot, are left out, as a shell does.

    Raises:
        UserError: if the file system is unknown or cannot be asked; or a file cannot be read twice.
    """
    if is_local(pattern):
        return tuple(sorted(match_local(pattern), key=attrgetter("path")))
    files = _match_objects(pattern) if is_cloud(pattern) else _match_with_beam(pattern)
    # What ends in a slash is what cloud consoles put in place of an empty directory.
    found = (f for f in files if not (f.path.endswith("/") or is_hidden(f.path, pattern)))
    return tuple(sorted(found, key=attrgetter("path")))


def file_version(path: str) -> str:
    """Returns what changes with a file's content; asked before and after it is read.

    Raises:
        OSError: it is not there.
    """
    if is_local(path):
        return local_version(path)
    # Looked up by its name as it is: `[1]` in it is no pattern.
    if is_cloud(path):
        found = find_object(path)
        if found is None:
            raise FileNotFoundError(f"{path} is not there")
        n_bytes, generation = found
        return f"{n_bytes}:{generation}"
    metadata = FileSystems.get_filesystem(path).metadata(path)
    return f"{metadata.size_in_bytes}:{metadata.last_updated_in_seconds or None}"


def _match_objects(pattern: str) -> Iterator[InputFile]:
    """Yields what Beam's listing does, which leaves out generations.

    An object's time changes with its metadata, too; its generation with its content alone.
    """
    pattern += "*" if pattern.endswith("/") else ""  # as Beam has it
    matches = re.compile(FileSystems.get_filesystem(pattern).translate_pattern(pattern)).match
    for path, n_bytes, generation in list_objects(re.split(r"[*?\[]", pattern)[0]):
        if matches(path):
            yield InputFile(path, n_bytes, str(generation))


def _match_with_beam(pattern: str) -> Iterator[InputFile]:
    try:
        (match,) = FileSystems.match([pattern])
    except (BeamIOError, ValueError) as error:
        raise UserError(f"{pattern} cannot be looked up: {error}") from error
    for file in match.metadata_list:
        updated = file.last_updated_in_seconds
        yield InputFile(file.path, file.size_in_bytes, str(updated) if updated else None)


def read_item_file(
    path: str,
    columns: tuple[tuple[str, str], ...],
    privacy: Privacy = PUBLIC,
    text_format: TextFormat = PLAIN,
    *,
    source: str = AUTO,
    keep: tuple[str, ...] = (),
) -> Iterator[Item | DeadLetter]:
    """Yields what `read_records` does of a file on any file system that Beam knows."""
    # Beam's own decompression takes a gzip stream that was cut off for a whole one.
    with FileSystems.open(to_name(path), compression_type=CompressionTypes.UNCOMPRESSED) as file:
        # Google's reader, unlike a local file, has no buffer to look for a line's end in.
        buffered = file if is_local(path) else io.BufferedReader(file, CHUNK_BYTES)
        yield from read_records(
            buffered, path, columns, privacy, text_format, source=source, keep=keep
        )
