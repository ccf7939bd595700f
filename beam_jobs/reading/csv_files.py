"""CSV and TSV (RFC 4180, quoted line breaks included, or lines without quoting) to records."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.reading.column_names import doubled_column
from beam_jobs.reading.csv_rows import Row, RowReader, rows_of, split_header
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import parse_record, refuse
from beam_jobs.reading.text_format import ENCODING_HINT, PLAIN, TextFormat
from schemas.dead_letters import Reason

DELIMITERS = {",": ",", ";": "';'", "\t": "tab", "|": "'|'"}
"""Those that files have, and how the flag is to be written in a shell."""


def read_csv(
    lines: Iterable[bytes],
    path: str,
    file_layout: RecordLayout,
    delimiter: str,
    text_format: TextFormat = PLAIN,
) -> Iterator[Item | DeadLetter]:
    """Yields the records of a CSV file, whose first row names the columns; an empty cell is null.

    A row stands where its first line does. A row that breaks the quoting rules costs its first
    line only: the lines that a stray quote would have swallowed are read again as rows of their
    own. A cell has at most 128 KiB, Python's limit. A first line `sep=;` tells the delimiter. A
    file whose header breaks the rules, lacks a column that `--column` names, has two of one that is
    read, or none that is known, ends with one unreadable_file dead letter.

    Args:
        lines: as `TextLines` yields them.
        path: the file's.
        file_layout: where the records have their fields, and what may not be shown.
        delimiter: the suffix's; the text format's stands before it.
        text_format: what is said of files of text.
    """
    privacy = file_layout.privacy
    reader = RowReader(lines, text_format.delimiter or delimiter)
    separator = reader.skip_separator_line()
    delimiter = text_format.delimiter or separator or delimiter
    reader.use_delimiter(delimiter)
    rows = rows_of(reader)
    header = next(rows, None)
    if header is None:
        return
    source = Location(path, header.number)
    if header.cells is None:
        message = _other_delimiter(header, file_layout, delimiter) or (
            f"the header cannot be split into cells: {header.fault}"
        )
        yield refuse(Reason.UNREADABLE_FILE, message, source, header.raw, privacy=privacy)
        return
    names = tuple(cell.strip() for cell in header.cells)
    if not text_format.has_header:
        names = tuple(str(number) for number in range(1, len(names) + 1))
        reader.give_back()
    layout = replace(file_layout, found=names)
    fault = _fault_of_header(header, layout, delimiter, text_format)
    if fault:
        yield refuse(Reason.UNREADABLE_FILE, fault, source, header.raw, privacy=privacy)
        return
    reader.has_header(len(names), _id_cell(layout))
    for row in rows:
        yield _parse_row(row, Location(path, row.number), layout)


def _id_cell(layout: RecordLayout) -> int:
    names = layout.found or ()
    for path in layout.key_paths["item_id"]:
        if len(path) == 1 and path[0] in names:
            return names.index(path[0])
    return 0


def _fault_of_header(
    header: Row, layout: RecordLayout, delimiter: str, text_format: TextFormat
) -> str | None:
    """Returns why a header cannot be used, and the flag that mends it; None where it can."""
    names = layout.found or ()
    missing = layout.missing_column()
    known = {path[0] for paths in layout.key_paths.values() for path in paths}
    has_id = any(path[0] in names for path in layout.key_paths["item_id"])
    if (
        text_format.has_header
        and (missing or not has_id)
        and (hint := _other_delimiter(header, layout, delimiter))
    ):
        return hint
    if missing:
        if text_format.has_header and any(theirs.isdecimal() for _, theirs in layout.columns):
            missing += "; columns are numbered in a file without a header, with --no-header"
        return missing
    if text_format.has_header and not known & set(names):
        found_names = ", ".join(map(ascii, names))
        shown = f", {found_names}," if layout.privacy.quotes_values else ""
        return (
            f"the first row{shown} has none of the columns of an item: if it names them "
            "otherwise, add --column item_id=NAME --column text=NAME; if the file has no header, "
            "add --no-header, and number the columns, as in --column item_id=1 --column text=2"
        )
    return doubled_column(layout, has_objects=False)


def _other_delimiter(header: Row, layout: RecordLayout, delimiter: str) -> str | None:
    """Returns which delimiter divides a header into the columns of an item, in words."""
    for other, written in DELIMITERS.items():
        found = split_header(header.lines[0], other)
        divided = replace(layout, found=found)
        if (
            other != delimiter
            and len(found) > 1
            and not divided.missing_column()
            and any(path[0] in found for path in divided.key_paths["item_id"])
        ):
            return (
                f"the header has the columns of an item where {other!a} divides them, and not "
                f"where {delimiter!a} does: add --delimiter {written}"
            )
    return None


def _parse_row(row: Row, source: Location, layout: RecordLayout) -> Item | DeadLetter:
    names, privacy = layout.found or (), layout.privacy
    if row.cells is None:
        message = f"the row cannot be split into cells: {row.fault}"
        return refuse(Reason.MALFORMED_ROW, message, source, row.raw, privacy=privacy)
    if len(row.cells) != len(names):
        message = f"the row has {len(row.cells)} cells; the header has {len(names)}"
        return refuse(Reason.MALFORMED_ROW, message, source, row.raw, privacy=privacy)
    record = {name: cell or None for name, cell in zip(names, row.cells, strict=True)}
    outcome = parse_record(record, source, layout, suspect=True)
    if isinstance(outcome, DeadLetter) and outcome.reason == Reason.INVALID_UTF8:
        return replace(outcome, message=f"{outcome.message}; {ENCODING_HINT}")
    return outcome
