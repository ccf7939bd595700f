"""One record, as its file gives it, to an `Item` or to the dead letter that says why not.

`beam_jobs.reading.record_fields` has the rules. Whether an item has neither text nor clip is for
the join to say, as the clip may come from `--clips`.
"""

import json
from dataclasses import replace
from typing import Any

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.items.privacy import PUBLIC, Privacy, length_of
from beam_jobs.reading.record_fields import (
    Record,
    RecordLayout,
    read_hashtags,
    read_id,
    read_identifier,
    read_string,
    read_time,
    type_name,
)
from model.errors import ItemError
from schemas.dead_letters import Reason, Stage


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
    try:
        if not isinstance(record, dict):
            message = (
                f"the record is {type_name(record, quoted=layout.privacy.quotes_values)}, "
                "not an object"
            )
            raise ItemError(Reason.BROKEN_JSON, message)
        if suspect and not is_unicode(record):
            item_id = _unicode_id(record, layout)
            message = "the record holds bytes or escapes that are not Unicode text"
            raise ItemError(Reason.INVALID_UTF8, message)
        item_id = read_id(record, layout)
        text = read_string(record, "text", layout)
        return Item(
            item_id=item_id,
            source=source,
            text=text,
            audio_uri=read_string(record, "audio_uri", layout) or None,
            created_at=read_time(record, "created_at", layout),
            author_id=layout.privacy.author(read_identifier(record, "author_id", layout)),
            lang=read_string(record, "lang", layout) or None,
            hashtags=read_hashtags(record, text, layout),
        )
    except ItemError as error:
        privacy = layout.privacy
        raw = to_json(record) if raw is None else raw
        content_key = privacy.digest(raw.rstrip(b"\r\n"))
        if privacy.hides_authors and isinstance(record, dict):
            raw, privacy = to_json(_known_fields(record, layout)), privacy.without_authors()
        letter = refuse(error.reason, error.message, source, raw, item_id, privacy)
        return replace(letter, content_key=content_key)


def _known_fields(record: Record, layout: RecordLayout) -> dict[str, Any]:
    """Returns the fields that can be shown where authors are hidden, the author as a token.

    What else a record holds may name the author once more, as a v1.1 tweet's `user` does; so may a
    field of a wrong type, or one that quotes the id.
    """
    author = layout.find(record, "author_id")
    author = str(author) if isinstance(author, str | int) else ""
    fields: dict[str, Any] = {"author_id": layout.privacy.author(author)} if author else {}
    for name in layout.key_paths:
        value = layout.find(record, name)
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


def has_id(record: Record, layout: RecordLayout) -> bool:
    """Returns whether anything stands where an id would."""
    return layout.find(record, "item_id") not in (None, "")


def _unicode_id(record: Record, layout: RecordLayout) -> str | None:
    try:
        item_id = read_id(record, layout)
    except ItemError:
        return None
    return item_id if is_unicode(item_id) else None


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
