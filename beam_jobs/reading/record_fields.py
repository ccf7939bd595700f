"""What may stand in the fields of a record, and what becomes of what may not.

`sources` says where each field stands. Ids are strings or whole numbers. A field that `--column`
renames is read from that path and from nowhere else. Null and the empty string are the same as
absent, but for a text: there an empty one is kept, and refused later as empty_text. (An empty cell
of CSV is null.) A container (`user`, `entities` …) of the wrong type counts as absent.

    item_id, text, audio_uri   decide whether there is an item: absent, of a wrong type or too long,
                               they refuse the record
    all others                 are optional: what cannot be read becomes null, and a warning

A text has at most 100,000 characters, a post of any network far less; another string 4,096, the
longest path; and there are at most 1,000 hashtags. Longer ones would hold up the tokenizer for
minutes, or fill the reports.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from beam_jobs.items.privacy import Privacy
from beam_jobs.reading.hashtags import find_hashtags, normalise, parse_list, tags_in
from beam_jobs.reading.html_text import html_to_text
from beam_jobs.reading.language_codes import language_code
from beam_jobs.reading.record_layout import Post
from beam_jobs.reading.times import read_time
from model.errors import ItemError
from schemas.dead_letters import Reason
from schemas.warnings import WarningCode

MAX_TEXT_CHARACTERS = 100_000
MAX_HTML_CHARACTERS = 200_000
MAX_STRING_CHARACTERS = 4_096
MAX_DECIMAL_DIGITS = 38
"""Those of the widest decimal number that a table has for an id."""
EXACT_FLOATS = 2**53
"""Up to here a floating-point number can tell a whole number from the next."""
# Spreadsheets and pandas write the sign; without it, 7e12 may be an id of Reddit, in base 36.
_ROUNDED_ID = re.compile(r"[+-]?\d+(\.\d*)?[eE]\+\d+|[+-]?\d+\.\d+([eE]-?\d+)?", re.ASCII)
_SPREADSHEET_ID = re.compile(r"[1-9]\d{13}[1-9]0{3,5}", re.ASCII)
_WHOLE_TEXTS = (("note_tweet", "text"), ("extended_tweet", "full_text"))
_OF_SHORT_TEXT = ("entities", "hashtags")
"""Of a long post these are the tags of its first 140 or 280 characters alone."""
_NO_AUTHORS = frozenset({"[deleted]", "[removed]"})
_TYPE_NAMES = {dict: "an object", list: "a list", bool: "a boolean"}
_ID_RULE = "a string or a whole number of at most 64 bits"


class NotUnicode:
    """Stands for a string with bytes or escapes that are no Unicode text."""

    def __str__(self) -> str:
        return "not Unicode text"


def read_id(post: Post) -> str:
    """Returns the record's id.

    Raises:
        ItemError: missing_id; wrong_type; field_too_long.
    """
    item_id = read_identifier(post, "item_id")
    if item_id:
        return item_id
    raise ItemError(Reason.MISSING_ID, post.layout.no_field("item_id", post.source))


def read_identifier(post: Post, name: str) -> str | None:
    """Returns a string field that may also be given as a whole number.

    Raises:
        ItemError: wrong_type; field_too_long.
    """
    return to_identifier(post.find(name), name, post.layout.privacy)


def to_identifier(value: Any, name: str, privacy: Privacy) -> str | None:
    """Returns an id that is given as a string or a whole number; None for none.

    Raises:
        ItemError: wrong_type; field_too_long.
    """
    if value is None:
        return None
    if isinstance(value, str):
        # Most ids are digits alone, which takes less to see than that they match no pattern.
        if not value.isdecimal() and value[:1] in "0123456789+-" and _ROUNDED_ID.fullmatch(value):
            found = type_name(value, quoted=privacy.quotes_values)
            message = (
                f"{name} is {found}: a program took the id for a number and has rounded it; "
                "export the column as text"
            )
            raise ItemError(Reason.WRONG_TYPE, message)
        return _of_length(name, value) or None
    if isinstance(value, bool):
        raise _wrong_type(name, value, _ID_RULE, privacy)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_FLOATS:
        return str(int(value))
    if (
        isinstance(value, Decimal)
        and value.is_finite()
        and value.adjusted() < MAX_DECIMAL_DIGITS
        and value == value.to_integral_value()
    ):
        return str(int(value))
    raise _wrong_type(name, value, _ID_RULE, privacy)


def looks_rounded(item_id: str) -> bool:
    """Says whether an id has 18 to 20 digits, of which a spreadsheet kept the first 15.

    >>> looks_rounded("1294030472427830000"), looks_rounded("1294030472427835393")
    (True, False)
    """
    return _SPREADSHEET_ID.fullmatch(item_id) is not None and len(item_id) >= 18


def read_string(post: Post, name: str) -> str | None:
    """Returns a string field as it is.

    Raises:
        ItemError: wrong_type; field_too_long.
    """
    value = post.find(name)
    if value is None or isinstance(value, str):
        return _of_length(name, value)
    raise _wrong_type(name, value, "a string", post.layout.privacy)


def read_text(post: Post) -> str | None:
    """Returns the text; of HTML what a reader sees of it.

    Raises:
        ItemError: wrong_type; field_too_long; deleted_post.
    """
    source = post.shape.source
    if "text" in source.joined:
        values = [post.at(path) for path in post.shape.paths["text"]]
        values = [value for value in values if value is not None]
    else:
        value = post.find("text")
        values = [] if value is None else [value]
    for value in values:
        if not isinstance(value, str):
            raise _wrong_type("text", value, "a string", post.layout.privacy)
        if source.deleted and source.deleted.fullmatch(value.strip()):
            raise ItemError(Reason.DELETED_POST, f"the text is {value.strip()}")
    if not values:
        return None
    text = "\n\n".join(filter(None, values)) if len(values) > 1 else values[0]
    if source.html and _is_html(post):
        if len(text) > MAX_HTML_CHARACTERS:
            message = f"text has {len(text)} characters; the limit is {MAX_HTML_CHARACTERS} of HTML"
            raise ItemError(Reason.FIELD_TOO_LONG, message)
        text = html_to_text(text)
    _of_length("text", text)
    return text


def _is_html(post: Post) -> bool:
    """Says whether the text stands where its source has HTML."""
    paths = (path for path in post.shape.paths["text"] if post.at(path))
    return next(paths, None) in post.source.html


def has_whole_text(post: Post) -> bool:
    """Says whether a long post of X has its whole text beside the one that X has cut."""
    paths = post.shape.paths["text"]
    return len(paths) > 1 and any(path in paths and post.at(path) for path in _WHOLE_TEXTS)


def _of_length(name: str, value: str | None) -> str | None:
    limit = MAX_TEXT_CHARACTERS if name == "text" else MAX_STRING_CHARACTERS
    if value is not None and len(value) > limit:
        message = f"{name} has {len(value)} characters; the limit is {limit}"
        raise ItemError(Reason.FIELD_TOO_LONG, message)
    return value


def read_created_at(post: Post, warnings: list[str]) -> datetime | None:
    """Returns when the post was made, in UTC; None and a warning where that cannot be told."""
    try:
        return read_time(post.find("created_at"))
    except (ValueError, ArithmeticError):  # decimals have errors of their own
        warnings.append(WarningCode.CREATED_AT_UNREAD)
        return None


def read_author(post: Post, warnings: list[str]) -> str | None:
    """Returns the author's id; None and a warning where it is none."""
    try:
        author = read_identifier(post, "author_id")
    except ItemError:
        warnings.append(WarningCode.AUTHOR_ID_UNREAD)
        return None
    return None if author in _NO_AUTHORS else author


def read_lang(post: Post, warnings: list[str]) -> str | None:
    """Returns the language's tag, of a name its code; None and a warning where it is none."""
    try:
        name = read_string(post, "lang")
    except ItemError:
        warnings.append(WarningCode.LANG_UNREAD)
        return None
    return language_code(name) if name else None


def read_hashtags(post: Post, text: str | None, warnings: list[str]) -> tuple[str, ...]:
    """Returns the hashtags in lower case, without `#`, each once; the text's if no field has any.

    A field that is there and empty means that there are none. Of a field that can be read in part,
    that part counts, and a warning is given.

    >>> from beam_jobs.reading.record_layout import RecordLayout
    >>> post = RecordLayout().post_of({"hashtags": "#Joy, TGIF #joy"})
    >>> read_hashtags(post, None, [])
    ('joy', 'tgif')
    """
    found: list[str] | None = None
    all_read = True
    for path in post.shape.paths["hashtags"]:
        value = post.at(path)
        if value is None or value == "" or (path == _OF_SHORT_TEXT and has_whole_text(post)):
            continue
        values = parse_list(value) if isinstance(value, str) else value
        if not isinstance(values, list):
            # A field of the name is meant for hashtags; in a container it may be anything.
            all_read = all_read and len(path) > 1
            if len(path) == 1:
                found = found or []
                break
            continue
        tags, fully = tags_in(values)
        all_read = all_read and (fully or len(path) > 1)
        found = (found or []) + tags
        if "hashtags" not in post.source.joined:
            break
    if found is None:
        found = find_hashtags(text) if text else []
        if not found and all_read:
            return ()
    hashtags, fits = normalise(found)
    if not (all_read and fits):
        warnings.append(WarningCode.HASHTAGS_UNREAD)
    return hashtags


def _wrong_type(name: str, value: Any, rule: str, privacy: Privacy) -> ItemError:
    if isinstance(value, NotUnicode):
        message = f"{name} holds bytes or escapes that are not Unicode text"
        return ItemError(Reason.INVALID_UTF8, message)
    found = type_name(value, quoted=privacy.quotes_values)
    return ItemError(Reason.WRONG_TYPE, f"{name} is {found}, not {rule}")


def type_name(value: Any, *, quoted: bool = True) -> str:
    """Returns how a message names a value of the wrong type, and the value where it may.

    >>> type_name([]), type_name(1e30), type_name("soon"), type_name("soon", quoted=False)
    ('a list', 'the number 1e+30', "'soon'", 'a string of 4 characters')
    """
    if isinstance(value, str):
        return ascii(value[:40]) if quoted else f"a string of {len(value)} characters"
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"the number {value}"[:60] if quoted else "a number"
    return _TYPE_NAMES.get(type(value), f"a {type(value).__name__}")
