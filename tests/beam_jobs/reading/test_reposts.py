"""Reposts are scored on their originals; texts that a program has cut say so."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.item_reading import fields_of, read, read_value

AT = datetime(2022, 11, 20, 10, 0, tzinfo=UTC)
FULL = "I am furious, and I will not let this go quietly, whatever they say #PatientsFirst #shame"
TAGS = ("patientsfirst", "shame")
CUT = "RT @somebody_x: I am furious, and I will not let this go qui…"

V11_ORIGINAL = {
    "id_str": "5",
    "user": {"id_str": "77"},
    "full_text": FULL,
    "entities": {"hashtags": [{"text": "PatientsFirst"}, {"text": "shame"}]},
}
V2_ORIGINAL = {
    "id": "5",
    "author_id": "77",
    "text": FULL,
    "entities": {"hashtags": [{"tag": "PatientsFirst"}, {"tag": "shame"}]},
}
REPOST = {"item_id": "6", "text": FULL, "hashtags": TAGS, "repost_of": "5"}


@pytest.mark.parametrize(
    "record",
    [
        {"id_str": "6", "full_text": CUT, "retweeted_status": V11_ORIGINAL},
        {
            "id_str": "6",
            "text": CUT,
            "entities": {"hashtags": []},
            "retweeted_status": {
                "id_str": "5",
                "text": FULL[:40] + "…",
                "truncated": True,
                "extended_tweet": {
                    "full_text": FULL,
                    "entities": {"hashtags": [{"text": "PatientsFirst"}, {"text": "shame"}]},
                },
            },
        },
        {
            "data": {
                "id": "6",
                "text": CUT,
                "referenced_tweets": [{"type": "retweeted", "id": "5"}],
            },
            "includes": {"tweets": [{"id": "9", "text": "x"}, V2_ORIGINAL]},
        },
        {
            "data": [
                {
                    "id": "6",
                    "text": CUT,
                    "referenced_tweets": [
                        {"type": "quoted", "id": "9"},
                        {"type": "retweeted", "id": "5"},
                    ],
                }
            ],
            "includes": {
                "tweets": [
                    {"id": "9", "text": "quoted #no"},
                    {
                        "id": "5",
                        "text": FULL[:30] + "…",
                        "note_tweet": {
                            "text": FULL,
                            "entities": {
                                "hashtags": [{"tag": "PatientsFirst"}, {"tag": "shame"}]
                            },
                        },
                    },
                ]
            },
        },
        {"id": "6", "text": CUT, "referenced_tweets": [{"type": "retweeted", **V2_ORIGINAL}]},
        {"_type": "snscrape.modules.twitter.Tweet", "url": "u", "id": 6, "rawContent": CUT,
         "retweetedTweet": {"id": 5, "rawContent": FULL, "hashtags": ["PatientsFirst", "shame"]}},
        {"rest_id": "6", "legacy": {"full_text": CUT, "retweeted_status_result": {"result": {
            "rest_id": "5", "legacy": {"full_text": FULL[:20]},
            "note_tweet": {"note_tweet_results": {"result": {"text": FULL}}}}}}},
    ],
)  # fmt: skip
def test_a_repost_of_x_is_its_original(record: dict[str, Any]) -> None:
    assert read_value(record) == [REPOST]


@pytest.mark.parametrize(
    ("record", "repost_of"),
    [
        ({"referenced_tweets": [{"type": "retweeted", "id": "5"}]}, "5"),
        ({"retweeted_status": {"id_str": "5"}}, "5"),
        ({"retweet_id": 5}, "5"),
        ({}, None),
    ],
)
def test_a_repost_without_its_original_says_that_it_is_cut(
    record: dict[str, Any], repost_of: str | None
) -> None:
    cut = {"item_id": "6", "text": CUT, "text_is_cut": True, "warnings": ("text_cut",)}
    told = {"repost_of": repost_of} if repost_of else {}
    assert read_value({"id": "6", "text": CUT, **record}) == [cut | told]
    whole = {"item_id": "6", "text": "RT @a: it is all here"}
    assert read_value({"id": "6", "text": "RT @a: it is all here", **record}) == [whole | told]


def test_texts_that_x_has_cut() -> None:
    long = "So proud of them. " * 15 + "They… https://t.co/abc"
    cut = {"text_is_cut": True, "warnings": ("text_cut",)}
    assert read_value({"id": "6", "text": long}) == [{"item_id": "6", "text": long} | cut]
    whole = {"id": "6", "text": long, "note_tweet": {"text": long + "whole"}}
    assert read_value(whole) == [{"item_id": "6", "text": long + "whole"}]
    v11 = {"id_str": "6", "text": "They… https://t.co/abc", "truncated": True}
    assert read_value(v11) == [{"item_id": "6", "text": v11["text"]} | cut]
    v11["truncated"] = False
    assert read_value(v11) == [{"item_id": "6", "text": v11["text"]}]
    reposted = {
        "id_str": "7",
        "text": "RT @a: They…",
        "retweeted_status": v11 | {"truncated": True},
    }
    assert read_value(reposted) == [{"item_id": "7", "text": v11["text"], "repost_of": "6"} | cut]


def test_quoted_text_is_not_the_authors() -> None:
    quote = {
        "id_str": "6",
        "full_text": "look at this",
        "quoted_status": V11_ORIGINAL,
        "is_quote_status": True,
    }
    assert read_value(quote) == [{"item_id": "6", "text": "look at this"}]
    v2 = {"id": "6", "text": "look", "referenced_tweets": [{"type": "quoted", **V2_ORIGINAL}]}
    assert read_value(v2) == [{"item_id": "6", "text": "look"}]


def test_csv_of_twarc_pandas_and_hydrator() -> None:
    twarc = (
        "id,referenced_tweets.retweeted.id,author_id,created_at,text,lang,entities.hashtags\n"
        '6,5,77,2022-11-20T10:00:00.000Z,RT @a: it ends…,en,"[{""start"": 3, ""tag"": ""Joy""}]"\n'
        "7,,77,2022-11-20T10:00:00.000Z,mine #own,en,\n"
    )
    known = {"author_id": "77", "created_at": AT, "lang": "en"}
    assert [fields_of(one) for one in read("t.csv", twarc.encode())] == [
        {
            **({"item_id": "6", "text": "RT @a: it ends…", "hashtags": ("joy",)} | known),
            "repost_of": "5",
            "text_is_cut": True,
            "warnings": ("text_cut",),
        },
        {"item_id": "7", "text": "mine #own", "hashtags": ("own",)} | known,
    ]
    frame = [
        ["id_str", "full_text", "user", "retweeted_status", "entities"],
        ["6", CUT, "{'id_str': '77'}", f"{{'id_str': '5', 'full_text': '{FULL}'}}", ""],
    ]
    flat = [
        ["id_str", "full_text", "user.id_str", "retweeted_status.id_str"],
        ["6", CUT, "77", "5"],
    ]
    flat[0].append("retweeted_status.full_text")
    flat[1].append(FULL)
    for rows in (frame, flat):
        written = io.StringIO()
        csv.writer(written).writerows(rows)
        assert [fields_of(one) for one in read("t.csv", written.getvalue().encode())] == [
            REPOST | {"author_id": "77"}
        ]


@pytest.mark.parametrize(
    "original",
    [{"id": "5", "text": 5}, {"id": "5", "text": "x" * 100_001}, {"id": "5", "text": ["a"]}],
)
def test_an_original_that_cannot_be_read_does_not_cost_the_repost(original: dict[str, Any]) -> None:
    own = {"repost_of": "5", "warnings": ("original_unread",)}
    record = {"id": "6", "text": "RT @a: hi #Joy", "retweeted_status": original}
    assert read_value(record) == [
        {"item_id": "6", "text": "RT @a: hi #Joy", "hashtags": ("joy",)} | own
    ]
    cut = own | {"text_is_cut": True, "warnings": ("original_unread", "text_cut")}
    assert read_value(record | {"text": CUT}) == [{"item_id": "6", "text": CUT} | cut]


def test_a_deleted_original_costs_the_repost_only_where_it_has_no_text_itself() -> None:
    record = {"id": "6", "retweeted_status": {"id": "5", "text": 5}}
    assert read_value(record) == [{"item_id": "6", "reason": "wrong_type"}]
    mastodon = {
        "id": "6",
        "content": "<p>hi</p>",
        "account": {"id": "9"},
        "reblog": {"id": "5", "content": 7},
    }
    assert read_value(mastodon) == [
        {"item_id": "6", "text": "hi", "author_id": "9", "repost_of": "5",
         "warnings": ("original_unread",)}
    ]  # fmt: skip
