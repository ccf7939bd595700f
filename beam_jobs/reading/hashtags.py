"""Hashtags: those of a text by X's own rules, and those that a field lists.

A tag starts with `#` or `＃`, holds a letter or a combining mark, and besides them only digits, `_`
and some characters that words of a language are written with (twitter-text 3, `validHashtag`). None
starts within a word or right behind `&`; none lies in a link, and none runs into another sign or
into `://`.
"""

import bisect
import re
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

import regex

from beam_jobs.reading.json_values import parse_literal
from model.preprocessing.entities import decode_entities

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
# As long as a host can be: each letter of a longer run would start a pass over all of the run.
_LABELS = r"(?:\.[\p{L}\p{M}\p{Nd}_-]{1,63}+){1,9}+"
_HOST = rf"[\p{{Latin}}\p{{Nd}}_-]{{1,63}}+{_LABELS}"
_ANY_HOST = rf"[\p{{L}}\p{{M}}\p{{Nd}}_-]{{1,63}}+{_LABELS}"
_LINK = regex.compile(
    rf"(?:https?://{_ANY_HOST}(?::\d++)?(?:{_PATH})?"
    rf"|(?<![\p{{Latin}}\p{{Nd}}_.@#$/-]){_HOST}(?::\d++)?{_PATH})",
    regex.V1 | regex.IGNORECASE,
)
_BETWEEN = re.compile(r"[\s,;|#\uff03]+")
_QUOTED = r"(?:'[^']*'|\"[^\"]*\")"
# As NumPy prints one, with nothing between two strings; Python's own rules would join them.
_NUMPY_LIST = re.compile(rf"\[\s*{_QUOTED}(?:\s+{_QUOTED})*\s*\]")
_CALL = re.compile(r"(?:array\(\s*(\[.*\])\s*(?:,\s*dtype=[\w<>.'\"]+\s*)?\)|c\((.*)\))", re.DOTALL)
_NO_TAG = re.compile(r"[\[\](){}'\"=<>]")
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
    text = decode_entities(decode_entities(text))
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

    The way to write a list of JSON, Python, NumPy, R or Postgres, or names with blanks, commas,
    semicolons, bars or signs between them.

    >>> parse_list("['a', 'b']"), parse_list("a; b"), parse_list("[a, b]"), parse_list("{a,b}")
    (['a', 'b'], ['a', 'b'], ['a', 'b'], ['a', 'b'])
    """
    text = text.strip()
    if text in _NOTHING:
        return []
    if len(text) > MAX_LIST_CHARACTERS:
        return None
    call = _CALL.fullmatch(text)
    if call:  # of NumPy, and of R
        text = call[1] or f"[{call[2]}]"
    if text[0] not in "[({":
        return _split(text)
    if _NUMPY_LIST.fullmatch(text):
        return [quoted[1:-1] for quoted in re.findall(_QUOTED, text)]
    value = parse_literal(text)
    if isinstance(value, list | tuple | set):
        return list(value)
    listed = _BARE_LIST.fullmatch(text)
    return _split(listed[1] or listed[2] or "") if listed else None


def _split(text: str) -> list[Any] | None:
    tags = [tag for tag in _BETWEEN.split(text) if tag not in _NOTHING]
    return None if any(map(_NO_TAG.search, tags)) else tags


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
