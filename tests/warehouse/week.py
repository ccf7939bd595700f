"""A week of runs in `out/` and a report of its last days in `report/`, for tests of their readers.

The runs' own reports are what the queries of `tests/support/report_queries.py` make of them, to
which another test holds the pipeline.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dead_letters import DEAD_LETTER_SCHEMA
from schemas.reports import REPORT_SCHEMAS
from tests.support.label_rows import (
    Corpus,
    make_dead_letters,
    make_labels,
    make_run,
    write_run,
)
from tests.support.report_queries import open_runs, query_table
from tests.support.reporting import report_runs

WEEK = Corpus(2100, 7, n_hashtags=12, n_authors=50, null_fraction=0.05, pull=0.5, seed=3)
BEFORE, SPAN = WEEK.days[:3], WEEK.days[3:]
"""The dates of the report, and those that it compares them with."""
JOYLESS = SPAN[1]
"""A date without an item of joy."""
TOP = 8
"""Hashtags and authors that the report holds."""


def write_week(folder: Path) -> None:
    """Writes `out/` and `report/` into the folder."""
    out = folder / "out"
    for day in WEEK.days:
        # From the first date of the span on, hashtags go with their emotions more.
        _write_day(out, day, replace(WEEK, pull=1.5) if day in SPAN else WEEK)
    against = f"{BEFORE[0]}:{BEFORE[-1]}"
    report_runs(out, folder / "report", first=SPAN[0], last=SPAN[-1], against=against, top=TOP)


def _write_day(out: Path, day: date, corpus: Corpus) -> None:
    run = make_run(out, day)
    labels = make_labels(corpus, day, WEEK.n_items // WEEK.n_days, run.run_id)
    if day == JOYLESS:
        emotions = pc.replace_substring(labels["emotion"], "joy", "neutral")
        for name, values in (
            ("emotion", emotions.to_pylist()),
            ("emotions", [[value] for value in emotions.to_pylist()]),
        ):
            column = labels.schema.field(name)
            place = labels.schema.get_field_index(name)
            labels = labels.set_column(place, column, pa.array(values, column.type))
    letters = make_dead_letters(corpus, day, 9, run.run_id)
    if day == WEEK.days[2]:  # an id of the day before, and one of this day, used again
        first = letters.slice(0, 1).to_pylist()[0]
        again = [
            first | {"item_id": item_id, "stage": "join", "reason": reason, "source": f"~{item_id}"}
            for item_id, reason in (
                (f"{WEEK.days[1]:%Y%m%d}{5:011d}", "two_clips"),
                (labels["item_id"][7].as_py(), "duplicate_id"),
            )
        ]
        letters = pa.concat_tables([letters, pa.Table.from_pylist(again, DEAD_LETTER_SCHEMA)])
    write_run(run, labels, letters)
    with open_runs(out, [str(day)]) as connection:
        reports = {name: query_table(connection, name) for name in REPORT_SCHEMAS}
    write_run(run, labels, letters, reports)
