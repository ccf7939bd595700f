"""The language of an item's text, and the warning where the model has not learned it."""

from dataclasses import replace

import pytest

from beam_jobs.items.elements import Item
from beam_jobs.scoring.item_language import tell_language
from schemas.warnings import WarningCode

ENGLISH = Item("1", text="the trains are late again and nobody says why")
GERMAN = Item("1", text="ich kann es kaum erwarten, euch alle wiederzusehen")
WARNED = (WarningCode.LANGUAGE_NOT_LEARNED,)


@pytest.mark.parametrize(
    ("item", "learned", "expected"),
    [
        (ENGLISH, ("en",), replace(ENGLISH, lang="en", lang_detected=True)),
        (GERMAN, ("en",), replace(GERMAN, lang="de", lang_detected=True, warnings=WARNED)),
        (GERMAN, ("en", "de"), replace(GERMAN, lang="de", lang_detected=True)),
        (GERMAN, (), replace(GERMAN, lang="de", lang_detected=True)),
        # What is given counts, right or wrong.
        (replace(GERMAN, lang="en"), ("en",), replace(GERMAN, lang="en")),
        (replace(ENGLISH, lang="de"), ("en",), replace(ENGLISH, lang="de", warnings=WARNED)),
        (replace(ENGLISH, lang="en-GB"), ("en",), replace(ENGLISH, lang="en-GB")),
        (replace(ENGLISH, lang="iw"), ("he",), replace(ENGLISH, lang="iw")),
        (replace(ENGLISH, lang="qme"), ("en",), replace(ENGLISH, lang="qme")),
        # Neither a text nor a clear one.
        (Item("1", text="lol"), ("en",), Item("1", text="lol")),
        (Item("1", clip="a.wav"), ("en",), Item("1", clip="a.wav")),
        (
            replace(GERMAN, warnings=(WarningCode.TEXT_CUT,)),
            ("en",),
            replace(
                GERMAN, lang="de", lang_detected=True, warnings=(*WARNED, WarningCode.TEXT_CUT)
            ),
        ),
    ],
)
def test_languages(item: Item, learned: tuple[str, ...], expected: Item) -> None:
    assert tell_language(item, learned) == expected
