"""The sides of the comparison of reports, each in a process of its own.

In their folder lies `runs/`, as `score` writes it; each writes its tables to a folder of its own.
"""

import sys
from pathlib import Path

from tests.benchmarks.jobs import peak_memory_mb
from tests.benchmarks.measure import Turns
from tests.support.report_queries import QUERIES, open_runs
from tests.support.reporting import report_runs


def run_beam(folder: Path) -> None:
    """Runs the pipeline of `mm-emor report`, a turn each; the first imports what it needs."""
    turns = Turns()
    while True:
        turns.wait()
        turns.answer(report_runs(folder / "runs", folder / "ours"), peak_memory_mb())


def run_duckdb(folder: Path, n_threads: int) -> None:
    """Makes and writes the same tables, one query each, a turn each.

    Fisher's tests and the page, which the pipeline makes too, are left out. 0 threads: as many as
    DuckDB likes.
    """
    turns = Turns()
    out = folder / "theirs"
    out.mkdir(exist_ok=True)
    while True:
        turns.wait()
        with open_runs(folder / "runs") as connection:
            if n_threads:
                connection.execute(f"set threads = {n_threads}")
            for name, query in QUERIES.items():
                path = out / f"{name}.parquet"
                connection.execute(f"copy ({query}) to '{path}' (format parquet, compression zstd)")
        turns.stop()
        turns.answer(None, peak_memory_mb())


def main() -> None:
    """Is one side; `Worker` starts it."""
    side, folder = sys.argv[1], Path(sys.argv[2])
    if side == "beam":
        run_beam(folder)
    run_duckdb(folder, int(sys.argv[3]))


if __name__ == "__main__":
    main()
