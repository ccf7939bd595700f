"""Posts in envelopes, streams, lists and dumps: the exact items, and what is no post."""

import json
from typing import Any

import pytest

from tests.support.item_reading import read_value
from tests.support.source_records import (
    AT,
    BLUESKY_ITEM,
    BLUESKY_POST,
    COMMENT,
    JETSTREAM,
    MASTODON,
    MASTODON_ITEM,
    PLAIN_TEXT,
    SECONDS,
)

VISIBLE = {
    "__typename": "TweetWithVisibilityResults",
    "tweet": {"rest_id": "4", "legacy": {"full_text": "abc", "user_id_str": "9"}},
}
BRIEF = {"item_id": "4", "text": "abc", "author_id": "9"}
MASTODON_TEXT = json.dumps(MASTODON)
VIDEO = {"title": "so happy", "description": "it's #Fun", "channelId": "UC1",
         "publishedAt": "2022-11-20T10:00:00Z"}  # fmt: skip
VIDEO_ITEM = {
    "item_id": "v",
    "text": "so happy\n\nit's #Fun",
    "created_at": AT,
    "author_id": "UC1",
    "hashtags": ("fun",),
}
YT_DLP = {"id": "c1", "text": "hello <3", "timestamp": SECONDS, "author_id": "UC1",
          "parent": "root", "author": "@a", "is_favorited": False}  # fmt: skip
YT_DLP_ITEM = {"item_id": "c1", "text": "hello <3", "created_at": AT, "author_id": "UC1"}
REMOVED = "[ Removed by reddit in response to a copyright notice. ]"


def not_a_post(item_id: str | None = None) -> dict[str, Any]:
    return {"item_id": item_id, "reason": "not_a_post"}


def deleted_post(item_id: str | None) -> dict[str, Any]:
    return {"item_id": item_id, "reason": "deleted_post"}


@pytest.mark.parametrize(
    ("value", "items"),
    [
        # Envelopes in envelopes
        (VISIBLE, [BRIEF]),
        ({"_id": "9", "_source": {"tweet": {"id_str": "4", "full_text": "abc"}}},
         [{"item_id": "4", "text": "abc"}]),
        ({"hits": {"hits": [{"_id": "9", "_source": JETSTREAM}, {"_id": "8", "_source": VISIBLE}]}},
         [BLUESKY_ITEM, BRIEF]),
        ({"_id": "9", "_source": {"text": "a", "data": {"b": 1}}}, [{"item_id": "9", "text": "a"}]),
        ({"tweet": {"__typename": "TweetTombstone", "tombstone": {}}}, [deleted_post(None)]),
        # Mastodon's streams and notifications
        ({"stream": ["public"], "event": "update", "payload": MASTODON_TEXT}, [MASTODON_ITEM]),
        ({"stream": ["user"], "event": "status.update", "payload": MASTODON}, [MASTODON_ITEM]),
        ({"stream": ["public"], "event": "delete", "payload": "109"}, [deleted_post("109")]),
        ({"stream": ["user"], "event": "filters_changed", "payload": None}, [not_a_post()]),
        ({"event": "update", "payload": "{"}, [{"item_id": None, "reason": "broken_json"}]),
        ({"id": "5", "type": "mention", "account": {"id": "5"}, "status": MASTODON},
         [MASTODON_ITEM]),
        ({"event": "notification", "payload": json.dumps(
            {"id": "5", "type": "mention", "account": {"id": "5"}, "status": MASTODON})},
         [MASTODON_ITEM]),
        ({"id": "5", "type": "follow", "account": {"id": "5"}}, [not_a_post()]),
        # X's stream, of itself
        *(({name: {"track": 5}}, [not_a_post()])
          for name in ("limit", "scrub_geo", "user_withheld", "disconnect", "warning")),
        ({"status_withheld": {"id": 7, "user_id": 8}}, [not_a_post("7")]),
        ({"id": "1", "text": "so happy", "limit": {"track": 5}}, [PLAIN_TEXT]),
        # Bluesky's records, and its first servers
        ({"records": [{"uri": "at://did:plc:a/app.bsky.feed.like/3k", "cid": "c",
                       "value": {"$type": "app.bsky.feed.like", "subject": {"uri": "at://x"}}},
                      {"uri": "at://did:plc:a/app.bsky.feed.repost/3k", "cid": "c",
                       "value": {"subject": {"uri": "at://x"}}}]},
         [not_a_post(), not_a_post()]),
        ({"did": "did:plc:a", "time_us": 1, "type": "com", "commit": {
            "type": "d", "collection": "app.bsky.feed.post", "rkey": "3k"}},
         [deleted_post(BLUESKY_POST["uri"])]),
        ({"did": "did:plc:a", "time_us": 1, "type": "com", "commit": {
            "type": "c", "collection": "app.bsky.feed.post", "rkey": "3k",
            "record": BLUESKY_POST["record"]}}, [BLUESKY_ITEM]),
        ({"did": "did:plc:a", "time_us": 1, "type": "acc", "account": {"did": "d"}},
         [not_a_post()]),
        ({"uri": "at://did:plc:a/app.bsky.feed.post/3k", "author": {"did": "did:plc:a"},
          "record": {"text": "a", "created_at": "2022-11-20T10:00:00Z", "langs": ["en"]},
          "indexed_at": "2023-11-20T10:00:00Z"},
         [{"item_id": "at://did:plc:a/app.bsky.feed.post/3k", "text": "a", "created_at": AT,
           "author_id": "did:plc:a", "lang": "en"}]),
        # YouTube's videos, and yt-dlp's comments
        ({"kind": "youtube#videoListResponse", "items": [
            {"kind": "youtube#video", "id": "v", "snippet": VIDEO}]}, [VIDEO_ITEM]),
        ({"kind": "youtube#searchListResponse", "items": [
            {"kind": "youtube#searchResult", "id": {"kind": "youtube#video", "videoId": "v"},
             "snippet": VIDEO | {"description": "it&#39;s #Fun"}},
            {"kind": "youtube#searchResult", "id": {"kind": "youtube#channel", "channelId": "UC1"},
             "snippet": VIDEO}]}, [VIDEO_ITEM, not_a_post()]),
        ([YT_DLP], [YT_DLP_ITEM]),
        ({"id": "v1", "title": "t", "description": "d",
          "comments": [YT_DLP, YT_DLP | {"id": "c2"}]},
         [YT_DLP_ITEM, YT_DLP_ITEM | {"item_id": "c2"}]),
        ({"id": "1", "text": "so happy", "comments": [YT_DLP]}, [PLAIN_TEXT]),
        # TikTok's lists
        ({"comments": [{"cid": "1", "text": "so happy", "create_time": SECONDS,
                        "user": {"uid": "9"}}], "has_more": 1, "cursor": 20},
         [PLAIN_TEXT | {"created_at": AT, "author_id": "9"}]),
        *(({name: [{"id": "1", "desc": "so happy", "createTime": SECONDS, "author": {"id": "9"}}]},
           [PLAIN_TEXT | {"created_at": AT, "author_id": "9"}])
          for name in ("itemList", "item_list", "videos")),
        ({"aweme_list": [{"aweme_id": "1", "desc": "so happy", "create_time": SECONDS}]},
         [PLAIN_TEXT | {"created_at": AT}]),
        # Reddit's, and X's by others
        *((COMMENT | {"body": text}, [deleted_post("abd")])
          for text in (REMOVED, "[ Removed by Reddit ]", "[deleted by user]", "[removed]")),
        ({"id": "1", "fullText": "so happy", "text": "so", "createdAt": "2022-11-20T10:00:00Z",
          "author": {"id": "9"}}, [PLAIN_TEXT | {"created_at": AT, "author_id": "9"}]),
        ({"id": "1", "objectType": "activity", "verb": "post", "body": "so happy",
          "postedTime": "2022-11-20T10:00:00.000Z", "actor": {"id": "id:twitter.com:9"},
          "object": {"summary": "so happy"}, "twitter_lang": "en",
          "twitter_entities": {"hashtags": [{"text": "Fun"}]}},
         [PLAIN_TEXT | {"created_at": AT, "author_id": "id:twitter.com:9", "lang": "en",
                        "hashtags": ("fun",)}]),
    ],
)  # fmt: skip
def test_more_records_as_they_are(value: Any, items: list[dict[str, Any]]) -> None:
    assert read_value(value) == items
    assert read_value(value, "t.json") == items


def test_an_envelope_that_never_ends_is_left() -> None:
    value: dict[str, Any] = {"id": "4", "full_text": "abc"}
    for _ in range(300):
        value = {"tweet": value}
    assert read_value(value) == [{"item_id": None, "reason": "missing_id"}]
