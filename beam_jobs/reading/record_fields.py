"""Where a record has its fields, and what may stand in them.

The fields stand where a plain item has them, where the X API v2 has them, or where v1.1 has them:

    field       read from, the first that is there           if not there; if of another type
    item_id     item_id, id_str, id                          missing_id; wrong_type
    text        note_tweet.text, extended_tweet.full_text,   null; wrong_type
                full_text, text (the fullest first)
    audio_uri   audio_uri                                    null; wrong_type
    created_at  created_at                                   null; bad_timestamp
    author_id   author_id, user.id_str, user.id              null; wrong_type
    lang        lang                                         null; wrong_type
    hashtags    hashtags, extended_tweet.entities.hashtags,  the text's own; wrong_type for
                entities.hashtags                            `hashtags`

A text has at most 100,000 characters, a post of any network far less; another string 4,096, the
longest path; and there are at most 1,000 hashtags: field_too_long. Longer ones would hold up the
tokenizer for minutes, or fill the reports.

Ids are strings or whole numbers; `hashtags` is a string or a list of strings. A field that
`--column` renames is read from that column and from nowhere else. Null and the empty string are the
same as absent, but for a text: there an empty one is kept, and refused later as empty_text. (An
empty cell of CSV is null.) A container (`user`, `entities`, `note_tweet` …) of the wrong type
counts as absent: what it holds is optional, or stands elsewhere too.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from typing import Any

import orjson

from beam_jobs.items.privacy import PUBLIC, Privacy
from model.errors import ItemError
from schemas.dead_letters import Reason

Record = Mapping[str, Any]
KeyPath = tuple[str, ...]

MAX_TEXT_CHARACTERS = 100_000
MAX_STRING_CHARACTERS = 4_096
MAX_HASHTAGS = 1_000

KEY_PATHS: dict[str, tuple[KeyPath, ...]] = {
    "item_id": (("item_id",), ("id_str",), ("id",)),
    "text": (("note_tweet", "text"), ("extended_tweet", "full_text"), ("full_text",), ("text",)),
    "audio_uri": (("audio_uri",),),
    "created_at": (("created_at",),),
    "author_id": (("author_id",), ("user", "id_str"), ("user", "id")),
    "lang": (("lang",),),
    "hashtags": (
        ("hashtags",),
        ("extended_tweet", "entities", "hashtags"),
        ("entities", "hashtags"),
    ),
}
"""Where each field is looked for; the first place that holds one decides."""

_TIME_RULE = (
    "not an ISO 8601 time in the years 1 to 9999 such as 2018-10-10T20:19:24Z, "
    "nor one like Wed Oct 10 20:19:24 +0000 2018"
)
_V1_TIME = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{2}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2}) (\d{4})",
    re.ASCII,
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HASHTAG = re.compile(r"#(\w+)")
_TYPE_NAMES = {dict: "an object", list: "a list", bool: "a boolean"}


@dataclass(frozen=True)
class RecordLayout:
    """Where the records of one file have their fields.

    Attributes:
        columns: (our field, their column) for each field that `--column` renames.
        found: the file's column names, where it has them; None for JSON.
        privacy: what messages and dead letters may not show.
    """

    columns: tuple[tuple[str, str], ...] = ()
    found: tuple[str, ...] | None = None
    privacy: Privacy = PUBLIC

    @cached_property
    def key_paths(self) -> Mapping[str, tuple[KeyPath, ...]]:
        """Where each field is looked for; a renamed one in its column only."""
        return KEY_PATHS | {ours: ((theirs,),) for ours, theirs in self.columns}

    def missing_column(self) -> str | None:
        """Returns which column of `columns` the file lacks, in words; None if it has them all."""
        for ours, theirs in self.columns:
            if self.found is not None and theirs not in self.found:
                return self.no_column(ours)
        return None

    def no_column(self, field: str) -> str:
        """Returns that the file has none of a field's columns, in words."""
        keys = " or ".join(path[0] for path in self.key_paths[field])
        found = ", ".join(map(ascii, self.found or ()))
        if not self.privacy.quotes_values:  # a file without a header has its first item there
            found = f"{len(self.found or ())} others"
        return f"the file has no column {keys}; it has {found}: name one with --column {field}=NAME"

    def find(self, record: Record, field: str) -> Any:
        """Returns the field's first value that is there; an empty string if there is no other."""
        empty = None
        for path in self.key_paths[field]:
            value = record.get(path[0])
            if value is not None and len(path) > 1:
                value = _descend(value, path[1:])
            if value == "":
                empty = value
            elif value is not None:
                return value
        return empty


def _descend(value: Any, path: KeyPath) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def read_id(record: Record, layout: RecordLayout) -> str:
    """Returns the record's id.

    Raises:
        ItemError: missing_id or wrong_type.
    """
    item_id = read_identifier(record, "item_id", layout)
    if item_id:
        return item_id
    keys = [path[0] for path in layout.key_paths["item_id"]]
    if layout.found is None or any(key in layout.found for key in keys):
        message = f"{' or '.join(keys)} is absent, null or empty"
    else:
        message = layout.no_column("item_id")
    raise ItemError(Reason.MISSING_ID, message)


def read_identifier(record: Record, field: str, layout: RecordLayout) -> str | None:
    """Returns a string field that may also be given as a whole number.

    Raises:
        ItemError: wrong_type; field_too_long.
    """
    value = layout.find(record, field)
    if value is None or isinstance(value, str):
        return _of_length(field, value) or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _wrong_type(field, value, "a string or a whole number of at most 64 bits", layout)


def read_string(record: Record, field: str, layout: RecordLayout) -> str | None:
    """Returns a string field as it is.

    Raises:
        ItemError: wrong_type; field_too_long.
    """
    value = layout.find(record, field)
    if value is None or isinstance(value, str):
        return _of_length(field, value)
    raise _wrong_type(field, value, "a string", layout)


def _of_length(field: str, value: str | None) -> str | None:
    limit = MAX_TEXT_CHARACTERS if field == "text" else MAX_STRING_CHARACTERS
    if value is not None and len(value) > limit:
        message = f"{field} has {len(value)} characters; the limit is {limit}"
        raise ItemError(Reason.FIELD_TOO_LONG, message)
    return value


def read_time(record: Record, field: str, layout: RecordLayout) -> datetime | None:
    """Returns a time field in UTC.

    Raises:
        ItemError: bad_timestamp.
    """
    value = layout.find(record, field)
    if value is None or value == "":
        return None
    if isinstance(value, datetime):  # from Parquet, and in UTC
        return value
    if isinstance(value, str):
        try:
            return parse_time(value)
        except ValueError:
            pass
    found = type_name(value, quoted=layout.privacy.quotes_values)
    raise ItemError(Reason.BAD_TIMESTAMP, f"{field} is {found}, {_TIME_RULE}")


def parse_time(value: str) -> datetime:
    """Returns an ISO 8601 time or one of the X API v1.1, in UTC; one without an offset is in UTC.

    Raises:
        ValueError: if it is neither, or lies outside the years 1 to 9999.

    >>> str(parse_time("2018-10-10T22:19:24.5+02:00"))
    '2018-10-10 20:19:24.500000+00:00'
    >>> str(parse_time("Wed Oct 10 20:19:24 +0000 2018"))
    '2018-10-10 20:19:24+00:00'
    """
    match = _V1_TIME.fullmatch(value)
    if match:
        month, day, hour, minute, second, sign, hours, minutes, year = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
        numbers = int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second)
        time = datetime(*numbers, tzinfo=timezone(offset))
    elif value.isdecimal():  # seconds since 1970, which can pass for a basic date with hours
        raise ValueError(f"{value} is a number")
    else:
        time = datetime.fromisoformat(value)
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{value} lies outside the years 1 to 9999") from error


def read_hashtags(record: Record, text: str | None, layout: RecordLayout) -> tuple[str, ...]:
    """Returns the hashtags in lower case, without `#`, each once; the text's if no field has any.

    A field that is there and empty means that there are none.

    Raises:
        ItemError: wrong_type; field_too_long.

    >>> read_hashtags({"hashtags": "#Joy, TGIF #joy"}, None, RecordLayout())
    ('joy', 'tgif')
    """
    for path in layout.key_paths["hashtags"]:
        value = _descend(record, path)
        if value is None or value == "":
            continue
        if len(path) == 1:
            return _normalise_hashtags(_own_hashtags(value, layout))
        if isinstance(value, list):
            return _normalise_hashtags(_entity_hashtags(value))
    return _normalise_hashtags(_HASHTAG.findall(text)) if text and "#" in text else ()


def _own_hashtags(value: Any, layout: RecordLayout) -> list[str]:
    if isinstance(value, str):
        if not value.lstrip().startswith("["):
            return re.split(r"[\s,]+", value)
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise _wrong_type("hashtags", value, "a list in JSON", layout) from None
    if not isinstance(value, list):
        raise _wrong_type("hashtags", value, "a list or a string", layout)
    tags = [tag for tag in value if tag is not None]
    for tag in tags:
        if not isinstance(tag, str):
            raise _wrong_type("one of hashtags", tag, "a string", layout)
    return tags


def _entity_hashtags(entities: list[Any]) -> list[str]:
    """Returns the tags of X API entities: `tag` in v2, `text` in v1.1; skips what is neither."""
    tags = [
        entity.get("tag", entity.get("text")) for entity in entities if isinstance(entity, dict)
    ]
    return [tag for tag in tags if isinstance(tag, str)]


def _normalise_hashtags(tags: Sequence[str]) -> tuple[str, ...]:
    names = (tag.strip().lstrip("#").lower() for tag in tags)
    different = tuple(dict.fromkeys(tag for tag in names if tag))
    if len(different) > MAX_HASHTAGS:
        message = f"there are {len(different)} different hashtags; the limit is {MAX_HASHTAGS}"
        raise ItemError(Reason.FIELD_TOO_LONG, message)
    for tag in different:
        _of_length("one of hashtags", tag)
    return different


def _wrong_type(field: str, value: Any, rule: str, layout: RecordLayout) -> ItemError:
    found = type_name(value, quoted=layout.privacy.quotes_values)
    return ItemError(Reason.WRONG_TYPE, f"{field} is {found}, not {rule}")


def type_name(value: Any, *, quoted: bool = True) -> str:
    """Returns how a message names a value of the wrong type, and the value where it may.

    >>> type_name([]), type_name(1e30), type_name("soon"), type_name("soon", quoted=False)
    ('a list', 'the number 1e+30', "'soon'", 'a string of 4 characters')
    """
    if isinstance(value, str):
        return ascii(value[:40]) if quoted else f"a string of {len(value)} characters"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"the number {value}"[:60] if quoted else "a number"
    return _TYPE_NAMES.get(type(value), f"a {type(value).__name__}")
