"""The files of an evaluation: its metrics, and the tables and figures behind them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from model.evaluation.evaluate import Evaluation
from model.evaluation.figures import OTHER, draw_confusion, draw_coverage, draw_reliability
from model.evaluation.multi_label_evaluation import MultiLabelEvaluation
from model.files import whole_file, write_whole
from model.scoring.calibration import ReliabilityBin, reliability_bins

FILE_NAMES = (
    # First: without it, the directory has no whole evaluation.
    "metrics.json",
    "confusion.parquet",
    "confusion.png",
    "reliability.parquet",
    "reliability.png",
    "coverage.parquet",
    "coverage.png",
)
CONFUSION_SCHEMA = pa.schema(
    {
        "true": pa.string(),
        "predicted": pa.string(),
        "n": pa.int64(),
        "share_of_true": pa.float64(),
    }
)
RELIABILITY_SCHEMA = pa.schema(
    {
        "low": pa.float64(),
        "high": pa.float64(),
        "n": pa.int64(),
        "confidence": pa.float64(),
        "accuracy": pa.float64(),
    }
)
COVERAGE_SCHEMA = pa.schema(
    {
        "coverage": pa.float64(),
        "min_confidence": pa.float64(),
        "accuracy": pa.float64(),
        "n": pa.int64(),
    }
)


def write_evaluation(
    out: Path, details: dict[str, Any], evaluation: Evaluation | MultiLabelEvaluation
) -> None:
    """Writes an evaluation's files to a directory, in place of an earlier evaluation's.

    The confusion matrix, and where there are probabilities the reliability and the coverage, are
    each a table (`.parquet`) and a figure (`.png`). A file appears whole or not at all, and
    `metrics.json` goes first and comes last: where it is, all the others are, and of the same
    evaluation.

    A multi-label evaluation is `metrics.json` alone: several classes an item have no confusion
    matrix, and a confidence is that of one class.

    Args:
        out: the directory; it is made where it is missing. Other files there stay.
        details: what was evaluated, fit for JSON; `dataset` and `split` stand in the figures'
            titles.
        evaluation: what to write.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in FILE_NAMES:
        (out / name).unlink(missing_ok=True)
    if isinstance(evaluation, Evaluation):
        _write_tables_and_figures(out, details, evaluation)
    write_metrics(out, details | evaluation.as_dict())


def _write_tables_and_figures(out: Path, details: dict[str, Any], evaluation: Evaluation) -> None:
    metrics = evaluation.metrics
    subject = f"{details['dataset']}, {details['split']} (n {metrics.n:,})"
    files: dict[str, Callable[[Path], None]] = {
        "confusion.parquet": lambda path: _write_table(_confusion_table(evaluation), path),
        "confusion.png": lambda path: draw_confusion(
            metrics.confusion, evaluation.class_names, f"Confusion matrix: {subject}", path
        ),
    }
    probabilities, ece, coverage = evaluation.probabilities, metrics.ece, metrics.coverage
    if probabilities is not None and ece is not None and coverage is not None:
        bins = reliability_bins(probabilities, evaluation.labels)
        files |= {
            "reliability.parquet": lambda path: _write_table(_reliability_table(bins), path),
            "reliability.png": lambda path: draw_reliability(
                bins, ece, f"Reliability: {subject}", path
            ),
            "coverage.parquet": lambda path: _write_table(
                pa.Table.from_pylist(coverage, COVERAGE_SCHEMA), path
            ),
            "coverage.png": lambda path: draw_coverage(
                coverage, f"Accuracy against coverage: {subject}", path
            ),
        }
    for name, write in files.items():
        with whole_file(out / name) as temporary:
            write(temporary)


def write_metrics(out: Path, metrics: dict[str, Any]) -> None:
    """Writes `out/metrics.json`, whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")


def _confusion_table(evaluation: Evaluation) -> pa.Table:
    """Returns a row for each pair of classes, zeros too; OTHER is predicted only where it counts.

    The share of a true class without items is null.
    """
    class_names, confusion = evaluation.class_names, evaluation.metrics.confusion
    columns = (*class_names, OTHER) if any(counts[-1] for counts in confusion) else class_names
    rows = [
        {
            "true": name,
            "predicted": column,
            "n": count,
            "share_of_true": count / sum(counts) if sum(counts) else None,
        }
        for name, counts in zip(class_names, confusion, strict=True)
        # The last count has no column where it is 0 for every class.
        for column, count in zip(columns, counts, strict=False)
    ]
    return pa.Table.from_pylist(rows, CONFUSION_SCHEMA)


def _reliability_table(bins: list[ReliabilityBin]) -> pa.Table:
    return pa.Table.from_pylist([vars(each) for each in bins], RELIABILITY_SCHEMA)


def _write_table(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")
