"""Posts as the programs of each network write them, to be spoilt; all of them made up by us."""

import bz2
import codecs
import json
from collections.abc import Iterable
from typing import Any

from backports import zstd

TIME = "2022-11-20T10:00:00.000Z"
SECONDS = 1668938400

_BLUESKY_RECORD = {
    "$type": "app.bsky.feed.post",
    "text": "The ferry is late again 😤 #island",
    "createdAt": TIME,
    "langs": ["en", "de"],
    "facets": [
        {
            "index": {"byteStart": 29, "byteEnd": 36},
            "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "island"}],
        }
    ],
    "tags": ["ferry"],
}
_BLUESKY_POST = {
    "uri": "at://did:plc:made/app.bsky.feed.post/3kup",
    "cid": "bafymade",
    "author": {"did": "did:plc:made", "handle": "made.example"},
    "record": _BLUESKY_RECORD,
    "indexedAt": TIME,
}
BLUESKY = (
    _BLUESKY_POST,
    {
        "did": "did:plc:made",
        "time_us": SECONDS * 1_000_000,
        "kind": "commit",
        "commit": {
            "operation": "create",
            "collection": "app.bsky.feed.post",
            "rkey": "3kup",
            "record": _BLUESKY_RECORD,
            "cid": "bafymade",
        },
    },
    {"uri": _BLUESKY_POST["uri"], "cid": "bafymade", "value": _BLUESKY_RECORD},
)
_TOOT = {
    "id": "10911",
    "created_at": TIME,
    "language": "en",
    "content": '<p>Soup &amp; bread<br />with <a href="https://m.example/tags/soup">#<span>soup</span>'
    "</a></p><p>2 &lt; 3</p>",
    "account": {"id": "5", "acct": "cook@m.example"},
    "tags": [{"name": "soup", "url": "https://m.example/tags/soup"}],
    "reblog": None,
}
MASTODON = (
    _TOOT,
    {
        **_TOOT,
        "id": "10912",
        "content": "",
        "account": {"id": "6", "acct": "baker"},
        "tags": [],
        "reblog": _TOOT,
    },
    {
        "id": "https://m.example/users/cook/statuses/1",
        "type": "Note",
        "published": TIME,
        "attributedTo": "https://m.example/users/cook",
        "content": _TOOT["content"],
        "contentMap": {"en": _TOOT["content"]},
        "tag": [{"type": "Hashtag", "name": "#soup"}],
    },
)
_COMMENT = {
    "id": "abc1",
    "name": "t1_abc1",
    "body": "my knee hurts &gt; I still went for a run",
    "created_utc": float(SECONDS),
    "author": "runner",
    "subreddit": "running",
    "link_id": "t3_abc0",
    "parent_id": "t3_abc0",
}
_SUBMISSION = {
    "id": "abc0",
    "title": "We won the relay",
    "selftext": "At last!",
    "created_utc": SECONDS,
    "author": "runner",
    "subreddit": "running",
}
REDDIT = (_SUBMISSION, _COMMENT)
_YOUTUBE_COMMENT = {
    "kind": "youtube#comment",
    "id": "UgMade",
    "snippet": {
        "videoId": "made",
        "textDisplay": "that <b>bridge</b><br>it&#39;s so high <3",
        "textOriginal": "that *bridge*\nit's so high <3",
        "authorDisplayName": "Walker",
        "authorChannelId": {"value": "UCmade"},
        "publishedAt": TIME,
    },
}
YOUTUBE = (
    _YOUTUBE_COMMENT,
    {
        "cid": "UgMade.2",
        "text": "no way I cross that",
        "channel": "UCother",
        "time_parsed": float(SECONDS),
    },
)
_VIDEO = {
    "id": 7168,
    "video_description": "first snow ❄️ #winter",
    "create_time": SECONDS,
    "username": "skier",
    "region_code": "CH",
    "hashtag_names": ["winter"],
}
TIKTOK = (
    _VIDEO,
    {"id": 9, "video_id": 7168, "text": "I miss it so much", "create_time": SECONDS},
    {
        "id": "7169",
        "desc": "thaw #spring",
        "createTime": SECONDS,
        "author": {"id": "12", "uniqueId": "skier"},
        "textExtra": [{"hashtagName": "spring"}],
    },
)
_ARCHIVED_TWEET = {
    "id_str": "1594279000000000000",
    "full_text": "RT is not what I wanted, I wanted tea #tea",
    "created_at": "Sun Nov 20 10:00:00 +0000 2022",
    "lang": "en",
    "entities": {"hashtags": [{"text": "tea", "indices": ["39", "43"]}]},
    "truncated": False,
}
PAGES = (
    {
        "feed": [
            {
                "post": _BLUESKY_POST,
                "reason": {
                    "$type": "app.bsky.feed.defs#reasonRepost",
                    "by": {"did": "did:plc:other"},
                    "indexedAt": TIME,
                },
            },
            {"post": _BLUESKY_POST},
        ],
        "cursor": "c",
    },
    {
        "thread": {
            "post": _BLUESKY_POST,
            "replies": [
                {"post": {**_BLUESKY_POST, "uri": "at://did:plc:other/app.bsky.feed.post/3l"}},
                {"uri": "at://did:plc:other/app.bsky.feed.post/3m", "notFound": True},
            ],
        }
    },
    {
        "type": "OrderedCollection",
        "id": "outbox.json",
        "orderedItems": [
            {"id": "a", "type": "Create", "actor": "https://m.example/users/cook"}
            | {"object": MASTODON[2]},
            {"id": "b", "type": "Announce", "published": TIME}
            | {"actor": "https://m.example/users/baker", "object": MASTODON[2]},
        ],
    },
    [
        {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": _SUBMISSION}]}},
        {
            "kind": "Listing",
            "data": {
                "children": [
                    {
                        "kind": "t1",
                        "data": {
                            **_COMMENT,
                            "replies": {
                                "kind": "Listing",
                                "data": {
                                    "children": [
                                        {"kind": "t1", "data": {**_COMMENT, "id": "abc2"}},
                                        {"kind": "more", "data": {"children": ["abc3"]}},
                                    ]
                                },
                            },
                        },
                    }
                ]
            },
        },
    ],
    {
        "kind": "youtube#commentThreadListResponse",
        "items": [
            {
                "kind": "youtube#commentThread",
                "id": "UgMade",
                "snippet": {"videoId": "made", "topLevelComment": _YOUTUBE_COMMENT},
                "replies": {"comments": [{**_YOUTUBE_COMMENT, "id": "UgMade.1"}]},
            }
        ],
    },
    {"data": {"videos": [_VIDEO], "has_more": False}, "error": {"code": "ok"}},
    [
        {
            "data": [
                {
                    "id": "21",
                    "text": "RT @a: first",
                    "referenced_tweets": [{"type": "retweeted", "id": "20"}],
                }
            ],
            "includes": {"tweets": [{"id": "20", "text": "first snow of the year #winter"}]},
            "meta": {"result_count": 1},
        },
        {"meta": {"result_count": 0}},
    ],
)
"""Responses with posts in them, in pages, threads and lists within lists."""

Spoilt = tuple[str, bytes, tuple[bytes, ...]]
"""A file's name, what stands before the line, and lines of which one is spoilt."""


def network_originals() -> tuple[Spoilt, ...]:
    """Returns what is spoilt of each network, as JSON Lines, documents, archives and dumps."""
    pages = tuple(map(_to_json, PAGES))
    archive = b"window.YTD.tweets.part0 = " + _to_json([{"tweet": _ARCHIVED_TWEET}], indent=2)
    plain = [{"id": "1", "text": "grüße, so happy 🎉"}, {"id": "2", "text": "東京は雨"}]
    return (
        *(
            ("t.jsonl", b"", tuple(map(_to_json, posts)))
            for posts in (BLUESKY, MASTODON, REDDIT, YOUTUBE, TIKTOK)
        ),
        ("tweets.js", b"", (archive,)),
        ("t.json", b"", pages),
        ("t.jsonl", b"", pages),
        ("t.json", b"", tuple(_to_json(page, indent=1) for page in PAGES)),
        ("RC_2022-11.zst", b"", tuple(zstd.compress(_to_json(post)) for post in REDDIT)),
        ("t.json.bz2", b"", tuple(map(bz2.compress, pages))),
        ("t.jsonl", codecs.BOM_UTF16_LE, (_to_utf16(map(_to_json, plain)),)),
        ("t.tsv", codecs.BOM_UTF16_LE, (_to_utf16([b"id\ttext", b"1\tso happy", b"2\tWeh"]),)),
    )


def _to_json(value: Any, indent: int | None = None) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=indent).encode()


def _to_utf16(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines).decode().encode("utf-16-le")
