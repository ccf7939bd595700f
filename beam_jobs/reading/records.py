"""One record, as its file gives it, to an `Item` or to the dead letter that says why not.

`record_fields` has the rules, `sources` the places. Whether an item has neither text nor clip is
for the join to say, as the clip may come from `--clips`.
"""

import json
from dataclasses import replace
from typing import Any

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.items.privacy import PUBLIC, Privacy, length_of
from beam_jobs.reading.envelopes import NoPost, unwrap
from beam_jobs.reading.kept_fields import read_kept
from beam_jobs.reading.key_paths import Record
from beam_jobs.reading.record_fields import (
    NotUnicode,
    looks_rounded,
    read_author,
    read_created_at,
    read_hashtags,
    read_id,
    read_lang,
    read_string,
    read_text,
    type_name,
)
from beam_jobs.reading.record_layout import Post, RecordLayout
from beam_jobs.reading.reposts import find_original, is_cut, read_repost_of
from beam_jobs.reading.sources import FIELDS
from model.errors import ItemError
from schemas.dead_letters import REASON_MEANINGS, Reason, Stage
from schemas.warnings import WarningCode


def parse_record(
    record: Any,
    source: Location,
    layout: RecordLayout,
    raw: bytes | None = None,
    *,
    suspect: bool = False,
) -> Item | DeadLetter:
    """Returns the item that a record describes, or the dead letter of a record that breaks a rule.

    Args:
        record: any JSON value, or the cells of a row by column name.
        source: where it stands.
        layout: where its fields are.
        raw: its own bytes, for the dead letter; the record as JSON where None.
        suspect: whether it may hold lone surrogates, which no UTF-8 file can take.

    >>> item = parse_record({"id": 7, "text": "so #Happy"}, Location("a.jsonl", 1), RecordLayout())
    >>> item.item_id, item.hashtags
    ('7', ('happy',))
    """
    item_id = None
    post = None
    try:
        if not isinstance(record, dict):
            message = (
                f"the record is {type_name(record, quoted=layout.privacy.quotes_values)}, "
                "not an object"
            )
            raise ItemError(Reason.BROKEN_JSON, message)
        post = layout.post_of(layout.nested(record))
        if post.shape.is_wrapped:
            opened = unwrap(dict(post.record))
            if isinstance(opened, NoPost):
                item_id = opened.item_id if is_unicode(opened.item_id) else None
                is_public = layout.privacy.quotes_values  # it may quote an id or a text
                message = opened.message if is_public else REASON_MEANINGS[opened.reason]
                raise ItemError(opened.reason, message)
            post = layout.post_of(opened)
        if suspect and not is_unicode(record):
            marked = mark_broken(record)
            post = post._replace(record=mark_broken(post.record))
        else:
            marked = record
        item_id = read_id(post)
        return read_item(post, item_id, source, marked)
    except ItemError as error:
        privacy = layout.privacy
        raw = to_json(record) if raw is None else raw
        item_id = item_id and privacy.item(item_id)
        content_key = privacy.digest(raw.rstrip(b"\r\n"))
        if privacy.hides_authors and post is not None:
            raw, privacy = to_json(_known_fields(post)), privacy.without_authors()
        letter = refuse(error.reason, error.message, source, raw, item_id, privacy)
        return replace(letter, content_key=content_key)


def read_item(post: Post, item_id: str, source: Location, record: Record) -> Item:
    """Returns the item of a post whose id is read.

    Args:
        post: the record, out of its envelope.
        item_id: its id.
        source: where it stands.
        record: as its file has it, for what `--keep` names.

    Raises:
        ItemError: it has no text or clip that can be read.
    """
    warnings: list[str] = []
    layout, shape = post.layout, post.shape
    # Most posts lack some fields: what no key can hold is not looked for.
    has = shape.paths
    original = find_original(post) if shape.originals else None
    if original is None:
        teller, text = post, read_text(post)
    else:
        teller, text = _read_repost(post, original, warnings)
    text_is_cut = is_cut(teller, text)
    if text_is_cut:
        warnings.append(WarningCode.TEXT_CUT)
    if layout.found is not None and looks_rounded(item_id):
        warnings.append(WarningCode.ID_ROUNDED)
    lang = read_lang(post, warnings) if has["lang"] else None
    if original and lang is None:
        lang = read_lang(original, [])
    has_repost = original is not None or shape.repost_of
    author = read_author(post, warnings) if has["author_id"] else None
    repost_of = read_repost_of(post, original, warnings) if has_repost else None
    hidden_author = None
    if layout.privacy.author_key is not None:
        hidden_author = author
        item_id = layout.privacy.item(item_id)
        repost_of = repost_of and layout.privacy.item(repost_of)
    return Item(
        item_id=item_id,
        source=source,
        text=text,
        audio_uri=(read_string(post, "audio_uri") or None) if has["audio_uri"] else None,
        created_at=read_created_at(post, warnings) if has["created_at"] else None,
        author_id=layout.privacy.author(author) if author else None,
        lang=lang,
        hashtags=read_hashtags(teller, text, warnings),
        repost_of=repost_of,
        text_is_cut=text_is_cut,
        kept=read_kept(post, record, hidden_author, warnings) if layout.keep else (),
        warnings=tuple(sorted(warnings)) if warnings else (),
    )


def _read_repost(post: Post, original: Post, warnings: list[str]) -> tuple[Post, str | None]:
    """Returns the text of a repost, and the post that has it: the original, or else its own.

    Raises:
        ItemError: neither has a text that can be read.
    """
    try:
        text = read_text(original)
    except ItemError:
        text = read_text(post)
        if not text:
            raise
        warnings.append(WarningCode.ORIGINAL_UNREAD)
        return post, text
    return (post, read_text(post)) if text is None else (original, text)


def _known_fields(post: Post) -> dict[str, Any]:
    """Returns the fields that can be shown where authors are hidden, the author as a token.

    What else a record holds may name the author once more, as a v1.1 tweet's `user` does; so may a
    field of a wrong type, or one that quotes the id.
    """
    found = post.find("author_id")
    author = str(found) if isinstance(found, str | int) else ""
    fields: dict[str, Any] = {"author_id": post.layout.privacy.author(author)} if author else {}
    for name in FIELDS:
        value = post.find(name)
        if name == "item_id" and isinstance(value, str):
            value = post.layout.privacy.item(value)
        strings = value if isinstance(value, list) else [str(value)]
        if (
            name == "author_id"
            or value is None
            or isinstance(value, dict)
            or (author and author in str(value))
        ):
            continue
        if all(isinstance(one, str) for one in strings):
            fields[name] = value
    return fields


def refuse(
    reason: Reason,
    message: str,
    source: Location,
    raw: bytes,
    item_id: str | None = None,
    privacy: Privacy = PUBLIC,
) -> DeadLetter:
    """Returns the dead letter of a record that cannot be read.

    It has the record's bytes, or their length where texts are hidden. Where authors are, it has
    none: nobody can tell where in such bytes the author's id stands.
    """
    raw = raw.rstrip(b"\r\n")
    if privacy.hides_authors and raw:
        message += "; the payload is left out, as it may hold an author's id"
        letter = DeadLetter(None, Stage.READ, reason, message, str(source))
    elif privacy.redact_text and raw:
        payload = length_of(raw.decode("utf-8", errors="replace"))
        letter = DeadLetter(None, Stage.READ, reason, message, str(source), payload)
    else:
        letter = DeadLetter.of_bytes(Stage.READ, reason, message, source, raw)
    return replace(letter, item_id=item_id, content_key=privacy.digest(raw))


def is_unicode(value: Any) -> bool:
    r"""Returns whether every string in a value is Unicode text: has no lone surrogate.

    >>> is_unicode({"text": "😀"}), is_unicode({"entities": [{"tag": "\ud83d"}]})
    (True, False)
    """
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def mark_broken(value: Any) -> Any:
    """Returns a value in which each string that is no Unicode text is a `NotUnicode`.

    Raises:
        ItemError: invalid_utf8, where it is nested too deeply to be told.
    """
    try:
        return _mark_broken(value)
    except RecursionError:
        message = "the record holds bytes or escapes that are not Unicode text"
        raise ItemError(Reason.INVALID_UTF8, message) from None


def _mark_broken(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _mark_broken(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_mark_broken(one) for one in value]
    return value if not isinstance(value, str) or is_unicode(value) else NotUnicode()


def to_json(record: Any) -> bytes:
    r"""Returns a record as JSON for a dead letter; a lone surrogate becomes an escape.

    >>> to_json({"text": "caf\udce9"})
    b'{"text": "caf\\udce9"}'
    """
    try:
        text = json.dumps(record, ensure_ascii=False, default=str)
    except RecursionError:
        text = "nested too deeply to be shown"
    return text.encode("utf-8", errors="backslashreplace")
