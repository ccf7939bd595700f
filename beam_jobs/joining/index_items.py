"""The ids of all files, by partition: which stand twice, and which have a clip.

The items themselves cross no shuffle: only their ids and positions do, packed some hundreds to an
element. What comes out names the exceptional rows, and `ReadItems` reads the files again with it.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import orjson
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from beam_jobs.items.elements import Item
from beam_jobs.items.paths import real_path, shown
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.items.progress import Progress
from beam_jobs.joining.file_check import (
    FileCheck,
    LoneClip,
    RecordState,
    check_partition,
    clip_id,
    merge_checks,
)
from beam_jobs.reading.inputs import JobInputs, file_version, read_item_file
from beam_jobs.reading.sources import AUTO
from beam_jobs.reading.text_format import PLAIN, TextFormat

N_PARTITIONS = 256
"""How many parts the ids are divided into; a worker holds the ids of one at a time."""
MAX_BUFFERED_IDS = 1 << 16
"""Ids that a worker holds before it packs them: some 15 MB."""


@dataclass
class IndexItems(beam.PTransform):
    """Reads the ids of all files, and finds those that stand twice and those that have a clip.

    Comes in: the pipeline. Goes out: one `FileCheck` for each item file, and one `LoneClip`
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

    Nothing becomes a dead letter here. A file that cannot be opened, or changes while it is read,
    stops the job; so does a worker that lacks the key of the authors' tokens.
    """

    inputs: JobInputs
    progress: Progress | None = None
    published_labels: tuple[str, ...] = ()
    privacy: Privacy = PUBLIC

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[FileCheck | LoneClip]:
        """Wires the join."""
        files = root | "ItemFiles" >> beam.Create(self.inputs.item_files)
        indexed = (
            files
            | "IndexFiles"
            >> beam.FlatMap(
                index_file,
                self.inputs.columns,
                self.progress,
                self.inputs.text_format,
                source=self.inputs.source,
                privacy=self.privacy,
            )
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
            | "CheckPartitions" >> beam.FlatMapTuple(check_partition, progress=self.progress)
            | "PartLoneClips" >> beam.Map(_tag_lone_clips).with_outputs("lone_clips", main="rows")
        )
        by_file = (
            (indexed.counts, found.rows)
            | "FlattenChecks" >> beam.Flatten()
            | "KeyByFile" >> beam.WithKeys(lambda check: check.file)
            | "GroupByFile" >> beam.GroupByKey()
            | "Merge" >> beam.MapTuple(merge_checks)
        )
        return (by_file, found.lone_clips) | "FlattenLoneClips" >> beam.Flatten()


def partition_of(item_id: str) -> int:
    """Returns the partition of an id, the same on every machine.

    >>> partition_of("7700000000000002001")
    221
    """
    return zlib.crc32(item_id.encode()) % N_PARTITIONS


def partition_clip(path: str) -> tuple[int, str]:
    """Returns a clip with the partition of its id."""
    return partition_of(clip_id(path)), path


def index_file(
    path: str,
    columns: tuple[tuple[str, str], ...] = (),
    progress: Progress | None = None,
    text_format: TextFormat = PLAIN,
    source: str = AUTO,
    privacy: Privacy = PUBLIC,
) -> Iterator[tuple[int, bytes] | FileCheck]:
    """Yields the ids of a file in packs, each with its partition; last, how many records it has.

    A pack is the JSON of `[file, [[id, row, part, state], …]]`, compressed to 10 to 20 bytes an
    id. An element for each id would take the local runner 500 bytes of memory and four times as
    long (measured with 500,000 ids). The ids are counted in `progress`. They are as the labels have
    them, where `privacy` hides the authors in them.

    Raises:
        RuntimeError: the file changed while it was read.
        UserError: the worker lacks the key that authors are hidden with.
    """
    privacy.check()
    version = file_version(path)
    packs: dict[int, list[tuple[str, int, int, int]]] = {}
    n_ids = n_records = 0
    # Of a refused record only the id counts: it needs no place of its own.
    for outcome in read_item_file(path, columns, text_format=text_format, source=source):
        n_records += 1
        if isinstance(outcome, Item):
            row, part = outcome.source.row, outcome.source.part
            has_content = outcome.text is not None or outcome.audio_uri is not None
            entry = (
                privacy.item(outcome.item_id),
                row,
                part,
                RecordState.FULL if has_content else RecordState.EMPTY,
            )
        elif outcome.item_id is not None:
            entry = privacy.item(outcome.item_id), 0, 0, RecordState.REFUSED
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
    if file_version(path) != version:
        raise RuntimeError(f"{shown(path)} changed while its ids were read: run the job again")
    yield FileCheck(path, n_records=n_records, version=version)


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


def _tag_counts(found: tuple[int, bytes] | FileCheck) -> Any:
    return beam.pvalue.TaggedOutput("counts", found) if isinstance(found, FileCheck) else found


def _tag_lone_clips(found: FileCheck | LoneClip) -> Any:
    return beam.pvalue.TaggedOutput("lone_clips", found) if isinstance(found, LoneClip) else found
