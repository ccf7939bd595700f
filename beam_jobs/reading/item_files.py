"""The bytes of one input file to its records, in file order, each an `Item` or a `DeadLetter`.

    .jsonl .ndjson   JSON Lines
    .json            JSON Lines, or documents: a page, a list of posts, or one post
    .js              the same, as X's own archive has it: behind `window.YTD… =`
    .csv .tsv        RFC 4180 in UTF-8; the first row names the columns
    .parquet

All but Parquet may be gzip-compressed (`.jsonl.gz`). A file is read once, from front to back, and
no more of it is held than a line, a batch of rows, or one document. The same bytes always give the
same records.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.reading.csv_files import read_csv
from beam_jobs.reading.json_files import read_json, read_json_lines
from beam_jobs.reading.parquet_files import read_parquet
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import refuse
from beam_jobs.reading.sources import AUTO
from beam_jobs.reading.text_lines import TextLines
from model.errors import UserError
from schemas.dead_letters import Reason

TEXT_SUFFIXES = (".jsonl", ".ndjson", ".json", ".js", ".csv", ".tsv")
PARQUET_SUFFIX = ".parquet"


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
    name = path.lower()
    return name.removesuffix(".gz").endswith(TEXT_SUFFIXES) or name.endswith(PARQUET_SUFFIX)


def read_records(
    file: BinaryIO,
    path: str,
    columns: tuple[tuple[str, str], ...] = (),
    privacy: Privacy = PUBLIC,
    *,
    source: str = AUTO,
    keep: tuple[str, ...] = (),
) -> Iterator[Item | DeadLetter]:
    """Yields the items of a file, and a dead letter for each record that is none.

    Bytes that cannot be read on from (a cut gzip stream, a damaged Parquet page) end the file
    with one unreadable_file dead letter; what stands before them is kept.

    Args:
        file: the file, open for reading bytes.
        path: its name, whose suffix says the format.
        columns: (our field, their path) for each field that stands elsewhere.
        privacy: what items and dead letters may not show.
        source: who wrote the records: auto, plain, or a network of `sources`.
        keep: paths of the fields that go with the items.

    Raises:
        UserError: if the suffix is unknown.
        OSError: if the fault lies not in the bytes but in getting at them; the runner tries again.
    """
    suffix, compressed = _format_of(path)
    layout = RecordLayout(columns, None, privacy, source, keep)
    if suffix == PARQUET_SUFFIX:
        yield from read_parquet(file, path, layout)
        return
    if compressed:
        # No buffer around it: that would lose the lines before the end of a cut stream.
        file = cast(BinaryIO, gzip.GzipFile(fileobj=file))
    lines = TextLines(file)
    try:
        if suffix in (".csv", ".tsv"):
            yield from read_csv(lines, path, layout, "," if suffix == ".csv" else "\t")
        elif suffix in (".json", ".js"):
            yield from read_json(lines, path, layout)
        else:
            yield from read_json_lines(lines, path, layout)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        message = f"line {lines.row + 1} and what follows cannot be read: {error}"
        yield refuse(Reason.UNREADABLE_FILE, message, Location(path, lines.row + 1), b"")


def _format_of(path: str) -> tuple[str, bool]:
    """Returns the suffix that names a file's format, and whether the file is compressed.

    >>> _format_of("gs://in/tweets.CSV.gz")
    ('.csv', True)
    """
    name = path.lower()
    plain_name = name.removesuffix(".gz")
    for suffix in TEXT_SUFFIXES:
        if plain_name.endswith(suffix):
            return suffix, plain_name != name
    if name.endswith(PARQUET_SUFFIX):
        return PARQUET_SUFFIX, False
    raise UserError(
        f"{path} is not an item file: its name must end in {', '.join(TEXT_SUFFIXES)}, each also "
        f"with .gz, or in {PARQUET_SUFFIX}"
    )
