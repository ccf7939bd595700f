"""Fields, unreadable files and limits; and any bytes at all end as items or dead letters."""

import gzip
import io
import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.reading.item_files import check_item_files, read_records
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import parse_record
from beam_jobs.reading.times import parse_time
from model.errors import UserError
from schemas.dead_letters import PAYLOAD_LIMIT_BYTES, Reason, Stage
from tests.beam_jobs.item_reading import (
    NOON,
    PLAIN,
    V1,
    V2,
    Outcome,
    item,
    parquet,
    read,
    read_line,
    summary,
)


class TestFields:
    @pytest.mark.parametrize(
        ("record", "text"),
        [
            ({"text": "a", "note_tweet": {"text": "longer"}}, "longer"),
            ({"text": "a", "full_text": "b", "extended_tweet": {"full_text": "c"}}, "c"),
            ({"text": "a", "full_text": None, "extended_tweet": "odd"}, "a"),
            ({"text": "", "full_text": ""}, ""),
            ({"text": " \n"}, " \n"),
            ({"text": None}, None),
            ({}, None),
        ],
    )
    def test_text(self, record: dict[str, Any], text: str | None) -> None:
        assert read_line({"id": 1, **record}) == item("1", 1, text=text)

    @pytest.mark.parametrize(
        ("record", "hashtags"),
        [
            ({"text": "#Été et #été, #a_1 #b"}, ("été", "a_1", "b")),
            ({"text": "#a", "hashtags": []}, ()),
            ({"text": "#a", "hashtags": None}, ("a",)),
            ({"text": "#a", "entities": {"hashtags": []}}, ()),
            ({"text": "#a", "entities": [1]}, ("a",)),
            ({"text": "#a", "entities": {"hashtags": {}}}, ("a",)),
            ({"text": "#a", "entities": {"hashtags": [1, {"tag": 5}, {"tag": "B"}]}}, ("b",)),
            ({"hashtags": "#B, c  #b,"}, ("b", "c")),
            ({"hashtags": '["B", "#c", null]'}, ("b", "c")),
            ({"hashtags": ["##b", "#", " "]}, ("b",)),
            (
                {"extended_tweet": {"entities": {"hashtags": [{"text": "All"}]}}, "entities": {}},
                ("all",),
            ),
        ],
    )
    def test_hashtags(self, record: dict[str, Any], hashtags: tuple[str, ...]) -> None:
        outcome = read_line({"id": 1, **record})
        assert isinstance(outcome, Item)
        assert outcome.hashtags == hashtags

    @pytest.mark.parametrize(
        ("record", "author_id"),
        [
            ({"author_id": 9}, "9"),
            ({"author_id": "", "user": {"id": 8}}, "8"),
            ({"user": {"id_str": "8"}}, "8"),
            ({"user": "somebody"}, None),
        ],
    )
    def test_author(self, record: dict[str, Any], author_id: str | None) -> None:
        assert read_line({"id": 1, **record}) == item("1", 1, author_id=author_id)

    def test_ids(self) -> None:
        assert read_line({"item_id": "a", "id_str": "b", "id": 3}) == item("a", 1)
        assert read_line({"item_id": None, "id_str": "", "id": 3}) == item("3", 1)
        assert read_line({"id": 2**64 - 1}) == item("18446744073709551615", 1)

    def test_empty_strings_are_null(self) -> None:
        empty = dict.fromkeys(["created_at", "lang", "audio_uri", "author_id", "hashtags"], "")
        assert read_line({"id": 1, **empty}) == item("1", 1)

    def test_renamed_fields_are_read_from_their_column_only(self) -> None:
        columns = [("item_id", "pk"), ("text", "body")]
        data = b'{"pk":7,"id":1,"body":"b","text":"t"}\n{"id":1,"body":"b"}\n{"pk":8,"text":"t"}'
        seventh, letter, eighth = read("t.jsonl", data, columns)
        assert seventh == item("7", 1, text="b")
        assert isinstance(letter, DeadLetter)
        assert letter.message == "pk is absent, null or empty"
        assert eighth == item("8", 3)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2018-10-10T12:00:00Z", NOON),
            ("2018-10-10T14:00:00.000+02:00", NOON),
            ("2018-10-10 12:00", NOON),
            ("20181010T120000Z", NOON),
            ("2018-10-10", NOON.replace(hour=0)),
            ("Wed Oct 10 10:30:00 -0130 2018", NOON),
        ],
    )
    def test_good_times(self, text: str, expected: datetime) -> None:
        assert parse_time(text) == expected
        assert parse_time(text).tzinfo is UTC

    @pytest.mark.parametrize(
        "text",
        [
            "2018-13-10",
            "2018-02-30T00:00:00Z",
            "0001-01-01T00:00:00+10:00",
            "9999-12-31T23:59:59-01:00",
            "10000-01-01T00:00:00Z",
            "Wed Okt 10 12:00:00 +0000 2018",
            "Wed Oct 32 12:00:00 +0000 2018",
            "Wed Oct 10 12:00:00 +9900 2018",
            "20120101123",
            "\ud800",
            " ",
        ],
    )
    def test_bad_times(self, text: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - fromisoformat's own messages differ
            parse_time(text)


class TestUnreadable:
    LINES = b"".join(b'{"id":"%d","text":"%d"}\n' % (n, n * n) for n in range(20_000))

    def test_cut_gzip_keeps_the_lines_before(self) -> None:
        packed = gzip.compress(self.LINES)
        outcomes = read("t.jsonl.gz", packed[: len(packed) // 2])
        assert len(outcomes) > 5_000
        last = outcomes.pop()
        assert summary(outcomes) == [
            (str(n), "ok", f"t.jsonl.gz:{n + 1}") for n in range(len(outcomes))
        ]
        assert isinstance(last, DeadLetter)
        assert last.reason is Reason.UNREADABLE_FILE
        assert last.source == f"t.jsonl.gz:{len(outcomes) + 1}"

    def test_damaged_gzip(self) -> None:
        packed = gzip.compress(self.LINES)
        for damaged in (packed[:-8] + b"\0" * 8, packed + b"more", b"plain text"):
            reasons = [
                one.reason for one in read("t.csv.gz", damaged) if isinstance(one, DeadLetter)
            ]
            assert reasons[-1] is Reason.UNREADABLE_FILE
            assert reasons.count(Reason.UNREADABLE_FILE) == 1

    def test_system_errors_are_raised_for_the_runner_to_try_again(self) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise ConnectionResetError("gone")

            readline = read

        for path in ("t.jsonl", "t.parquet", "t.csv.gz"):
            with pytest.raises(ConnectionResetError):
                list(read_records(Broken(b"x" * 100), path))

    def test_check_item_files(self) -> None:
        check_item_files(["a.jsonl", "b.CSV.gz", "gs://c/d.parquet"])
        for path in ("a.txt", "b.parquet.gz", "c.jsonl.zip", "d"):
            with pytest.raises(UserError, match=f"^{path} is not an item file: its name must end"):
                check_item_files(["a.jsonl", path])


class TestLimitsOfDeadLetters:
    def letter(self, message: str, payload: str) -> DeadLetter:
        return DeadLetter(None, Stage.READ, Reason.BROKEN_JSON, message, "t.jsonl:1", payload)

    @pytest.mark.parametrize(
        ("payload", "shown"),
        [
            (b"a" * 4097, "a" * 4096),
            (b"a" * 4096, "a" * 4096),
            (b"a" * 4095 + "é".encode(), "a" * 4095),
            (b"a" * 4093 + "😀".encode(), "a" * 4093),
            (b"a" * 4092 + "😀😀".encode(), "a" * 4092 + "😀"),
            (b"\xff" * 4096, "\ufffd" * 1365),
            (b"\xe9" + b"a" * 4096, "\ufffd" + "a" * 4093),
        ],
    )
    def test_payload(self, payload: bytes, shown: str) -> None:
        source = Location("t.jsonl", 1)
        letter = DeadLetter.of_bytes(Stage.READ, Reason.BROKEN_JSON, "m", source, payload)
        assert letter.payload == shown
        assert self.letter("m", payload.decode(errors="replace")).payload == shown

    def test_message(self) -> None:
        assert self.letter("é" * 1000, "").message == "é" * 1000
        assert self.letter("é" * 1001, "").message == "é" * 999 + "…"


def check_outcomes(outcomes: list[Outcome]) -> None:
    """Whatever came in, what comes out can be written: it is of the two kinds, and is Unicode."""
    for one in outcomes:
        assert isinstance(one, Item | DeadLetter)
        strings = [value for value in vars(one).values() if isinstance(value, str)]
        if isinstance(one, DeadLetter):
            assert len((one.payload or "").encode()) <= PAYLOAD_LIMIT_BYTES
        if isinstance(one, Item):
            assert one.item_id
            assert one.created_at is None or one.created_at.tzinfo is UTC
            strings += one.hashtags
        for value in strings:
            value.encode()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
NAMES = sorted({*PLAIN, *V2, *V1, "note_tweet", "extended_tweet", "data", "meta"})


@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from([".jsonl", ".json", ".csv"]))
def test_any_bytes(lines: list[bytes], suffix: str) -> None:
    data = b"\n".join(lines)
    outcomes = read("t" + suffix, data)
    check_outcomes(outcomes)
    if suffix == ".jsonl":  # not blank, so a record: no line is lost
        between = {b"", b"[", b"]", b"],", b","}
        filled = [n for n, line in enumerate(data.split(b"\n"), 1) if line.strip() not in between]
        is_lines = not data.lstrip().startswith(
            (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"{", b"[")
        )
        if is_lines and b'"data"' not in data and b"[" not in data and b"{" not in data:
            assert [one[2] for one in summary(outcomes)] == [f"t.jsonl:{n}" for n in filled]


@given(st.sampled_from([PLAIN, V2, V1, {"data": [V2, V1]}]), st.data())
def test_mutated_lines(record: dict[str, Any], data: st.DataObject) -> None:
    line = bytearray(orjson.dumps(record))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(line) - 1))
        line[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    outcomes = read("t.jsonl", bytes(line))
    check_outcomes(outcomes)
    assert outcomes or not line.strip() or b'"data"' in line


@given(st.dictionaries(st.sampled_from(NAMES), JSON_VALUES))
def test_any_record(record: dict[str, Any]) -> None:
    check_outcomes([parse_record(record, Location("t.jsonl", 1), RecordLayout(), suspect=True)])
    lenient = json.dumps(record).encode()
    check_outcomes(read("t.jsonl", lenient))


@settings(max_examples=60)
@given(st.data())
def test_damaged_files(data: st.DataObject) -> None:
    table = pa.table({"id": [str(n) for n in range(50)], "text": [str(n**5) for n in range(50)]})
    path, written = data.draw(
        st.sampled_from(
            [
                ("t.parquet", parquet(table, row_group_size=20, write_page_checksum=True)),
                ("t.jsonl.gz", gzip.compress(TestUnreadable.LINES[:2000], mtime=0)),
            ]
        )
    )
    at = data.draw(st.integers(0, len(written) - 1))
    check_outcomes(read(path, written[:at]))
    damaged = written[:at] + data.draw(st.binary(min_size=1, max_size=4)) + written[at + 1 :]
    check_outcomes(read(path, damaged))
    assert read(path, damaged) == read(path, damaged)
