"""JSON Lines, and a file that is one document or several, to records.

A line is a plain item, a post, or a page of posts (`{"data": [...], "meta": …}`, a list …); kinds
mix line by line. A document may be written over many lines, and follow another; X's own archive is
one behind `window.YTD… =`, and of several parts several.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.reading.json_values import (
    is_object,
    load_leniently,
    load_values,
    posts_before_fault,
    without_script,
)
from beam_jobs.reading.pages import posts_of
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import parse_record, refuse
from beam_jobs.reading.text_format import ENCODING_HINT
from beam_jobs.reading.text_lines import MAX_LINE_BYTES
from schemas.dead_letters import Reason

MAX_DOCUMENT_BYTES = 1 << 26
"""64 MiB, some 600 MB as objects; a larger file that is no JSON Lines is taken for them still."""
MAX_HEAD_LINES = 1000
"""Lines of a file that is no document, in which a whole object tells that it is JSON Lines."""
_BETWEEN_LINES = frozenset({b"[", b"]", b"],", b"];", b",", b";"})
"""What a list with a post on each line has besides them."""


def read_json_lines(
    lines: Iterator[bytes], path: str, layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    """Yields the records of JSON Lines; a blank line counts as a line, and holds no record."""
    head = list(_take_head(lines))
    if head and _opens(head[-1]):
        yield from _read_document_or_lines(head, lines, path, layout)
    else:
        yield from _read_lines(itertools.chain(head, lines), path, layout)


def read_json(
    lines: Iterator[bytes], path: str, layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    """Yields the records of a `.json` file: of JSON Lines, or of documents.

    JSON Lines begin with a line that is an object. What begins otherwise is a document if all of it
    is one object or list (of at most `MAX_DOCUMENT_BYTES`); or several documents, one after the
    other; and JSON Lines with faults if not. The records of a document stand on its line 1, and
    those of a page or list at their part of it; those of further documents on their first lines.
    """
    head = list(_take_head(lines))
    if head and not is_object(head[-1]):
        yield from _read_document_or_lines(head, lines, path, layout)
    else:
        yield from _read_lines(itertools.chain(head, lines), path, layout)


def _take_head(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yields the lines up to the first that is not blank, without what makes it a script."""
    for line in lines:
        if line and not line.isspace():
            yield without_script(line)
            return
        yield line


def _opens(line: bytes) -> bool:
    """Says whether a line starts an object or a list that is not whole on it."""
    if not line.lstrip().startswith((b"{", b"[")) or len(line) >= MAX_LINE_BYTES:
        return False
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        text = line.decode("utf-8", "surrogateescape").rstrip()
        return load_values(text)[1] < len(text)
    return False


def _is_spread(lines: list[bytes]) -> bool:
    """Says whether the first lines are of a document that is written over several, as by a printer.

    >>> _is_spread([b"{", b'  "id": 1']), _is_spread([b'{"id": 1, "te', b'{"id": 2, "te'])
    (True, False)
    """
    filled = [line for line in lines[:MAX_HEAD_LINES] if line.strip()][:2]
    if len(filled) < 2:
        return False
    return filled[1].lstrip(b" \t") != filled[1] or filled[1].startswith((b'"', b"}", b"]"))


def _read_document_or_lines(
    head: list[bytes], lines: Iterator[bytes], path: str, layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    taken = [*head, *_take_bytes(lines, MAX_DOCUMENT_BYTES)]
    following = next(lines, None)
    if following is not None:
        yield from _read_lines(itertools.chain(taken, [following], lines), path, layout)
        return
    data = b"".join(taken)
    document, suspect = _load_document(data)
    if document is not None:
        yield from _read_value(document, Location(path, 1), layout, suspect=suspect)
    elif not _is_spread(taken) or any(is_object(_bare(line)) for line in taken[:MAX_HEAD_LINES]):
        yield from _read_lines(taken, path, layout)
    else:
        yield from _read_documents(data, taken, path, layout)


def _take_bytes(lines: Iterator[bytes], n_bytes: int) -> Iterator[bytes]:
    """Yields lines until they have that many bytes."""
    while n_bytes > 0:
        line = next(lines, None)
        if line is None:
            return
        n_bytes -= len(line)
        yield line


def _load_document(data: bytes) -> tuple[dict[str, Any] | list[Any] | None, bool]:
    """Returns the document, None if it is none, and whether it may hold lone surrogates."""
    suspect = False
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        suspect = True
        try:
            document = load_leniently(data.decode("utf-8", errors="surrogateescape"))
        except ValueError:
            return None, suspect
    return (document if isinstance(document, dict | list) else None), suspect


def _read_documents(
    data: bytes, lines: list[bytes], path: str, layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    """Yields the records of documents that stand one after the other, and of one that is broken.

    What follows them and is no JSON is one dead letter, or one for each post that it tells of.
    """
    text = data.decode("utf-8", errors="surrogateescape")
    values, end = load_values(text)
    scalars = (n for n, (_, value) in enumerate(values) if not isinstance(value, dict | list))
    if (n_documents := next(scalars, None)) is not None:
        values, end = values[:n_documents], values[n_documents][0]
    rest = text[end:]
    if not values and not rest.startswith(("{", "[")):
        yield from _read_lines(lines, path, layout)
        return
    row, counted, n_before = 1, 0, 0
    for place, value in values:
        n_lines = text.count("\n", counted, place)
        row, counted = row + n_lines, place
        n_before = 0 if n_lines else n_before
        source = Location(path, row)
        for outcome in _read_value(value, source, layout, suspect=True, n_before=n_before or None):
            n_before += 1
            yield outcome
    if rest:
        source = Location(path, row + text.count("\n", counted, end))
        part = "document that starts" if rest[0] in "{[" else "text that follows the document"
        message = f"the {part} here is not JSON: {_fault_of(rest)}"
        yield from _refuse_page(rest, source, message, layout)


def _fault_of(text: str) -> str:
    try:
        load_leniently(text)
    except ValueError as error:
        return str(error)
    return "it ends too early"


def _bare(line: bytes) -> bytes:
    return line.strip().removesuffix(b",")


def _is_between(line: bytes) -> bool:
    """Says whether a line holds nothing but what stands before, between and after records."""
    bare = without_script(line).strip()
    return not bare or bare in _BETWEEN_LINES


def _read_lines(
    lines: Iterable[bytes], path: str, layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    opened: tuple[Location, bytes] | None = None
    is_cut_line = False
    for row, line in enumerate(lines, 1):
        source = Location(path, row)
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            mark = without_script(line).strip()
            if mark == b"[":
                opened = source, line
            elif mark.startswith(b"]"):
                opened = None
            if not _is_between(line):
                for outcome in _read_refused_line(line, source, layout):
                    is_cut_line = isinstance(outcome, DeadLetter)
                    yield outcome
            continue
        is_cut_line = False
        page = posts_of(value, layout)
        if page is None:  # most lines
            yield parse_record(value, source, layout, line)
        else:
            yield from _read_page(page, source, layout)
    if opened and not is_cut_line:  # which tells it already
        source, line = opened
        message = "the list that starts here has no end: the file is cut"
        yield refuse(Reason.BROKEN_JSON, message, source, line, privacy=layout.privacy)


def _read_value(
    value: Any,
    source: Location,
    layout: RecordLayout,
    raw: bytes | None = None,
    *,
    suspect: bool = False,
    n_before: int | None = None,
) -> Iterator[Item | DeadLetter]:
    """Yields the records of a value: one, or those of a page.

    Args:
        value: any JSON value.
        source: where it starts.
        layout: where its fields are.
        raw: its own bytes, for the dead letter of one record.
        suspect: whether it may hold lone surrogates.
        n_before: records before it on its line; None where no other value stands there.
    """
    page = posts_of(value, layout)
    if page is None and n_before is None:
        yield parse_record(value, source, layout, raw, suspect=suspect)
        return
    records = [value] if page is None else page
    yield from _read_page(records, source, layout, suspect=suspect, n_before=n_before or 0)


def _read_page(
    records: list[Any],
    source: Location,
    layout: RecordLayout,
    *,
    suspect: bool = False,
    n_before: int = 0,
) -> Iterator[Item | DeadLetter]:
    for part, record in enumerate(records, n_before + 1):
        yield parse_record(record, replace(source, part=part), layout, suspect=suspect)


def _read_refused_line(
    line: bytes, source: Location, layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    r"""Yields what a line holds that orjson refuses, as it does every line with a lone `\ud800`.

    So it does NaN, several values on a line, and a comma behind one.
    """
    if len(line) >= MAX_LINE_BYTES:
        message = f"the line is longer than {MAX_LINE_BYTES} bytes"
        yield refuse(Reason.BROKEN_JSON, message, source, line, privacy=layout.privacy)
        return
    text = line.rstrip(b"\r\n").decode("utf-8", errors="surrogateescape")
    values, end = load_values(text)
    is_whole = end == len(text) and all(isinstance(value, dict | list) for _, value in values)
    try:
        line.decode()
    except UnicodeDecodeError as error:
        # Of a page, only the records that hold such bytes are refused.
        if is_whole and posts_of(values[0][1], layout) is not None:
            yield from _read_values(values, source, layout)
            return
        message = (
            f"byte {error.start + 1} of the line is not UTF-8: {error.reason}; {ENCODING_HINT}"
        )
        yield refuse(Reason.INVALID_UTF8, message, source, line, privacy=layout.privacy)
        return
    if not is_whole or not values:
        message = f"the line is not JSON: {_fault_of(text)}"
        yield from _refuse_page(text, source, message, layout, line)
    elif len(values) == 1:
        yield from _read_value(values[0][1], source, layout, line, suspect=True)
    else:
        yield from _read_values(values, source, layout)


def _read_values(
    values: list[tuple[int, Any]], source: Location, layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    """Yields the records of values on one line, their parts counted through."""
    n_before = 0
    for _, value in values:
        for outcome in _read_value(value, source, layout, suspect=True, n_before=n_before):
            n_before += 1
            yield outcome


def _refuse_page(
    text: str,
    source: Location,
    message: str,
    layout: RecordLayout,
    raw: bytes | None = None,
) -> Iterator[DeadLetter]:
    """Yields a dead letter for each post that can be told of what is no JSON; one of no page."""
    posts = posts_before_fault(text)
    if posts is None:
        data = text.encode("utf-8", "surrogateescape") if raw is None else raw
        yield refuse(Reason.BROKEN_JSON, message, source, data, privacy=layout.privacy)
        return
    for part, post in enumerate(posts, 1):
        yield refuse(
            Reason.BROKEN_JSON,
            f"post {part} of a page that cannot be read: {message}",
            replace(source, part=part),
            post.encode("utf-8", "surrogateescape"),
            privacy=layout.privacy,
        )
