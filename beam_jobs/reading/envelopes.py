"""What programs wrap a post in: a record as it is written, to the post in it.

Envelopes lie in envelopes: a search engine's hit holds an event, and that a post. What a record is
instead of a post (a like, a deletion, a mark that a post is gone) is told, too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.dead_letters import Reason

BLUESKY_POST = "app.bsky.feed.post"
BLUESKY_REPOST = "app.bsky.feed.repost"
MAX_DEPTH = 8
"""Of envelopes within envelopes."""
_NOTICES = ("limit", "scrub_geo", "status_withheld", "user_withheld", "disconnect", "warning")
_POST_EVENTS = frozenset({"update", "status.update", "notification"})
_OTHER_EVENTS = frozenset(
    {"conversation", "filters_changed", "notifications_merged", "encrypted_message"}
    | {"announcement", "announcement.reaction", "announcement.delete"}
)
"""Of Mastodon's streams, with a post and without one."""


@dataclass(frozen=True)
class NoPost:
    """A record that is no post, and why.

    Attributes:
        item_id: of the post that it tells of, where it names one.
    """

    reason: Reason
    message: str
    item_id: str | None = None


def unwrap(record: dict[str, Any], depth: int = 0) -> dict[str, Any] | NoPost:
    """Returns the post of a record, the record itself where it is one, or why there is none.

    Args:
        record: as it is written.
        depth: how many envelopes it was taken out of.

    >>> unwrap({"_source": {"tweet": {"id": "1", "full_text": "a"}}})
    {'id': '1', 'full_text': 'a'}
    """
    for key, open_envelope in _ENVELOPES.items():
        if key in record:
            opened = open_envelope(record)
            if opened is None:
                continue
            # What still holds the envelope was made a post of, and is one.
            if isinstance(opened, NoPost) or opened.get(key) is record[key] or depth >= MAX_DEPTH:
                return opened
            return unwrap(opened, depth + 1)
    return record


def _of_archive(record: dict[str, Any]) -> dict[str, Any] | None:
    """X's own archive: `{"tweet": {...}}`, in note-tweet.js `{"noteTweet": {...}}`."""
    inner = record.get("tweet", record.get("noteTweet"))
    return inner if isinstance(inner, dict) and not _is_post(record) else None


def _is_post(record: dict[str, Any]) -> bool:
    """Says whether a record has an id and a text of its own, whatever else it has."""
    return "text" in record and ("id" in record or "item_id" in record)


def _of_hit(record: dict[str, Any]) -> dict[str, Any] | None:
    """Elasticsearch's: `{"_id": …, "_source": {...}}`."""
    inner = record["_source"]
    if not isinstance(inner, dict):
        return None
    if "text" not in inner and any(isinstance(inner.get(key), dict) for key in _ENVELOPES):
        return inner  # an envelope, whose post has an id of its own
    return {"id": record["_id"], **inner} if record.get("_id") else inner


def _of_stream(record: dict[str, Any]) -> NoPost | None:
    """X's stream: `{"delete": {"status": {...}}}`."""
    inner = None if _is_post(record) else record["delete"]
    status = inner.get("status", inner.get("tweet")) if isinstance(inner, dict) else None
    if not isinstance(status, dict):
        return None
    item_id = status.get("id_str", status.get("id"))
    return NoPost(Reason.DELETED_POST, "the stream tells of its deletion", _name(item_id))


def _of_notice(record: dict[str, Any]) -> NoPost | None:
    """X's stream, of itself: `{"limit": {"track": 5}}`."""
    notice = next((name for name in _NOTICES if isinstance(record.get(name), dict)), None)
    if notice is None or not {"id", "id_str", "item_id"}.isdisjoint(record):
        return None
    return NoPost(
        Reason.NOT_A_POST,
        f"the record is the stream's notice {notice}",
        _name(record[notice].get("id") if notice == "status_withheld" else None),
    )


def _of_graphql(record: dict[str, Any]) -> dict[str, Any] | NoPost | None:
    """X's pages, as scrapers keep them: `{"rest_id": …, "legacy": {...}, "note_tweet": {...}}`."""
    legacy = record.get("legacy")
    if not isinstance(legacy, dict) or "rest_id" not in record:
        return None
    post = {"id_str": record["rest_id"], **legacy}
    if isinstance(note := _at(record, "note_tweet", "note_tweet_results", "result"), dict):
        tags = _at(note, "entity_set", "hashtags")
        post["note_tweet"] = {"text": note.get("text"), "entities": {"hashtags": tags}}
    if user := legacy.get("user_id_str"):
        post["user"] = {"id_str": user}
    original = _at(legacy, "retweeted_status_result", "result")
    if isinstance(original, dict):
        opened = unwrap(original)
        if isinstance(opened, dict):
            post["retweeted_status"] = opened
    return post


def _of_tombstone(record: dict[str, Any]) -> NoPost | None:
    """X's pages: `{"__typename": "TweetTombstone", "tombstone": {...}}`."""
    if not isinstance(record["tombstone"], dict) or _is_post(record):
        return None
    return NoPost(Reason.DELETED_POST, "a tombstone stands in its place")


def _of_snscrape(record: dict[str, Any]) -> NoPost | None:
    kind = str(record["_type"]).rpartition(".")[2]
    if kind == "Tombstone":
        return NoPost(
            Reason.DELETED_POST, "a tombstone stands in its place", _name(record.get("id"))
        )
    if kind in ("TweetRef", "User"):
        return NoPost(Reason.NOT_A_POST, f"the record is a {kind}", _name(record.get("id")))
    return None


def _of_feed(record: dict[str, Any]) -> dict[str, Any] | NoPost | None:
    """Bluesky's feeds: `{"post": {...}, "reason": {...}}`; a repost's id is the repost's own."""
    post, reason = record["post"], record.get("reason")
    if not isinstance(post, dict) or _is_post(record):
        return None
    opened = unwrap(post)
    if isinstance(opened, NoPost) or not isinstance(reason, dict):
        return opened
    by = reason.get("by")
    if not isinstance(by, dict) or not str(reason.get("$type", "reasonRepost")).endswith(
        "reasonRepost"
    ):
        return opened  # pinned, or pushed by a feed: the post itself
    return {
        # Older servers do not tell the repost's own address.
        "uri": reason.get("uri") or f"{post.get('uri')}#{by.get('did')}",
        "author": by,
        "record": {"createdAt": reason.get("indexedAt")},
        "reposted": opened,
        "post": post,
        "reason": reason,
    }


def _of_missing(record: dict[str, Any]) -> NoPost | None:
    """Bluesky's marks: `{"uri": …, "notFound": true}`, `{"uri": …, "blocked": true}`."""
    if _is_post(record):
        return None
    if record.get("notFound") is True:
        return NoPost(Reason.DELETED_POST, "it is not found any more", _name(record.get("uri")))
    if record.get("blocked") is True:
        return NoPost(Reason.DELETED_POST, "its author is blocked", _name(record.get("uri")))
    return None


def _of_commit(record: dict[str, Any]) -> dict[str, Any] | NoPost | None:
    """Jetstream's events: `{"did": …, "kind": "commit", "commit": {...}}`."""
    commit = record.get("commit")
    kind = record.get("kind", record.get("type"))  # the first servers write a type
    if kind in ("identity", "account", "sync", "id", "acc") and "did" in record:
        return NoPost(Reason.NOT_A_POST, f"the event is of the kind {kind}")
    if not isinstance(commit, dict) or "collection" not in commit:
        return None
    return _of_operation(record, commit)


def _of_operation(record: dict[str, Any], commit: dict[str, Any]) -> dict[str, Any] | NoPost:
    collection = commit["collection"]
    uri = f"at://{record.get('did')}/{collection}/{commit.get('rkey')}"
    if collection not in (BLUESKY_POST, BLUESKY_REPOST):
        return NoPost(Reason.NOT_A_POST, f"the event is of {collection!a:.100}")
    if commit.get("operation", commit.get("type")) in ("delete", "d"):
        return NoPost(Reason.DELETED_POST, "the event is its deletion", uri)
    if collection == BLUESKY_REPOST:
        of = _at(commit, "record", "subject", "uri")
        return NoPost(Reason.NOT_A_POST, f"the event is a repost of {of!a:.300}, by name alone")
    return {
        "uri": uri,
        "author": {"did": record.get("did")},
        "record": commit.get("record"),
        "commit": commit,
        "did": record.get("did"),
        "time_us": record.get("time_us"),
    }


def _of_listed(record: dict[str, Any]) -> dict[str, Any] | NoPost | None:
    """Bluesky's listRecords: `{"uri": "at://DID/COLLECTION/KEY", "value": {...}}`."""
    uri, value = record.get("uri"), record["value"]
    if not isinstance(value, dict) or not isinstance(uri, str) or not uri.startswith("at://"):
        return None
    did, _, place = uri.removeprefix("at://").partition("/")
    collection = value.get("$type") or place.partition("/")[0]
    if collection == BLUESKY_REPOST:
        of = _at(value, "subject", "uri")
        return NoPost(Reason.NOT_A_POST, f"the record is a repost of {of!a:.300}, by name alone")
    if collection and collection != BLUESKY_POST:
        return NoPost(Reason.NOT_A_POST, f"the record is of {collection!a:.100}")
    return {"did": did, **record}


def _of_event(record: dict[str, Any]) -> dict[str, Any] | NoPost | None:
    """Mastodon's streams: `{"event": "update", "payload": "{…}"}`."""
    kind, payload = record.get("event"), record["payload"]
    if not isinstance(kind, str) or "id" in record or "item_id" in record:
        return None
    if kind == "delete":
        return NoPost(Reason.DELETED_POST, "the event is its deletion", _name(payload))
    if kind in _OTHER_EVENTS:
        return NoPost(Reason.NOT_A_POST, f"the event is of the kind {kind}")
    if kind not in _POST_EVENTS:
        return None
    if isinstance(payload, str):
        try:
            payload = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            return NoPost(Reason.BROKEN_JSON, f"the event's payload is not JSON: {error}")
    return payload if isinstance(payload, dict) else None


def _of_notification(record: dict[str, Any]) -> dict[str, Any] | None:
    """Mastodon's notifications: `{"type": "mention", "account": {...}, "status": {...}}`."""
    status = record["status"]
    is_notification = "type" in record and "content" not in record and not _is_post(record)
    return status if is_notification and isinstance(status, dict) and "content" in status else None


def _of_activity(record: dict[str, Any]) -> dict[str, Any] | NoPost | None:
    """ActivityPub: `{"type": "Create", "actor": …, "object": {...}}`."""
    if _is_post(record):
        return None
    kind, inner = record.get("type"), record["object"]
    of = inner.get("id") if isinstance(inner, dict) else inner
    if kind == "Delete":
        return NoPost(Reason.DELETED_POST, "the record is its deletion", _name(of))
    if kind == "Announce":
        return _of_boost(record, inner)
    if kind in ("Create", "Update") and isinstance(inner, dict):
        outer = {"published": record.get("published"), "attributedTo": record.get("actor")}
        return _of_note({**{key: value for key, value in outer.items() if value}, **inner})
    if isinstance(kind, str) and "actor" in record and "content" not in record:
        return NoPost(Reason.NOT_A_POST, f"the record is a {kind!a:.100}")
    return None


def _of_boost(record: dict[str, Any], inner: Any) -> dict[str, Any] | NoPost:
    if isinstance(inner, dict) and "content" in inner:
        return {**record, "attributedTo": record.get("actor"), "reblog": _of_note(inner)}
    of = inner.get("id") if isinstance(inner, dict) else inner
    message = f"the record is a boost of {of!a:.300}, by name alone"
    return NoPost(Reason.NOT_A_POST, message, _name(record.get("id")))


def _of_note(note: dict[str, Any]) -> dict[str, Any] | NoPost:
    if note.get("type") == "Tombstone":
        return NoPost(Reason.DELETED_POST, "a tombstone stands in its place", _name(note.get("id")))
    languages = note.get("contentMap")
    if "language" not in note and isinstance(languages, dict) and len(languages) == 1:
        return {**note, "language": next(iter(languages))}
    return note


def _of_typed(record: dict[str, Any]) -> dict[str, Any] | NoPost | None:
    """ActivityPub's notes, on their own; Mastodon's notifications that are of no post."""
    kind = record["type"]
    if kind == "Tombstone" or (kind == "Note" and "contentMap" in record):
        return _of_note(record)
    if isinstance(record.get("account"), dict) and {"content", "text"}.isdisjoint(record):
        return NoPost(Reason.NOT_A_POST, f"the record is a notification: {kind!a:.100}")
    return None


def _of_thing(record: dict[str, Any]) -> dict[str, Any] | None:
    """Reddit's things: `{"kind": "t1", "data": {...}}`."""
    inner = record["data"]
    return inner if record.get("kind") in ("t1", "t3") and isinstance(inner, dict) else None


def _of_snippet(record: dict[str, Any]) -> dict[str, Any] | NoPost | None:
    """YouTube's threads: `{"snippet": {"topLevelComment": {...}}}`; and its videos."""
    inner = _at(record, "snippet", "topLevelComment")
    if isinstance(inner, dict):
        return inner
    snippet = record["snippet"]
    if not isinstance(snippet, dict) or "title" not in snippet or _is_post(record):
        return None
    is_comment = "textOriginal" in snippet or "textDisplay" in snippet
    return None if is_comment else _of_video(record, snippet)


def _of_video(record: dict[str, Any], snippet: dict[str, Any]) -> dict[str, Any] | NoPost:
    """A video of videos.list or search.list: its text is its title and its description."""
    found = record.get("id")
    of_search = found if isinstance(found, dict) else None
    kind = (of_search or record).get("kind")
    if kind in ("youtube#channel", "youtube#playlist"):
        return NoPost(Reason.NOT_A_POST, f"the record is a {kind.removeprefix('youtube#')}")
    told = [snippet.get("title"), snippet.get("description")]
    text = "\n\n".join(one for one in told if isinstance(one, str) and one)
    author = {"authorChannelId": {"value": snippet.get("channelId")}}
    return {
        **record,
        "id": of_search.get("videoId") if of_search else found,
        # A search escapes them as HTML.
        "snippet": {**snippet, **author, "textDisplay" if of_search else "textOriginal": text},
    }


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _name(item_id: Any) -> str | None:
    if isinstance(item_id, int) and not isinstance(item_id, bool):
        return str(item_id)
    return item_id[:4096] if isinstance(item_id, str) and item_id else None


_ENVELOPES: dict[str, Callable[[dict[str, Any]], dict[str, Any] | NoPost | None]] = {
    "tweet": _of_archive,
    "noteTweet": _of_archive,
    "_source": _of_hit,
    "delete": _of_stream,
    **dict.fromkeys(_NOTICES, _of_notice),
    "legacy": _of_graphql,
    "tombstone": _of_tombstone,
    "_type": _of_snscrape,
    "post": _of_feed,
    "notFound": _of_missing,
    "blocked": _of_missing,
    "time_us": _of_commit,
    "commit": _of_commit,
    "value": _of_listed,
    "payload": _of_event,
    "status": _of_notification,
    "object": _of_activity,
    "type": _of_typed,
    "data": _of_thing,
    "snippet": _of_snippet,
}
"""A key at the top of a record, and who looks into the envelope that it may be of."""
ENVELOPE_KEYS = frozenset(_ENVELOPES)
