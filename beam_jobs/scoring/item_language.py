"""The language of an item's text: as given or as detected, and whether the model has learned it."""

from collections.abc import Collection
from dataclasses import replace

from beam_jobs.items.elements import Item
from beam_jobs.reading.language_codes import language_code
from model.preprocessing.language_detector import detect_language
from schemas.warnings import WarningCode

UNDETERMINED = frozenset({"art", "mis", "mul", "und", "zxx"})
"""ISO 639's codes for no single language; X's own for posts without words are q and two letters."""
OLD_CODES = {"in": "id", "iw": "he", "ji": "yi", "jw": "jv", "no": "nb", "tl": "fil"}
"""As some networks still write them."""


def tell_language(item: Item, learned: Collection[str]) -> Item:
    """Returns an item with the language of its text, and a warning where the model lacks that.

    Args:
        item: of one without a text, nothing is said.
        learned: codes of the languages that the model has learned; empty: nobody knows.

    >>> item = tell_language(Item("1", text="ich freue mich so auf morgen"), ["en"])
    >>> item.lang, item.lang_detected, [str(code) for code in item.warnings]
    ('de', True, ['language_not_learned'])
    """
    if item.text is None:
        return item
    if item.lang is None:
        detected = detect_language(item.text)
        item = replace(item, lang=detected, lang_detected=detected is not None)
    if item.lang and learned and is_unlearned(item.lang, learned):
        warnings = sorted({*item.warnings, WarningCode.LANGUAGE_NOT_LEARNED})
        return replace(item, warnings=tuple(warnings))
    return item


def is_unlearned(tag: str, learned: Collection[str]) -> bool:
    """Says whether a language tag names a language that is not among those learned.

    >>> is_unlearned("pt-BR", ["en"]), is_unlearned("en_GB", ["en"]), is_unlearned("und", ["en"])
    (True, False, False)
    >>> is_unlearned("English", ["en"]), is_unlearned("German", ["en"])
    (False, True)
    """
    code = (language_code(tag) or "").replace("_", "-").partition("-")[0].lower()
    if not code.isalpha() or code in UNDETERMINED or (len(code) == 3 and code[0] == "q"):
        return False
    return OLD_CODES.get(code, code) not in {OLD_CODES.get(each, each) for each in learned}
