"""Hashtags: those of a text by X's own rules, and those that a field lists.

A tag starts with `#` or `＃`, holds a letter or a combining mark, and besides them only digits, `_`
and some characters that words of a language are written with (twitter-text 3, `validHashtag`). None
starts within a word or right behind `&`; none lies in a link, and none runs into another sign or
into `://`.
"""

import bisect
import html
import re
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

import regex

from beam_jobs.reading.json_values import parse_literal

MAX_HASHTAGS = 1_000
MAX_HASHTAG_CHARACTERS = 4_096
MAX_LIST_CHARACTERS = 100_000

_SPECIAL = r"_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c"
_SPECIAL += r"\u309b\u309c\u30a0\u30fb\u3003\u0f0b\u0f0c\xb7"
_LETTER = r"\p{L}\p{M}"
_WORD = rf"{_LETTER}\p{{Nd}}{_SPECIAL}"
# Each run takes all that it can, so that no text takes more than one pass. An emoji's selector is
# a mark, and a tag may follow it all the same.
_HASHTAG = regex.compile(
    rf"(?:(?<![&{_WORD}])|(?<=[\ufe0e\ufe0f]))[#\uff03](?![\ufe0f\u20e3])"
    rf"([\p{{Nd}}{_SPECIAL}]*+[{_LETTER}][{_WORD}]*+)(?![#\uff03]|://)",
    regex.V1,
)
_PATH_CHARACTERS = r"[\p{Latin}\p{Cyrillic}\p{Nd}\p{M}!*';:=+,.$%#\[\]\u2013_~@|&/?-]"
_PATH = rf"[/?](?:{_PATH_CHARACTERS}++|\({_PATH_CHARACTERS}*+\))*+"
_HOST = r"[\p{Latin}\p{Nd}_-]++(?:\.[\p{L}\p{M}\p{Nd}_-]++)++"
_LINK = regex.compile(
    rf"(?:https?://{_HOST}(?::\d++)?(?:{_PATH})?"
    rf"|(?<![\p{{Latin}}\p{{Nd}}_.@#$/-]){_HOST}(?::\d++)?{_PATH})",
    regex.V1 | regex.IGNORECASE,
)
_BETWEEN = re.compile(r"[\s,;|]+")
_BARE_LIST = re.compile(r"\[([^\[\](){}'\":]*)\]|\{([^\[\](){}':]*)\}")
_NOTHING = frozenset({"", "nan", "NaN", "None", "null", "NULL", "<NA>"})
_TAG_KEYS = ("tag", "text", "name", "hashtag_name", "hashtagName", "title")


def find_hashtags(text: str) -> list[str]:
    """Returns the hashtags of a text, as they are written, without their sign.

    >>> find_hashtags("so #Happy, issue#55, #1, it&#39;s http://a.example/b#c #हिन्दी ＃全角")
    ['Happy', 'हिन्दी', '全角']
    """
    if "#" not in text and "\uff03" not in text and "&" not in text:
        return []
    # Twice: tweets that went through two programs carry `&amp;#39;`.
    text = html.unescape(html.unescape(text))
    found = list(_HASHTAG.finditer(text))
    # No link holds a blank: what follows one, as most do, lies in none.
    if "/" in text and any(text[tag.start() - 1 : tag.start()].strip() for tag in found):
        links = [link.span() for link in _LINK.finditer(text)]
        found = [tag for tag in found if not _lies_in(tag.start(), links)]
    return [tag[1] for tag in found]


def _lies_in(place: int, spans: list[tuple[int, int]]) -> bool:
    before = bisect.bisect_right(spans, place, key=itemgetter(0)) - 1
    return before >= 0 and spans[before][0] <= place < spans[before][1]


def parse_list(text: str) -> list[Any] | None:
    """Returns what a list that is written as text holds; None where it cannot be told.

    JSON, Python's or Postgres' way to write a list, or names with blanks, commas, semicolons or
    bars between them.

    >>> parse_list("['a', 'b']"), parse_list("a; b"), parse_list("[a, b]"), parse_list("{a,b}")
    (['a', 'b'], ['a', 'b'], ['a', 'b'], ['a', 'b'])
    """
    text = text.strip()
    if text in _NOTHING:
        return []
    if len(text) > MAX_LIST_CHARACTERS:
        return None
    if text[0] not in "[({":
        return _BETWEEN.split(text)
    value = parse_literal(text)
    if isinstance(value, list | tuple | set):
        return list(value)
    listed = _BARE_LIST.fullmatch(text)
    return [tag for tag in _BETWEEN.split(listed[1] or listed[2]) if tag] if listed else None


def tags_in(values: Iterable[Any]) -> tuple[list[str], bool]:
    """Returns the tags of a list's elements, and whether each of them held one.

    An element is a tag, or an object that names one, as the entities of X and the tags of Mastodon
    do; ActivityPub's mentions are none.
    """
    tags, all_read = [], True
    for value in values:
        if value is None:
            continue
        if isinstance(value, dict):
            if value.get("type", "Hashtag") != "Hashtag":
                continue
            tag = value.get("tag")
            if not isinstance(tag, str):
                names = (value[key] for key in _TAG_KEYS if isinstance(value.get(key), str))
                tag = next(names, None)
        else:
            tag = value
        if isinstance(tag, str):
            tags.append(tag)
        else:
            all_read = False
    return tags, all_read


def normalise(tags: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """Returns tags in lower case, without their sign, each once; and whether none was left out.

    Left out is what is longer than any tag, and what follows the first `MAX_HASHTAGS`.

    >>> normalise(["#Joy", "joy", "##b", " "])
    (('joy', 'b'), True)
    """
    different: dict[str, None] = {}
    for tag in tags:
        name = tag.strip().lstrip("#\uff03").lower()
        if name:
            different[name] = None
    kept = [tag for tag in different if len(tag) <= MAX_HASHTAG_CHARACTERS][:MAX_HASHTAGS]
    return tuple(kept), len(kept) == len(different)
