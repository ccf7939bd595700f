"""Lines to the rows of CSV and TSV: where quoting runs over lines, and where it is none.

Quotation marks stand in texts, too. A line of TSV that begins a cell with one, and whose writer
knew no quoting, would swallow all lines up to the next mark. What a row is, the file decides: where
the lines that a quoted cell would take in have the header's number of cells each, and ids like the
row's own, they are rows; unless other lines show that the file does quote.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_ROW_LINES = 10_000
MAX_ROW_BYTES = 1 << 22
"""Of a row over several lines; a longer one begins with a stray mark."""
UNSCANNED_LINES = 64
"""Of a row in a file that is known to quote: so many are read without a look ahead."""
HEAD_CHARACTERS = 1 << 16
"""Of the lines behind the header that are looked at for quoting, before the first is read."""

_ESCAPE = re.compile(r'\\(["\\])')


class Row(NamedTuple):
    """One row.

    Attributes:
        number: of its first line.
        lines: as they stand in the file.
        cells: None where it cannot be split.
        fault: why not.
    """

    number: int
    lines: tuple[str, ...]
    cells: list[str] | None
    fault: str = ""

    @property
    def raw(self) -> bytes:
        """Its bytes."""
        return "".join(self.lines).encode("utf-8", errors="surrogateescape")


class _ManyLinesError(Exception):
    """A row of a file that quotes has more lines than are taken without a look ahead."""


class _NotQuotedError(Exception):
    """The line that csv's reader would take in is no part of the row."""


@dataclass
class _Run:
    """Lines that follow each other, each read as the inside of a quoted cell.

    Rows that begin at one line after the other ask about the same lines: sums over them are kept,
    so that no line is looked at twice.

    Attributes:
        first: number of the first line.
        separators, n_bytes, n_lines: sums up to each line, 0 before the first; of the last only
            the lines that are not blank.
        alike: for each kind of id, the sum of lines that have as many cells as the header, and an
            id of that kind.
        end: how the last line ends: `open`, `closed`, or as an error.
    """

    first: int
    separators: list[int] = field(default_factory=lambda: [0])
    n_bytes: list[int] = field(default_factory=lambda: [0])
    n_lines: list[int] = field(default_factory=lambda: [0])
    alike: dict[str, list[int]] = field(default_factory=lambda: {"n": [0], "m": [0], "w": [0]})
    end: str = "open"

    @property
    def last(self) -> int:
        """Number of the last line."""
        return self.first + len(self.separators) - 2


LONE_RETURN = (
    "a carriage return stands outside quotation marks; if all lines end so, as old Macintosh "
    "programs write them, save the file with line feeds"
)


class RowReader:
    """Reads row after row; the same lines always give the same rows.

    Args:
        lines: each with its line break, as UTF-8 that may be damaged.
        delimiter: one character.

    Attributes:
        row: the number of the last line that was taken.
    """

    def __init__(self, lines: Iterable[bytes], delimiter: str) -> None:
        self._lines = iter(lines)
        self._ahead: list[str] = []
        self._next = 0
        self._error: Exception | None = None
        self._taken: list[str] = []
        self.row = 0
        self._n_cells: int | None = None
        self._id_cell = 0
        self._is_quoted = self._is_scanned = False
        self._has_escapes = False
        self._run = _Run(0)  # before any line
        self.use_delimiter(delimiter)

    def use_delimiter(self, delimiter: str) -> None:
        """Changes the delimiter, before any row is read."""
        self._delimiter = delimiter
        self._csv = csv.reader(self, delimiter=delimiter, strict=True)
        mark, end = re.escape(delimiter), r"\r?\n?\Z"
        self._inside = re.compile(r'(?:[^"]|"")*')
        self._after = re.compile(rf"{mark}|{end}")
        self._bare = re.compile(rf'(?!")[^{mark}\r\n]*(?:{mark}|{end})')

    def skip_separator_line(self) -> str | None:
        """Takes the line `sep=;` that Excel reads; returns its character, None if there is none."""
        line = self._peek(0)
        match = line and re.fullmatch(r'"?sep=([^"\r\n])"?[\r\n]*', line, re.IGNORECASE)
        if not match:
            return None
        self._take()
        self._taken.clear()
        return match[1]

    def has_header(self, n_cells: int, id_cell: int) -> None:
        """Tells how many cells each row is to have, and which of them is the id."""
        self._n_cells, self._id_cell = n_cells, id_cell
        n_characters, n_lines = 0, 0
        while n_characters < HEAD_CHARACTERS and (line := self._peek(n_lines)) is not None:
            n_characters, n_lines = n_characters + len(line), n_lines + 1
            if '"' in line and self._shows_quoting(line, self._split_strictly(line)):
                self._is_quoted = True
                return

    def give_back(self) -> None:
        """Puts the last row's lines back, to be read again."""
        self._put_back(self._taken)
        self._taken = []

    def __iter__(self) -> "RowReader":
        return self

    def read(self) -> Row | None:
        """Returns the next row, or None where there is none; an empty one for a blank line."""
        self._taken = []
        number = self.row + 1
        fault = ""
        try:
            cells = next(self._csv, None)
            if cells is None:
                return None
        except _ManyLinesError:
            self.give_back()
            self._is_scanned = True
            row = self.read()
            self._is_scanned = False
            return row
        except csv.Error as error:
            cells, fault = None, str(error)
            if fault.startswith("new-line character"):  # Python's advice is for who calls it
                fault = LONE_RETURN
        except _NotQuotedError as error:
            cells, fault = None, str(error)
        if cells is None or (cells and self._n_cells not in (None, len(cells))):
            self._put_back(self._taken[1:])
            del self._taken[1:]
            cells = self._read_alone(self._taken[0], cells) or cells
        elif not self._is_quoted and self._n_cells and len(self._taken) == 1:
            line = self._taken[0]
            self._is_quoted = '"' in line and self._shows_quoting(line, cells)
        return Row(number, tuple(self._taken), cells, fault)

    def _read_alone(self, line: str, cells: list[str] | None) -> list[str] | None:
        """Returns the cells of a line that quoting does not explain; None where nothing does."""
        if self._n_cells is None:
            return None
        if cells is None and '\\"' in line and not self._has_escapes:
            unescaped = self._split_strictly(_unescape(line))
            if unescaped is not None and len(unescaped) == self._n_cells:
                self._has_escapes, self._run = True, _Run(0)
                return unescaped
        unquoted = line.rstrip("\r\n").split(self._delimiter)
        if '"' in line and not self._is_quoted and len(unquoted) == self._n_cells:
            return unquoted
        return None

    def _split_strictly(self, line: str) -> list[str] | None:
        try:
            return next(csv.reader([line], delimiter=self._delimiter, strict=True), None)
        except csv.Error:
            return None

    def _shows_quoting(self, line: str, cells: list[str] | None) -> bool:
        """Says whether a line has the header's number of cells with quoting, and not without."""
        n_cells = self._n_cells
        return (
            cells is not None
            and len(cells) == n_cells
            and line.count(self._delimiter) + 1 != n_cells
        )

    def __next__(self) -> str:
        """Returns the next line for csv's reader.

        Raises:
            _NotQuotedError: it is asked for within a quoted cell, and is no part of the row.
        """
        n_taken = len(self._taken)
        if n_taken == 1 and (self._is_scanned or not self._is_quoted):
            self._check_goes_on()
        elif n_taken == UNSCANNED_LINES and self._is_quoted and not self._is_scanned:
            raise _ManyLinesError
        line = self._take()
        return _unescape(line) if self._has_escapes else line

    def _check_goes_on(self) -> None:
        start = self._taken[0]
        scanned = self._scan(_unescape(start) if self._has_escapes else start, is_inside=False)
        n_before, run, following = scanned[0], self._run, self.row + 1
        if not run.first <= following <= run.last + (run.end == "open"):
            run = self._run = _Run(following)
        offset = following - run.first
        while run.end == "open":
            n_taken = len(run.separators) - 1 - offset
            n_bytes = run.n_bytes[-1] - run.n_bytes[offset]
            if n_taken >= MAX_ROW_LINES or n_bytes > MAX_ROW_BYTES:
                raise _NotQuotedError(
                    f"a quotation mark is not closed within {MAX_ROW_LINES:,} lines and "
                    f"{MAX_ROW_BYTES:,} bytes"
                )
            n_cells = 1 + n_before + run.separators[-1] - run.separators[offset]
            if self._n_cells is not None and n_cells > self._n_cells:
                raise _NotQuotedError(
                    "with the lines that follow it has more cells than the header"
                )
            line = self._peek(len(run.separators) - 1 - offset)
            if line is None:
                run.end = "a quotation mark is not closed"
            else:
                self._add_to_run(run, line)
        if run.end != "closed":
            raise _NotQuotedError(run.end)
        n_cells = 1 + n_before + run.separators[-1] - run.separators[offset]
        if self._n_cells is None:
            return
        if n_cells != self._n_cells:
            raise _NotQuotedError(f"with the lines that follow it has {n_cells} cells")
        if not self._is_quoted and self._are_rows(start, run, offset):
            raise _NotQuotedError("the lines that follow are rows")
        self._is_quoted |= self._bare_id(start) is None  # without quoting it is no row

    def _are_rows(self, start: str, run: _Run, offset: int) -> bool:
        """Says whether the lines that a quoted cell would take in are rows of their own."""
        own = self._bare_id(start)
        kind = _kind(own) if own is not None else ""
        # Words before a comma are more often those of a text than ids.
        if own is None or not kind or (kind == "w" and self._delimiter != "\t"):
            return False
        n_alike = run.alike[kind][-1] - run.alike[kind][offset]
        n_lines = run.n_lines[-1] - run.n_lines[offset]
        if not n_alike or 2 * n_alike < n_lines:
            return False
        ends = (self._peek(0), self._peek(len(run.separators) - 2 - offset))
        others = [self._bare_id(line) for line in ends if line is not None]
        return any(
            other is not None and _kind(other) == kind and abs(len(other) - len(own)) <= 2
            for other in others
        )

    def _bare_id(self, line: str) -> str | None:
        """Returns the id of a line without quoting; None where it has not the header's cells."""
        cells = line.rstrip("\r\n").split(self._delimiter)
        return cells[self._id_cell].strip() if len(cells) == self._n_cells else None

    def _add_to_run(self, run: _Run, line: str) -> None:
        read = _unescape(line) if self._has_escapes else line
        n_separators, run.end = self._scan(read, is_inside=True)
        run.separators.append(run.separators[-1] + n_separators)
        run.n_bytes.append(run.n_bytes[-1] + len(line))
        run.n_lines.append(run.n_lines[-1] + (not line.isspace()))
        own = self._bare_id(line) if self._n_cells else None
        found = _kind(own) if own else ""
        for kind, sums in run.alike.items():
            sums.append(sums[-1] + (kind == found))

    def _scan(self, line: str, *, is_inside: bool) -> tuple[int, str]:
        """Returns how many delimiters divide a line's cells, and how it ends, as csv reads it."""
        at, n_separators = 0, 0
        while True:
            if is_inside or line.startswith('"', at):
                at += not is_inside
                at = self._inside.match(line, at).end()  # type: ignore[union-attr]
                if at == len(line):
                    return n_separators, "open"
                match, at = self._after.match(line, at + 1), at + 1
                if match is None:
                    return n_separators, f"{self._delimiter!a} expected after '\"'"
            else:
                match = self._bare.match(line, at)
                if match is None:
                    return n_separators, "a line break stands within a line"
            at = match.end()
            if not match[0].endswith(self._delimiter):
                return n_separators, "closed"
            n_separators, is_inside = n_separators + 1, False

    def _peek(self, n_lines: int) -> str | None:
        """Returns the line behind so many that follow; None behind the end."""
        while len(self._ahead) - self._next <= n_lines and self._error is None:
            try:
                line = next(self._lines)
            except Exception as error:  # kept until what stands before it is read
                self._error = error
                break
            self._ahead.append(line.decode("utf-8", errors="surrogateescape"))
        at = self._next + n_lines
        return self._ahead[at] if at < len(self._ahead) else None

    def _take(self) -> str:
        if self._ahead:
            line = self._ahead[self._next]
            self._next += 1
            if self._next == len(self._ahead) or self._next > MAX_ROW_LINES:
                del self._ahead[: self._next]
                self._next = 0
        elif self._error is not None:
            raise self._error
        else:
            line = next(self._lines).decode("utf-8", "surrogateescape")
        self._taken.append(line)
        self.row += 1
        return line

    def _put_back(self, lines: list[str]) -> None:
        self._ahead[: self._next] = lines
        self._next = 0
        self.row -= len(lines)


def _kind(identifier: str) -> str:
    """Returns what an id is made of: `n` digits, `m` digits and others, `w` a word; "" if none.

    >>> [_kind(text) for text in ("1467", "t3_1x", "Well", "well then", "")]
    ['n', 'm', 'w', '', '']
    """
    if identifier.isdecimal():
        return "n"
    if not identifier or any(letter.isspace() for letter in identifier):
        return ""
    return "m" if any(letter.isdecimal() for letter in identifier) else "w"


def _unescape(line: str) -> str:
    r"""Returns a line with `\"` as `""`, as RFC 4180 has it.

    >>> _unescape(r'1,"a \"b\" c"')
    '1,"a ""b"" c"'
    """
    if "\\" not in line:
        return line
    return _ESCAPE.sub(lambda match: '""' if match[1] == '"' else match[1], line)


def split_header(line: str, delimiter: str) -> tuple[str, ...]:
    """Returns the names in a header, whatever quotation marks it has.

    >>> split_header('id;"text"', ";")
    ('id', 'text')
    """
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        cells = line.split(delimiter)
    return tuple(cell.strip() for cell in cells)


def rows_of(reader: RowReader) -> Iterator[Row]:
    """Yields the rows that are left; a blank line holds none."""
    while (row := reader.read()) is not None:
        if row.cells is None or row.cells:
            yield row
