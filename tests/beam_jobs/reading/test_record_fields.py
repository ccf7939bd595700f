"""Which field of a record is which of ours."""

from datetime import UTC, datetime
from typing import Any

import pytest

from beam_jobs.items.elements import DeadLetter, Item
from beam_jobs.reading.times import parse_time
from tests.support.item_reading import (
    NOON,
    item,
    read,
    read_line,
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
