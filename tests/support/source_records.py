"""Records as programs write them, one of each kind, and the items that they are."""

from datetime import UTC, datetime
from typing import Any

PLAIN_TEXT = {"item_id": "1", "text": "so happy"}
AT = datetime(2022, 11, 20, 10, 0, tzinfo=UTC)
SECONDS = 1668938400

BLUESKY_POST = {
    "uri": "at://did:plc:a/app.bsky.feed.post/3k",
    "cid": "c",
    "author": {"did": "did:plc:a", "handle": "a.example"},
    "record": {
        "$type": "app.bsky.feed.post",
        "text": "So happy #intro https://a.example/#no",
        "createdAt": "2022-11-20T10:00:00.000Z",
        "langs": ["en", "de"],
        "facets": [
            {"features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "Intro"}]},
            {"features": [{"$type": "app.bsky.richtext.facet#link", "uri": "u"}]},
        ],
        "tags": ["More"],
    },
    "indexedAt": "2022-11-20T10:00:01.000Z",
}
BLUESKY_ITEM = {
    "item_id": "at://did:plc:a/app.bsky.feed.post/3k",
    "text": "So happy #intro https://a.example/#no",
    "created_at": AT,
    "author_id": "did:plc:a",
    "lang": "en",
    "hashtags": ("intro", "more"),
}
BLUESKY_REASON = {
    "$type": "app.bsky.feed.defs#reasonRepost",
    "by": {"did": "did:plc:b"},
    "indexedAt": "2022-11-20T10:00:00Z",
}
BLUESKY_REPOST = {
    "item_id": "at://did:plc:a/app.bsky.feed.post/3k#did:plc:b",
    "text": BLUESKY_ITEM["text"],
    "created_at": AT,
    "author_id": "did:plc:b",
    "lang": "en",
    "hashtags": ("intro", "more"),
    "repost_of": "at://did:plc:a/app.bsky.feed.post/3k",
}
JETSTREAM = {
    "did": "did:plc:a",
    "time_us": SECONDS * 1_000_000,
    "kind": "commit",
    "commit": {
        "rev": "r",
        "operation": "create",
        "collection": "app.bsky.feed.post",
        "rkey": "3k",
        "record": BLUESKY_POST["record"],
        "cid": "c",
    },
}


def jetstream(**changes: Any) -> dict[str, Any]:
    return JETSTREAM | {"commit": JETSTREAM["commit"] | changes}  # type: ignore[operator]


MASTODON = {
    "id": "109",
    "created_at": "2022-11-20T10:00:00.000Z",
    "language": "en",
    "content": '<p>So happy<br />it&#39;s <a href="https://m.example/tags/intro">#<span>intro</span>'
    "</a></p><p>2 &lt; 3</p>",
    "account": {"id": "5", "acct": "a"},
    "tags": [{"name": "intro", "url": "u"}],
    "reblog": None,
    "text": None,
}
MASTODON_ITEM = {
    "item_id": "109",
    "text": "So happy\nit's #intro\n2 < 3",
    "created_at": AT,
    "author_id": "5",
    "lang": "en",
    "hashtags": ("intro",),
}
NOTE = {
    "id": "https://m.example/users/a/statuses/1",
    "type": "Note",
    "published": "2022-11-20T10:00:00Z",
    "attributedTo": "https://m.example/users/a",
    "content": MASTODON["content"],
    "contentMap": {"en": MASTODON["content"]},
    "tag": [{"type": "Hashtag", "name": "#intro"}, {"type": "Mention", "name": "@b@c.example"}],
}
NOTE_ITEM = MASTODON_ITEM | {"item_id": NOTE["id"], "author_id": NOTE["attributedTo"]}
COMMENT = {
    "id": "abd",
    "name": "t1_abd",
    "body": "so happy &gt; sad",
    "created_utc": float(SECONDS),
    "author": "y",
    "subreddit": "s",
    "link_id": "t3_x",
}
COMMENT_ITEM = {
    "item_id": "abd",
    "text": "so happy &gt; sad",
    "created_at": AT,
    "author_id": "y",
}
SUBMISSION = {
    "id": "x",
    "title": "We won",
    "selftext": "At last!",
    "created_utc": SECONDS,
    "author": "y",
    "subreddit": "s",
}
YOUTUBE = {
    "kind": "youtube#comment",
    "id": "Ug1",
    "snippet": {
        "videoId": "v",
        "textDisplay": "so <b>happy</b><br>it&#39;s <3",
        "authorDisplayName": "A",
        "authorChannelId": {"value": "UC1"},
        "publishedAt": "2022-11-20T10:00:00Z",
    },
}
YOUTUBE_ITEM = {
    "item_id": "Ug1",
    "text": "so happy\nit's <3",
    "created_at": AT,
    "author_id": "UC1",
}
TIKTOK = {
    "id": 7168,
    "video_description": "so happy #Fun",
    "create_time": SECONDS,
    "username": "a",
    "region_code": "US",
    "hashtag_names": ["fun"],
}
TIKTOK_ITEM = {
    "item_id": "7168",
    "text": "so happy #Fun",
    "created_at": AT,
    "author_id": "a",
    "hashtags": ("fun",),
}
