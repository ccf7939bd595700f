"""The lines of a file of text, as bytes of UTF-8."""

import codecs
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from beam_jobs.reading.text_format import PLAIN, UTF16, UTF16_MARKS, UTF32_MARKS, TextFormat

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_LINE_BYTES = 1 << 26
"""64 MiB: what a reader holds of a line at most; a page of 500 long tweets has about 5 MB."""
BLOCK_BYTES = 1 << 16

_BOM = codecs.BOM_UTF8


class WrongEncodingError(ValueError):
    """The whole file is in an encoding that cannot be read, or that must be named."""


class TextLines:
    r"""Yields the lines of a file, each with its `\n`, without the file's byte order mark.

    They end at `\n` only, as Unicode's other line separators stand in tweets. Of a line that is
    longer than `MAX_LINE_BYTES` the rest is skipped. A file in UTF-16 has a mark of it; of other
    encodings the format tells. What is no text in them is no UTF-8 in the line, either.

    Attributes:
        row: how many lines have been read.

    Raises:
        WrongEncodingError: when it is read, where the file is in UTF-32, or in UTF-16 without a
            mark or a name.
    """

    def __init__(self, file: BinaryIO, text_format: TextFormat = PLAIN) -> None:
        self._file = file
        self._format = text_format
        self.row = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self.row == 0:
            return self._first_line()
        line = self._file.readline(MAX_LINE_BYTES)
        if not line:
            raise StopIteration
        self.row += 1
        if len(line) == MAX_LINE_BYTES:
            self._skip_rest(line)
        return line

    def _first_line(self) -> bytes:
        self._file, encoding = _told_encoding(self._file, self._format)
        if encoding is not None:
            self._file = cast(BinaryIO, io.BufferedReader(_Transcoded(self._file, encoding)))
        line = self._file.readline(MAX_LINE_BYTES)
        if not line:
            raise StopIteration
        self.row = 1
        self._skip_rest(line)
        return line.removeprefix(_BOM)

    def _skip_rest(self, line: bytes) -> None:
        while len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = self._file.readline(MAX_LINE_BYTES)


def _told_encoding(file: BinaryIO, text_format: TextFormat) -> tuple[BinaryIO, str | None]:
    """Returns the file, open at its start, and what it is to be decoded from; None: UTF-8."""
    head, file = peek(file, BLOCK_BYTES)
    if head.startswith(UTF32_MARKS):
        raise WrongEncodingError("the file is in UTF-32, which is not read: convert it to UTF-8")
    for mark, encoding in UTF16_MARKS.items():
        if head.startswith(mark):
            return file, encoding
    if head.startswith(_BOM):
        return file, None
    if text_format.encoding is None:
        for encoding, zeros, others in (
            ("utf-16-le", head[1:200:2], head[:200:2]),
            ("utf-16-be", head[:200:2], head[1:200:2]),
        ):
            # Most letters of most texts have a zero in one half, and in the other few have.
            if len(zeros) > 1 and zeros.count(0) > 0.8 * len(zeros) > 8 * others.count(0):
                raise WrongEncodingError(
                    "the file seems to be in UTF-16 without a mark that says so: if it is, add "
                    f"--encoding {encoding}"
                )
    return file, text_format.encoding


def peek(file: BinaryIO, n_bytes: int) -> tuple[bytes, BinaryIO]:
    """Returns the first bytes of a file, as far as one read tells, and the file at its start."""
    buffered: Any = file if hasattr(file, "peek") else io.BufferedReader(_Raw(file), n_bytes)
    return bytes(buffered.peek(n_bytes)[:n_bytes]), buffered


class _Raw(io.RawIOBase):
    """A file-like object as a raw stream, which a buffer can be put around."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        into = memoryview(buffer)
        data = self._file.read(len(into))
        into[: len(data)] = data
        return len(data)


class _Transcoded(io.RawIOBase):
    r"""A file in another encoding as UTF-8.

    Bytes that are no text stay as they are, and a lone surrogate becomes the three bytes that
    UTF-8 forbids, so that the line is refused where they stand.
    """

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._is_utf16 = encoding in UTF16
        self._errors = "surrogatepass" if self._is_utf16 else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._ready = b""
        self._is_first = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        into = memoryview(buffer)
        while not self._ready:
            block = self._file.read(BLOCK_BYTES)
            text = self._decode(block)
            if self._is_first:
                text, self._is_first = text.removeprefix("\ufeff"), not text
            self._ready = text.encode("utf-8", errors=self._errors)
            if not block:
                break
        n_bytes = min(len(into), len(self._ready))
        into[:n_bytes] = self._ready[:n_bytes]
        self._ready = self._ready[n_bytes:]
        return n_bytes

    def _decode(self, block: bytes) -> str:
        pending = self._decoder.getstate()[0]
        try:
            return self._decoder.decode(block, final=not block)
        except UnicodeDecodeError:
            self._decoder.reset()
            if self._is_utf16:  # an odd byte at the end
                return "\ud800"
            # surrogateescape has no name for half a character before an ASCII one.
            text = (pending + block).decode(self._encoding, errors="replace")
            return text.replace("\ufffd", "\udcff")
