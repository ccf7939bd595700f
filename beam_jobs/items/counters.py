"""What a job counts while it runs, as Beam's metrics: they add up over workers on every runner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apache_beam.metrics import Metrics
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from beam_jobs.items.elements import DeadLetter, ScoredItem
from beam_jobs.items.job_defaults import MAX_BATCH_SIZE
from schemas.dead_letters import Reason

NAMESPACE = "mm_emor"
BATCH_SIZE_BOUNDS = (1, 4, 16, 64, 256, 1024, MAX_BATCH_SIZE)
"""Upper ends of the histogram of batch sizes.

Beam's distributions have no buckets, so that each is a counter of its own.
"""
STAGES = ("preprocess", "score")

_ITEMS_READ = Metrics.counter(NAMESPACE, "items_read")
_TOKENS = Metrics.counter(NAMESPACE, "tokens")
_CLIP_MS = Metrics.counter(NAMESPACE, "clip_ms")
_BATCH_SIZES = Metrics.distribution(NAMESPACE, "batch_size")
_BATCHES = {bound: Metrics.counter(NAMESPACE, f"batches_{bound}") for bound in BATCH_SIZE_BOUNDS}
_DEAD_LETTERS = {
    str(reason): Metrics.counter(NAMESPACE, f"dead_letters_{reason}") for reason in Reason
}
_STAGE_MS = {stage: Metrics.distribution(NAMESPACE, f"{stage}_ms") for stage in STAGES}


def count_read(n_items: int) -> None:
    """Counts items that were read, good and refused."""
    _ITEMS_READ.inc(n_items)


def count_batch(n_items: int, seconds: float) -> None:
    """Counts a batch that was preprocessed in so many seconds."""
    _BATCH_SIZES.update(n_items)
    _BATCHES[next(bound for bound in BATCH_SIZE_BOUNDS if n_items <= bound)].inc()
    _STAGE_MS["preprocess"].update(round(seconds * 1000))


def count_dead_letter(reason: str) -> None:
    """Counts an item that was refused: for who watches a job; its manifest counts them as well."""
    _DEAD_LETTERS[reason].inc()


def count_scored(outcomes: Sequence[ScoredItem | DeadLetter], seconds: float) -> None:
    """Counts a batch that was scored in so many seconds, and what its labelled items hold."""
    scored = [outcome for outcome in outcomes if isinstance(outcome, ScoredItem)]
    _TOKENS.inc(sum(one.n_tokens for one in scored))
    _CLIP_MS.inc(sum(round((one.clip_seconds or 0) * 1000) for one in scored))
    _STAGE_MS["score"].update(round(seconds * 1000))


@dataclass(frozen=True)
class Spread:
    """Sum and ends of some numbers; all 0 where there are none."""

    count: int = 0
    sum: float = 0.0
    min: float = 0.0
    max: float = 0.0


@dataclass(frozen=True)
class RunMetrics:
    """What a run has counted, all workers together; a bundle that was retried may count twice.

    Attributes:
        items_read: good and refused; not those that a published run has labelled.
        dead_letters: refused items by reason.
        tokens: of the texts of labelled items, before any cut.
        clip_seconds: of the clips of labelled items.
        batches: how many batches have at most so many items, and more than the next smaller bound.
        batch_sizes: items a batch.
        stage_seconds: time of a batch in each of `STAGES`, waiting for other stages left out.
    """

    items_read: int = 0
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    tokens: int = 0
    clip_seconds: float = 0.0
    batches: Mapping[int, int] = field(default_factory=dict)
    batch_sizes: Spread = Spread()
    stage_seconds: Mapping[str, Spread] = field(default_factory=dict)


def read_metrics(result: PipelineResult) -> RunMetrics:
    """Returns what a pipeline has counted; zeros for what its runner does not report."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    counts: dict[str, int] = {}
    for counter in found["counters"]:
        name = counter.key.metric.name
        counts[name] = counts.get(name, 0) + (counter.result or 0)
    spreads: dict[str, Spread] = {}
    for distribution in found["distributions"]:
        name, values = distribution.key.metric.name, distribution.result
        if values is None or not values.count:
            continue
        other = spreads.get(name)
        spreads[name] = Spread(
            values.count + (other.count if other else 0),
            values.sum + (other.sum if other else 0),
            min(values.min, other.min) if other else values.min,
            max(values.max, other.max) if other else values.max,
        )
    return RunMetrics(
        items_read=counts.get("items_read", 0),
        dead_letters={
            str(reason): n for reason in Reason if (n := counts.get(f"dead_letters_{reason}", 0))
        },
        tokens=counts.get("tokens", 0),
        clip_seconds=counts.get("clip_ms", 0) / 1000,
        batches={bound: counts.get(f"batches_{bound}", 0) for bound in BATCH_SIZE_BOUNDS},
        batch_sizes=spreads.get("batch_size", Spread()),
        stage_seconds={
            stage: _to_seconds(spreads.get(f"{stage}_ms", Spread())) for stage in STAGES
        },
    )


def _to_seconds(spread: Spread) -> Spread:
    return Spread(spread.count, spread.sum / 1000, spread.min / 1000, spread.max / 1000)
