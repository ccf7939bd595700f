"""JSON as programs write it: several values one after the other, NaN, lone surrogates."""

import ast
import json
import re
from contextlib import suppress
from typing import Any

import orjson

# A list of posts in a page, or a list that is the page itself.
_LIST_START = re.compile(
    r'"(?:data|statuses|results|tweets|feed|posts|records|orderedItems|items|children|comments'
    r'|videos|itemList|item_list|aweme_list)"\s*:\s*\[|\A\s*\['
)
# X's own archive is a script: window.YTD.tweets.part0 = [, and before 2018 Grailbird.data.… =
_ASSIGNMENT = r"(?:window\.YTD|Grailbird\.data)[\w.]*(?:\[['\"]\w+['\"]\])?\s*="
_BLANK = re.compile(rf"(?:[\s,;\x1e]+|{_ASSIGNMENT})*")
_SCRIPT = re.compile(rb"\A\s*" + _ASSIGNMENT.encode())


def _to_null(_: str) -> None:
    """Returns what NaN, Infinity and -Infinity are read as."""


_DECODER = json.JSONDecoder(parse_constant=_to_null)


def load_leniently(text: str) -> Any:
    """Returns the value of a JSON text in which lone surrogates, NaN and Infinity may stand.

    Raises:
        ValueError: if it is not JSON.

    >>> load_leniently('{"lang": NaN}')
    {'lang': None}
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def load_values(text: str) -> tuple[list[tuple[int, Any]], int]:
    """Returns the values that stand one after the other, each with its place, and where they end.

    Blanks, commas, semicolons and the assignments of X's own archive may stand between them. They
    end at the text's end, or where it is no JSON.

    >>> load_values('{"id": 1}, {"id": 2}{"id')
    ([(0, {'id': 1}), (11, {'id': 2})], 20)
    """
    values = []
    place = _skip(text, 0)
    while place < len(text):
        try:
            value, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            break
        values.append((place, value))
        place = _skip(text, end)
    return values, place


def _skip(text: str, place: int) -> int:
    blank = _BLANK.match(text, place)
    return blank.end() if blank else place


def posts_before_fault(text: str) -> list[str] | None:
    """Returns the posts of a page that is no JSON, as far as they can be told, each as its text.

    The last is what follows the whole ones, unless the list of posts is whole itself. None of what
    is no page.

    >>> posts_before_fault('{"data": [{"id": "1"}, {"id": "2"}, {"id"')
    ['{"id": "1"}', '{"id": "2"}', '{"id"']
    >>> posts_before_fault('{"id": "1", "te') is None
    True
    """
    start = _LIST_START.search(text)
    if start is None:
        return None
    values, end = load_values(text[start.end() :])
    rest = text[start.end() :]
    posts = []
    ends = [*(place for place, _ in values), end][1:]
    for (place, value), following in zip(values, ends, strict=True):
        if isinstance(value, dict):
            posts.append(rest[place:following].rstrip(" \t\r\n,"))
    if not rest[end:].startswith("]") and (rest[end:].strip() or not posts):
        posts.append(rest[end:])
    return posts if len(posts) > 1 else None


def parse_literal(text: str) -> Any:
    """Returns the list or object that a text is, as JSON or Python writes it; None of another.

    >>> parse_literal("['a', None]"), parse_literal('{"id": 7}'), parse_literal("[a]")
    (['a', None], {'id': 7}, None)
    """
    for parse in (orjson.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return parse(text)
    return None


def without_script(line: bytes) -> bytes:
    """Returns the first line of a document without what makes X's own archive a script.

    >>> without_script(b'window.YTD.tweets.part0 = [ {')
    b' [ {'
    >>> without_script(b"window.YTD.tweets['part0'] = [")
    b' ['
    """
    return _SCRIPT.sub(b"", line, count=1)


def is_object(line: bytes) -> bool:
    """Says whether a line is a JSON object, whole."""
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        pass
    try:
        return isinstance(load_leniently(line.decode("utf-8", "surrogateescape")), dict)
    except ValueError:
        return False
