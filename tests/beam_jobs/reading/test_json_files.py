"""JSON Lines and whole JSON documents: the exact items and dead letters."""

import gzip
import json
from typing import Any

import orjson
import pytest

from beam_jobs.items.elements import DeadLetter, Item
from schemas.dead_letters import PAYLOAD_LIMIT_BYTES, Reason, Stage
from tests.support.item_reading import (
    PLAIN,
    PLAIN_ITEM,
    V1,
    V1_FIELDS,
    V2,
    V2_FIELDS,
    item,
    read,
    summary,
)


def _fields_of(one: Item) -> dict[str, Any]:
    return {name: value for name, value in vars(one).items() if name not in ("item_id", "source")}


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

    @pytest.mark.parametrize(
        ("field", "code"),
        [
            ({"lang": []}, "lang_unread"),
            ({"lang": "e" * 4097}, "lang_unread"),
            ({"author_id": False}, "author_id_unread"),
            ({"author_id": 1.5}, "author_id_unread"),
            ({"author_id": "a" * 4097}, "author_id_unread"),
            ({"hashtags": 5}, "hashtags_unread"),
            ({"hashtags": [5]}, "hashtags_unread"),
            ({"hashtags": "[a"}, "hashtags_unread"),
            ({"created_at": "soon"}, "created_at_unread"),
            ({"created_at": 10**30}, "created_at_unread"),
            ({"created_at": [1]}, "created_at_unread"),
            ({"retweet_id": 1.5}, "repost_of_unread"),
        ],
    )
    def test_what_is_optional_costs_no_item(self, field: dict[str, Any], code: str) -> None:
        line = json.dumps({"id": 1, "text": "a", **field}).encode()
        assert read("t.jsonl", line) == [item("1", 1, text="a", warnings=(code,))]

    def test_what_can_be_read_of_hashtags_counts(self) -> None:
        line = b'{"id": 1, "text": "a", "hashtags": ["Joy", 5, null], "lang": 7}'
        warnings = ("hashtags_unread", "lang_unread")
        assert read("t.jsonl", line) == [
            item("1", 1, text="a", hashtags=("joy",), warnings=warnings)
        ]

    def test_no_numbers_are_null(self) -> None:
        line = b'{"id": 1, "text": "a", "lang": NaN, "author_id": -Infinity, "created_at": NaN}'
        assert read("t.jsonl", line) == [item("1", 1, text="a")]

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
        monkeypatch.setattr("beam_jobs.reading.text_lines.MAX_LINE_BYTES", 30)
        monkeypatch.setattr("beam_jobs.reading.json_files.MAX_LINE_BYTES", 30)
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
        monkeypatch.setattr("beam_jobs.reading.json_files.MAX_DOCUMENT_BYTES", 5)
        data = b'[\n{"id": "1", "text": "a"}\n,\n5\n]\n'
        assert summary(read("t.json", data)) == [
            ("1", "ok", "t.json:2"),
            (None, "broken_json", "t.json:4"),
        ]

    @pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
    def test_empty(self, data: bytes) -> None:
        assert read("t.json", data) == []
        assert read("t.jsonl", data) == []
        assert read("t.csv", data) == []


POSTS = [{"tweet": {"id_str": one, "full_text": "a"}} for one in ("1", "2")]


def _script(post: Any, name: str, indent: int | None) -> str:
    return f"window.YTD.tweets{name} = {json.dumps([post], indent=indent)}"


class TestSeveralDocuments:
    @pytest.mark.parametrize("end", ["\n", ";\n", ""])
    @pytest.mark.parametrize("names", [(".part0", ".part1"), ("['part0']", "['part1']")])
    def test_parts_of_an_archive(self, names: tuple[str, str], end: str) -> None:
        pretty = "\n".join(_script(*one, 2) + end for one in zip(POSTS, names, strict=True))
        second = 10 if end.endswith("\n") else 9
        assert read("tweets.js", pretty.encode()) == [
            item("1", 1, 1, "tweets.js", text="a"),
            item("2", second, 1, "tweets.js", text="a"),
        ]
        flat = "".join(
            _script(*one, None) + (end or "\n") for one in zip(POSTS, names, strict=True)
        )
        assert read("tweets.js", flat.encode()) == [
            item("1", 1, 1, "tweets.js", text="a"),
            item("2", 2, 1, "tweets.js", text="a"),
        ]

    def test_parts_with_a_post_a_line(self) -> None:
        lines = [
            f"window.YTD.tweets.part{part} = [\n{json.dumps(post)},\n];\n"
            for part, post in enumerate(POSTS)
        ]
        assert read("tweets.js", "".join(lines).encode()) == [
            item("1", 2, file="tweets.js", text="a"),
            item("2", 5, file="tweets.js", text="a"),
        ]

    @pytest.mark.parametrize("tail", ["oops", "5 ]", "]\nmore", '"a": 1}', "\ufffd"])
    def test_a_stray_tail_is_one_dead_letter(self, tail: str) -> None:
        data = json.dumps(POSTS, indent=2) + "\n\n" + tail + "\n"
        one, two, letter = read("t.json", data.encode())
        assert [one, two] == [
            item("1", 1, 1, "t.json", text="a"),
            item("2", 1, 2, "t.json", text="a"),
        ]
        assert isinstance(letter, DeadLetter)
        assert letter.message.startswith("the text that follows the document here is not JSON: ")
        assert (letter.reason, letter.source, letter.payload) == (
            Reason.BROKEN_JSON,
            "t.json:16",
            tail,
        )

    def test_a_cut_part_follows_a_whole_one(self) -> None:
        data = json.dumps(POSTS[0], indent=2) + '\n{\n  "id_str": "2",\n  "te'
        one, letter = read("t.json", data.encode())
        assert one == item("1", 1, file="t.json", text="a")
        assert isinstance(letter, DeadLetter)
        assert letter.message.startswith("the document that starts here is not JSON: ")
        assert letter.source == "t.json:7"


@pytest.mark.parametrize(
    ("name", "data", "outcomes"),
    [
        ("t.json", b"[\n", [(None, "broken_json", "t.json:1")]),
        ("t.jsonl", b"[\n", [(None, "broken_json", "t.jsonl:1")]),
        ("tweets.js", b"window.YTD.tweets.part0 = [\n", [(None, "broken_json", "tweets.js:1")]),
        (
            "t.json",
            b'[\n{"id": "1", "text": "a"},\n',
            [("1", "ok", "t.json:2"), (None, "broken_json", "t.json:1")],
        ),
        ("t.json", b'[\n{"id": "1", "text": "a"},\n{}\n]\n', [("1", "ok"), (None, "missing_id")]),
        ("t.jsonl", b"[\n]\n", []),
    ],
)
def test_a_list_that_is_cut_is_told(
    name: str, data: bytes, outcomes: list[tuple[str | None, ...]]
) -> None:
    found = [one[: len(outcomes[0])] for one in summary(read(name, data))]
    assert found == outcomes
