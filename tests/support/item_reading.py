"""Reads files of records in memory, and makes the items that are expected of them."""

import io
import json
import zlib
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.joining.file_check import FileCheck, LoneClip, check_partition, merge_checks
from beam_jobs.joining.index_items import N_PARTITIONS, index_file, partition_clip, partition_of
from beam_jobs.joining.read_items import read_checked_items
from beam_jobs.reading.inputs import JobInputs
from beam_jobs.reading.item_files import read_records

Outcome = Item | DeadLetter
NOON = datetime(2018, 10, 10, 12, 0, tzinfo=UTC)


def read(path: str, data: bytes, columns: Sequence[tuple[str, str]] = ()) -> list[Outcome]:
    return list(read_records(io.BytesIO(data), path, tuple(columns)))


def read_line(record: dict[str, Any]) -> Outcome:
    (outcome,) = read("t.jsonl", orjson.dumps(record) + b"\n")
    return outcome


def read_without_beam(inputs: JobInputs, labelled: Collection[str] = ()) -> list[Outcome]:
    """The same functions as in the pipeline, called one after the other.

    Args:
        inputs: the files.
        labelled: ids that published runs have labelled.
    """
    groups: dict[int, dict[str, list[object]]] = {
        number: {"packs": [], "clips": [], "labelled": []} for number in range(N_PARTITIONS)
    }
    found: list[FileCheck | LoneClip] = []
    for path in inputs.item_files:
        for one in index_file(path, inputs.columns):
            if isinstance(one, FileCheck):
                found.append(one)
            else:
                groups[one[0]]["packs"].append(one[1])
    for number, clip in map(partition_clip, inputs.clip_files):
        groups[number]["clips"].append(clip)
    for item_id in labelled:
        pack = zlib.compress(orjson.dumps([item_id]))
        groups[partition_of(item_id)]["labelled"].append(pack)
    found += [one for number, group in groups.items() for one in check_partition(number, group)]
    verdicts: list[FileCheck | LoneClip] = [
        merge_checks(
            path, [one for one in found if isinstance(one, FileCheck) and one.file == path]
        )
        for path in inputs.item_files
    ]
    verdicts += [one for one in found if isinstance(one, LoneClip)]
    return [
        outcome
        for one in verdicts
        for outcome in read_checked_items(one, inputs.columns, inputs.audio_roots)
    ]


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def item(item_id: str, row: int, part: int = 0, file: str = "t.jsonl", **fields: Any) -> Item:
    return Item(item_id, Location(file, row, part), **fields)


def summary(outcomes: Sequence[Outcome]) -> list[tuple[str | None, str, str]]:
    """(id, "ok" or the reason, source) of each outcome."""
    return [
        (one.item_id, "ok", str(one.source))
        if isinstance(one, Item)
        else (one.item_id, str(one.reason), one.source)
        for one in outcomes
    ]


PLAIN = {
    "item_id": "1",
    "text": "at last",
    "created_at": "2018-10-10T12:00:00Z",
    "author_id": "9",
    "lang": "en",
    "hashtags": ["Joy", "#joy", "TGIF"],
    "audio_uri": "a/1.wav",
}
PLAIN_ITEM = item(
    "1",
    1,
    text="at last",
    created_at=NOON,
    author_id="9",
    lang="en",
    hashtags=("joy", "tgif"),
    audio_uri="a/1.wav",
)
V2 = {
    "id": "2",
    "text": "so #Happy today",
    "created_at": "2018-10-10T12:00:00.000Z",
    "author_id": "9",
    "lang": "en",
    "entities": {"hashtags": [{"start": 3, "end": 9, "tag": "Happy"}]},
}
V2_FIELDS = {
    "text": "so #Happy today",
    "created_at": NOON,
    "author_id": "9",
    "lang": "en",
    "hashtags": ("happy",),
}
V1 = {
    "created_at": "Wed Oct 10 12:00:00 +0000 2018",
    "id": 3,
    "id_str": "3",
    "text": "cut off…",
    "full_text": "cut off no more",
    "entities": {"hashtags": [{"text": "Rain", "indices": [0, 5]}]},
    "user": {"id": 9, "id_str": "9"},
    "lang": "en",
}
V1_FIELDS = {
    "text": "cut off no more",
    "created_at": NOON,
    "author_id": "9",
    "lang": "en",
    "hashtags": ("rain",),
}


def fields_of(outcome: Outcome) -> dict[str, Any]:
    """What is known of an item, or the id and reason of a dead letter."""
    if isinstance(outcome, DeadLetter):
        return {"item_id": outcome.item_id, "reason": str(outcome.reason)}
    found = {name: value for name, value in vars(outcome).items() if value}
    del found["source"]
    return found


def read_value(value: Any, name: str = "t.jsonl") -> list[dict[str, Any]]:
    """`fields_of` each record of a file that is one JSON value."""
    return [fields_of(outcome) for outcome in read(name, json.dumps(value).encode())]
