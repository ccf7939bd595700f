"""Runs the report pipeline for tests and benchmarks: the one place that knows how it is called."""

import time
from pathlib import Path
from typing import Any

from beam_jobs.reports.request import ReportRequest, report_corpus


def report_runs(runs: Path, out: Path, **fields: Any) -> float:
    """Writes the report of a run directory; returns its seconds, start-up left out.

    Args:
        runs: the run directory, all dates of it unless `fields` says otherwise.
        out: the directory of the report.
        fields: of `ReportRequest`.
    """
    request = ReportRequest(labels=(str(runs),), out=str(out), **fields)
    started = time.monotonic()
    report_corpus(request)
    return time.monotonic() - started
