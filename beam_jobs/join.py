"""Which rows carry an id that stands elsewhere too, and which clip belongs to which row.

The items themselves cross no shuffle: only their ids and positions do, packed some hundreds to an
element. What comes out names the exceptional rows, and `ReadItems` reads the files again with it.
"""

import posixpath
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

import apache_beam as beam
import orjson
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from beam_jobs.elements import Item, Location
from beam_jobs.inputs import JobInputs, read_item_file, real_path
from beam_jobs.progress import Progress

N_PARTITIONS = 256
"""How many parts the ids are divided into; a worker holds the ids of one at a time."""
MAX_BUFFERED_IDS = 1 << 16
"""Ids that a worker holds before it packs them: some 15 MB."""

RowKey = tuple[int, int]
"""A row and its part: a `Location` within a file."""


class Standing(IntEnum):
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
    standing: Standing


@dataclass(frozen=True)
class FileVerdicts:
    """What the join found out about the rows of one file; most rows are not mentioned.

    Attributes:
        file: the file.
        duplicates: the row that is kept, for each row whose id stands there.
        clips: the clips that carry the row's id, in order.
        n_records: records of the file when its ids were read, good and refused.
        already_scored: the rows whose id a published run has labelled.
    """

    file: str
    duplicates: Mapping[RowKey, Location] = field(default_factory=dict)
    clips: Mapping[RowKey, tuple[str, ...]] = field(default_factory=dict)
    n_records: int = 0
    already_scored: frozenset[RowKey] = frozenset()


@dataclass(frozen=True)
class LoneClip:
    """The clips of an id that no record carries, in order.

    Attributes:
        already_scored: whether a published run has labelled the id.
    """

    item_id: str
    clips: tuple[str, ...]
    already_scored: bool = False


@dataclass
class IndexItems(beam.PTransform):
    """Reads the ids of all files, and finds those that stand twice and those that have a clip.

    Comes in: the pipeline. Goes out: one `FileVerdicts` for each item file, and one `LoneClip`
    for each id that only clips carry.

    Of the records of an id the first is kept, by file name, row and part; only those count that
    can be labelled. A record that was refused when it was read does not, so that a good one of
    the same id after it is labelled; nor does one without text and audio, unless there is a clip
    and no fuller record. Texts and clips are looked at only later: a first record whose text turns
    out empty, or whose clip cannot be used, is kept all the same, and its duplicates are refused
    with it. The clip goes to the record that is kept. If there is none, but one was
    refused, then the clip was that record's, and is accounted for by its dead letter. A record
    refused without a known id (broken JSON) has no part in this; a clip of its id is labelled as
    one without a tweet.

    Where published label files are given, each record and lone clip whose id they hold is marked
    as scored already, whatever else it is; a record that was refused when it was read is not.

    Nothing becomes a dead letter here. A file that cannot be opened stops the job.
    """

    inputs: JobInputs
    progress: Progress | None = None
    published_labels: tuple[str, ...] = ()

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[FileVerdicts | LoneClip]:
        """Wires the join."""
        files = root | "ItemFiles" >> beam.Create(self.inputs.item_files)
        indexed = (
            files
            | "IndexFiles" >> beam.FlatMap(index_file, self.inputs.columns, self.progress)
            | "PartCounts" >> beam.Map(_tag_counts).with_outputs("counts", main="packs")
        )
        clips = (
            root
            | "ClipFiles" >> beam.Create(self.inputs.clip_files)
            | "PartitionClips" >> beam.Map(partition_clip)
        )
        by_partition = {"packs": indexed.packs, "clips": clips}
        if self.published_labels:
            by_partition["labelled"] = (
                root
                | "PublishedLabels" >> beam.Create(self.published_labels)
                | "IndexLabels" >> beam.FlatMap(index_labels)
            )
        found = (
            by_partition
            | "JoinOnPartition" >> beam.CoGroupByKey()
            | "Judge" >> beam.FlatMapTuple(judge_partition, progress=self.progress)
            | "PartLoneClips" >> beam.Map(_tag_lone_clips).with_outputs("lone_clips", main="rows")
        )
        by_file = (
            (indexed.counts, found.rows)
            | "FlattenVerdicts" >> beam.Flatten()
            | "KeyByFile" >> beam.WithKeys(lambda verdicts: verdicts.file)
            | "GroupByFile" >> beam.GroupByKey()
            | "Merge" >> beam.MapTuple(merge_verdicts)
        )
        return (by_file, found.lone_clips) | "FlattenLoneClips" >> beam.Flatten()


def partition_of(item_id: str) -> int:
    """Returns the partition of an id, the same on every machine.

    >>> partition_of("7700000000000002001")
    221
    """
    return zlib.crc32(item_id.encode()) % N_PARTITIONS


def clip_id(path: str) -> str:
    """Returns the id that a clip's name carries: its stem.

    >>> clip_id("gs://clips/7700.1.wav"), clip_id("clips/note")
    ('7700.1', 'note')
    """
    return posixpath.splitext(posixpath.basename(path))[0]


def partition_clip(path: str) -> tuple[int, str]:
    """Returns a clip with the partition of its id."""
    return partition_of(clip_id(path)), path


def index_file(
    path: str, columns: tuple[tuple[str, str], ...] = (), progress: Progress | None = None
) -> Iterator[tuple[int, bytes] | FileVerdicts]:
    """Yields the ids of a file in packs, each with its partition; last, how many records it has.

    A pack is the JSON of `[file, [[id, row, part, standing], …]]`, compressed to 10 to 20 bytes an
    id. An element for each id would take the local runner 500 bytes of memory and four times as
    long (measured with 500,000 ids). The ids are counted in `progress`.
    """
    packs: dict[int, list[tuple[str, int, int, int]]] = {}
    n_ids = n_records = 0
    # Of a refused record only the id counts: it needs no place of its own.
    for outcome in read_item_file(path, columns):
        n_records += 1
        if isinstance(outcome, Item):
            row, part = outcome.source.row, outcome.source.part
            has_content = outcome.text is not None or outcome.audio_uri is not None
            entry = outcome.item_id, row, part, Standing.FULL if has_content else Standing.EMPTY
        elif outcome.item_id is not None:
            entry = outcome.item_id, 0, 0, Standing.REFUSED
        else:
            continue
        packs.setdefault(partition_of(entry[0]), []).append(entry)
        n_ids += 1
        if n_ids == MAX_BUFFERED_IDS:
            yield from _pack(path, packs)
            if progress:
                progress.add_found(n_ids)
            packs, n_ids = {}, 0
    yield from _pack(path, packs)
    if progress:
        progress.add_found(n_ids)
    yield FileVerdicts(path, n_records=n_records)


def _pack(
    path: str, packs: Mapping[int, Sequence[tuple[str, int, int, int]]]
) -> Iterator[tuple[int, bytes]]:
    for partition, entries in packs.items():
        yield partition, zlib.compress(orjson.dumps((path, entries)), level=1)


def index_labels(path: str) -> Iterator[tuple[int, bytes]]:
    """Yields the ids of a published file of labels in packs, each with its partition.

    A pack is the JSON of a list of ids, compressed.
    """
    with FileSystems.open(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(MAX_BUFFERED_IDS, columns=["item_id"]):
            ids: dict[int, list[str]] = {}
            for item_id in batch["item_id"].to_pylist():
                ids.setdefault(partition_of(item_id), []).append(item_id)
            for partition, labelled in ids.items():
                yield partition, zlib.compress(orjson.dumps(labelled), level=1)


def judge_partition(
    partition: int,  # noqa: ARG001 - the key
    groups: Mapping[str, Iterable[Any]],
    progress: Progress | None = None,
) -> Iterator[FileVerdicts | LoneClip]:
    """Yields what there is to say about the ids of a partition: one `FileVerdicts` a file at most.

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
        for item_id, row, part, standing in entries:
            entries_of.setdefault(item_id, []).append((file, row, part, standing))
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
                Sighting(Location(in_file, row, part), Standing(n))
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
        yield FileVerdicts(
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
        for file, row, part, standing in entries_of.pop(item_id):
            if standing != Standing.REFUSED:
                rows_of.setdefault(file, set()).add((row, part))
    return rows_of


def keep_first(
    sightings: Sequence[Sighting], *, has_clip: bool
) -> tuple[Location | None, list[Location]]:
    """Returns the record of an id that is kept, and those that are its duplicates.

    >>> empty = Sighting(Location("a.csv", 2), Standing.EMPTY)
    >>> full = Sighting(Location("b.csv", 2), Standing.FULL)
    >>> str(keep_first([full, empty], has_clip=True)[0]), keep_first([empty], has_clip=False)
    ('b.csv:2', (None, []))
    """
    candidates = sorted(seen.source for seen in sightings if seen.standing is Standing.FULL)
    if not candidates and has_clip:
        candidates = sorted(seen.source for seen in sightings if seen.standing is Standing.EMPTY)
    return (candidates[0] if candidates else None), candidates[1:]


def merge_verdicts(file: str, parts: Iterable[FileVerdicts]) -> FileVerdicts:
    """Returns all that was found out about a file."""
    duplicates: dict[RowKey, Location] = {}
    clips: dict[RowKey, tuple[str, ...]] = {}
    already_scored: set[RowKey] = set()
    n_records = 0
    for part in parts:
        duplicates |= part.duplicates
        clips |= part.clips
        n_records += part.n_records
        already_scored |= part.already_scored
    return FileVerdicts(file, duplicates, clips, n_records, frozenset(already_scored))


def count_already_scored(verdicts: FileVerdicts | LoneClip) -> int:
    """Returns how many items of a file, or of a lone clip's, a published run has labelled.

    >>> count_already_scored(LoneClip("7", ("7.mp3", "7.wav"), already_scored=True))
    1
    """
    if isinstance(verdicts, LoneClip):
        return int(verdicts.already_scored)
    return len(verdicts.already_scored)


def is_same_file(audio_uri: str, clip: str, audio_roots: Iterable[str]) -> bool:
    """Returns whether an item's audio_uri names a clip, however the two are spelled.

    Local paths are the same if they lead to the same place, symbolic links followed; URIs if their
    names are. No file is opened.

    Args:
        audio_uri: a path or URI; a relative one may lie under any root.
        clip: a path or URI as it was matched.
        audio_roots: directories.

    >>> is_same_file("a/../1.wav", "gs://clips/1.wav", ["/data", "gs://clips/"])
    True
    >>> is_same_file("1.wav", "gs://clips/1.wav", ["gs://others"])
    False
    """
    candidates = [audio_uri]
    if "://" not in audio_uri and not audio_uri.startswith("/"):
        candidates += [f"{root.rstrip('/')}/{audio_uri}" for root in audio_roots]
    return real_path(clip) in map(real_path, candidates)


def _tag_counts(found: tuple[int, bytes] | FileVerdicts) -> Any:
    return beam.pvalue.TaggedOutput("counts", found) if isinstance(found, FileVerdicts) else found


def _tag_lone_clips(found: FileVerdicts | LoneClip) -> Any:
    return beam.pvalue.TaggedOutput("lone_clips", found) if isinstance(found, LoneClip) else found
