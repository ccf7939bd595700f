"""A run's numbers in Prometheus' text format, for node_exporter's textfile collector.

Everything is a gauge, or the whole histogram or summary of one run: the next run replaces it.
"""

import itertools
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from beam_jobs.items.counters import RunMetrics
from beam_jobs.runs.manifest import Status
from beam_jobs.scoring.launch import ScoringResult
from model.errors import UserError
from schemas.dead_letters import Reason
from schemas.emotions import Modality
from schemas.warnings import WarningCode

Sample = tuple[str, Mapping[str, str], float]
"""What follows the metric's name (`_sum`, or nothing), the labels, and the value."""


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


def write_metrics(path: str, result: ScoringResult) -> None:
    """Writes a run's metrics whole, in place of those of the run before.

    Raises:
        OSError: the file cannot be written.
    """
    # Not named *.prom, so that the collector never reads half a file.
    written = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
    try:
        written.write_text(render_metrics(result), encoding="utf-8")
        os.replace(written, path)
    except OSError:
        written.unlink(missing_ok=True)
        raise


def render_metrics(result: ScoringResult) -> str:
    """Returns a run's metrics; of one that was skipped, those that its manifest holds."""
    return "".join(itertools.chain(_render_run(result), _render_counts(result)))


def _render_run(result: ScoringResult) -> Iterator[str]:
    run = result.manifest
    names = {
        "run_id": run.run_id,
        "model_version": run.model_version,
        "date": run.date.isoformat(),
    }
    yield _metric("run_info", "gauge", "Which run this is.", [("", names, 1)])
    statuses = [("", {"status": str(one)}, float(one == run.status)) for one in Status]
    yield _metric("run_status", "gauge", "1 for how the run ended.", statuses)
    yield _gauge("run_skipped", "1 where there was nothing to do.", float(result.skipped))
    yield _gauge(
        "command_finished_timestamp_seconds",
        "When the command ended, in seconds since 1970.",
        _now(),
    )
    yield _gauge(
        "run_finished_timestamp_seconds",
        "When the run was published, in seconds since 1970.",
        run.finished_at.timestamp(),
    )


def _render_counts(result: ScoringResult) -> Iterator[str]:
    counts = result.manifest.counts
    n_items = counts.n_labels + counts.n_dead
    yield _gauge("items", "Items that came in: labels and dead letters.", n_items)
    labels = [
        ("", {"modality": str(one)}, counts.labels_by_modality.get(str(one), 0)) for one in Modality
    ]
    yield _metric("labels", "gauge", "Items that were labelled, by what was scored.", labels)
    # Those that did not occur too: an alert on a series that is not there stays silent.
    dead = [
        ("", {"reason": str(one)}, counts.dead_letters_by_reason.get(str(one), 0)) for one in Reason
    ]
    yield _metric("dead_letters", "gauge", "Items that were refused, by reason.", dead)
    yield _gauge("bad_items", "Refused items but deleted posts and what is none.", counts.n_bad)
    yield _gauge("reposts", "Labelled items that repeat another post.", counts.n_reposts)
    warnings = [
        ("", {"code": str(one)}, counts.warnings_by_code.get(str(one), 0)) for one in WarningCode
    ]
    meaning = "Labelled items of which something was not understood, by what."
    yield _metric("warnings", "gauge", meaning, warnings)
    if result.seconds:
        yield _gauge("run_seconds", "How long the pipeline ran.", result.seconds)
        rate = result.n_items / result.seconds
        yield _gauge("items_per_second", "Items of this run, a second of it.", rate)
    if result.metrics:
        yield from _render_metrics(result.metrics)


def _render_metrics(metrics: RunMetrics) -> Iterator[str]:
    yield _gauge("items_read", "Items that the workers have read.", metrics.items_read)
    yield _gauge("tokens", "Tokens of the labelled texts, before any cut.", metrics.tokens)
    yield _gauge("clip_seconds", "Length of the labelled clips.", metrics.clip_seconds)
    sizes = metrics.batch_sizes
    totals = itertools.accumulate(metrics.batches.values())
    buckets: list[Sample] = [
        ("_bucket", {"le": str(bound)}, total)
        for bound, total in zip(metrics.batches, totals, strict=True)
    ]
    buckets += [
        ("_bucket", {"le": "+Inf"}, sizes.count),
        ("_sum", {}, sizes.sum),
        ("_count", {}, sizes.count),
    ]
    yield _metric("batch_size", "histogram", "Items a batch.", buckets)
    stages: list[Sample] = []
    for stage, spread in metrics.stage_seconds.items():
        stages += [
            ("_sum", {"stage": stage}, spread.sum),
            ("_count", {"stage": stage}, spread.count),
        ]
    yield _metric("stage_seconds", "summary", "Time of a batch in a stage.", stages)


def _now() -> float:
    return time.time()


def _gauge(name: str, meaning: str, value: float) -> str:
    return _metric(name, "gauge", meaning, [("", {}, value)])


def _metric(name: str, kind: str, meaning: str, samples: Sequence[Sample]) -> str:
    lines = [f"# HELP mm_emor_{name} {meaning}", f"# TYPE mm_emor_{name} {kind}"]
    for suffix, labels, value in samples:
        pairs = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        shown = int(value) if value == int(value) else value
        lines.append(f"mm_emor_{name}{suffix}{f'{{{pairs}}}' if pairs else ''} {shown}")
    return "\n".join(lines) + "\n"


def _escape(value: str) -> str:
    r"""Returns a label's value as the format has it.

    >>> print(_escape('a "b"\n'))
    a \"b\"\n
    """
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
