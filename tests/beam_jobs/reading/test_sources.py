"""Records as programs write them: the exact items, told from the record itself."""

from typing import Any

import pytest

from beam_jobs.reading.sources import SOURCES
from tests.support.item_reading import fields_of, read, read_value
from tests.support.source_records import (
    AT,
    BLUESKY_ITEM,
    BLUESKY_POST,
    BLUESKY_REASON,
    BLUESKY_REPOST,
    COMMENT,
    COMMENT_ITEM,
    JETSTREAM,
    MASTODON,
    MASTODON_ITEM,
    NOTE,
    NOTE_ITEM,
    SECONDS,
    SUBMISSION,
    TIKTOK,
    TIKTOK_ITEM,
    YOUTUBE,
    YOUTUBE_ITEM,
    jetstream,
)


@pytest.mark.parametrize(
    ("value", "items"),
    [
        # Bluesky
        (BLUESKY_POST, [BLUESKY_ITEM]),
        ({"feed": [{"post": BLUESKY_POST}], "cursor": "c"}, [BLUESKY_ITEM]),
        ({"posts": [BLUESKY_POST], "hitsTotal": 1}, [BLUESKY_ITEM]),
        (
            {"feed": [{"post": BLUESKY_POST, "reason": BLUESKY_REASON}, {"post": BLUESKY_POST}]},
            [BLUESKY_REPOST, BLUESKY_ITEM],
        ),
        (
            {"post": BLUESKY_POST, "reason": {"$type": "app.bsky.feed.defs#reasonPin"}},
            [BLUESKY_ITEM],
        ),
        (
            {"post": BLUESKY_POST, "reason": BLUESKY_REASON | {"uri": "at://did:plc:b/r/1"}},
            [BLUESKY_REPOST | {"item_id": "at://did:plc:b/r/1"}],
        ),
        (
            {"records": [
                {"uri": BLUESKY_POST["uri"], "cid": "c", "value": BLUESKY_POST["record"]}]},
            [BLUESKY_ITEM],
        ),
        (
            {"thread": {"post": BLUESKY_POST, "replies": [
                {"uri": "at://gone", "notFound": True}, {"uri": "at://no", "blocked": True}]}},
            [BLUESKY_ITEM, {"item_id": "at://gone", "reason": "deleted_post"},
             {"item_id": "at://no", "reason": "deleted_post"}],
        ),
        (JETSTREAM, [BLUESKY_ITEM]),
        (jetstream(operation="update"), [BLUESKY_ITEM]),
        (
            jetstream(operation="delete", record=None),
            [{"item_id": BLUESKY_POST["uri"], "reason": "deleted_post"}],
        ),
        (jetstream(collection="app.bsky.feed.like"), [{"item_id": None, "reason": "not_a_post"}]),
        (
            jetstream(collection="app.bsky.feed.repost", record={"subject": {"uri": "at://x"}}),
            [{"item_id": None, "reason": "not_a_post"}],
        ),
        (
            {"did": "did:plc:a", "time_us": 1, "kind": "identity", "identity": {"did": "d"}},
            [{"item_id": None, "reason": "not_a_post"}],
        ),
        # Mastodon and other ActivityPub
        ([MASTODON], [MASTODON_ITEM]),
        ({"accounts": [], "statuses": [MASTODON], "hashtags": []}, [MASTODON_ITEM]),
        ({"ancestors": [], "descendants": [MASTODON]}, [MASTODON_ITEM]),
        (
            {**MASTODON, "id": "110", "content": "", "language": None, "tags": [],
             "account": {"id": "6"}, "reblog": MASTODON},
            [MASTODON_ITEM | {"item_id": "110", "author_id": "6", "repost_of": "109"}],
        ),
        (NOTE, [NOTE_ITEM]),
        (
            {"type": "OrderedCollection", "id": "outbox.json", "orderedItems": [
                {"id": "a", "type": "Create", "actor": NOTE["attributedTo"], "object": NOTE},
                {"id": "b", "type": "Announce", "published": "2022-11-20T10:00:00Z",
                 "actor": "https://m.example/users/a", "object": "https://o.example/1"},
                {"id": "c", "type": "Announce", "published": "2022-11-20T10:00:00Z",
                 "actor": "https://m.example/users/b", "object": NOTE},
                {"id": "d", "type": "Like", "actor": "https://m.example/users/a", "object": "u"},
                {"id": "e", "type": "Delete",
                 "object": {"id": "https://m.example/2", "type": "Tombstone"}},
            ]},
            [
                NOTE_ITEM,
                {"item_id": "b", "reason": "not_a_post"},
                NOTE_ITEM | {"item_id": "c", "author_id": "https://m.example/users/b",
                             "repost_of": NOTE["id"]},
                {"item_id": None, "reason": "not_a_post"},
                {"item_id": "https://m.example/2", "reason": "deleted_post"},
            ],
        ),
        # Reddit
        (COMMENT, [COMMENT_ITEM]),
        (COMMENT | {"body": "[removed]"}, [{"item_id": "abd", "reason": "deleted_post"}]),
        (COMMENT | {"author": "[deleted]"}, [
            {name: one for name, one in COMMENT_ITEM.items() if name != "author_id"}
        ]),
        (SUBMISSION, [COMMENT_ITEM | {"item_id": "x", "text": "We won\n\nAt last!"}]),
        (SUBMISSION | {"selftext": ""}, [COMMENT_ITEM | {"item_id": "x", "text": "We won"}]),
        (SUBMISSION | {"selftext": "[deleted]"}, [{"item_id": "x", "reason": "deleted_post"}]),
        (
            [
                {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": SUBMISSION}]}},
                {"kind": "Listing", "data": {"children": [
                    {"kind": "t1", "data": COMMENT | {"id": "top", "replies": {
                        "kind": "Listing", "data": {"children": [
                            {"kind": "t1", "data": COMMENT | {"replies": ""}},
                            {"kind": "more", "data": {"children": ["z"], "id": "z"}}]}}}}]}},
            ],
            [COMMENT_ITEM | {"item_id": "x", "text": "We won\n\nAt last!"},
             COMMENT_ITEM | {"item_id": "top"}, COMMENT_ITEM],
        ),
        # YouTube
        (YOUTUBE, [YOUTUBE_ITEM]),
        (
            {"kind": "youtube#commentThreadListResponse", "items": [{
                "kind": "youtube#commentThread", "id": "Ug1",
                "snippet": {"videoId": "v", "topLevelComment": YOUTUBE, "totalReplyCount": 1},
                "replies": {"comments": [YOUTUBE | {"id": "Ug1.2"}]}}]},
            [YOUTUBE_ITEM, YOUTUBE_ITEM | {"item_id": "Ug1.2"}],
        ),
        # TikTok
        (TIKTOK, [TIKTOK_ITEM]),
        ({"data": {"videos": [TIKTOK], "has_more": False}, "error": {"code": "ok"}}, [TIKTOK_ITEM]),
        (
            {"data": {"comments": [
                {"id": 1, "video_id": 2, "text": "so sad", "create_time": SECONDS}]}},
            [{"item_id": "1", "text": "so sad", "created_at": AT}],
        ),
        # X
        (
            {"_type": "snscrape.modules.twitter.Tweet", "url": "u", "id": 8, "rawContent": "a #b",
             "date": "2022-11-20T10:00:00+00:00", "user": {"id": 12}, "hashtags": ["B"],
             "lang": "en"},
            [{"item_id": "8", "text": "a #b", "created_at": AT, "author_id": "12",
              "hashtags": ("b",), "lang": "en"}],
        ),
        (
            {"_type": "snscrape.modules.twitter.Tombstone", "id": 9, "text": None},
            [{"item_id": "9", "reason": "deleted_post"}],
        ),
        (
            {"delete": {"status": {"id": 5, "id_str": "5", "user_id": 7}, "timestamp_ms": "1"}},
            [{"item_id": "5", "reason": "deleted_post"}],
        ),
        (
            {"errors": [{"resource_type": "tweet", "resource_id": "5", "title": "Not Found"}]},
            [{"item_id": "5", "reason": "deleted_post"}],
        ),
        (
            {"data": [{"id": "1", "text": "a"}], "errors": [
                {"resource_type": "tweet", "parameter": "ids", "resource_id": "5"},
                {"resource_type": "tweet", "parameter": "referenced_tweets.id", "value": "6"},
                {"resource_type": "user", "parameter": "entities.mentions.username", "value": "b"},
                {"resource_type": "tweet", "parameter": "id", "value": "7"}]},
            [{"item_id": "1", "text": "a"}, {"item_id": "5", "reason": "deleted_post"},
             {"item_id": "7", "reason": "deleted_post"}],
        ),
        (
            {"meta": {"result_count": 0}, "errors": [
                {"resource_type": "tweet", "parameter": "ids", "resource_id": "5"}]},
            [{"item_id": "5", "reason": "deleted_post"}],
        ),
        (
            {"errors": [{"resource_type": "tweet", "parameter": "referenced_tweets.id",
                         "value": "6"}, {"title": "Unauthorized"}]},
            [{"item_id": None, "reason": "missing_id"}, {"item_id": None, "reason": "missing_id"}],
        ),
        ({"id": "5", "text": "t", "notFound": True}, [{"item_id": "5", "text": "t"}]),
        ({"id": "5", "text": "t", "blocked": True}, [{"item_id": "5", "text": "t"}]),
        ({"id": "4", "text": "t", "delete": {"status": {}}}, [{"item_id": "4", "text": "t"}]),
        ({"id": "6", "text": "x", "tombstone": {}}, [{"item_id": "6", "text": "x"}]),
        ([{"tweet": {"id_str": "5", "full_text": "a"}}], [{"item_id": "5", "text": "a"}]),
        (
            {"noteTweet": {"noteTweetId": "5", "createdAt": "2022-11-20T10:00:00.000Z",
                           "core": {"text": "a #b", "hashtags": []}}},
            [{"item_id": "5", "text": "a #b", "created_at": AT}],
        ),
        ({"_index": "i", "_id": "h", "_source": {"text": "a"}}, [{"item_id": "h", "text": "a"}]),
        ({"hits": {"hits": [{"_id": "h", "_source": {"id": "5", "text": "a"}}]}},
         [{"item_id": "5", "text": "a"}]),
    ],
)  # fmt: skip
def test_records_as_they_are(value: Any, items: list[dict[str, Any]]) -> None:
    assert read_value(value) == items
    assert read_value(value, "t.json") == items


TWINT = (
    "id,conversation_id,created_at,date,time,user_id,username,tweet,hashtags,language,retweet_id\n"
    "5,5,2022-11-20 05:00:00 EST,2022-11-20,05:00:00,12,x,so happy,\"['happy', 'day']\",en,\n"
    "6,6,1668938400000,2022-11-20,05:00:00,12,x,so sad,[],en,4\n"
    "7,7,soon,2022-11-20,05:00:00,12,x,so so,[],en,\n"
)


def test_twint() -> None:
    known = {"author_id": "12", "lang": "en"}
    assert [fields_of(one) for one in read("t.csv", TWINT.encode())] == [
        {"item_id": "5", "text": "so happy", "hashtags": ("happy", "day"), "created_at": AT}
        | known,
        {"item_id": "6", "text": "so sad", "created_at": AT, "repost_of": "4"} | known,
        {"item_id": "7", "text": "so so", "warnings": ("created_at_unread",)} | known,
    ]


def test_the_archive_of_information_operations() -> None:
    data = (
        "tweetid,userid,tweet_language,tweet_text,tweet_time,is_retweet,retweet_tweetid,hashtags\n"
        '5,h=,en,so happy,2022-11-20 10:00,False,,"[MAGA, Day]"\n'
    )
    [item] = read("t.csv", data.encode())
    assert fields_of(item) == {
        "item_id": "5",
        "text": "so happy",
        "author_id": "h=",
        "lang": "en",
        "created_at": AT,
        "hashtags": ("maga", "day"),
    }


def test_our_own_names_are_nobody_elses() -> None:
    record = {"item_id": "1", "text": "a", "content": "<b>c</b>", "account": {"id": 5}, "body": "d"}
    assert read_value(record) == [{"item_id": "1", "text": "a"}]


def test_an_item_with_a_field_of_an_envelopes_name_is_one() -> None:
    for field in (
        {"post": {"a": 1}},
        {"tweet": {"b": 2}},
        {"object": "o", "type": "Like", "actor": 1},
    ):
        assert read_value({"id": "1", "text": "a", **field}) == [{"item_id": "1", "text": "a"}]


def test_the_table_has_the_fields_of_each_source() -> None:
    for source in SOURCES:
        assert source.fields.keys() == SOURCES[0].fields.keys()
        assert source.marks or source.name in ("x", "plain")
        assert all(path and all(path) for paths in source.fields.values() for path in paths)
