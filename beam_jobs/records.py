"""One record, as its file gives it, to an `Item` or to the dead letter that says why not.

`beam_jobs.record_fields` has the rules. Whether an item has neither text nor clip is for the join
to say, as the clip may come from `--clips`.
"""

import json
from dataclasses import replace
from typing import Any

from beam_jobs.elements import DeadLetter, Item, Location
from beam_jobs.record_fields import (
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
            message = f"the record is {type_name(record)}, not an object"
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
            author_id=read_identifier(record, "author_id", layout),
            lang=read_string(record, "lang", layout) or None,
            hashtags=read_hashtags(record, text, layout),
        )
    except ItemError as error:
        raw = to_json(record) if raw is None else raw
        return refuse(error.reason, error.message, source, raw, item_id)


def refuse(
    reason: Reason, message: str, source: Location, raw: bytes, item_id: str | None = None
) -> DeadLetter:
    """Returns the dead letter of a record that cannot be read, with the record's bytes."""
    letter = DeadLetter.of_bytes(Stage.READ, reason, message, source, raw.rstrip(b"\r\n"))
    return letter if item_id is None else replace(letter, item_id=item_id)


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
