"""Parquet: the exact items and dead letters."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_jobs.items.elements import DeadLetter, Item
from schemas.dead_letters import Reason
from tests.support.item_reading import NOON, item, parquet, read, summary


class TestParquet:
    def test_a_renamed_column_that_is_not_there(self) -> None:
        table = pa.table({"id": ["1", "2"], "tweet": ["a", "b"]})
        [letter] = read("t.parquet", parquet(table), columns=(("text", "body"),))
        assert isinstance(letter, DeadLetter)
        assert (letter.reason, letter.source) == (Reason.UNREADABLE_FILE, "t.parquet")
        assert letter.message.startswith("the file has no column body; it has 'id', 'tweet': ")

    def test_types(self) -> None:
        table = pa.table(
            {
                "id": pa.array([1, 2, None], pa.int64()),
                "text": pa.array(["a #x", "b", "c"]).dictionary_encode(),
                "created_at": pa.array([NOON, None, NOON], pa.timestamp("ns", tz="Asia/Tokyo")),
                "hashtags": pa.array([["Joy", None], None, []], pa.list_(pa.string())),
                "user": pa.array([{"id_str": "9"}, None, None]),
                "unread": pa.array([b"\xff"] * 3),
            }
        )
        first, second, letter = read("t.parquet", parquet(table, row_group_size=1))
        assert first == item(
            "1",
            1,
            file="t.parquet",
            text="a #x",
            created_at=NOON,
            hashtags=("joy",),
            author_id="9",
        )
        assert second == item("2", 2, file="t.parquet", text="b")
        assert summary([letter]) == [(None, "missing_id", "t.parquet:3")]
        assert isinstance(letter, DeadLetter)
        assert letter.payload == (
            '{"id": null, "text": "c", "created_at": "2018-10-10 12:00:00+00:00", '
            '"hashtags": [], "user": null}'
        )

    @pytest.mark.parametrize(
        "times",
        [
            pa.array([1539172800], pa.timestamp("s")),
            pa.array([1539172800000], pa.timestamp("ms", tz="UTC")),
            pa.array([1539172800000000], pa.timestamp("us", tz="+05:00")),
            pa.array([1539172800000000999], pa.timestamp("ns")),
            pa.array(["2018-10-10T12:00:00Z"]),
            pa.array(["2018-10-10T12:00:00Z"], pa.large_string()),
        ],
    )
    def test_times(self, times: pa.Array) -> None:
        (outcome,) = read("t.parquet", parquet(pa.table({"id": ["1"], "created_at": times})))
        assert outcome == item("1", 1, file="t.parquet", created_at=NOON)

    def test_dates_and_times_out_of_range(self) -> None:
        for times, expected in [
            (pa.array([17814], pa.date32()), {"created_at": NOON.replace(hour=0)}),
            (pa.array([1 << 40], pa.timestamp("s")), {"warnings": ("created_at_unread",)}),
            (pa.array([1539172800]), {"created_at": NOON}),
        ]:
            data = parquet(pa.table({"id": ["1"], "created_at": times}))
            assert read("t.parquet", data) == [item("1", 1, file="t.parquet", **expected)]

    def test_invalid_utf8_refuses_its_row_only(self) -> None:
        binary = pa.array([b"a", b"\xff", b"c"])
        as_string = pa.Array.from_buffers(pa.string(), 3, binary.buffers())
        for column in (binary, as_string):
            data = parquet(pa.table({"id": ["1", "2", "3"], "text": column}))
            outcomes = read("t.parquet", data)
            assert summary(outcomes) == [
                ("1", "ok", "t.parquet:1"),
                ("2", "invalid_utf8", "t.parquet:2"),
                ("3", "ok", "t.parquet:3"),
            ]
            assert outcomes[0] == item("1", 1, file="t.parquet", text="a")

    def test_no_id_column(self) -> None:
        data = parquet(pa.table({"pk": [1, 2]}))
        assert [one[1:] for one in summary(read("t.parquet", data))] == [
            ("missing_id", "t.parquet:1"),
            ("missing_id", "t.parquet:2"),
        ]
        assert read("t.parquet", data, [("item_id", "pk")]) == [
            item("1", 1, file="t.parquet"),
            item("2", 2, file="t.parquet"),
        ]

    def test_damage_keeps_the_rows_before_it(self) -> None:
        table = pa.table({"id": [f"{n:05}" for n in range(100)], "text": ["t"] * 100})
        data = parquet(table, row_group_size=50, compression="NONE", use_dictionary=False)
        at = data.index(b"00050")
        outcomes = read("t.parquet", data[:at] + b"\xff" * 60 + data[at + 60 :])
        assert len(outcomes) == 51
        assert all(isinstance(one, Item) for one in outcomes[:50])
        assert summary(outcomes[50:]) == [(None, "unreadable_file", "t.parquet:51")]

    @pytest.mark.parametrize("data", [b"", b"PAR1", b"not Parquet at all, by far"])
    def test_not_parquet(self, data: bytes) -> None:
        assert summary(read("t.parquet", data)) == [(None, "unreadable_file", "t.parquet:1")]


class TestIds:
    @pytest.mark.parametrize(
        "ids",
        [
            pa.array([Decimal(1436278513418522630)], pa.decimal128(20, 0)),
            pa.array([Decimal(1436278513418522630)], pa.decimal256(60, 0)),
            pa.array([Decimal("1436278513418522630.00")], pa.decimal128(30, 2)),
            pa.array([b"1436278513418522630"], pa.binary(19)),
            pa.array([b"1436278513418522630\0"], pa.binary(20)),
            pa.array([1436278513418522630], pa.uint64()),
            pa.array([b"1436278513418522630"], pa.large_binary()),
        ],
    )
    def test_whole_numbers_are_read(self, ids: pa.Array) -> None:
        table = pa.table({"id": ids, "text": ["a"]})
        assert read("t.parquet", parquet(table)) == [
            item("1436278513418522630", 1, file="t.parquet", text="a")
        ]

    @pytest.mark.parametrize(
        "ids",
        [
            pa.array([1436278513418522630.0], pa.float64()),
            pa.array([Decimal("7.5")], pa.decimal128(9, 1)),
            pa.array([True]),
        ],
    )
    def test_others_refuse_the_row(self, ids: pa.Array) -> None:
        data = parquet(pa.table({"id": ids, "text": ["a"]}))
        assert summary(read("t.parquet", data)) == [(None, "wrong_type", "t.parquet:1")]

    def test_an_author_within_an_object(self) -> None:
        users = pa.array([{"id": Decimal(7)}], pa.struct([("id", pa.decimal128(20, 0))]))
        data = parquet(pa.table({"id": ["1"], "user": users}))
        assert read("t.parquet", data) == [item("1", 1, file="t.parquet", author_id="7")]

    def test_two_columns_of_one_name_are_refused(self) -> None:
        table = pa.table([["1"], ["a"], ["b"]], names=["id", "text", "text"])
        [letter] = read("t.parquet", parquet(table))
        assert isinstance(letter, DeadLetter)
        assert letter.reason is Reason.UNREADABLE_FILE
        assert letter.message == "the header has 2 columns named 'text'"
        others = pa.table([["1"], ["a"], ["b"], ["c"]], names=["id", "text", "x", "x"])
        assert read("t.parquet", parquet(others)) == [item("1", 1, file="t.parquet", text="a")]


PEAK = """
import re, sys
from pathlib import Path
from beam_jobs.reading.item_files import read_records
with open(sys.argv[1], "rb") as file:
    reasons = {str(getattr(one, "reason", "ok")) for one in read_records(file, sys.argv[1])}
# Not getrusage: its peak is also that of the process which forked this one.
peak_kib = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(int(peak_kib) >> 10, *reasons)
"""


@pytest.mark.job
@pytest.mark.slow
@pytest.mark.parametrize(("plain", "limit_mib"), [([], 500), (["text"], 1_400)])
def test_long_texts_in_each_row_take_bounded_memory(
    tmp_path: Path, plain: list[str], limit_mib: int
) -> None:
    """2.4 GB of one text: of a dictionary in 10 KB, or in pages as Arrow writes them."""
    text = pa.chunked_array([pa.array(["so happy " * 66_667])] * 4096)
    table = pa.table({"id": [str(n) for n in range(4096)], "text": text})
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, compression="zstd", use_dictionary=False if plain else ["text"])
    told = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    assert told[1:] == ["field_too_long"]
    assert int(told[0]) < limit_mib


def test_lists_that_may_hold_gigabytes_are_refused() -> None:
    tags = [["so happy " * 66_667]] * 4096
    table = pa.table({"id": [str(n) for n in range(4096)], "hashtags": tags})
    [letter] = read("t.parquet", parquet(table, compression="zstd"))
    assert isinstance(letter, DeadLetter)
    assert letter.reason is Reason.UNREADABLE_FILE
    assert "column hashtags.list.element may hold 2,457,6" in letter.message


def test_no_byte_of_the_metadata_ends_the_process() -> None:
    """Arrow ends the process where metadata that contradict themselves are asked for too early."""
    table = pa.table({"id": ["1", "2"], "text": ["a", None], "hashtags": [["x"], None]})
    whole = parquet(table, compression="none")
    start = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for place in range(start, len(whole) - 8):
        for flipped in (0x01, 0x02, 0x06):
            data = bytearray(whole)
            data[place] ^= flipped
            outcomes = read("t.parquet", bytes(data))
            assert all(isinstance(one, Item | DeadLetter) for one in outcomes)
