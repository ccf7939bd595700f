"""Compressed files, told by their first bytes whatever their names are."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from backports import zstd

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER_BYTES = 1 << 17
HEAD_BYTES = 4096
"""What is looked at of a file before it is read."""
MAX_WINDOW_LOG = 31
"""The longest window of Zstandard, 2 GiB, which the dumps of Reddit were written with
(`zstd --long=31`). Memory is taken up as the window fills: a small file takes little, a large one
up to 2 GiB in each process that reads one."""
MAX_XZ_MEMORY_BYTES = 1 << 30
"""Of each block and stream; xz at its highest setting needs 65 MiB."""

COMPRESSED_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar")
_XZ_MARK = b"\xfd7zXZ\0"
_SKIPPABLE_FRAMES = tuple(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))
"""What pzstd writes before each frame."""


class DamagedStreamError(ValueError):
    """Compressed bytes are cut or damaged, or need more memory than the limit."""


def plain_name(path: str) -> str:
    """Returns a name without the suffix that says how the file is compressed.

    >>> plain_name("RC_2019-01.zst"), plain_name("tweets.jsonl")
    ('RC_2019-01', 'tweets.jsonl')
    """
    for suffix in COMPRESSED_SUFFIXES:
        if path.lower().endswith(suffix):
            return path[: -len(suffix)]
    return path


def is_archive_name(path: str) -> bool:
    """Says by its name whether a file holds other files, which are not read.

    >>> is_archive_name("clips.tar.gz"), is_archive_name("tweets.jsonl.gz")
    (True, False)
    """
    return plain_name(path).lower().endswith(ARCHIVE_SUFFIXES)


def archive_kind(head: bytes) -> str | None:
    r"""Returns what kind of archive begins so; None of other files.

    >>> archive_kind(b"PK\x03\x04..."), archive_kind(b'{"id": 1}')
    ('zip', None)
    """
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    return "tar" if head[257:262] == b"ustar" else None


def decompressed(file: BinaryIO, head: bytes) -> BinaryIO | None:
    """Returns the stream that a compressed file holds; None of a file that is not compressed.

    Reading it raises DamagedStreamError where the bytes are cut or damaged, once all before them
    is read; and the system's own errors as they are.

    Args:
        file: open at its start.
        head: its first bytes, up to HEAD_BYTES.
    """
    opened = _opener(head)
    if opened is None:
        return None
    # No buffer around it: that would lose the lines before the end of a cut stream.
    return cast(BinaryIO, io.BufferedReader(_Guarded(opened, file), BUFFER_BYTES))


class _Stream(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def _opener(head: bytes) -> Callable[[BinaryIO], _Stream] | None:
    if head[:3] == b"\x1f\x8b\x08":
        return _open_gzip
    if head[:4] == b"\x28\xb5\x2f\xfd" or head[:4] in _SKIPPABLE_FRAMES:
        return _open_zstd
    # The first block's mark, or the end's of an empty stream: a CSV can begin with "BZh".
    if head[:3] == b"BZh" and head[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"):
        return bz2.BZ2File
    return _XzFile if head[:6] == _XZ_MARK else None


def _open_gzip(file: BinaryIO) -> _Stream:
    return gzip.GzipFile(fileobj=file)


def _open_zstd(file: BinaryIO) -> _Stream:
    options = {int(zstd.DecompressionParameter.window_log_max): MAX_WINDOW_LOG}
    return zstd.ZstdFile(file, options=options)


class _XzFile:
    """The streams of an xz file, one after the other; `lzma.LZMAFile`, which takes no limit.

    As there, what follows a stream and is none is left out.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decompressor = self._new_decompressor()

    def _new_decompressor(self) -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, MAX_XZ_MEMORY_BYTES)

    def read1(self, n_bytes: int) -> bytes:
        """Returns some bytes, at most so many; none at the end.

        Raises:
            EOFError: a stream is cut.
            lzma.LZMAError: a stream is damaged, or needs more memory than the limit.
        """
        while True:
            packed = b""
            if self._decompressor.eof:
                packed = self._next_stream()
                if not packed:
                    return b""
                self._decompressor = self._new_decompressor()
            elif self._decompressor.needs_input:
                packed = self._file.read(BUFFER_BYTES)
                if not packed:
                    raise EOFError("the compressed file ends before its end is marked")
            data = self._decompressor.decompress(packed, n_bytes)
            if data:
                return data

    def _next_stream(self) -> bytes:
        """Returns the first bytes of the stream that follows; none where none does."""
        packed = self._decompressor.unused_data.lstrip(b"\0")
        while len(packed) < len(_XZ_MARK) and (more := self._file.read(BUFFER_BYTES)):
            packed = (packed + more).lstrip(b"\0")
        return packed if packed.startswith(_XZ_MARK) else b""


class _Guarded(io.RawIOBase):
    """A decompressor that is opened when it is read, and whose errors have one class."""

    def __init__(self, opened: Callable[[BinaryIO], _Stream], file: BinaryIO) -> None:
        self._open = opened
        self._file = file
        self._stream: _Stream | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        into = memoryview(buffer)
        try:
            if self._stream is None:
                self._stream = self._open(self._file)
            data = self._stream.read1(len(into))
        except (EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, gzip.BadGzipFile) as error:
            raise DamagedStreamError(str(error)) from error
        except OSError as error:
            # bz2's OSError for damaged bytes is bare; the system's own has a number or a subclass.
            if type(error) is not OSError or error.errno is not None:
                raise
            raise DamagedStreamError(str(error)) from error
        into[: len(data)] = data
        return len(data)
