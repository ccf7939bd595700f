"""Posts as the programs of each network write them, to be spoilt; all of them made up by us."""

import bz2
import codecs
import json
from collections.abc import Iterable
from typing import Any

from backports import zstd

from tests.support.source_records import (
    BLUESKY_POST,
    BLUESKY_REASON,
    COMMENT,
    JETSTREAM,
    NOTE,
    SECONDS,
    SUBMISSION,
)
from tests.support.source_records import MASTODON as STATUS
from tests.support.source_records import TIKTOK as VIDEO
from tests.support.source_records import YOUTUBE as YOUTUBE_COMMENT

TIME = "2022-11-20T10:00:00.000Z"

BLUESKY = (
    BLUESKY_POST,
    JETSTREAM,
    {"uri": BLUESKY_POST["uri"], "cid": "c", "value": BLUESKY_POST["record"]},
)
MASTODON = (
    STATUS,
    {**STATUS, "id": "110", "content": "", "account": {"id": "6"}, "tags": [], "reblog": STATUS},
    NOTE,
)
REDDIT = (SUBMISSION, COMMENT)
YOUTUBE = (
    YOUTUBE_COMMENT,
    {
        "cid": "Ug1.2",
        "text": "no way I cross that",
        "channel": "UCother",
        "time_parsed": float(SECONDS),
    },
)
TIKTOK = (
    VIDEO,
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
                "post": BLUESKY_POST,
                "reason": BLUESKY_REASON,
            },
            {"post": BLUESKY_POST},
        ],
        "cursor": "c",
    },
    {
        "thread": {
            "post": BLUESKY_POST,
            "replies": [
                {"post": {**BLUESKY_POST, "uri": "at://did:plc:b/app.bsky.feed.post/3l"}},
                {"uri": "at://did:plc:b/app.bsky.feed.post/3m", "notFound": True},
            ],
        }
    },
    {
        "type": "OrderedCollection",
        "id": "outbox.json",
        "orderedItems": [
            {"id": "a", "type": "Create", "actor": "https://m.example/users/a"} | {"object": NOTE},
            {"id": "b", "type": "Announce", "published": TIME}
            | {"actor": "https://m.example/users/b", "object": NOTE},
        ],
    },
    [
        {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": SUBMISSION}]}},
        {
            "kind": "Listing",
            "data": {
                "children": [
                    {
                        "kind": "t1",
                        "data": {
                            **COMMENT,
                            "replies": {
                                "kind": "Listing",
                                "data": {
                                    "children": [
                                        {"kind": "t1", "data": {**COMMENT, "id": "abc2"}},
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
                "id": "Ug1",
                "snippet": {"videoId": "made", "topLevelComment": YOUTUBE_COMMENT},
                "replies": {"comments": [{**YOUTUBE_COMMENT, "id": "Ug1.1"}]},
            }
        ],
    },
    {"data": {"videos": [VIDEO], "has_more": False}, "error": {"code": "ok"}},
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
