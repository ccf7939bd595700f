"""The lines of a file of text, as bytes."""

from collections.abc import Iterator
from typing import BinaryIO

MAX_LINE_BYTES = 1 << 26
"""64 MiB: what a reader holds of a line at most; a page of 500 long tweets has about 5 MB."""

_BOM = b"\xef\xbb\xbf"


class TextLines:
    r"""Yields the lines of a file, each with its `\n`, without the file's byte order mark.

    They end at `\n` only, as Unicode's other line separators stand in tweets. Of a line that is
    longer than `MAX_LINE_BYTES` the rest is skipped.

    Attributes:
        row: how many lines have been read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.row = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self._file.readline(MAX_LINE_BYTES)
        if not line:
            raise StopIteration
        self.row += 1
        rest = line
        while len(rest) == MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = self._file.readline(MAX_LINE_BYTES)
        return line.removeprefix(_BOM) if self.row == 1 else line
