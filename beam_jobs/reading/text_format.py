"""How files of text are written, where their bytes do not say so themselves."""

import codecs
from dataclasses import dataclass

from model.errors import UserError

UTF16_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
UTF32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
UTF16 = frozenset(UTF16_MARKS.values())
_NO_TEXT = frozenset({"idna", "punycode", "utf-7"})
"""Codecs of names and of mail, which read ASCII text as another."""
_ASCII = bytes(range(0x20, 0x7F)) + b"\t\r\n\\u0041"
_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}

ENCODING_HINT = "if the file has another encoding, name it, as in --encoding cp1252"


@dataclass(frozen=True)
class TextFormat:
    r"""What the command line says of the files of text.

    Attributes:
        encoding: of those without a byte order mark; None: UTF-8.
        delimiter: of CSV and TSV; None: what the file's suffix says.
        has_header: whether the first row of CSV and TSV names the columns; if not, their numbers
            do, from 1.

    Raises:
        UserError: the encoding is unknown, or the delimiter is not one character.

    >>> TextFormat("latin-1").encoding, TextFormat(delimiter="tab").delimiter
    ('iso8859-1', '\t')
    """

    encoding: str | None = None
    delimiter: str | None = None
    has_header: bool = True

    def __post_init__(self) -> None:
        if self.encoding is not None:
            object.__setattr__(self, "encoding", _check_encoding(self.encoding))
        if self.delimiter is not None:
            delimiter = _NAMES.get(self.delimiter, self.delimiter)
            if len(delimiter) != 1 or delimiter in '"\r\n\0':
                raise UserError(
                    f"--delimiter is {self.delimiter!a}; it must be one character, or tab, and no "
                    "quotation mark or line break"
                )
            object.__setattr__(self, "delimiter", delimiter)

    def to_json(self) -> dict[str, str | bool]:
        """Returns what differs from the default, as a run's settings have it."""
        settings: dict[str, str | bool] = {}
        if self.encoding is not None:
            settings["encoding"] = self.encoding
        if self.delimiter is not None:
            settings["delimiter"] = self.delimiter
        if not self.has_header:
            settings["has_header"] = False
        return settings


PLAIN = TextFormat()
"""UTF-8, or UTF-16 by its mark; the suffix says the delimiter, and the first row the columns."""


def _check_encoding(name: str) -> str | None:
    """Returns the one name of an encoding; None of UTF-8."""
    try:
        found = codecs.lookup(name)
        is_text = name.isascii() and _ASCII.decode(name) == _ASCII.decode("ascii")
    except (LookupError, ValueError):
        found, is_text = None, False
    canonical = found.name if found else ""
    if canonical in UTF16:
        return canonical
    if canonical in ("utf-8", "utf-8-sig"):
        return None
    if not is_text or canonical in _NO_TEXT:
        raise UserError(
            f"--encoding is {name!a}, which is no encoding of text that can be read; cp1252, "
            "iso8859-1, shift_jis and utf-16-le are some"
        )
    return canonical
