"""Where a value stands in a record: a path of keys, and of steps into lists."""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

Record = Mapping[str, Any]
KeyPath = tuple[str, ...]
"""Keys from the outside in. At a list a step is a place in it (`0`), all of it (`*`), or the first
object that has a value (`type=retweeted`)."""

EVERY = "*"
MAX_NUMBER_CHARACTERS = 40


def _finite(number: float | Decimal) -> float | Decimal | None:
    """Returns a number; None of NaN and infinity, as where JSON has them."""
    is_finite = number.is_finite() if isinstance(number, Decimal) else math.isfinite(number)
    return number if is_finite else None


_EXTENDED: dict[str, Callable[[str], Any]] = {
    "$numberLong": int,
    "$numberInt": int,
    "$numberDouble": lambda text: _finite(float(text)),
    "$numberDecimal": lambda text: _finite(Decimal(text)),
    "$oid": str,
}


def parse_path(text: str) -> KeyPath:
    """Returns the path that is written with dots.

    >>> parse_path("record.langs.0")
    ('record', 'langs', '0')
    """
    return tuple(text.split("."))


def parse_paths(text: str) -> tuple[KeyPath, ...]:
    """Returns paths that are written one after the other, with blanks between them."""
    return tuple(parse_path(each) for each in text.split())


def descend(value: Any, path: KeyPath) -> Any:
    """Returns what stands at the end of a path; None where it leads nowhere.

    >>> descend({"langs": ["en", "de"]}, ("langs", "0"))
    'en'
    >>> descend({"tags": [{"name": "joy"}, 5, {"name": "tgif"}]}, ("tags", "*", "name"))
    ['joy', 'tgif']
    >>> descend([{"type": "quoted", "id": 1}, {"type": "retweeted", "id": 2}], ("type=retweeted",))
    {'type': 'retweeted', 'id': 2}
    """
    for place, step in enumerate(path):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list):
            if step == EVERY:
                return _descend_all(value, path[place + 1 :])
            value = _step_into(value, step)
        else:
            return None
    return plain_value(value) if type(value) is dict else value


def _descend_all(values: list[Any], path: KeyPath) -> list[Any]:
    found = [descend(value, path) for value in values]
    if EVERY in path:  # lists of lists
        found = [one for inner in found if isinstance(inner, list) for one in inner]
    return [one for one in found if one is not None]


def _step_into(values: list[Any], step: str) -> Any:
    key, is_condition, wanted = step.partition("=")
    if is_condition:
        return next(
            (one for one in values if isinstance(one, dict) and one.get(key) == wanted), None
        )
    if step.isascii() and step.isdecimal() and len(step) < 6 and int(step) < len(values):
        return values[int(step)]
    return None


def plain_value(value: Any) -> Any:
    """Returns the number or text of MongoDB's Extended JSON; anything else as it is.

    A `$date` stays: `times` reads it. What is not finite is null.

    >>> plain_value({"$numberLong": "1294030472427835393"}), plain_value({"text": "a"})
    (1294030472427835393, {'text': 'a'})
    """
    if not isinstance(value, dict) or len(value) != 1:
        return value
    [(key, inner)] = value.items()
    if key not in _EXTENDED or not isinstance(inner, str) or len(inner) > MAX_NUMBER_CHARACTERS:
        return value
    try:
        return _EXTENDED[key](inner)
    except (ValueError, InvalidOperation):
        return value
