"""What the join finds out about a file's rows: which ids are kept, which clips they have.

Pure functions: `IndexItems` gives them the ids of one partition after the other.
"""

import posixpath
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

import orjson

from beam_jobs.items.elements import Location
from beam_jobs.items.paths import shown
from beam_jobs.items.progress import Progress

RowKey = tuple[int, int]
"""A row and its part: a `Location` within a file."""


class RecordState(IntEnum):
    """What a record can be labelled from."""

    REFUSED = 0
    """Nothing: it was refused when it was read, and its id is known."""
    EMPTY = 1
    """Nothing of its own, unless a clip of `--clips` is its."""
    FULL = 2
    """A text or an audio_uri."""


class Sighting(NamedTuple):
    """A record that carries a certain id."""

    source: Location
    state: RecordState


@dataclass(frozen=True)
class FileCheck:
    """What the join found out about the rows of one file; most rows are not mentioned.

    Attributes:
        file: the file.
        duplicates: the row that is kept, for each row whose id stands there.
        clips: the clips that carry the row's id, in order.
        n_records: records of the file when its ids were read, good and refused.
        already_scored: the rows whose id a published run has labelled.
        version: of the file when its ids were read; None: not known.
    """

    file: str
    duplicates: Mapping[RowKey, Location] = field(default_factory=dict)
    clips: Mapping[RowKey, tuple[str, ...]] = field(default_factory=dict)
    n_records: int = 0
    already_scored: frozenset[RowKey] = frozenset()
    version: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class LoneClip:
    """The clips of an id that no record carries, in order.

    Attributes:
        already_scored: whether a published run has labelled the id.
    """

    item_id: str
    clips: tuple[str, ...]
    already_scored: bool = False


def clip_id(path: str) -> str:
    """Returns the id that a clip's name carries: its stem.

    >>> clip_id("gs://clips/7700.1.wav"), clip_id("clips/note")
    ('7700.1', 'note')

    A name that is not UTF-8 has escapes in its id.
    """
    return shown(posixpath.splitext(posixpath.basename(path))[0])


def check_partition(
    partition: int,  # noqa: ARG001 - the key
    groups: Mapping[str, Iterable[Any]],
    progress: Progress | None = None,
) -> Iterator[FileCheck | LoneClip]:
    """Yields what there is to say about the ids of a partition: one `FileCheck` a file at most.

    Args:
        partition: its number.
        groups: `packs` of `index_file`, the paths of `clips`, and, where published runs count,
            packs of `index_labels` as `labelled`.
        progress: counts the clips that are items of their own.
    """
    clips: dict[str, list[str]] = {}
    for path in groups["clips"]:
        clips.setdefault(clip_id(path), []).append(path)
    entries_of: dict[str, list[tuple[str, int, int, int]]] = {}
    for pack in groups["packs"]:
        file, entries = orjson.loads(zlib.decompress(pack))
        for item_id, row, part, state in entries:
            entries_of.setdefault(item_id, []).append((file, row, part, state))
    labelled = {
        item_id
        for pack in groups.get("labelled", ())
        for item_id in orjson.loads(zlib.decompress(pack))
        if item_id in entries_of or item_id in clips  # memory holds what is read, not all history
    }
    scored_of = _take_labelled(labelled, entries_of, clips)

    duplicates_of: dict[str, dict[RowKey, Location]] = {}
    clips_of: dict[str, dict[RowKey, tuple[str, ...]]] = {}
    for item_id, entries in entries_of.items():
        own_clips = tuple(sorted(clips.pop(item_id, ())))
        if len(entries) == 1 and not own_clips:
            continue
        kept, others = keep_first(
            [
                Sighting(Location(in_file, row, part), RecordState(n))
                for in_file, row, part, n in entries
            ],
            has_clip=bool(own_clips),
        )
        if kept is None:
            continue
        for other in others:
            duplicates_of.setdefault(other.file, {})[other.row, other.part] = kept
        if own_clips:
            clips_of.setdefault(kept.file, {})[kept.row, kept.part] = own_clips
    for file in sorted(duplicates_of.keys() | clips_of.keys() | scored_of.keys()):
        yield FileCheck(
            file,
            duplicates_of.get(file, {}),
            clips_of.get(file, {}),
            already_scored=frozenset(scored_of.get(file, ())),
        )
    if progress and clips:
        progress.add_found(len(clips.keys() - labelled))
    for item_id, paths in sorted(clips.items()):
        yield LoneClip(item_id, tuple(sorted(paths)), item_id in labelled)


def _take_labelled(
    labelled: AbstractSet[str],
    entries_of: dict[str, list[tuple[str, int, int, int]]],
    clips: dict[str, list[str]],
) -> dict[str, set[RowKey]]:
    """Takes the ids that are labelled out of the records, with their clips; returns their rows."""
    rows_of: dict[str, set[RowKey]] = {}
    for item_id in labelled & entries_of.keys():
        clips.pop(item_id, None)  # of those without a record it is said that they are labelled
        for file, row, part, state in entries_of.pop(item_id):
            if state != RecordState.REFUSED:
                rows_of.setdefault(file, set()).add((row, part))
    return rows_of


def keep_first(
    sightings: Sequence[Sighting], *, has_clip: bool
) -> tuple[Location | None, list[Location]]:
    """Returns the record of an id that is kept, and those that are its duplicates.

    >>> empty = Sighting(Location("a.csv", 2), RecordState.EMPTY)
    >>> full = Sighting(Location("b.csv", 2), RecordState.FULL)
    >>> str(keep_first([full, empty], has_clip=True)[0]), keep_first([empty], has_clip=False)
    ('b.csv:2', (None, []))
    """
    candidates = sorted(seen.source for seen in sightings if seen.state is RecordState.FULL)
    if not candidates and has_clip:
        candidates = sorted(seen.source for seen in sightings if seen.state is RecordState.EMPTY)
    return (candidates[0] if candidates else None), candidates[1:]


def merge_checks(file: str, parts: Iterable[FileCheck]) -> FileCheck:
    """Returns all that was found out about a file."""
    duplicates: dict[RowKey, Location] = {}
    clips: dict[RowKey, tuple[str, ...]] = {}
    already_scored: set[RowKey] = set()
    n_records = 0
    version = None
    for part in parts:
        version = version or part.version
        duplicates |= part.duplicates
        clips |= part.clips
        n_records += part.n_records
        already_scored |= part.already_scored
    return FileCheck(file, duplicates, clips, n_records, frozenset(already_scored), version)


def count_already_scored(check: FileCheck | LoneClip) -> int:
    """Returns how many items of a file, or of a lone clip's, a published run has labelled.

    >>> count_already_scored(LoneClip("7", ("7.mp3", "7.wav"), already_scored=True))
    1
    """
    if isinstance(check, LoneClip):
        return int(check.already_scored)
    return len(check.already_scored)
