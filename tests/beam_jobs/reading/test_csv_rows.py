"""Quotation marks in CSV and TSV: quoting, or a part of a text; each line ends somewhere, once."""

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.items.elements import Item
from beam_jobs.reading.csv_rows import MAX_ROW_BYTES, MAX_ROW_LINES
from beam_jobs.reading.item_files import read_records
from beam_jobs.reading.text_format import TextFormat
from tests.support.item_reading import Outcome, item, read


def texts(outcomes: list[Outcome]) -> list[tuple[str | None, str | None, str]]:
    """(id, text or reason, source) of each outcome."""
    return [
        (one.item_id, one.text if isinstance(one, Item) else str(one.reason), str(one.source))
        for one in outcomes
    ]


def read_as(path: str, data: bytes, text_format: TextFormat, **columns: str) -> list[Outcome]:
    fields = tuple(columns.items())
    return list(read_records(io.BytesIO(data), path, fields, text_format=text_format))


@pytest.mark.parametrize("suffix", ["tsv", "csv"])
def test_a_mark_that_opens_a_text_swallows_no_row(suffix: str) -> None:
    between = "\t" if suffix == "tsv" else ","
    rows = ['1,"keep your head', "2,a fine day", "3,my dog ran off", '4,up and away"', "5,the end"]
    data = "\n".join(["id,text", *rows, ""]).replace(",", between).encode()
    assert texts(read(f"t.{suffix}", data)) == [
        ("1", '"keep your head', f"t.{suffix}:2"),
        ("2", "a fine day", f"t.{suffix}:3"),
        ("3", "my dog ran off", f"t.{suffix}:4"),
        ("4", 'up and away"', f"t.{suffix}:5"),
        ("5", "the end", f"t.{suffix}:6"),
    ]


def test_a_bad_line_within_is_a_dead_letter_of_its_own() -> None:
    data = b'id\ttext\ten\n1\t"one\ten\n2\ttwo\n3\tthree\ten\n\n4\tfour"\ten\n'
    assert texts(read("t.tsv", data)) == [
        ("1", '"one', "t.tsv:2"),
        (None, "malformed_row", "t.tsv:3"),
        ("3", "three", "t.tsv:4"),
        ("4", 'four"', "t.tsv:6"),
    ]


@pytest.mark.parametrize("mark", ["", " ", "\t5"])
def test_marks_that_never_close_cost_nothing(mark: str) -> None:
    lines = ['1\t"a', f"2\tb{mark}", '3\t"c" d', "4\te"]
    outcomes = read("t.tsv", "\n".join(["id\ttext", *lines]).encode())
    second = (None, "malformed_row", "t.tsv:3") if mark == "\t5" else ("2", f"b{mark}", "t.tsv:3")
    assert texts(outcomes) == [
        ("1", '"a', "t.tsv:2"),
        second,
        ("3", '"c" d', "t.tsv:4"),
        ("4", "e", "t.tsv:5"),
    ]


def test_quoted_breaks_stay_quoted() -> None:
    data = b'id,text\n7,"Yes, I know\nYes, you do"\n8,"Top:\n1, apples\n2, pears"\n9,"a, b"\n'
    assert texts(read("t.csv", data)) == [
        ("7", "Yes, I know\nYes, you do", "t.csv:2"),
        ("8", "Top:\n1, apples\n2, pears", "t.csv:4"),
        ("9", "a, b", "t.csv:7"),
    ]


def test_marks_that_a_backslash_escapes() -> None:
    data = rb"id,text" + b"\n" + rb'1,"she said \"go\", so I went"' + b"\n" + rb'2,"\"Up\", a film"'
    assert texts(read("t.csv", data)) == [
        ("1", 'she said "go", so I went', "t.csv:2"),
        ("2", '"Up", a film', "t.csv:3"),
    ]


PIECES = ["a", '"', ",", "\n", "\t", " ", "1, x", "é"]
ROWS = st.lists(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), min_size=1, max_size=8)


@given(ROWS, st.sampled_from([",", "\t"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_csv_writes_is_read(rows: list[str], delimiter: str, quoting: int) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
    table = [[str(10**9 + n), text, "en"] for n, text in enumerate(rows)]
    writer.writerows([["id", "text", "lang"], *table])
    outcomes = read("t.csv" if delimiter == "," else "t.tsv", file.getvalue().encode())
    assert [(one.item_id, getattr(one, "text", 0)) for one in outcomes] == [
        (item_id, text or None) for item_id, text, _ in table
    ]


@given(ROWS)
def test_what_was_written_without_quoting_is_read(rows: list[str]) -> None:
    cells = [text.replace("\n", " ").replace("\t", " ") for text in rows]
    # A text that is quoted from end to end means the same to either reader.
    cells = [text if text[:1] != '"' else text + "x" for text in cells]
    data = "id\ttext\n" + "".join(f"{10**9 + n}\t{text}\n" for n, text in enumerate(cells))
    assert [(one.item_id, getattr(one, "text", 0)) for one in read("t.tsv", data.encode())] == [
        (str(10**9 + n), text or None) for n, text in enumerate(cells)
    ]


@pytest.mark.parametrize(
    ("header", "lines", "n_rows"),
    [
        (b"id,text", b'a","b\n', 25_000),
        (b"id,text" + b",c" * 998, b'a","b\n', 25_000),
        (b"id,text", b'1,"b\n', 25_000),
        (b"id,text", b'"\n', 25_000),
    ],
)
def test_time_grows_with_the_file_alone(header: bytes, lines: bytes, n_rows: int) -> None:
    started = time.thread_time()
    outcomes = read("t.csv", header + b"\n" + lines * n_rows)
    assert time.thread_time() - started < 60  # hours, where each row is looked for to the end
    assert [str(one.source) for one in outcomes] == [f"t.csv:{n + 2}" for n in range(n_rows)]


def test_a_row_has_a_limit_of_lines_and_of_bytes() -> None:
    for lines in (
        b"b\n" * (MAX_ROW_LINES + 1),
        (b"b" * 9_999 + b"\n") * (MAX_ROW_BYTES // 10_000 + 2),
    ):
        outcomes = read("t.csv", b'id,text\n0,"a, b"\n1,"x\n' + lines + b'"\n2,y\n')
        assert texts(outcomes[:3]) == [
            ("0", "a, b", "t.csv:2"),
            (None, "malformed_row", "t.csv:3"),
            (None, "malformed_row", "t.csv:4"),
        ]
        n_lines = lines.count(b"\n")
        assert texts(outcomes[-1:]) == [("2", "y", f"t.csv:{n_lines + 5}")]
        assert len(outcomes) == n_lines + 4


class TestHeaders:
    TEXT = '"id";"text"\n1;"Olé, qué día"\n'.encode()

    @pytest.mark.parametrize(
        ("name", "data", "told"),
        [
            ("t.csv", TEXT, "--delimiter ';'"),
            ("t.csv", b"id\ttext\n1\ta, b\n", "--delimiter tab"),
            ("t.csv", b"id|text\n1|a, b\n", "--delimiter '|'"),
            ("t.tsv", b"id,text\n1,a\n", "--delimiter ,"),
            ("t.csv", b'1,"Ol\xc3\xa9, you"\n2,"so, so"\n', "--no-header"),
        ],
    )
    def test_the_flag_that_mends_it_is_named(self, name: str, data: bytes, told: str) -> None:
        [letter] = read(name, data)
        assert not isinstance(letter, Item)
        assert (letter.reason, letter.source) == ("unreadable_file", f"{name}:1")
        assert f"add {told}" in letter.message

    def test_and_it_does(self) -> None:
        expected = [item("1", 2, file="t.csv", text="Olé, qué día")]
        assert read_as("t.csv", self.TEXT, TextFormat(delimiter=";")) == expected
        data = b"1\tso happy\n2\tso sad\n"
        assert read_as("t.tsv", data, TextFormat(has_header=False), item_id="1", text="2") == [
            item("1", 1, file="t.tsv", text="so happy"),
            item("2", 2, file="t.tsv", text="so sad"),
        ]

    @pytest.mark.parametrize("first", [b"sep=;", b'"sep=;"', b"SEP=;\r"])
    def test_a_line_for_excel(self, first: bytes) -> None:
        data = first + b"\nid;text\n1;a, b\n"
        assert read("t.csv", data) == [item("1", 3, file="t.csv", text="a, b")]
