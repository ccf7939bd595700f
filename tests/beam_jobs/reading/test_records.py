"""Fields, unreadable files and limits; and any bytes at all end as items or dead letters."""

import json
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import parse_record
from schemas.dead_letters import PAYLOAD_LIMIT_BYTES, Reason, Stage
from tests.support.item_reading import (
    PLAIN,
    V1,
    V2,
    Outcome,
    fields_of,
    read,
)


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


@given(st.dictionaries(st.sampled_from(NAMES), JSON_VALUES))
def test_any_record(record: dict[str, Any]) -> None:
    check_outcomes([parse_record(record, Location("t.jsonl", 1), RecordLayout(), suspect=True)])
    lenient = json.dumps(record).encode()
    check_outcomes(read("t.jsonl", lenient))


def test_no_more_shapes_are_remembered_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beam_jobs.reading.record_layout.MAX_SHAPES", 10)
    layout = RecordLayout()
    for number in range(50):
        original = {"id": "5", "text": "whole", f"key{number}": 1}
        record = {"id": "6", "text": "cut", "retweeted_status": original}
        item = parse_record(record, Location("t.jsonl", 1), layout)
        assert isinstance(item, Item)
        assert item.text == "whole"
        assert len(layout._shapes) <= 10


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ({"user": {"id_str": "3", "name": "\ud83d"}}, {"author_id": "3"}),
        ({"lang": "\ud83d"}, {"warnings": ("lang_unread",)}),
        ({"author_id": "a\udce9"}, {"warnings": ("author_id_unread",)}),
        ({"created_at": "\udce9"}, {"warnings": ("created_at_unread",)}),
        (
            {"hashtags": ["joy", "\udce9"]},
            {"hashtags": ("joy",), "warnings": ("hashtags_unread",)},
        ),
        ({"author_id": {"$numberDouble": "NaN"}}, {}),
        ({"created_at": {"$numberDecimal": "NaN"}}, {}),
        ({"retweet_id": {"$numberDecimal": "sNaN"}}, {}),
    ],
)
def test_a_broken_field_that_is_optional_costs_no_item(
    record: dict[str, Any], fields: dict[str, Any]
) -> None:
    whole = {"id": "1", "text": "so #Happy", **record}
    outcome = parse_record(whole, Location("t.jsonl", 1), RecordLayout(), suspect=True)
    expected = {"item_id": "1", "text": "so #Happy", "hashtags": ("happy",), **fields}
    assert fields_of(outcome) == expected


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"id": "1", "text": "\ud83d"}, "invalid_utf8"),
        ({"id": "\ud83d", "text": "a"}, "invalid_utf8"),
        ({"id": "1", "text": "a", "audio_uri": "\udce9.wav"}, "invalid_utf8"),
        ({"id": Decimal("1E+9999"), "text": "a"}, "wrong_type"),
        ({"id": {"$numberDecimal": "1E+9999"}, "text": "a"}, "wrong_type"),
        ({"id": {"$numberDecimal": "NaN"}, "text": "a"}, "missing_id"),
    ],
)
def test_a_broken_field_that_is_needed_is_a_dead_letter(
    record: dict[str, Any], reason: str
) -> None:
    outcome = parse_record(record, Location("t.jsonl", 1), RecordLayout(), suspect=True)
    assert isinstance(outcome, DeadLetter)
    assert outcome.reason == reason


@pytest.mark.parametrize(
    "text",
    ["&#" + "1" * 50_000 + ";", "<b>x</b>" + " " * 90_000 + "y", "<div>" * 10_000 + "a"],
)
def test_html_of_any_kind_is_read_in_time(text: str) -> None:
    """Each of these took minutes once, or stopped the run."""
    record = {"id": "1", "content": text, "account": {"id": "9"}}
    outcome = parse_record(record, Location("t.jsonl", 1), RecordLayout())
    assert isinstance(outcome, Item)
    assert (outcome.item_id, outcome.author_id) == ("1", "9")
