"""The posts of a JSON value that holds several: a response's page, a list, a thread, a table.

A page of X v2 tells in `errors` which of the posts that were asked for by id are gone: these are
records of it, too, beside `data` or alone.
"""

from collections.abc import Iterator
from typing import Any

from beam_jobs.reading.record_layout import RecordLayout

MAX_DEPTH = 100
"""Of pages within pages; a thread of replies has two of them a reply."""
_LISTS = (
    "statuses",  # X API v1.1's search, Mastodon's search
    "results",  # X's premium search
    "tweets",
    "feed",  # Bluesky's getAuthorFeed, getTimeline
    "posts",  # Bluesky's searchPosts, getPosts
    "records",  # Bluesky's listRecords
    "orderedItems",  # ActivityPub's outbox
    "itemList",  # TikTok's site and app
    "item_list",
    "aweme_list",
    "comments",
    "videos",
)
_TIKTOK_LISTS = (
    "videos",
    "comments",
    "reposted_videos",
    "user_liked_videos",
    "liked_videos",
    "pinned_videos_list",
    "user_pinned_videos",
)

_KEYS = frozenset(
    {*_LISTS, *("data", "meta", "errors", "hits", "kind", "thread", "post", "ancestors")}
)
"""What a value that holds several posts has one of at its top; but for pandas' tables."""


def posts_of(value: Any, layout: RecordLayout) -> list[Any] | None:
    """Returns the records of a value, in order; None of a value that is one record itself.

    >>> posts_of([{"data": [{"id": "1"}], "meta": {}}, {"id": "2"}], RecordLayout())
    [{'id': '1'}, {'id': '2'}]
    >>> posts_of({"id": "1"}, RecordLayout()) is None
    True
    >>> posts_of({"meta": {"result_count": 0}}, RecordLayout())
    []
    """
    page = _page_of(value, layout)
    if page is None:
        return None
    return list(_expand(page, layout, 1, of_pages=isinstance(value, list)))


def _expand(page: list[Any], layout: RecordLayout, depth: int, *, of_pages: bool) -> Iterator[Any]:
    for value in page:
        inner = _page_of(value, layout) if depth < MAX_DEPTH else None
        # An empty response among pages holds no post; among posts it is a record that is none.
        is_empty = inner == [] and (isinstance(value, list) or "meta" in value)
        if inner is None or (is_empty and not of_pages):
            yield value
        else:
            yield from _expand(inner, layout, depth + 1, of_pages=isinstance(value, list))


def _page_of(value: Any, layout: RecordLayout) -> list[Any] | None:
    if isinstance(value, list):
        # `[1, 2]` holds no post: it is one record that is none.
        is_page = not value or any(isinstance(one, dict | list) for one in value)
        return value if is_page else None
    if not isinstance(value, dict):
        return None
    if _KEYS.isdisjoint(value):  # most posts
        return _frame_of(value)
    page = _thread_of(value) if layout.unwraps else None
    if page is None and isinstance(value.get("orderedItems"), list):  # an outbox has an id, too
        page = value["orderedItems"]
    if page is None and "comments" in value and layout.unwraps:
        page = _comments_of(value, layout)
    if page is not None or _has_id(value, layout):  # an item with a field of such a name
        return page
    return _response_of(value, layout)


def _has_id(record: dict[str, Any], layout: RecordLayout) -> bool:
    """Says whether anything stands where an id would."""
    return layout.post_of(record).find("item_id") not in (None, "")


def _comments_of(value: dict[str, Any], layout: RecordLayout) -> list[Any] | None:
    """Returns the comments of a video as yt-dlp has them; the video itself is no post.

    None of a value that has a text of its own: it is a post.
    """
    comments = value["comments"]
    if not isinstance(comments, list) or layout.post_of(value).find("text") not in (None, ""):
        return None
    is_page = any(isinstance(one, dict) and {"id", "text"} <= one.keys() for one in comments)
    return comments if is_page else None


def _response_of(value: dict[str, Any], layout: RecordLayout) -> list[Any] | None:
    """Returns the posts of a response without an id of its own.

    X tells which of the posts that were asked for by id it has not in `errors`, beside the others
    or alone; so these follow the others. What else stands in `errors`, as of a post that is only
    referred to, is left out beside posts, and alone is a record that is none.
    """
    errors = _list_of(value.get("errors")) if layout.unwraps else []
    if "data" in value or "meta" in value:
        posts = _data_of(value)
        missing = [_missing_post(error) for error in errors if _is_of_post(error)]
        return [*(posts or []), *missing] if missing else posts
    lists = (value[name] for name in _LISTS if isinstance(value.get(name), list))
    page: list[Any] | None = next(lists, None) if layout.unwraps else None
    hits = value.get("hits")
    if page is not None:
        return page
    if isinstance(value.get("errors"), list) and layout.unwraps:
        return [_missing_post(error) if _is_of_post(error) else error for error in errors]
    if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
        return list(hits["hits"])
    return _frame_of(value)


def _data_of(value: dict[str, Any]) -> list[Any] | None:
    """Returns the posts of `{"data": …, "includes": …, "meta": …}`, and of TikTok's and pandas'."""
    data, meta = value.get("data"), value.get("meta")
    if isinstance(data, dict):
        for name in _TIKTOK_LISTS:
            if isinstance(data.get(name), list):
                videos: list[Any] = data[name]
                return videos
        return [_with_original(data, _included(value))]
    if isinstance(data, list):
        names = value.get("columns")
        if isinstance(names, list) and all(isinstance(row, list) for row in data):
            return [dict(zip(map(str, names), row, strict=False)) for row in data]
        included = _included(value)
        return [_with_original(one, included) for one in data] if included else data
    return [] if isinstance(meta, dict) and meta.get("result_count") == 0 else None


def _included(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the posts beside a response's own, by their ids."""
    includes = value.get("includes")
    tweets = includes.get("tweets") if isinstance(includes, dict) else None
    if not isinstance(tweets, list):
        return {}
    return {
        one["id"]: one
        for one in tweets
        if isinstance(one, dict) and isinstance(one.get("id"), str | int)
    }


def _with_original(tweet: Any, included: dict[str, dict[str, Any]]) -> Any:
    """Returns a tweet with the one that it repeats in it, as flattened files have it."""
    references = tweet.get("referenced_tweets") if isinstance(tweet, dict) else None
    if not included or not isinstance(references, list):
        return tweet
    whole = [
        {**included.get(one["id"], {}), **one}
        if isinstance(one, dict)
        and one.get("type") == "retweeted"
        and isinstance(one.get("id"), str | int)
        else one
        for one in references
    ]
    return {**tweet, "referenced_tweets": whole}


def _is_of_post(error: Any) -> bool:
    """Says whether an error tells of a post that was asked for: not of one that another names.

    >>> _is_of_post({"resource_type": "tweet", "parameter": "ids", "resource_id": "5"})
    True
    >>> _is_of_post({"resource_type": "tweet", "parameter": "referenced_tweets.id"})
    False
    """
    return (
        isinstance(error, dict)
        and error.get("resource_type") == "tweet"
        and error.get("parameter", "id") in ("id", "ids")
    )


def _missing_post(error: dict[str, Any]) -> dict[str, Any]:
    """Returns a post that X does not have any more as its stream tells of one."""
    return {"delete": {"status": {"id_str": error.get("resource_id", error.get("value"))}}}


def _thread_of(value: dict[str, Any]) -> list[Any] | None:
    """Returns a post and its replies, or a list of such; None where there are none."""
    kind = value.get("kind")
    if isinstance(kind, str) and isinstance(value.get("data"), dict):
        return _reddit_thread(kind, value["data"])
    if isinstance(kind, str) and kind.startswith("youtube#"):
        return _youtube_thread(value)
    if isinstance(value.get("thread"), dict):  # Bluesky's getPostThread
        return [value["thread"]]
    if isinstance(value.get("post"), dict) and ("parent" in value or "replies" in value):
        around = [value.get("parent"), *_list_of(value.get("replies"))]
        return [{"post": value["post"]}, *(one for one in around if isinstance(one, dict))]
    if isinstance(value.get("descendants"), list) and isinstance(value.get("ancestors"), list):
        return [*value["ancestors"], *value["descendants"]]  # Mastodon's context
    return None


def _list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _reddit_thread(kind: str, data: dict[str, Any]) -> list[Any] | None:
    if kind == "Listing" and isinstance(data.get("children"), list):
        return list(data["children"])
    if kind == "more":  # names of replies that were not loaded
        return []
    if kind == "t1" and isinstance(data.get("replies"), dict):
        comment = {name: one for name, one in data.items() if name != "replies"}
        return [{"kind": kind, "data": comment}, data["replies"]]
    return None


def _youtube_thread(value: dict[str, Any]) -> list[Any] | None:
    if isinstance(value.get("items"), list):
        return list(value["items"])
    replies = value.get("replies")
    comments = replies.get("comments") if isinstance(replies, dict) else None
    if isinstance(comments, list) and comments:
        return [{name: one for name, one in value.items() if name != "replies"}, *comments]
    return None


def _frame_of(value: dict[str, Any]) -> list[Any] | None:
    """Returns the rows of a table that pandas has written column by column, or row by row.

    >>> _frame_of({"id": {"0": "20", "1": "21"}, "text": {"0": "a", "1": "b"}})
    [{'id': '20', 'text': 'a'}, {'id': '21', 'text': 'b'}]
    """
    if not isinstance(next(iter(value.values()), None), dict):
        return None
    inner = list(value.values())
    if not all(isinstance(one, dict) and one for one in inner):
        return None
    first = inner[0].keys()
    if all(name.isdecimal() for name in first):
        if len(inner) < 2 or any(one.keys() != first for one in inner):
            return None
        return [{name: column[row] for name, column in value.items()} for row in first]
    if all(name.isdecimal() for name in value):
        return inner
    return None
