"""The bytes of one input file to its records, in file order, each an `Item` or a `DeadLetter`.

    .jsonl .ndjson   JSON Lines
    .json            JSON Lines, or documents: a page, a list of posts, or one post
    .js              the same, as X's own archive has it: behind `window.YTD… =`
    .csv .tsv        RFC 4180, or lines without quoting; the first row names the columns
    .parquet

All but Parquet may be compressed: gzip, Zstandard, bzip2 or xz, told by the first bytes whatever
the name is (`.jsonl`, `.jsonl.zst`; `RC_2019-01.zst` is taken for JSON). They are in UTF-8, or in
UTF-16 with its mark, or in what `TextFormat` names. A file is read once, from front to back, and
no more of it is held than a line, a batch of rows, or one document. The same bytes always give the
same records.
"""

import posixpath
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.reading.compression import (
    COMPRESSED_SUFFIXES,
    HEAD_BYTES,
    DamagedStreamError,
    archive_kind,
    decompressed,
    is_archive_name,
    plain_name,
)
from beam_jobs.reading.csv_files import read_csv
from beam_jobs.reading.json_files import read_json, read_json_lines
from beam_jobs.reading.parquet_files import read_parquet
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import refuse
from beam_jobs.reading.sources import AUTO
from beam_jobs.reading.text_format import PLAIN, UTF16_MARKS, TextFormat
from beam_jobs.reading.text_lines import TextLines, WrongEncodingError, peek
from model.errors import UserError
from schemas.dead_letters import Reason

TEXT_SUFFIXES = (".jsonl", ".ndjson", ".json", ".js", ".csv", ".tsv")
PARQUET_SUFFIX = ".parquet"
_TEXT_BYTES = bytes([9, 10, 12, 13, *range(0x20, 0x100)])


def check_item_files(paths: Iterable[str]) -> None:
    """Checks by their names that all files are of formats that can be read.

    Raises:
        UserError: naming the first file that is not.
    """
    for path in paths:
        _format_of(path)


def is_item_file(path: str) -> bool:
    """Says by its name whether a file is one of items.

    >>> is_item_file("tweets.jsonl.gz"), is_item_file("1.wav")
    (True, False)
    """
    try:
        _format_of(path)
    except UserError:
        return False
    return True


def read_records(
    file: BinaryIO,
    path: str,
    columns: tuple[tuple[str, str], ...] = (),
    privacy: Privacy = PUBLIC,
    text_format: TextFormat = PLAIN,
    *,
    source: str = AUTO,
    keep: tuple[str, ...] = (),
) -> Iterator[Item | DeadLetter]:
    """Yields the items of a file, and a dead letter for each record that is none.

    Bytes that cannot be read on from (a cut stream, a damaged Parquet page) end the file with one
    unreadable_file dead letter; what stands before them is kept. A file that is an archive, or in
    an encoding that is not read, is one from its start.

    Args:
        file: the file, open for reading bytes.
        path: its name, whose suffix says the format.
        columns: (our field, their path) for each field that stands elsewhere.
        privacy: what items and dead letters may not show.
        text_format: what is said of files of text.
        source: who wrote the records: auto, plain, or a network of `sources`.
        keep: paths of the fields that go with the items.

    Raises:
        UserError: if the suffix is unknown.
        OSError: if the fault lies not in the bytes but in getting at them; the runner tries again.
    """
    suffix = _format_of(path)
    layout = RecordLayout(columns, None, privacy, source, keep)
    if suffix == PARQUET_SUFFIX:
        yield from read_parquet(file, path, layout)
        return
    head, file = peek(file, HEAD_BYTES)
    stream = decompressed(file, head)
    if fault := _fault_of(head, path, is_compressed=stream is not None):
        yield refuse(Reason.UNREADABLE_FILE, fault, Location(path), b"")
        return
    lines = TextLines(stream or file, text_format)
    try:
        if suffix in (".csv", ".tsv"):
            delimiter = "," if suffix == ".csv" else "\t"
            yield from read_csv(lines, path, layout, delimiter, text_format)
        elif suffix in (".json", ".js"):
            yield from read_json(lines, path, layout)
        else:
            yield from read_json_lines(lines, path, layout)
    except DamagedStreamError as error:
        message = f"line {lines.row + 1} and what follows cannot be read: {error}"
        yield refuse(Reason.UNREADABLE_FILE, message, Location(path, lines.row + 1), b"")
    except WrongEncodingError as error:
        yield refuse(Reason.UNREADABLE_FILE, str(error), Location(path, 1), b"")


def _fault_of(head: bytes, path: str, *, is_compressed: bool) -> str | None:
    """Returns why a file of text cannot be read at all, in words."""
    if kind := archive_kind(head):
        return f"the file is a {kind} archive, which is not read: unpack it, and name its files"
    name = path.lower()
    is_text = head.startswith(tuple(UTF16_MARKS)) or not head.translate(None, _TEXT_BYTES)
    if head and not is_compressed and name != plain_name(name) and not is_text:
        return (
            f"line 1 and what follows cannot be read: the bytes are not {name.rpartition('.')[2]}"
        )
    return None


def _format_of(path: str) -> str:
    """Returns the suffix that names a file's format.

    >>> _format_of("gs://in/tweets.CSV.gz"), _format_of("RC_2019-01.zst")
    ('.csv', '.json')
    """
    name = path.lower()
    inner = plain_name(name)
    for suffix in TEXT_SUFFIXES:
        if inner.endswith(suffix):
            return suffix
    if name.endswith(PARQUET_SUFFIX):
        return PARQUET_SUFFIX
    if inner != name and "." not in posixpath.basename(inner):  # as dumps of Reddit are named
        return ".json"
    if is_archive_name(name):
        raise UserError(
            f"{path} is not an item file but an archive, which is not read: unpack it, and name "
            "its files"
        )
    raise UserError(
        f"{path} is not an item file: its name must end in {', '.join(TEXT_SUFFIXES)}, each also "
        f"with {', '.join(COMPRESSED_SUFFIXES)}, or in {PARQUET_SUFFIX}"
    )
