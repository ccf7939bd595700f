"""The files that users reported, whole: the exact rows that each gives.

`reported_rows.json` has them, as a person has checked them. The files lie beside the checkout, or
where MM_EMOR_FIELD says; `test_field_files` has the same kinds, written in the tests.
"""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.items.elements import DeadLetter
from beam_jobs.reading.item_files import read_records
from beam_jobs.reading.text_format import TextFormat
from tests.support.item_reading import Outcome, fields_of

BESIDE = Path(__file__).parents[4] / "shared" / "field"
FIELD = Path(os.environ.get("MM_EMOR_FIELD", BESIDE))
REPORTED = json.loads(Path(__file__).with_name("reported_rows.json").read_text("utf-8"))
pytestmark = pytest.mark.skipif(
    not FIELD.is_dir(), reason="MM_EMOR_FIELD names no directory of reported files"
)


def row_of(outcome: Outcome) -> dict[str, Any]:
    """Returns an outcome as the JSON has it."""
    if isinstance(outcome, DeadLetter):
        return {"source": outcome.source, "item_id": outcome.item_id, "reason": outcome.reason}
    row = {"source": str(outcome.source), **fields_of(outcome)}
    if "created_at" in row:
        row["created_at"] = row["created_at"].isoformat()
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}


@pytest.mark.parametrize(
    "reported", REPORTED, ids=lambda one: "-".join((one["file"], *one.get("text_format", ())))
)
def test_the_rows_of_a_reported_file(reported: dict[str, Any]) -> None:
    data = (FIELD / reported["file"]).read_bytes()
    text_format = TextFormat(**reported.get("text_format", {}))
    outcomes = read_records(io.BytesIO(data), reported["file"], text_format=text_format)
    assert list(map(row_of, outcomes)) == reported["rows"]


def test_every_reported_file_has_its_rows() -> None:
    files = {path.relative_to(FIELD).as_posix() for path in FIELD.rglob("*.*") if path.is_file()}
    assert files - {"README.md"} == {one["file"] for one in REPORTED}
