"""Which record of an id is kept, and what there is to say of a file."""

import zlib

import orjson
import pytest

from beam_jobs.items.elements import Location
from beam_jobs.joining.file_check import (
    FileCheck,
    LoneClip,
    RecordState,
    Sighting,
    check_partition,
    clip_id,
    keep_first,
)

FULL, EMPTY, REFUSED = RecordState.FULL, RecordState.EMPTY, RecordState.REFUSED


def place(file: str, row: int, part: int = 0) -> Location:
    return Location(file, row, part)


class TestKeepFirst:
    A, B, C = place("a", 10), place("b", 2), place("b", 2, 1)

    @pytest.mark.parametrize(
        ("sightings", "has_clip", "expected"),
        [
            ([(C, FULL), (B, FULL), (A, FULL)], False, (A, [B, C])),
            ([(place("a", 9), FULL), (A, FULL)], False, (place("a", 9), [A])),
            ([(A, REFUSED), (B, FULL)], True, (B, [])),
            ([(A, EMPTY), (B, FULL), (C, FULL)], True, (B, [C])),
            ([(B, EMPTY), (A, EMPTY)], True, (A, [B])),
            ([(B, EMPTY), (A, EMPTY)], False, (None, [])),
            ([(A, REFUSED)], True, (None, [])),
        ],
    )
    def test_rules(
        self,
        sightings: list[tuple[Location, RecordState]],
        has_clip: bool,
        expected: tuple[Location | None, list[Location]],
    ) -> None:
        seen = [Sighting(*sighting) for sighting in sightings]
        assert keep_first(seen, has_clip=has_clip) == expected
        assert keep_first(seen[::-1], has_clip=has_clip) == expected


def test_clip_id() -> None:
    assert [clip_id(path) for path in ("/a.b/1.2.wav", "gs://b/x", ".wav")] == ["1.2", "x", ".wav"]


def test_a_partition_takes_only_the_published_ids_that_it_reads() -> None:
    def pack(content: object) -> bytes:
        return zlib.compress(orjson.dumps(content))

    groups = {
        "packs": [
            pack(["a.jsonl", [["1", 1, 0, RecordState.FULL], ["2", 2, 0, RecordState.FULL]]])
        ],
        "clips": ["3.wav"],
        "labelled": [pack(["2", "3", "of last year"])],
    }
    assert list(check_partition(0, groups)) == [
        FileCheck("a.jsonl", already_scored=frozenset({(2, 0)})),
        LoneClip("3", ("3.wav",), already_scored=True),
    ]
