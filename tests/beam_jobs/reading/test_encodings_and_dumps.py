"""Files in other encodings, and compressed ones, whatever their names are."""

import bz2
import codecs
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
import zlib

import pytest
from backports import zstd

from beam_jobs.items.elements import DeadLetter
from beam_jobs.reading.compression import is_archive_name
from beam_jobs.reading.item_files import check_item_files, read_records
from beam_jobs.reading.text_format import TextFormat
from model.errors import UserError
from schemas.dead_letters import Reason
from tests.support.item_reading import Outcome, item, read, summary

LINES = '{"id": "1", "text": "Olé 😀"}\r\n{"id": "2", "text": "ça va"}\r\n'
TABLE = 'id,text\n1,"Olé, 😀"\n2,ça va\n'
LONG = {
    zstd.CompressionParameter.window_log: 31,
    zstd.CompressionParameter.enable_long_distance_matching: 1,
}


def zstd_long(data: bytes) -> bytes:
    """As `zstd --long=31` writes a stream, whose size it does not know."""
    compressor = zstd.ZstdCompressor(options=LONG)
    return compressor.compress(data) + compressor.flush()


PACKED = {
    "gz": gzip.compress,
    "zst": zstd_long,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def read_as(path: str, data: bytes, **text_format: str) -> list[Outcome]:
    return list(read_records(io.BytesIO(data), path, text_format=TextFormat(**text_format)))


class TestEncodings:
    @pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
    def test_utf16_is_read_by_its_mark(self, mark: str) -> None:
        bom = codecs.BOM_UTF16_LE if mark == "utf-16-le" else codecs.BOM_UTF16_BE
        assert read("t.jsonl", bom + LINES.encode(mark)) == [
            item("1", 1, text="Olé 😀"),
            item("2", 2, text="ça va"),
        ]
        tabs = TABLE.replace("id,", "id\t").replace("1,", "1\t").replace("2,", "2\t")
        for name, table in (("t.csv", TABLE), ("t.tsv", tabs)):
            assert summary(read(name, bom + table.encode(mark))) == [
                ("1", "ok", f"{name}:2"),
                ("2", "ok", f"{name}:3"),
            ]
        assert read("t.json", gzip.compress(bom + LINES.encode(mark)))[1:] == [
            item("2", 2, file="t.json", text="ça va")
        ]

    def test_the_mark_of_utf16_behind_that_of_utf8_is_no_text(self) -> None:
        data = codecs.BOM_UTF8 + codecs.BOM_UTF16_LE + LINES.encode("utf-16-le")
        assert {one.item_id for one in read("t.jsonl", data)} == {None}

    def test_half_a_character_costs_its_line(self) -> None:
        lines = ["id,text", "1,a", "2,\ud83d", "3,c", "4,d"]
        data = "\n".join(lines).encode("utf-16-le", errors="surrogatepass")
        outcomes = read("t.csv", codecs.BOM_UTF16_LE + data[:-1])
        assert summary(outcomes) == [
            ("1", "ok", "t.csv:2"),
            ("2", "invalid_utf8", "t.csv:3"),
            ("3", "ok", "t.csv:4"),
            ("4", "invalid_utf8", "t.csv:5"),
        ]

    def test_utf16_without_a_mark_is_named_and_read_with_the_flag(self) -> None:
        for name in ("utf-16-le", "utf-16-be"):
            data = TABLE.encode(name)
            [letter] = read("t.csv", data)
            assert isinstance(letter, DeadLetter)
            assert letter.reason is Reason.UNREADABLE_FILE
            assert letter.message.endswith(f"add --encoding {name}")
            assert len(read_as("t.csv", data, encoding=name)) == 2

    def test_another_encoding_is_named_and_read_with_the_flag(self) -> None:
        data = "id,text\n1,caf\xe9 \x85\n2,tea\n".encode("cp1252", errors="replace")
        letter, tea = read("t.csv", data)
        assert isinstance(letter, DeadLetter)
        assert letter.message.endswith("name it, as in --encoding cp1252")
        assert tea == item("2", 3, file="t.csv", text="tea")
        assert [one.item_id for one in read_as("t.csv", data, encoding="cp1252")] == ["1", "2"]
        [letter] = read("t.jsonl", '{"id": "1", "text": "é"}'.encode("cp1252"))
        assert isinstance(letter, DeadLetter)
        assert letter.message.endswith("name it, as in --encoding cp1252")

    def test_what_the_encoding_has_no_character_for_costs_its_line(self) -> None:
        outcomes = read_as("t.csv", b"id,text\n1,a\x81\n2,b\n", encoding="cp1252")
        assert summary(outcomes) == [("1", "invalid_utf8", "t.csv:2"), ("2", "ok", "t.csv:3")]
        outcomes = read_as("t.csv", b"id,text\n1,a\x81\n2,\x82\xa0\n", encoding="cp932")
        assert summary(outcomes) == [("1", "invalid_utf8", "t.csv:2"), ("2", "ok", "t.csv:3")]

    def test_a_mark_stands_before_the_flag(self) -> None:
        data = codecs.BOM_UTF8 + TABLE.encode()
        assert read_as("t.csv", data, encoding="cp1252") == read("t.csv", data)

    @pytest.mark.parametrize("name", ["nonsense", "rot13", "utf-7", "idna", "unicode_escape", "é"])
    def test_what_is_no_encoding_of_text_is_refused(self, name: str) -> None:
        with pytest.raises(UserError, match=r"^--encoding is '.*', which is no encoding of text"):
            TextFormat(encoding=name)

    @pytest.mark.parametrize("delimiter", ["", "ab", '"', "\n"])
    def test_what_is_no_delimiter_is_refused(self, delimiter: str) -> None:
        with pytest.raises(UserError, match=r"^--delimiter is .*; it must be one character"):
            TextFormat(delimiter=delimiter)


class TestDumps:
    @pytest.mark.parametrize("packed", PACKED)
    @pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.{}", "t.json.{}", "RC_2019-01.{}"])
    def test_what_is_packed_is_told_by_its_bytes(self, packed: str, name: str) -> None:
        name = name.format(packed)
        data = PACKED[packed](LINES.encode())
        assert [one.source for one in read(name, data)] == [
            one.source for one in (item("1", 1, file=name), item("2", 2, file=name))
        ]
        # Parts that were packed one by one are one file.
        twice = data + PACKED[packed](b'{"id": "3"}\n')
        assert [one.item_id for one in read(name, twice)] == ["1", "2", "3"]

    def test_what_a_program_unpacked_on_its_way_is_read(self) -> None:
        assert [one.item_id for one in read("t.jsonl.gz", LINES.encode())] == ["1", "2"]

    @pytest.mark.parametrize("packed", PACKED)
    def test_a_cut_dump_keeps_what_stands_before(self, packed: str) -> None:
        lines = b"".join(b'{"id": "%d", "text": "%d"}\n' % (n, n**7) for n in range(60_000))
        data = PACKED[packed](lines)
        outcomes = read("t.jsonl", data[: len(data) // 2])
        n_good = len(outcomes) - 1 - (outcomes[-2].item_id is None)
        assert n_good > 10_000
        assert [one.item_id for one in outcomes[:n_good]] == [str(n) for n in range(n_good)]
        assert isinstance(outcomes[-1], DeadLetter)
        assert outcomes[-1].reason is Reason.UNREADABLE_FILE
        assert "and what follows cannot be read" in outcomes[-1].message

    def test_a_long_window_takes_no_memory_by_itself(self) -> None:
        tracemalloc.start()
        assert len(read("t.zst", zstd_long(LINES.encode()))) == 2
        assert tracemalloc.get_traced_memory()[1] < 2**24
        tracemalloc.stop()

    def test_xz_that_needs_too_much_memory_is_refused(self) -> None:
        # The header of the first block says how large its dictionary is.
        data = bytearray(lzma.compress(b"{}", filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}]))
        header = data[12:20]
        header[4] = 39  # 3 GiB
        data[12:24] = header + zlib.crc32(header).to_bytes(4, "little")
        [letter] = read("t.jsonl.xz", bytes(data))
        assert isinstance(letter, DeadLetter)
        assert letter.reason is Reason.UNREADABLE_FILE
        assert "Memory usage limit" in letter.message

    def test_xz_is_held_to_the_limit_in_each_of_its_streams(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("beam_jobs.reading.compression.MAX_XZ_MEMORY_BYTES", 1 << 21)
        small, large = (
            lzma.compress(data, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": n_bytes}])
            for data, n_bytes in ((LINES.encode(), 1 << 16), (b'{"id": "3"}\n', 1 << 23))
        )
        *lines, letter = read("t.jsonl.xz", small + small + large)
        assert [one.item_id for one in lines] == ["1", "2", "1", "2"]
        assert isinstance(letter, DeadLetter)
        assert letter.reason is Reason.UNREADABLE_FILE
        assert letter.message == (
            "line 5 and what follows cannot be read: Memory usage limit exceeded"
        )

    def test_xz_is_padded_between_streams_and_what_follows_them_is_left_out(self) -> None:
        one, two = lzma.compress(LINES.encode()), lzma.compress(b'{"id": "3"}\n')
        for data in (one + b"\0" * 8 + two, one + two + b"\0" * 4, one + two + b"nothing"):
            assert [each.item_id for each in read("t.jsonl.xz", data)] == ["1", "2", "3"]

    def test_archives_are_named(self) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("t.jsonl", LINES)
        tape = io.BytesIO()
        with tarfile.open(fileobj=tape, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("t.jsonl"))
        for kind, data in (("zip", packed.getvalue()), ("tar", tape.getvalue())):
            [letter] = read("t.jsonl", data)
            assert isinstance(letter, DeadLetter)
            assert letter.reason is Reason.UNREADABLE_FILE
            assert letter.message.startswith(f"the file is a {kind} archive, which is not read")
        for name in ("t.zip", "t.tar.gz", "t.TGZ", "t.tar.zst"):
            assert is_archive_name(name)
            with pytest.raises(UserError, match="not an item file but an archive, which is not re"):
                check_item_files([name])
