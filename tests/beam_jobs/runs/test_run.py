"""A run's id says what went in; its files' names say the run."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from beam_jobs.items.paths import InputFile
from beam_jobs.runs.run import Run, hash_run
from model.errors import UserError

DAY = date(2026, 11, 22)
A, B = InputFile("a.jsonl", 10, "2026-11-22T00:00:00Z"), InputFile("b.jsonl", 20)
RUN = Run(
    out="out",
    date=DAY,
    model_version="0a1b",
    emotions=("joy",),
    n_parts=2,
    started_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
    inputs=(A, B),
    settings={"max_clip_seconds": 300.0},
)


def test_the_order_of_inputs_and_settings_does_not_change_the_id() -> None:
    first = hash_run(DAY, [A, B], "0a1b", {"x": 1, "y": 2})
    assert hash_run(DAY, [B, A], "0a1b", {"y": 2, "x": 1}) == first


@pytest.mark.parametrize(
    "change",
    [
        {"date": date(2026, 11, 23)},
        {"inputs": (A,)},
        {"inputs": (A, replace(B, size_bytes=21))},
        {"inputs": (replace(A, updated="2026-11-22T00:00:01Z"), B)},
        {"model_version": "0a1c"},
        {"settings": {"max_clip_seconds": 301.0}},
        {"n_parts": 3},
    ],
    ids=str,
)
def test_whatever_decides_the_files_changes_the_id(change: dict[str, object]) -> None:
    assert replace(RUN, **change).run_id != RUN.run_id


def test_neither_place_nor_time_changes_the_id() -> None:
    later = datetime(2026, 11, 23, tzinfo=UTC)
    other = replace(RUN, out="gs://bucket/out", started_at=later, max_bad_fraction=0.1)
    assert other.run_id == RUN.run_id


def test_locations() -> None:
    location = RUN.location("reports/by_day")
    assert location.path() == f"reports/by_day/dt=2026-11-22/part-{RUN.run_id}.parquet"
    assert location.temporary_dir == f"out/_tmp.dt=2026-11-22/{RUN.run_id}/reports/by_day"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"out": "out[1]"},
            UserError,
            r"out is 'out\[1\]'; `\*`, `\?` and `\[` cannot stand in it",
        ),
        ({"out": ""}, UserError, "out is empty"),
        ({"n_parts": 0}, ValueError, "n_parts is 0; at least 1 is needed"),
        ({"started_at": datetime(2026, 11, 22)}, ValueError, "it needs a time zone"),
    ],
)
def test_what_a_run_cannot_be(
    change: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        replace(RUN, **change)
