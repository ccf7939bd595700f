"""The report of a million labels: `make bench SUITE=reports`.

The labels are made at random, 30 dates of them: 7 emotions, 5 languages, 20,000 hashtags of which
an item has up to 3, 50,000 authors; one in five items has text and audio. The pipeline of `mm-emor
report` runs on the local runner, start-up left out, beside DuckDB, which makes and writes the same
tables by one query each, on as many threads as it likes and on one. Both must count the same.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.reports import REPORT_SCHEMAS
from tests.benchmarks.measure import (
    Comparison,
    Worker,
    alternate,
    machine_lines,
    suite_arguments,
    write_json,
)
from tests.support.label_rows import Corpus, write_runs

N_LABELS = 1_000_000
N_DAYS = 30
SIDES = "tests.benchmarks.report_sides"
TO_REACH = 10.0


def check_counts(folder: Path) -> int:
    """Returns how many rows all tables have; each is the same on both sides, but for fractions.

    Raises:
        AssertionError: a count, a group or the order of rows differs.
    """
    n_rows = 0
    for name, schema in REPORT_SCHEMAS.items():
        ours = pq.read_table(folder / "ours" / f"{name}.parquet")
        theirs = pq.read_table(folder / "theirs" / f"{name}.parquet")
        first = 1 if name == "by_emotion" else 0  # the query's group, which is no column of ours
        for number, column in enumerate(schema):
            if not pa.types.is_floating(column.type):
                same = theirs.column(number + first).cast(column.type)
                assert ours.column(number).equals(same), f"{name}.{column.name}"
        n_rows += ours.num_rows
    return n_rows


def compare(
    folder: Path, n_labels: int, n_threads: int, runs: int
) -> tuple[Comparison, list[float]]:
    """Runs the two sides in turn; returns their seconds, and both peaks of memory in MB."""
    threads = f"{n_threads} thread" if n_threads else "its own number of threads"
    with ExitStack() as stack:
        ours, peer = (
            stack.enter_context(Worker((SIDES, *side)))
            for side in (("beam", str(folder)), ("duckdb", str(folder), str(n_threads)))
        )
        seconds = alternate(ours.run, peer.run, runs)
        peaks = [ours.last_extras[0], peer.last_extras[0]]
    what = f"the report of {n_labels} labels, beside DuckDB on {threads}"
    return Comparison("reports", what, *seconds, n_labels, "labels/s"), peaks


def main() -> int:
    """Makes the labels, and compares."""
    parser = suite_arguments(__doc__)
    parser.add_argument("--labels", type=int, default=N_LABELS, help=f"{N_LABELS} by default")
    arguments = parser.parse_args()
    for line in machine_lines(("apache-beam", "duckdb", "pyarrow")):
        print(line, flush=True)
    comparisons = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_runs(Corpus(arguments.labels, N_DAYS), folder / "runs")
        for n_threads in (0, 1):
            comparison, peaks = compare(folder, arguments.labels, n_threads, arguments.runs)
            print(*comparison.lines(), f"  to reach: {TO_REACH:g} times its time", sep="\n")
            print(f"  peak memory {peaks[0]:.0f} MB beside {peaks[1]:.0f} MB", flush=True)
            comparisons.append(comparison)
        print(f"equal counts in all {check_counts(folder)} rows of {len(REPORT_SCHEMAS)} tables")
    if arguments.json:
        write_json(comparisons, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
