"""`--keep`: which fields go into the labels, as what, and what is refused."""

from typing import Any

import pytest

from beam_jobs.items.elements import Item, Location
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.items.pseudonyms import KEY_VARIABLE, key_fingerprint
from beam_jobs.reading.kept_fields import MAX_KEPT_CHARACTERS, check_kept
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import parse_record
from model.errors import UserError

HIDDEN_TEXT = Privacy(redact_text=True)
HIDDEN_AUTHORS = Privacy(author_key="0badcafe")


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
        (("",), (), PUBLIC, "--keep is empty; it must name a field"),
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


@pytest.mark.parametrize(
    "name",
    [
        *("text", "full_text", "Full_Text", "retweeted_status", "retweeted_status.full_text"),
        *("quoted_status", "quoted_status.full_text", "reblog", "reblog.content", "legacy"),
        *("legacy.full_text", "_source", "_source.text", "post", "post.record.text", "commit"),
        *("commit.record", "commit.record.text", "object.content", "data", "data.selftext"),
        *("spoiler_text", "reblog.spoiler_text", "contentMap.en", "record.text", "record"),
        *("referenced_tweets", "referenced_tweets.0", "referenced_tweets.type=retweeted"),
        *("referenced_tweets.0.text", "snippet.topLevelComment", "tweet", "tweet.full_text"),
        *("note_tweet", "note_tweet.text", "noteTweet.core.text", "extended_tweet", "embed"),
        *("items.3.snippet.textOriginal", "embed.record.value.text", "tombstone.text.text"),
    ],
)
def test_a_text_is_refused_wherever_it_stands(name: str) -> None:
    with pytest.raises(UserError) as caught:
        check_kept((name,), (), HIDDEN_TEXT)
    assert str(caught.value) == f"--keep {name} would show a text, which --redact-text hides"


@pytest.mark.parametrize(
    "name",
    [
        *("author_id", "user", "user.screen_name", "user.id_str", "tweet.user.screen_name"),
        *("tweet", "retweeted_status", "retweeted_status.user.id_str", "quoted_status.user.name"),
        *("author.did", "did", "repo", "post.author.handle", "reason.by.did", "reason", "post"),
        *("commit", "reblog", "reblog.account.acct", "account.id", "object.attributedTo", "actor"),
        *("data.author", "author_fullname", "snippet.authorDisplayName", "snippet"),
        *("items.0.snippet.authorChannelId.value", "legacy.user_id_str", "_source.user.id"),
        *("uri", "url", "post.uri", "permalink", "in_reply_to_user_id", "username", "UserName"),
        *("referenced_tweets.0.author_id", "includes.users.0.id", "retweetedTweet.user.username"),
    ],
)
def test_an_author_is_refused_wherever_it_stands(name: str) -> None:
    with pytest.raises(UserError) as caught:
        check_kept((name,), (), HIDDEN_AUTHORS)
    assert str(caught.value) == (
        f"--keep {name} would show an author, whom --pseudonymise-authors hides"
    )


@pytest.mark.parametrize("privacy", [HIDDEN_TEXT, HIDDEN_AUTHORS])
def test_every_step_into_a_list_is_refused_where_something_is_hidden(privacy: Privacy) -> None:
    check_kept(("tags.*.name",), (), PUBLIC)
    for name in ("*", "tags.*.name"):
        with pytest.raises(UserError, match=r"^--keep .* would be a list, which is not kept under"):
            check_kept((name,), (), privacy)


@pytest.mark.parametrize(
    ("privacy", "column"), [(HIDDEN_TEXT, "text"), (HIDDEN_AUTHORS, "author_id")]
)
@pytest.mark.parametrize("name", ["a", "a.b", "a.b.c", "z.b", "z.b.0"])
def test_what_column_renames_is_refused(privacy: Privacy, column: str, name: str) -> None:
    with pytest.raises(UserError, match=r"^--keep \S+ would show a"):
        check_kept((name,), ((column, "a.b"),), privacy)


def test_other_fields_are_kept_where_something_is_hidden() -> None:
    names = ("place", "subreddit", "type", "public_metrics.like_count", "retweeted_status.lang")
    check_kept((*names, "author_id", "user.id"), (), HIDDEN_TEXT)
    check_kept((*names, "text", "selftext"), (), HIDDEN_AUTHORS)
    check_kept(("text", "user", "*"), (), PUBLIC)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"city": "Ulm"}, None),
        ([1], None),
        (' {"said": "the text"}', None),
        ("['the text']", None),
        ("[deleted]", "[deleted]"),
        (7, "7"),
    ],
)
def test_objects_and_lists_are_left_out_where_something_is_hidden(
    value: object, kept: str | None
) -> None:
    layout = RecordLayout(keep=("place",), privacy=HIDDEN_TEXT)
    record = {"id": 1, "text": "a", "place": value}
    item = parse_record(record, Location("t.jsonl", 1), layout)
    assert isinstance(item, Item)
    warnings = () if kept else ("kept_field_unread",)
    assert (item.kept, item.warnings) == ((("place", kept),), warnings)


@pytest.mark.parametrize(
    ("value", "kept"),
    [("by 8675309, of Ulm", None), ("18675309", "18675309"), (8675309, None), ("Ulm", "Ulm")],
)
def test_a_value_that_names_the_author_is_left_out(
    monkeypatch: pytest.MonkeyPatch, value: object, kept: str | None
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "k" * 16)
    layout = RecordLayout(keep=("place",), privacy=Privacy(author_key=key_fingerprint()))
    record = {"id": 1, "text": "a", "author_id": "8675309", "place": value}
    item = parse_record(record, Location("t.jsonl", 1), layout)
    assert isinstance(item, Item)
    warnings = () if kept else ("kept_field_unread",)
    assert (item.kept, item.warnings) == ((("place", kept),), warnings)
