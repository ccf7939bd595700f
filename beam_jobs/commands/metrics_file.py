"""A run's numbers in Prometheus' text format, for node_exporter's textfile collector.

Everything is a gauge, or the whole histogram or summary of one run: the next run replaces it.
"""

import itertools
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from beam_jobs.items.counters import RunMetrics
from beam_jobs.runs.job_outcome import JobOutcome, RunMeasures
from beam_jobs.runs.manifest import RunManifest, Status
from model.errors import UserError
from model.files import write_whole
from schemas.dead_letters import Reason
from schemas.emotions import Modality
from schemas.warnings import WarningCode

PREFIX = "mm_emor_"


def check_metrics_path(path: str) -> None:
    """Checks before a job that its metrics can be written.

    Raises:
        UserError: the path is no local one, a directory, or in a directory that is not there.
    """
    if "://" in path:
        raise UserError(f"--metrics-file {path} is a URI; it must be a path on this machine")
    if os.path.isdir(path):
        raise UserError(f"--metrics-file {path} is a directory; it must be a file in one")
    if not os.access(Path(path).parent, os.W_OK | os.X_OK):
        raise UserError(f"--metrics-file {path} lies in no directory that can be written")


def write_metrics(path: str, outcome: JobOutcome) -> None:
    """Writes the metrics of a date's run, in place of those of the run before.

    Where no run is published, nothing is written.

    Raises:
        OSError: the file cannot be written; the old one is still there.
    """
    if outcome.published:
        write_whole(Path(path), render_metrics(outcome.published, outcome.measures))


def render_metrics(run: RunManifest, measures: RunMeasures | None) -> bytes:
    """Returns a run's metrics; of one that was skipped, those that its manifest holds."""
    registry = CollectorRegistry()
    registry.register(RunCollector(run, measures))
    return generate_latest(registry)


class RunCollector(Collector):
    """Yields the metrics of one run to Prometheus' own client.

    Args:
        run: as published.
        measures: of this command's own run; None where it was skipped.
    """

    def __init__(self, run: RunManifest, measures: RunMeasures | None) -> None:
        self._run = run
        self._measures = measures

    def collect(self) -> Iterator[Metric]:
        """Yields all metrics, in a fixed order."""
        yield from _manifest_metrics(self._run)
        skipped = self._measures is None
        yield _gauge("run_skipped", "1 where there was nothing to do.", skipped)
        yield _gauge(
            "command_finished_timestamp_seconds",
            "When the command ended, in seconds since 1970.",
            _now(),
        )
        if self._measures:
            yield from _measured_metrics(self._measures)
            yield from _step_metrics(self._measures.metrics)


def _manifest_metrics(run: RunManifest) -> Iterator[Metric]:
    names = {
        "run_id": run.run_id,
        "model_version": run.model_version,
        "date": run.date.isoformat(),
    }
    info = GaugeMetricFamily(f"{PREFIX}run_info", "Which run this is.", labels=list(names))
    info.add_metric(list(names.values()), 1)
    yield info
    statuses = {str(status): int(status == run.status) for status in Status}
    yield _gauges("run_status", "1 for how the run ended.", "status", statuses)
    yield _gauge(
        "run_finished_timestamp_seconds",
        "When the run was published, in seconds since 1970.",
        run.finished_at.timestamp(),
    )
    counts = run.counts
    yield _gauge("items", "Items that came in: labels and dead letters.", counts.n_items)
    # Those that did not occur too: an alert on a series that is not there stays silent.
    labels = {str(one): counts.labels_by_modality.get(str(one), 0) for one in Modality}
    yield _gauges("labels", "Items that were labelled, by what was scored.", "modality", labels)
    dead = {str(one): counts.dead_letters_by_reason.get(str(one), 0) for one in Reason}
    yield _gauges("dead_letters", "Items that were refused, by reason.", "reason", dead)
    yield _gauge("bad_items", "Refused items but deleted posts and what is none.", counts.n_bad)
    yield _gauge("reposts", "Labelled items that repeat another post.", counts.n_reposts)
    warnings = {str(one): counts.warnings_by_code.get(str(one), 0) for one in WarningCode}
    meaning = "Labelled items of which something was not understood, by what."
    yield _gauges("warnings", meaning, "code", warnings)


def _measured_metrics(measures: RunMeasures) -> Iterator[Metric]:
    if measures.seconds:
        yield _gauge("run_seconds", "How long the pipeline ran.", measures.seconds)
        rate = measures.n_items / measures.seconds
        yield _gauge("items_per_second", "Items of this run, a second of it.", rate)


def _step_metrics(metrics: RunMetrics) -> Iterator[Metric]:
    yield _gauge("items_read", "Items that the workers have read.", metrics.items_read)
    yield _gauge("tokens", "Tokens of the labelled texts, before any cut.", metrics.tokens)
    yield _gauge("clip_seconds", "Length of the labelled clips.", metrics.clip_seconds)
    totals = itertools.accumulate(metrics.batches.values())
    buckets = [(str(bound), total) for bound, total in zip(metrics.batches, totals, strict=True)]
    buckets.append(("+Inf", metrics.batch_sizes.count))
    yield HistogramMetricFamily(
        f"{PREFIX}batch_size", "Items a batch.", buckets, sum_value=metrics.batch_sizes.sum
    )
    stages = SummaryMetricFamily(
        f"{PREFIX}stage_seconds", "Time of a batch in a stage.", labels=["stage"]
    )
    for stage, spread in metrics.stage_seconds.items():
        stages.add_metric([stage], count_value=spread.count, sum_value=spread.sum)
    yield stages


def _now() -> float:
    return time.time()


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}{name}", meaning, value=float(value))


def _gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}{name}", meaning, labels=[label])
    for label_value, value in values.items():
        family.add_metric([label_value], value)
    return family
