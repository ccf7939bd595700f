"""CSV and TSV: the exact items and dead letters."""

import gzip

import pytest

from beam_jobs.items.elements import DeadLetter
from beam_jobs.reading.csv_rows import LONE_RETURN
from schemas.dead_letters import Reason, Stage
from tests.support.item_reading import (
    NOON,
    item,
    read,
    summary,
)

HEADER = "item_id,text,created_at,author_id,lang,hashtags,audio_uri\n"


class TestCsv:
    def test_rows(self) -> None:
        data = (
            "\ufeff"
            + HEADER
            + '1,"at, ""last""\nand more",2018-10-10T12:00:00Z,9,en,#Joy tgif,\r\n'
            "\n"
            '2,,,,,"[""A""]",a/2.wav\n'
            "3,see #This,,,,,\n"
            "4,,,,,,"
        ).encode()
        assert read("t.csv", data) == [
            item(
                "1",
                2,
                file="t.csv",
                text='at, "last"\nand more',
                created_at=NOON,
                author_id="9",
                lang="en",
                hashtags=("joy", "tgif"),
            ),
            item("2", 5, file="t.csv", hashtags=("a",), audio_uri="a/2.wav"),
            item("3", 6, file="t.csv", text="see #This", hashtags=("this",)),
            item("4", 7, file="t.csv"),
        ]

    def test_tsv_and_gzip(self) -> None:
        data = b"tweet\tid\na,b\t1\n"
        columns = [("text", "tweet")]
        assert read("t.tsv", data, columns) == [item("1", 2, file="t.tsv", text="a,b")]
        packed = gzip.compress(data)
        assert read("t.tsv.gz", packed, columns) == [item("1", 2, file="t.tsv.gz", text="a,b")]

    @pytest.mark.parametrize(
        ("row", "reason", "item_id", "message", "payload"),
        [
            (b"5,a,b", "malformed_row", None, "the row has 3 cells; the header has 2", "5,a,b"),
            (b"5", "malformed_row", None, "the row has 1 cells; the header has 2", "5"),
            (b'5,"a"b', "malformed_row", None, "cannot be split", '5,"a"b'),
            (b'5,"a', "malformed_row", None, "cannot be split", '5,"a'),
            (b"5,caf\xe9", "invalid_utf8", "5", "not Unicode", '{"id": "5", "text": "caf\\udce9"}'),
            (b"\xe9,a", "invalid_utf8", None, "not Unicode", '{"id": "\\udce9", "text": "a"}'),
            (b",a", "missing_id", None, "absent, null or empty", '{"id": null, "text": "a"}'),
        ],
    )
    def test_a_bad_row_costs_itself_only(
        self, row: bytes, reason: str, item_id: str | None, message: str, payload: str
    ) -> None:
        data = b"\n".join([b"id,text", b'1,"a, b"', row, b'2,"c, d"', b'3,"e\nf"', b""])
        first, letter, second, third = read("t.csv", data)
        assert first == item("1", 2, file="t.csv", text="a, b")
        assert second == item("2", 4, file="t.csv", text="c, d")
        assert third == item("3", 5, file="t.csv", text="e\nf")
        assert isinstance(letter, DeadLetter)
        assert message in letter.message
        assert letter == DeadLetter(
            item_id, Stage.READ, Reason(reason), letter.message, "t.csv:3", payload
        )

    def test_no_id_column(self) -> None:
        assert read("t.csv", b"pk,text\n1,a\n") == [
            DeadLetter(
                None,
                Stage.READ,
                Reason.MISSING_ID,
                "the file has no column item_id or id_str or id; it has 'pk', 'text': "
                "name one with --column item_id=NAME",
                "t.csv:2",
                '{"pk": "1", "text": "a"}',
            )
        ]

    @pytest.mark.parametrize(
        ("data", "columns", "message"),
        [
            (
                b"id,tweet\n1,a\n2,b\n",
                [("text", "body")],
                "the file has no column body; it has 'id', 'tweet': "
                "name one with --column text=NAME",
            ),
            (
                b"id,caf\xe9\n1,a\n",
                [("item_id", "pk")],
                "the file has no column pk; it has 'id', 'caf\\udce9': "
                "name one with --column item_id=NAME",
            ),
            (b"id,text, text\n1,a,b\n", [], "the header has 2 columns named 'text'"),
            (b"pk,x,pk\n1,a,b\n", [("item_id", "pk")], "the header has 2 columns named 'pk'"),
        ],
    )
    def test_a_header_without_or_with_doubled_columns(
        self, data: bytes, columns: list[tuple[str, str]], message: str
    ) -> None:
        header = data.partition(b"\n")[0].decode(errors="replace")
        assert read("t.csv", data, columns) == [
            DeadLetter(None, Stage.READ, Reason.UNREADABLE_FILE, message, "t.csv:1", header)
        ]

    def test_doubled_columns_that_are_not_read_do_no_harm(self) -> None:
        data = b"id,body,text,text,user,user\n1,a,b,c,d,e\n"
        assert read("t.csv", data, [("text", "body")]) == [item("1", 2, file="t.csv", text="a")]

    def test_unreadable_header(self) -> None:
        assert summary(read("t.csv", b'id,"te"xt\n1,a\n')) == [(None, "unreadable_file", "t.csv:1")]


@pytest.mark.parametrize(
    ("data", "reason", "start"),
    [
        (b"id,text\r1,a\r", "unreadable_file", "the header"),
        (b"id,text\n1,a\rb\n", "malformed_row", "the row"),
    ],
)
def test_lone_carriage_returns_are_named(data: bytes, reason: str, start: str) -> None:
    [letter] = read("t.csv", data)
    assert isinstance(letter, DeadLetter)
    assert letter.reason == reason
    assert letter.message == f"{start} cannot be split into cells: {LONE_RETURN}"
