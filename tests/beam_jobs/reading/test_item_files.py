"""Files of items: each record is an item or a dead letter, whatever its bytes."""

import gzip
import io
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs.items.elements import DeadLetter
from beam_jobs.reading.item_files import check_item_files, read_records
from model.errors import UserError
from schemas.dead_letters import Reason
from tests.beam_jobs.reading.test_records import check_outcomes
from tests.support.item_reading import (
    PLAIN,
    V1,
    V2,
    parquet,
    read,
    summary,
)


class TestUnreadable:
    LINES = b"".join(b'{"id":"%d","text":"%d"}\n' % (n, n * n) for n in range(20_000))

    def test_cut_gzip_keeps_the_lines_before(self) -> None:
        packed = gzip.compress(self.LINES)
        outcomes = read("t.jsonl.gz", packed[: len(packed) // 2])
        assert len(outcomes) > 5_000
        last = outcomes.pop()
        assert summary(outcomes) == [
            (str(n), "ok", f"t.jsonl.gz:{n + 1}") for n in range(len(outcomes))
        ]
        assert isinstance(last, DeadLetter)
        assert last.reason is Reason.UNREADABLE_FILE
        assert last.source == f"t.jsonl.gz:{len(outcomes) + 1}"

    def test_damaged_gzip(self) -> None:
        packed = gzip.compress(self.LINES)
        for damaged in (packed[:-8] + b"\0" * 8, packed + b"more", b"plain text"):
            reasons = [
                one.reason for one in read("t.csv.gz", damaged) if isinstance(one, DeadLetter)
            ]
            assert reasons[-1] is Reason.UNREADABLE_FILE
            assert reasons.count(Reason.UNREADABLE_FILE) == 1

    def test_system_errors_are_raised_for_the_runner_to_try_again(self) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise ConnectionResetError("gone")

            readline = read

        for path in ("t.jsonl", "t.parquet", "t.csv.gz"):
            with pytest.raises(ConnectionResetError):
                list(read_records(Broken(b"x" * 100), path))

    def test_check_item_files(self) -> None:
        check_item_files(["a.jsonl", "b.CSV.gz", "gs://c/d.parquet"])
        for path in ("a.txt", "b.parquet.gz", "d"):
            with pytest.raises(UserError, match=f"^{path} is not an item file: its name must end"):
                check_item_files(["a.jsonl", path])


MARKS = (
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"PK\3\4", b"PK\5\6", b"\x1f\x8b\x08"),
    *(b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ", *(bytes([n]) + b"*M\x18" for n in range(80, 96))),
)
"""Of encodings, archives and compressed files, which their first bytes tell."""


@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from([".jsonl", ".json", ".csv"]))
def test_any_bytes(lines: list[bytes], suffix: str) -> None:
    data = b"\n".join(lines)
    outcomes = read("t" + suffix, data)
    check_outcomes(outcomes)
    if suffix == ".jsonl":  # not blank, so a record: no line is lost
        between = {b"", b"[", b"]", b"],", b"];", b",", b";"}
        filled = [n for n, line in enumerate(data.split(b"\n"), 1) if line.strip() not in between]
        is_lines = not data.lstrip().startswith((*MARKS, b"{", b"["))
        if is_lines and b"\0" not in data and b"[" not in data and b"{" not in data:
            assert [one[2] for one in summary(outcomes)] == [f"t.jsonl:{n}" for n in filled]


@given(st.sampled_from([PLAIN, V2, V1, {"data": [V2, V1]}]), st.data())
def test_mutated_lines(record: dict[str, Any], data: st.DataObject) -> None:
    line = bytearray(orjson.dumps(record))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(line) - 1))
        line[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    outcomes = read("t.jsonl", bytes(line))
    check_outcomes(outcomes)
    assert outcomes or not line.strip() or b'"data"' in line


@settings(max_examples=60)
@given(st.data())
def test_damaged_files(data: st.DataObject) -> None:
    table = pa.table({"id": [str(n) for n in range(50)], "text": [str(n**5) for n in range(50)]})
    path, written = data.draw(
        st.sampled_from(
            [
                ("t.parquet", parquet(table, row_group_size=20, write_page_checksum=True)),
                ("t.jsonl.gz", gzip.compress(TestUnreadable.LINES[:2000], mtime=0)),
            ]
        )
    )
    at = data.draw(st.integers(0, len(written) - 1))
    check_outcomes(read(path, written[:at]))
    damaged = written[:at] + data.draw(st.binary(min_size=1, max_size=4)) + written[at + 1 :]
    check_outcomes(read(path, damaged))
    assert read(path, damaged) == read(path, damaged)
