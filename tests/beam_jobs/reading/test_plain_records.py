"""Records that have an id and a text, or columns of others' making, beside a source's names."""

from typing import Any

import pytest

from beam_jobs.reading.sources import source_of
from tests.support.item_reading import fields_of, read, read_value
from tests.support.source_records import (
    AT,
    PLAIN_TEXT,
    SECONDS,
)


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ({"uri": "http://x.example/1"}, {}),
        ({"uri": "http://x.example/1", "lang": "en", "author_id": 9},
         {"lang": "en", "author_id": "9"}),
        ({"type": "post", "published": "2022-11-20T10:00:00Z", "lang": "en", "author_id": 9},
         {"created_at": AT, "lang": "en", "author_id": "9"}),
        ({"content": "<p>no</p>", "published": "2022-11-20T10:00:00Z"}, {"created_at": AT}),
        ({"snippet": "so"}, {}),
        ({"snippet": {"a": 1}, "kind": "b"}, {}),
        ({"title": "We won", "subreddit": "s", "created_utc": SECONDS}, {"created_at": AT}),
        ({"title": "We won", "selftext": "no"}, {}),
        ({"body": "no", "author": "y"}, {"author_id": "y"}),
        ({"desc": "no", "createTime": SECONDS}, {"created_at": AT}),
        ({"video_description": "no", "username": "a"}, {"author_id": "a"}),
        ({"tweet": "no", "user_id": 9}, {"author_id": "9"}),
        ({"tweetid": 7, "tweet_text": "no"}, {"item_id": "7"}),
        ({"rawContent": "no", "date": "2022-11-20T10:00:00Z"}, {"created_at": AT}),
        ({"content": "no", "date": "2022-11-20T10:00:00Z"}, {"created_at": AT}),
        ({"textDisplay": "", "lang": "en"}, {"lang": "en"}),
    ],
)  # fmt: skip
def test_a_text_is_what_is_scored(record: dict[str, Any], fields: dict[str, Any]) -> None:
    assert read_value({"id": "1", "text": "so happy", **record}) == [PLAIN_TEXT | fields]
    assert read_value({**record, "id": "1", "text": "so happy"}, "t.json") == [PLAIN_TEXT | fields]


def test_a_plain_text_is_no_html() -> None:
    record = {"id": "1", "text": "&lt;b> a <3", "type": "x", "published": "2022-11-20T10:00:00Z"}
    for more in ({}, {"content": "<p>no</p>"}):
        [item] = read_value(record | more)
        assert item["text"] == "&lt;b> a <3"


@pytest.mark.parametrize(
    ("data", "item"),
    [
        ("id,title,text,subreddit\n1,We won,so happy,s\n", PLAIN_TEXT),
        (
            "title,score,id,subreddit,url,num_comments,body,created,timestamp\n"
            "so,5,1,s,u,2,happy,1668938400.0,2022-11-20 12:00:00\n",
            {"item_id": "1", "text": "so\n\nhappy", "created_at": AT},
        ),
        (
            "title,score,id,url,comms_num,created,body,timestamp\n"
            "so happy,5,1,u,2,1668938400.0,,2022-11-20 12:00:00\n",
            PLAIN_TEXT | {"created_at": AT},
        ),
        ("id,text,desc,createTime\n1,so happy,no,1668938400\n", PLAIN_TEXT | {"created_at": AT}),
        ("id,text,user_id\n1,so happy,9\n", PLAIN_TEXT | {"author_id": "9"}),
        ("id_str,full_text,user_id_str\n1,so happy,9\n", PLAIN_TEXT | {"author_id": "9"}),
        ("id,text,from_user_name,from_user_id\n1,so happy,a,9\n",
         PLAIN_TEXT | {"author_id": "9"}),
        ("id,text,author.id\n1,so happy,9\n", PLAIN_TEXT | {"author_id": "9"}),
        ("date,id,content,username\n2022-11-20 10:00:00+00:00,1,so happy,a\n",
         PLAIN_TEXT | {"created_at": AT, "author_id": "a"}),
        ("url,date,content,id,user\nu,2022-11-20 10:00:00+00:00,so happy,1,"
         "\"{'username': 'a', 'id': 9}\"\n", PLAIN_TEXT | {"created_at": AT, "author_id": "9"}),
    ],
)  # fmt: skip
def test_columns_as_they_are(data: str, item: dict[str, Any]) -> None:
    assert [fields_of(one) for one in read("t.csv", data.encode())] == [item]


def test_a_source_that_is_named_is_told_by_its_fields() -> None:
    assert source_of(("id", "title", "body"), "reddit").fields["text"] == (
        ("title",),
        ("selftext",),
        ("body",),
    )
