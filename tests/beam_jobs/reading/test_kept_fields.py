"""`--keep`: which fields go into the labels, as what, and what is refused."""

from typing import Any

import pytest

from beam_jobs.items.elements import Item, Location
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.reading.kept_fields import MAX_KEPT_CHARACTERS, check_kept
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import parse_record
from model.errors import UserError

HIDDEN_TEXT = Privacy(redact_text=True)


def kept_of(record: dict[str, Any], *names: str) -> Item:
    layout = RecordLayout(keep=names)
    item = parse_record({"id": 1, "text": "a", **record}, Location("t.jsonl", 1), layout)
    assert isinstance(item, Item)
    return item


@pytest.mark.parametrize(
    ("record", "name", "value"),
    [
        ({"place": "Ulm"}, "place", "Ulm"),
        ({"place": {"city": "Ulm"}}, "place.city", "Ulm"),
        ({"place": {"city": "Ulm"}}, "place", '{"city": "Ulm"}'),
        ({"place.city": "Ulm"}, "place.city", "Ulm"),
        ({"tags": ["a", "b"]}, "tags.1", "b"),
        ({"n": 7}, "n", "7"),
        ({"n": 0.5}, "n", "0.5"),
        ({"is_paid": False}, "is_paid", "false"),
        ({"place": None}, "place", None),
        ({}, "place", None),
    ],
)
def test_values_are_texts(record: dict[str, Any], name: str, value: str | None) -> None:
    assert kept_of(record, name).kept == ((name, value),)


def test_the_text_itself_is_the_item_s_own() -> None:
    assert kept_of({"place": "Ulm"}, "text", "place").kept == (("place", "Ulm"),)


def test_a_value_that_is_too_long_is_null_and_told() -> None:
    item = kept_of({"place": "x" * (MAX_KEPT_CHARACTERS + 1)}, "place")
    assert (item.kept, item.warnings) == ((("place", None),), ("kept_field_unread",))


@pytest.mark.parametrize(
    ("names", "columns", "privacy", "told"),
    [
        (("",), (), PUBLIC, "--keep : its column would be x_"),
        (("a b", "a.b"), (), PUBLIC, "--keep a.b: its column would be x_a_b, as --keep a b is"),
        (("text",), (), HIDDEN_TEXT, "--keep text would show a text, which --redact-text hides"),
        (("full_text",), (), HIDDEN_TEXT, "--keep full_text would show a text"),
        (("body",), (("text", "body"),), HIDDEN_TEXT, "--keep body would show a text"),
    ],
)
def test_what_is_refused(
    names: tuple[str, ...], columns: tuple[tuple[str, str], ...], privacy: Privacy, told: str
) -> None:
    with pytest.raises(UserError) as caught:
        check_kept(names, columns, privacy)
    assert str(caught.value).startswith(told)


def test_other_fields_are_kept_where_texts_are_hidden() -> None:
    check_kept(("place", "subreddit"), (), HIDDEN_TEXT)
    check_kept(("text",), (), PUBLIC)
