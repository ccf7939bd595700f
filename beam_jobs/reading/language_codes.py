"""A language as programs name it, to its code: `eng`, `English` and `en` are one language."""

import re
from functools import lru_cache

_OTHER_NAMES = {
    "abkhaz": "ab",
    "bangla": "bn",
    "cantonese": "yue",
    "farsi": "fa",
    "frisian": "fy",
    "fula": "ff",
    "greek": "el",
    "interlingua": "ia",
    "kirundi": "rn",
    "luganda": "lg",
    "mandarin": "zh",
    "modern greek": "el",
    "myanmar": "my",
    "nynorsk": "nn",
    "occitan": "oc",
    "setswana": "tn",
    "slovene": "sl",
    "sotho": "st",
    "swazi": "ss",
    "tonga": "to",
    "tongan": "to",
}
"""Names that ISO 639-3 has in a longer form, or not at all."""
_WHOLE = frozenset(
    {"arb", "azj", "cmn", "ekk", "khk", "lvs", "npi", "ory", "pes", "swh", "uzn", "zsm"}
)
"""Codes of a part of a language that programs write for the whole, as `cmn` for Chinese."""
_NO_LANGUAGES = frozenset({"", "nan", "none", "null", "<na>"})
"""What programs write where they have none; of Min Nan, whose code is `nan`, few posts are."""
_SUBTAGS = re.compile(r"[-_]")


@lru_cache(maxsize=1024)
def language_code(name: str) -> str | None:
    """Returns the shortest code of a language; what is not known as it is, and None of none.

    Codes and names are those of ISO 639, as the library iso639-lang has them.

    >>> [language_code(name) for name in ("eng", "English", "en", "nan", " ")]
    ['en', 'en', 'en', None, None]
    >>> [language_code(name) for name in ("pt-BR", "zho_Hant", "Chinese (Simplified)", "und")]
    ['pt-BR', 'zh_Hant', 'zh', 'und']
    """
    bare = name.strip()
    known = bare.casefold()
    if known in _NO_LANGUAGES:
        return None
    head = _SUBTAGS.split(known, maxsplit=1)[0]
    if len(head) < 3:
        return bare
    if len(head) == 3:
        # Of a longer tag the first part alone is the language: of `spa-MX` Spanish.
        code = _look_up(head)
        return code + bare[len(head) :] if code else bare
    known = known.partition("(")[0].rstrip()
    return _OTHER_NAMES.get(known) or _look_up(known.title()) or bare


def _look_up(value: str) -> str | None:
    """Returns the code of a name of ISO 639-3, or of a code of three letters; None of another."""
    from iso639 import Lang  # noqa: PLC0415  (70 ms, and most posts have a code of two letters)
    from iso639.exceptions import (  # noqa: PLC0415
        DeprecatedLanguageValue,
        InvalidLanguageValue,
    )

    try:
        found = Lang(value)
    except (DeprecatedLanguageValue, InvalidLanguageValue):
        return None
    if found.pt3 in _WHOLE:
        found = found.macro() or found
    # Of languages without a short code only those that people speak: else any word may be one.
    return found.pt1 or (found.pt3 if found.type() == "Living" else None)
