"""Writes the paper's results and ours side by side: a table of rows, and a page to read."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from model.files import write_whole
from model.paper.comparison import NO_CORPUS, Outcome, Result, compare
from model.paper.results_page import results_page
from schemas.fields import field

__all__ = ["NO_CORPUS", "RESULT_SCHEMA", "Outcome", "result_table", "write_results"]

RESULT_SCHEMA = pa.schema(
    [
        field("table", pa.string(), "The paper's table, `4.4` for its times, a letter for ours."),
        field("row", pa.string(), "Row of the table."),
        field("metric", pa.string(), "Column of the table."),
        field("paper", pa.float64(), "As the paper prints it.", nullable=True),
        field("ours", pa.float64(), "As measured here.", nullable=True),
        field("ci_low", pa.float64(), "Lower end of ours' 95 % interval.", nullable=True),
        field("ci_high", pa.float64(), "Upper end of ours' 95 % interval.", nullable=True),
        field("n", pa.int64(), "Items that ours is measured on.", nullable=True),
        field("status", pa.string(), "`measured`, `quoted`, or `not run: ` and the reason."),
        field("experiment", pa.string(), "What measured it; null if quoted.", nullable=True),
        field("note", pa.string(), "What to know of the experiment.", nullable=True),
    ]
)
"""A row for each number of the paper, and for each of ours that it lacks."""


def write_results(
    out: Path, outcomes: Mapping[str, Outcome], provenance: Mapping[str, str]
) -> None:
    """Writes `out/results.parquet` and `out/results.md`, each whole or not at all.

    Args:
        out: the directory, made where it is missing.
        outcomes: by experiment; one that is missing was not run, for want of its corpus.
        provenance: what the results were made with, by name: versions, machine, model.

    Raises:
        ValueError: an experiment is none of EXPERIMENTS.
    """
    results = compare(outcomes)
    out.mkdir(parents=True, exist_ok=True)
    sink = pa.BufferOutputStream()
    pq.write_table(result_table(results), sink, compression="zstd")
    write_whole(out / "results.parquet", memoryview(sink.getvalue()))
    write_whole(out / "results.md", results_page(results, outcomes, provenance))


def result_table(results: Iterable[Result]) -> pa.Table:
    """Returns results as rows of RESULT_SCHEMA."""
    rows = []
    for result in results:
        value = result.value
        low, high = result.interval or (None, None)
        rows.append(
            {
                "table": value.table,
                "row": value.row,
                "metric": value.metric,
                "paper": value.paper,
                "ours": result.ours,
                "ci_low": low,
                "ci_high": high,
                "n": result.n,
                "status": result.status,
                "experiment": value.experiment or None,
                "note": result.note or None,
            }
        )
    return pa.Table.from_pylist(rows, RESULT_SCHEMA)
