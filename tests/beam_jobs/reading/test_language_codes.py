"""Languages by their names and codes, in records."""

import pytest

from tests.support.item_reading import read_value
from tests.support.source_records import PLAIN_TEXT


@pytest.mark.parametrize(
    ("lang", "code"),
    [
        *((name, "en") for name in ("en", "eng", "ENG", "English", " english ", "English (US)")),
        *((name, None) for name in ("", " ", "nan", "NaN", "None", "null", "<NA>")),
        *((name, name) for name in ("EN", "en-GB", "pt_BR", "und", "qme", "zxx", "iw", "ceb")),
        ("deu", "de"), ("ger", "de"), ("German", "de"), ("cmn", "zh"), ("Farsi", "fa"),
        ("eng_Latn", "en_Latn"), ("spa-MX", "es-MX"), ("Haitian Creole", "ht"), ("tgl", "tl"),
        ("Klingon", "Klingon"),
    ],
)  # fmt: skip
def test_a_language_by_its_name(lang: str, code: str | None) -> None:
    told = {"lang": code} if code else {}
    assert read_value({**PLAIN_TEXT, "lang": lang}) == [PLAIN_TEXT | told]
