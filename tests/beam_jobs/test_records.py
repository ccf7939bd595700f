"""Every format, every bad input: the exact items and dead letters."""

import gzip
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs.elements import DeadLetter, Item, Location
from beam_jobs.item_files import check_item_files, read_records
from beam_jobs.record_fields import RecordLayout, parse_time
from beam_jobs.records import parse_record
from model.errors import UserError
from schemas.dead_letters import PAYLOAD_LIMIT_BYTES, Reason, Stage

Outcome = Item | DeadLetter
NOON = datetime(2018, 10, 10, 12, 0, tzinfo=UTC)


def read(path: str, data: bytes, columns: Sequence[tuple[str, str]] = ()) -> list[Outcome]:
    return list(read_records(io.BytesIO(data), path, tuple(columns)))


def read_line(record: dict[str, Any]) -> Outcome:
    (outcome,) = read("t.jsonl", orjson.dumps(record) + b"\n")
    return outcome


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


class TestJsonLines:
    def test_kinds_mix_line_by_line(self) -> None:
        page = {"data": [V2, {**V2, "id": "20"}], "meta": {"result_count": 2}, "includes": {}}
        data = b"\xef\xbb\xbf" + b"\r\n".join(map(orjson.dumps, [PLAIN, V2, V1, page]))
        assert read("t.jsonl", data) == [
            PLAIN_ITEM,
            item("2", 2, **V2_FIELDS),
            item("3", 3, **V1_FIELDS),
            item("2", 4, 1, **V2_FIELDS),
            item("20", 4, 2, **V2_FIELDS),
        ]

    def test_ndjson_and_gzip_read_the_same(self) -> None:
        data = orjson.dumps(PLAIN) + b"\n"
        for path, written in [("a.ndjson", data), ("a.JSONL.gz", gzip.compress(data))]:
            (outcome,) = read(path, written)
            assert outcome == item("1", 1, file=path, **_fields_of(PLAIN_ITEM))

    def test_blank_lines_count_and_other_separators_do_not_split(self) -> None:
        data = '\n  \r\n{"id":"1","text":"a\u2028b\x85c"}\n\n{"id":"2","text":"x"}'.encode()
        assert read("t.jsonl", data) == [item("1", 3, text="a\u2028b\x85c"), item("2", 5, text="x")]

    def test_pages(self) -> None:
        lines = [
            {"data": V2},
            {"meta": {"result_count": 0}},
            {"data": []},
            {"data": [{"id": "5", "text": "t"}, 7, {"text": "no id"}]},
            {"id": "6", "text": "t", "data": "an item's own field", "meta": 1},
            {"data": 5},
        ]
        outcomes = read("t.jsonl", b"\n".join(map(orjson.dumps, lines)))
        assert summary(outcomes) == [
            ("2", "ok", "t.jsonl:1#1"),
            ("5", "ok", "t.jsonl:4#1"),
            (None, "broken_json", "t.jsonl:4#2"),
            (None, "missing_id", "t.jsonl:4#3"),
            ("6", "ok", "t.jsonl:5"),
            (None, "missing_id", "t.jsonl:6"),
        ]
        assert isinstance(outcomes[3], DeadLetter)
        assert outcomes[3].payload == '{"text": "no id"}'

    @pytest.mark.parametrize(
        ("line", "reason", "item_id", "message"),
        [
            (b'{"id": "1", "text": "cu', "broken_json", None, "Unterminated string"),
            (b"[1, 2]", "broken_json", None, "the record is a list, not an object"),
            (b"null", "broken_json", None, "not an object"),
            (b'{"id": "1", "text": NaN}', "broken_json", None, "NaN is no value"),
            (b'{"a": ' * 5000, "broken_json", None, "nested too deeply"),
            (b"\x00\x01", "broken_json", None, "the line is not JSON"),
            (b'{"id": "1", "text": "caf\xe9"}', "invalid_utf8", None, "byte 25 of the line"),
            (b'{"id": "1", "text": "\\ud83d"}', "invalid_utf8", "1", "not Unicode text"),
            (b'{"id": "\\ud83d", "text": "a"}', "invalid_utf8", None, "not Unicode text"),
            (b'{"text": "a"}', "missing_id", None, "item_id or id_str or id is absent"),
            (b'{"id": null, "text": "a"}', "missing_id", None, "null or empty"),
            (b'{"id": "", "text": "a"}', "missing_id", None, "null or empty"),
            (b'{"id": true, "text": "a"}', "wrong_type", None, "item_id is a boolean"),
            (b'{"id": 1.5, "text": "a"}', "wrong_type", None, "item_id is the number 1.5"),
            (b'{"id": 1%s}' % (b"0" * 40), "wrong_type", None, "at most 64 bits"),
            (b'{"id": {}, "text": "a"}', "wrong_type", None, "item_id is an object"),
            (b'{"id": 1, "text": 42}', "wrong_type", "1", "text is the number 42, not a string"),
            (b'{"id": 1, "text": ["a"]}', "wrong_type", "1", "text is a list"),
            (b'{"id": 1, "audio_uri": 5}', "wrong_type", "1", "audio_uri is the number 5"),
            (b'{"id": 1, "text": "a", "lang": []}', "wrong_type", "1", "lang is a list"),
            (b'{"id": 1, "text": "a", "author_id": false}', "wrong_type", "1", "author_id is"),
            (b'{"id": 1, "text": "a", "hashtags": 5}', "wrong_type", "1", "hashtags is the"),
            (b'{"id": 1, "text": "a", "hashtags": [5]}', "wrong_type", "1", "one of hashtags"),
            (b'{"id": 1, "text": "a", "hashtags": "[a"}', "wrong_type", "1", "list in JSON"),
            (b'{"id": 1, "created_at": 1539172800}', "bad_timestamp", "1", "number 1539172800,"),
            (b'{"id": 1, "created_at": "1539172800"}', "bad_timestamp", "1", "'1539172800',"),
            (b'{"id": 1, "created_at": "soon"}', "bad_timestamp", "1", "created_at is 'soon', not"),
        ],
    )
    def test_bad_lines(self, line: bytes, reason: str, item_id: str | None, message: str) -> None:
        good = b'{"id":"9","text":"good"}'
        before, letter, after = read("t.jsonl", b"\n".join([good, line, good]))
        assert before == item("9", 1, text="good")
        assert after == item("9", 3, text="good")
        assert isinstance(letter, DeadLetter)
        assert message in letter.message
        assert letter == DeadLetter(
            item_id,
            Stage.READ,
            Reason(reason),
            letter.message,
            "t.jsonl:2",
            line[:PAYLOAD_LIMIT_BYTES].decode("utf-8", errors="replace"),
        )

    def test_only_the_bad_record_of_a_page_is_refused_for_a_lone_surrogate(self) -> None:
        line = b'{"data": [{"id": "1", "text": "a"}, {"id": "2", "text": "\\udc00"}]}'
        good, bad = read("t.jsonl", line)
        assert good == item("1", 1, 1, text="a")
        assert isinstance(bad, DeadLetter)
        assert (bad.item_id, bad.reason, bad.payload) == (
            "2",
            Reason.INVALID_UTF8,
            '{"id": "2", "text": "\\udc00"}',
        )

    def test_line_over_the_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("beam_jobs.text_lines.MAX_LINE_BYTES", 30)
        monkeypatch.setattr("beam_jobs.json_files.MAX_LINE_BYTES", 30)
        data = b'{"id":"1","text":"%s"}\n{"id":"2","text":"b"}\n' % (b"a" * 100)
        letter, good = read("t.jsonl", data)
        assert isinstance(letter, DeadLetter)
        assert letter.message == "the line is longer than 30 bytes"
        assert good == item("2", 2, text="b")


class TestJsonDocument:
    @pytest.mark.parametrize("indent", [None, 2])
    def test_page_list_and_single_tweet(self, indent: int | None) -> None:
        def written(value: Any) -> bytes:
            return b"\n" + json.dumps(value, indent=indent).encode() + b"\n"

        page = {"data": [V2, {**V2, "id": "20"}], "meta": {}}
        row = 2 if indent is None else 1  # a page on a line of its own is a JSON line
        assert read("t.json", written(page)) == [
            item("2", row, 1, "t.json", **V2_FIELDS),
            item("20", row, 2, "t.json", **V2_FIELDS),
        ]
        assert read("t.json", written([V2, 5]))[0] == item("2", 1, 1, "t.json", **V2_FIELDS)
        assert summary(read("t.json", written([V2, 5])))[1] == (None, "broken_json", "t.json:1#2")
        assert read("t.json", written(V1)) == [item("3", row, file="t.json", **V1_FIELDS)]

    def test_json_lines_in_a_json_file(self) -> None:
        good, cut = b'{"id":"1","text":"a"}', b'{"id":"2","te'
        assert summary(read("t.json", b"\n".join([good, cut]))) == [
            ("1", "ok", "t.json:1"),
            (None, "broken_json", "t.json:2"),
        ]
        assert summary(read("t.json", b"\n".join([cut, b"", good]))) == [
            (None, "broken_json", "t.json:1"),
            ("1", "ok", "t.json:3"),
        ]

    def test_bad_bytes_refuse_one_record_of_a_document(self) -> None:
        data = b'[\n{"id": "1", "text": "a"},\n{"id": "2", "text": "\xff"}\n]'
        assert summary(read("t.json", data)) == [
            ("1", "ok", "t.json:1#1"),
            ("2", "invalid_utf8", "t.json:1#2"),
        ]

    def test_document_over_the_limit_is_read_as_lines(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("beam_jobs.json_files.MAX_DOCUMENT_BYTES", 5)
        data = b'[\n{"id": "1", "text": "a"}\n,\n5\n]\n'
        assert summary(read("t.json", data)) == [
            (None, "broken_json", "t.json:1"),
            ("1", "ok", "t.json:2"),
            (None, "broken_json", "t.json:3"),
            (None, "broken_json", "t.json:4"),
            (None, "broken_json", "t.json:5"),
        ]

    @pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
    def test_empty(self, data: bytes) -> None:
        assert read("t.json", data) == []
        assert read("t.jsonl", data) == []
        assert read("t.csv", data) == []


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
            ({"text": "#Été et #été, #a_1#b"}, ("été", "a_1", "b")),
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


HEADER = "item_id,text,created_at,author_id,lang,hashtags,audio_uri\n"


class TestCsv:
    def test_rows(self) -> None:
        data = (
            "\ufeff"
            + HEADER
            + '1,"at, ""last""\nand more",2018-10-10T12:00:00Z,9,en,#Joy tgif,\r\n'
            "\n"
            '2,,,,,"[""A""]",a/2.wav\n'
            "3,see #This,,,,,\n"
            "4,,,,,,"
        ).encode()
        assert read("t.csv", data) == [
            item(
                "1",
                2,
                file="t.csv",
                text='at, "last"\nand more',
                created_at=NOON,
                author_id="9",
                lang="en",
                hashtags=("joy", "tgif"),
            ),
            item("2", 5, file="t.csv", hashtags=("a",), audio_uri="a/2.wav"),
            item("3", 6, file="t.csv", text="see #This", hashtags=("this",)),
            item("4", 7, file="t.csv"),
        ]

    def test_tsv_and_gzip(self) -> None:
        data = b"tweet\tid\na,b\t1\n"
        columns = [("text", "tweet")]
        assert read("t.tsv", data, columns) == [item("1", 2, file="t.tsv", text="a,b")]
        packed = gzip.compress(data)
        assert read("t.tsv.gz", packed, columns) == [item("1", 2, file="t.tsv.gz", text="a,b")]

    @pytest.mark.parametrize(
        ("row", "reason", "item_id", "message", "payload"),
        [
            (b"5,a,b", "malformed_row", None, "the row has 3 cells; the header has 2", "5,a,b"),
            (b"5", "malformed_row", None, "the row has 1 cells; the header has 2", "5"),
            (b'5,"a"b', "malformed_row", None, "cannot be split", '5,"a"b'),
            (b'5,"a', "malformed_row", None, "cannot be split", '5,"a'),
            (b"5,caf\xe9", "invalid_utf8", "5", "not Unicode", '{"id": "5", "text": "caf\\udce9"}'),
            (b"\xe9,a", "invalid_utf8", None, "not Unicode", '{"id": "\\udce9", "text": "a"}'),
            (b",a", "missing_id", None, "absent, null or empty", '{"id": null, "text": "a"}'),
        ],
    )
    def test_a_bad_row_costs_itself_only(
        self, row: bytes, reason: str, item_id: str | None, message: str, payload: str
    ) -> None:
        data = b"\n".join([b"id,text", b'1,"a, b"', row, b'2,"c, d"', b'3,"e\nf"', b""])
        first, letter, second, third = read("t.csv", data)
        assert first == item("1", 2, file="t.csv", text="a, b")
        assert second == item("2", 4, file="t.csv", text="c, d")
        assert third == item("3", 5, file="t.csv", text="e\nf")
        assert isinstance(letter, DeadLetter)
        assert message in letter.message
        assert letter == DeadLetter(
            item_id, Stage.READ, Reason(reason), letter.message, "t.csv:3", payload
        )

    def test_no_id_column(self) -> None:
        assert read("t.csv", b"pk,text\n1,a\n") == [
            DeadLetter(
                None,
                Stage.READ,
                Reason.MISSING_ID,
                "the file has no column item_id or id_str or id; it has 'pk', 'text': "
                "name one with --column item_id=NAME",
                "t.csv:2",
                '{"pk": "1", "text": "a"}',
            )
        ]

    @pytest.mark.parametrize(
        ("data", "columns", "message"),
        [
            (
                b"id,tweet\n1,a\n2,b\n",
                [("text", "body")],
                "the file has no column body; it has 'id', 'tweet': "
                "name one with --column text=NAME",
            ),
            (
                b"id,caf\xe9\n1,a\n",
                [("item_id", "pk")],
                "the file has no column pk; it has 'id', 'caf\\udce9': "
                "name one with --column item_id=NAME",
            ),
            (b"id,text, text\n1,a,b\n", [], "the header has 2 columns named 'text'"),
            (b"pk,x,pk\n1,a,b\n", [("item_id", "pk")], "the header has 2 columns named 'pk'"),
        ],
    )
    def test_a_header_without_or_with_doubled_columns(
        self, data: bytes, columns: list[tuple[str, str]], message: str
    ) -> None:
        header = data.partition(b"\n")[0].decode(errors="replace")
        assert read("t.csv", data, columns) == [
            DeadLetter(None, Stage.READ, Reason.UNREADABLE_FILE, message, "t.csv:1", header)
        ]

    def test_doubled_columns_that_are_not_read_do_no_harm(self) -> None:
        data = b"id,body,text,text,user,user\n1,a,b,c,d,e\n"
        assert read("t.csv", data, [("text", "body")]) == [item("1", 2, file="t.csv", text="a")]

    def test_unreadable_header(self) -> None:
        assert summary(read("t.csv", b'id,"te"xt\n1,a\n')) == [(None, "unreadable_file", "t.csv:1")]


class TestParquet:
    def test_a_renamed_column_that_is_not_there(self) -> None:
        table = pa.table({"id": ["1", "2"], "tweet": ["a", "b"]})
        [letter] = read("t.parquet", parquet(table), columns=(("text", "body"),))
        assert isinstance(letter, DeadLetter)
        assert (letter.reason, letter.source) == (Reason.UNREADABLE_FILE, "t.parquet")
        assert letter.message.startswith("the file has no column body; it has 'id', 'tweet': ")

    def test_types(self) -> None:
        table = pa.table(
            {
                "id": pa.array([1, 2, None], pa.int64()),
                "text": pa.array(["a #x", "b", "c"]).dictionary_encode(),
                "created_at": pa.array([NOON, None, NOON], pa.timestamp("ns", tz="Asia/Tokyo")),
                "hashtags": pa.array([["Joy", None], None, []], pa.list_(pa.string())),
                "user": pa.array([{"id_str": "9"}, None, None]),
                "unread": pa.array([b"\xff"] * 3),
            }
        )
        first, second, letter = read("t.parquet", parquet(table, row_group_size=1))
        assert first == item(
            "1",
            1,
            file="t.parquet",
            text="a #x",
            created_at=NOON,
            hashtags=("joy",),
            author_id="9",
        )
        assert second == item("2", 2, file="t.parquet", text="b")
        assert summary([letter]) == [(None, "missing_id", "t.parquet:3")]
        assert isinstance(letter, DeadLetter)
        assert letter.payload == (
            '{"id": null, "text": "c", "created_at": "2018-10-10 12:00:00+00:00", '
            '"hashtags": [], "user": null}'
        )

    @pytest.mark.parametrize(
        "times",
        [
            pa.array([1539172800], pa.timestamp("s")),
            pa.array([1539172800000], pa.timestamp("ms", tz="UTC")),
            pa.array([1539172800000000], pa.timestamp("us", tz="+05:00")),
            pa.array([1539172800000000999], pa.timestamp("ns")),
            pa.array(["2018-10-10T12:00:00Z"]),
            pa.array(["2018-10-10T12:00:00Z"], pa.large_string()),
        ],
    )
    def test_times(self, times: pa.Array) -> None:
        (outcome,) = read("t.parquet", parquet(pa.table({"id": ["1"], "created_at": times})))
        assert outcome == item("1", 1, file="t.parquet", created_at=NOON)

    def test_dates_and_times_out_of_range(self) -> None:
        for times, expected in [
            (pa.array([17814], pa.date32()), ("1", "ok", "t.parquet:1")),
            (pa.array([1 << 40], pa.timestamp("s")), ("1", "bad_timestamp", "t.parquet:1")),
            (pa.array([1539172800]), ("1", "bad_timestamp", "t.parquet:1")),
        ]:
            data = parquet(pa.table({"id": ["1"], "created_at": times}))
            assert summary(read("t.parquet", data)) == [expected]

    def test_invalid_utf8_refuses_its_row_only(self) -> None:
        binary = pa.array([b"a", b"\xff", b"c"])
        as_string = pa.Array.from_buffers(pa.string(), 3, binary.buffers())
        for column in (binary, as_string):
            data = parquet(pa.table({"id": ["1", "2", "3"], "text": column}))
            outcomes = read("t.parquet", data)
            assert summary(outcomes) == [
                ("1", "ok", "t.parquet:1"),
                ("2", "invalid_utf8", "t.parquet:2"),
                ("3", "ok", "t.parquet:3"),
            ]
            assert outcomes[0] == item("1", 1, file="t.parquet", text="a")

    def test_no_id_column(self) -> None:
        data = parquet(pa.table({"pk": [1, 2]}))
        assert [one[1:] for one in summary(read("t.parquet", data))] == [
            ("missing_id", "t.parquet:1"),
            ("missing_id", "t.parquet:2"),
        ]
        assert read("t.parquet", data, [("item_id", "pk")]) == [
            item("1", 1, file="t.parquet"),
            item("2", 2, file="t.parquet"),
        ]

    def test_damage_keeps_the_rows_before_it(self) -> None:
        table = pa.table({"id": [f"{n:05}" for n in range(100)], "text": ["t"] * 100})
        data = parquet(table, row_group_size=50, compression="NONE", use_dictionary=False)
        at = data.index(b"00050")
        outcomes = read("t.parquet", data[:at] + b"\xff" * 60 + data[at + 60 :])
        assert len(outcomes) == 51
        assert all(isinstance(one, Item) for one in outcomes[:50])
        assert summary(outcomes[50:]) == [(None, "unreadable_file", "t.parquet:51")]

    @pytest.mark.parametrize("data", [b"", b"PAR1", b"not Parquet at all, by far"])
    def test_not_parquet(self, data: bytes) -> None:
        assert summary(read("t.parquet", data)) == [(None, "unreadable_file", "t.parquet:1")]


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


def _fields_of(one: Item) -> dict[str, Any]:
    return {name: value for name, value in vars(one).items() if name not in ("item_id", "source")}


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
        filled = [n for n, line in enumerate(data.split(b"\n"), 1) if line.strip()]
        if not data.startswith(b"\xef\xbb\xbf") and b'"data"' not in data:
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
