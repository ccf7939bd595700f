"""CSV and TSV (RFC 4180, quoted line breaks included) to records."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import parse_record, refuse
from schemas.dead_letters import Reason


class _RowLines:
    """Lines as text, which remember the current row's, to read again all but its first."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.row = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.popleft()
        else:
            line = next(self._lines).decode("utf-8", errors="surrogateescape")
        self.taken.append(line)
        self.row += 1
        return line

    def give_back(self) -> None:
        """Puts all but the first of the row's lines back, to be read as rows of their own."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.row -= len(self.taken) - 1
        del self.taken[1:]


def read_csv(
    lines: Iterable[bytes],
    path: str,
    file_layout: RecordLayout,
    delimiter: str,
) -> Iterator[Item | DeadLetter]:
    """Yields the records of a CSV file, whose first row names the columns; an empty cell is null.

    A row stands where its first line does. A row that breaks the quoting rules costs its first
    line only: the lines that a stray quote would have swallowed are read again as rows of their
    own. A cell has at most 128 KiB, Python's limit. A file whose header breaks the rules, lacks a
    column that `--column` names, or has two of one that is read, ends with one unreadable_file
    dead letter.
    """
    text = _RowLines(lines)
    rows = csv.reader(text, delimiter=delimiter, strict=True)
    layout, privacy = None, file_layout.privacy
    while True:
        text.taken.clear()
        source = Location(path, text.row + 1)
        try:
            cells = next(rows, None)
        except csv.Error as error:
            text.give_back()
            if layout is None:
                message = f"the header cannot be split into cells: {error}"
                yield refuse(
                    Reason.UNREADABLE_FILE, message, source, _bytes(text.taken), privacy=privacy
                )
                return
            message = f"the row cannot be split into cells: {error}"
            yield refuse(Reason.MALFORMED_ROW, message, source, _bytes(text.taken), privacy=privacy)
            continue
        if cells is None:
            return
        if not cells:  # a blank line
            continue
        if layout is None:
            layout = replace(file_layout, found=tuple(cell.strip() for cell in cells))
            fault = layout.missing_column() or _doubled_column(layout)
            if fault:
                yield refuse(
                    Reason.UNREADABLE_FILE, fault, source, _bytes(text.taken), privacy=privacy
                )
                return
            continue
        yield _parse_row(cells, source, layout, text.taken)


def _doubled_column(layout: RecordLayout) -> str | None:
    header = layout.found or ()
    for paths in layout.key_paths.values():
        for path in paths:
            # Longer paths lead into objects, which no cell is.
            if len(path) == 1 and header.count(path[0]) > 1:
                return f"the header has {header.count(path[0])} columns named {path[0]!a}"
    return None


def _parse_row(
    cells: list[str], source: Location, layout: RecordLayout, lines: list[str]
) -> Item | DeadLetter:
    header = layout.found or ()
    if len(cells) != len(header):
        message = f"the row has {len(cells)} cells; the header has {len(header)}"
        return refuse(Reason.MALFORMED_ROW, message, source, _bytes(lines), privacy=layout.privacy)
    record = {name: cell or None for name, cell in zip(header, cells, strict=True)}
    return parse_record(record, source, layout, suspect=True)


def _bytes(lines: list[str]) -> bytes:
    return "".join(lines).encode("utf-8", errors="surrogateescape")
