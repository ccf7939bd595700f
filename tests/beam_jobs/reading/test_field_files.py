"""Files as users reported them: each kind written here in the same shape, with the exact rows."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.item_reading import fields_of, item, read, read_line, summary

HAPPY = {"text": "so happy"}


def rows_of(name: str, data: bytes) -> list[dict[str, Any]]:
    return [fields_of(outcome) for outcome in read(name, data)]


@pytest.mark.parametrize(
    ("name", "data", "outcomes"),
    [
        (
            "nan.jsonl",
            b'{"id": "1", "text": "a", "lang": NaN}\n{"id": "2", "text": "b", "x": -Infinity}\n',
            [("1", "ok", ":1"), ("2", "ok", ":2")],
        ),
        (
            "search.json",
            b'{"statuses": [{"id_str": "1", "full_text": "a"}, {"id_str": "2", "full_text": "b"}]}',
            [("1", "ok", ":1#1"), ("2", "ok", ":1#2")],
        ),
        (
            "search.jsonl",
            b'{"statuses": [{"id_str": "1", "full_text": "a"}]}\n{"results": [{"id_str": "2", '
            b'"text": "b"}], "next": "x"}\n{"statuses": [], "search_metadata": {}}',
            [("1", "ok", ":1#1"), ("2", "ok", ":2#1")],
        ),
        (
            "pages.json",
            b'[{"data": [{"id": "1", "text": "a"}], "meta": {}}, '
            b'{"data": [{"id": "2", "text": "b"}, {"id": "3"}]}]',
            [("1", "ok", ":1#1"), ("2", "ok", ":1#2"), ("3", "ok", ":1#3")],
        ),
        (
            "timeline.jsonl",
            b'[{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]\n[]\n[{"id": "3", "text": "c"}]',
            [("1", "ok", ":1#1"), ("2", "ok", ":1#2"), ("3", "ok", ":3#1")],
        ),
        (
            "mongo.json",
            b'{"_id": {"$oid": "5f"}, "id": {"$numberLong": "1294030472427835393"}, "text": "a"}\n',
            [("1294030472427835393", "ok", ":1")],
        ),
        (
            "pretty.jsonl",
            b'{\n  "id": "1",\n  "text": "a"\n}\n{\n  "id": "2",\n  "text": "b"\n}\n',
            [("1", "ok", ":1"), ("2", "ok", ":5")],
        ),
        (
            "pretty_cut.jsonl",
            b'{\n  "id": "1",\n  "text": "a"\n}\n{\n  "id": "2",\n  "text": "b',
            [("1", "ok", ":1"), (None, "broken_json", ":5")],
        ),
        (
            "list.jsonl",
            b'[\n  {"id": "1", "text": "a"},\n  {"id": "2", "text": "b"}\n]\n',
            [("1", "ok", ":1#1"), ("2", "ok", ":1#2")],
        ),
        (
            "list_cut.json",
            b'[\n{"id": "1", "text": "a"},\n{"id": "2", "text": "b"},\n{"id": "3", "te',
            [("1", "ok", ":2"), ("2", "ok", ":3"), (None, "broken_json", ":4")],
        ),
        (
            "comma.jsonl",
            b'{"id": "1", "text": "a"},\n{"id": "2", "text": "b"}\n',
            [("1", "ok", ":1"), ("2", "ok", ":2")],
        ),
        (
            "concatenated.jsonl",
            b'{"id": "1", "text": "a"}{"id": "2", "text": "b"}\n{"id": "3", "text": "c"}',
            [("1", "ok", ":1#1"), ("2", "ok", ":1#2"), ("3", "ok", ":2")],
        ),
        (
            "page_cut.jsonl",
            b'{"data": [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}, {"id": "3", "te\n'
            b'{"id": "4", "text": "d"}',
            [
                *((None, "broken_json", f":1#{part}") for part in (1, 2, 3)),
                ("4", "ok", ":2"),
            ],
        ),
        (
            "page_bad_bytes.jsonl",
            b'{"data": [{"id": "1", "text": "a"}, {"id": "2", "text": "caf\xe9"}]}\n',
            [("1", "ok", ":1#1"), ("2", "invalid_utf8", ":1#2")],
        ),
        (
            "page_pretty_cut.json",
            b'{\n "data": [\n  {\n   "id": "1"\n  },\n  {\n   "id": "2"\n  },\n  {\n   "i',
            [(None, "broken_json", f":1#{part}") for part in (1, 2, 3)],
        ),
        (
            "columns.json",
            b'{"id": {"0": "1", "1": "2"}, "text": {"0": "a", "1": "b"}}',
            [("1", "ok", ":1#1"), ("2", "ok", ":1#2")],
        ),
        (
            "index.json",
            b'{"0": {"id": "1", "text": "a"}, "1": {"id": "2", "text": "b"}}',
            [("1", "ok", ":1#1"), ("2", "ok", ":1#2")],
        ),
        (
            "split.json",
            b'{"columns": ["id", "text"], "index": [0, 1], "data": [["1", "a"], ["2", "b"]]}',
            [("1", "ok", ":1#1"), ("2", "ok", ":1#2")],
        ),
        (
            "tweets.js",
            b'window.YTD.tweets.part0 = [\n  {\n    "tweet": {\n      "id_str": "1",\n'
            b'      "full_text": "a"\n    }\n  },\n'
            b'  {"tweet": {"id_str": "2", "full_text": "b"}}\n]',
            [("1", "ok", ":1#1"), ("2", "ok", ":1#2")],
        ),
        (
            "2018_01.js",
            b'Grailbird.data.tweets_2018_01 = \n[{"id_str": "1", "text": "a"}]',
            [("1", "ok", ":1#1")],
        ),
    ],
)
def test_kinds_of_json(name: str, data: bytes, outcomes: list[tuple[str | None, str, str]]) -> None:
    expected = [(item_id, outcome, name + place) for item_id, outcome, place in outcomes]
    assert summary(read(name, data)) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_utf_16_by_its_mark(encoding: str, suffix: str) -> None:
    text = '{"id": "1", "text": "só\u010a\u0a00 😀"}\r\n{"id": "2", "text": "b"}'
    mark = "" if encoding == "utf-16" else "\ufeff"
    assert read(f"t{suffix}", (mark + text).encode(encoding)) == [
        item("1", 1, file=f"t{suffix}", text="só\u010a\u0a00 😀"),
        item("2", 2, file=f"t{suffix}", text="b"),
    ]


@pytest.mark.parametrize(
    ("cell", "item_id"),
    [
        ("1.47743E+18", None),
        ("1.47743e+18", None),
        ("1E+18", None),
        ("1294030472427835393.0", None),
        ("12.0", None),
        ("1.5e18", None),
        ("1294030472427835393", "1294030472427835393"),
        ("7e12", "7e12"),
        ("1e10", "1e10"),
        ("v1.0", "v1.0"),
        ("10.1000/182", "10.1000/182"),
    ],
)
def test_ids_that_a_program_has_rounded(cell: str, item_id: str | None) -> None:
    for data, name in (
        (f"id,text\n{cell},so happy\n", "t.csv"),
        (json.dumps({"id": cell, "text": "so happy"}), "t.jsonl"),
    ):
        [row] = rows_of(name, data.encode())
        if item_id is None:
            assert row == {"item_id": None, "reason": "wrong_type"}
        else:
            assert row == HAPPY | {"item_id": item_id}


def test_numbers_that_are_ids() -> None:
    assert read_line({"id": 12.0, "text": "so happy"}) == item("12", 1, text="so happy")
    assert summary([read_line({"id": 1.436278513418522e18})]) == [(None, "wrong_type", "t.jsonl:1")]
    assert summary([read_line({"id": 2.0**53})]) == [(None, "wrong_type", "t.jsonl:1")]
    beside = {"id": 1436278513418522600, "id_str": "1436278513418522630", "text": "so happy"}
    assert read_line(beside) == item("1436278513418522630", 1, text="so happy")


def test_an_id_that_a_spreadsheet_seems_to_have_rounded() -> None:
    rounded = HAPPY | {"item_id": "1294030472427830000", "warnings": ("id_rounded",)}
    assert rows_of("t.csv", b"id,text\n1294030472427830000,so happy\n") == [rounded]
    whole = HAPPY | {"item_id": "1294030472427830001"}
    assert rows_of("t.csv", b"id,text\n1294030472427830001,so happy\n") == [whole]


def test_times_that_cannot_be_told_cost_no_row() -> None:
    data = "id,text,created_at\n1,so happy,NaN\n2,so happy,1539202764\n3,so happy,10/11/2018\n"
    at = datetime(2018, 10, 10, 20, 19, 24, tzinfo=UTC)
    assert rows_of("t.csv", data.encode()) == [
        HAPPY | {"item_id": "1", "warnings": ("created_at_unread",)},
        HAPPY | {"item_id": "2", "created_at": at},
        HAPPY | {"item_id": "3", "warnings": ("created_at_unread",)},
    ]


def test_long_posts_have_their_last_hashtags() -> None:
    text = "#early " + "So proud of my students. " * 14 + "#Graduation #ClassOf2023"
    post = {"id": "1", "text": text[:270] + "…", "entities": {"hashtags": [{"tag": "early"}]}}
    row = {"item_id": "1", "text": text, "hashtags": ("early", "graduation", "classof2023")}
    note: dict[str, Any] = {"text": text}
    assert rows_of("t.jsonl", json.dumps({"data": [post | {"note_tweet": note}]}).encode()) == [row]
    note["entities"] = {"hashtags": [{"tag": tag} for tag in row["hashtags"]]}
    assert rows_of("t.jsonl", json.dumps(post | {"note_tweet": note}).encode()) == [row]
