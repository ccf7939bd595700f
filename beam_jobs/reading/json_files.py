"""JSON Lines, and a `.json` file that is one document, to records.

A line is a plain item, a tweet, or a page of tweets (`{"data": [...], "meta": …}`, X API v2);
kinds mix line by line.
"""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.reading.record_fields import RecordLayout
from beam_jobs.reading.records import has_id, parse_record, refuse
from beam_jobs.reading.text_format import ENCODING_HINT
from beam_jobs.reading.text_lines import MAX_LINE_BYTES
from schemas.dead_letters import Reason

MAX_DOCUMENT_BYTES = 1 << 26
"""64 MiB, some 600 MB as objects; a larger `.json` file is taken for JSON Lines."""


def read_json_lines(
    lines: Iterable[bytes], path: str, layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    """Yields the records of JSON Lines; a blank line counts as a line, and holds no record."""
    for row, line in enumerate(lines, 1):
        source = Location(path, row)
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            if line and not line.isspace():
                yield from _read_refused_line(line, source, layout)
            continue
        page = _page_of(value, layout)
        if page is None:
            yield parse_record(value, source, layout, line)
        else:
            yield from _read_page(page, source, layout)


def read_json(
    lines: Iterable[bytes], path: str, layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    """Yields the records of a `.json` file: of JSON Lines, or of one document.

    JSON Lines begin with a line that is an object. What begins otherwise is a document if all of it
    is one object or list (of at most `MAX_DOCUMENT_BYTES`), and JSON Lines with faults if not. The
    records of a document stand on its line 1, and those of a page or list at their part of it.
    """
    lines = iter(lines)
    head = []
    for line in lines:
        head.append(line)
        if line and not line.isspace():
            break
    if head and not _is_object(head[-1]):
        head.extend(_take_bytes(lines, MAX_DOCUMENT_BYTES))
        following = next(lines, None)
        if following is None:
            document, suspect = _load_document(b"".join(head))
            if document is not None:
                yield from _read_document(document, Location(path, 1), layout, suspect)
                return
        else:
            head.append(following)
    yield from read_json_lines(itertools.chain(head, lines), path, layout)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


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
            document = _load_leniently(data.decode("utf-8", errors="surrogateescape"))
        except ValueError:
            return None, suspect
    return (document if isinstance(document, dict | list) else None), suspect


def _load_leniently(text: str) -> Any:
    """Returns the value of a JSON text in which lone surrogates may stand.

    Raises:
        ValueError: if it is not JSON.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no value")


def _read_document(
    document: dict[str, Any] | list[Any], source: Location, layout: RecordLayout, suspect: bool
) -> Iterator[Item | DeadLetter]:
    page = document if isinstance(document, list) else _page_of(document, layout)
    if page is None:
        yield parse_record(document, source, layout, suspect=suspect)
    else:
        yield from _read_page(page, source, layout, suspect)


def _read_refused_line(
    line: bytes, source: Location, layout: RecordLayout
) -> Iterator[Item | DeadLetter]:
    r"""Yields what a line holds that orjson refuses, as it does every line with a lone `\ud800`."""
    if len(line) >= MAX_LINE_BYTES:
        message = f"the line is longer than {MAX_LINE_BYTES} bytes"
        yield refuse(Reason.BROKEN_JSON, message, source, line, privacy=layout.privacy)
        return
    try:
        value = _load_leniently(line.rstrip(b"\r\n").decode())
    except UnicodeDecodeError as error:
        message = (
            f"byte {error.start + 1} of the line is not UTF-8: {error.reason}; {ENCODING_HINT}"
        )
        yield refuse(Reason.INVALID_UTF8, message, source, line, privacy=layout.privacy)
        return
    except ValueError as error:
        message = f"the line is not JSON: {error}"
        yield refuse(Reason.BROKEN_JSON, message, source, line, privacy=layout.privacy)
        return
    page = _page_of(value, layout)
    if page is None:
        yield parse_record(value, source, layout, line, suspect=True)
    else:
        yield from _read_page(page, source, layout, suspect=True)


def _page_of(value: Any, layout: RecordLayout) -> list[Any] | None:
    """Returns the tweets of an X API v2 response; None of a value that is no response.

    >>> _page_of({"data": [{"id": "1"}], "meta": {}}, RecordLayout())
    [{'id': '1'}]
    >>> _page_of({"meta": {"result_count": 0}}, RecordLayout())
    []
    """
    if not isinstance(value, dict) or ("data" not in value and "meta" not in value):
        return None
    if has_id(value, layout):  # an item with a field of that name
        return None
    data, meta = value.get("data"), value.get("meta")
    if isinstance(data, dict):
        return [data]
    if isinstance(data, list):
        return data
    return [] if isinstance(meta, dict) and meta.get("result_count") == 0 else None


def _read_page(
    page: list[Any], source: Location, layout: RecordLayout, suspect: bool = False
) -> Iterator[Item | DeadLetter]:
    for part, record in enumerate(page, 1):
        yield parse_record(record, replace(source, part=part), layout, suspect=suspect)
