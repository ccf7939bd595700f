"""What came of each experiment, beside the paper's numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from model.paper.published import EXPERIMENTS, VALUES, PaperValue
from schemas.emotions import Modality

MEASURED = "measured"
QUOTED = "quoted"
NOT_RUN = "not run: "


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment.

    Attributes:
        status: `measured`, or `not run: ` and the reason.
        metrics: as in `metrics.json`, with `by_head`, `by_part`, `latency_ms` and `train_seconds`
            where there are any.
        note: a deviation that a reader must know of; empty if there is none.
        figures: by kind (`confusion`, `curves`, …), the path relative to the results.
        counts: the data set's items by split and class; also where the experiment was not run.

    Raises:
        ValueError: the status is of neither form.
    """

    status: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    figures: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status != MEASURED and not self.status.startswith(NOT_RUN):
            raise ValueError(f"status is {self.status!r}; it must be {MEASURED!r} or {NOT_RUN!r}…")


NO_CORPUS = Outcome(f"{NOT_RUN}no corpus")
"""Of an experiment whose corpus was not given."""


class Score(NamedTuple):
    """A number of ours, its 95 % interval and the items that it is measured on."""

    value: float
    interval: tuple[float, float] | None = None
    n: int | None = None


@dataclass(frozen=True)
class Result:
    """A number of the paper and ours.

    Attributes:
        value: the paper's.
        status: `measured`, `quoted`, or `not run: ` and the reason.
        ours: None unless measured.
        interval: of 95 %; None where ours has none, as counts and times.
        n: items that ours is measured on.
        note: the experiment's.
    """

    value: PaperValue
    status: str
    ours: float | None = None
    interval: tuple[float, float] | None = None
    n: int | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Where ours lies, by its interval; empty where there is nothing to compare."""
        if self.ours is None or self.value.paper is None or self.interval is None:
            return ""
        if self.interval[0] > self.value.paper:
            return "above"
        return "below" if self.interval[1] < self.value.paper else "no clear difference"


def compare(outcomes: Mapping[str, Outcome]) -> list[Result]:
    """Returns a result for each of VALUES, in their order.

    Raises:
        ValueError: an experiment is none of EXPERIMENTS.
    """
    unknown = sorted(set(outcomes) - set(EXPERIMENTS))
    if unknown:
        raise ValueError(f"experiment is {unknown[0]!r}; known are {', '.join(EXPERIMENTS)}")
    return [_result(value, outcomes.get(value.experiment, NO_CORPUS)) for value in VALUES]


def is_count(value: PaperValue) -> bool:
    """Says whether a value is a number of items or classes, and no score."""
    return value.measure == "n_classes" or value.measure.startswith("counts.")


def _result(value: PaperValue, outcome: Outcome) -> Result:
    if not value.experiment:
        return Result(value, QUOTED)
    if is_count(value) and outcome.counts:
        count = _count(value.measure, outcome.counts)
        return Result(value, MEASURED, ours=float(count), note=outcome.note)
    if outcome.status != MEASURED:
        return Result(value, outcome.status, note=outcome.note)
    found = find_score(value.measure, _metrics_of_head(value.head, outcome.metrics))
    if found is None:
        reason = "no clips" if value.head else "not measured"
        return Result(value, f"{NOT_RUN}{reason}", note=outcome.note)
    return Result(value, MEASURED, found.value, found.interval, found.n, outcome.note)


def _metrics_of_head(head: str, metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    by_head = metrics.get("by_head") or {}
    if head == Modality.TEXT_AUDIO:
        return metrics if Modality.AUDIO in by_head else {}
    return by_head.get(head) or {} if head else metrics


def _count(measure: str, counts: Mapping[str, Mapping[str, int]]) -> int:
    """Returns `n_classes`, or the items of `counts.SPLIT` or `counts.SPLIT.CLASS`."""
    if measure == "n_classes":
        return len({name for of_split in counts.values() for name in of_split})
    _, split, *names = measure.split(".")
    splits = counts.values() if split == "all" else [counts.get(split, {})]
    return sum(
        n for of_split in splits for name, n in of_split.items() if not names or name in names
    )


def find_score(measure: str, metrics: Mapping[str, Any]) -> Score | None:
    """Returns what stands at a measure's path; None if it was not measured.

    >>> find_score("by_part.scripted.accuracy", {"by_part": {"scripted": {"n": 8, "accuracy": 1}}})
    Score(value=1.0, interval=None, n=8)
    """
    if measure == "train_minutes":
        seconds = metrics.get("train_seconds")
        return None if seconds is None else Score(seconds / 60)
    *path, key = measure.split(".")
    n = metrics.get("n")
    for name in path:
        metrics = metrics.get(name) or {}
        n = metrics.get("n", n)
    if metrics.get(key) is None:
        return None
    interval = (metrics.get("ci95") or {}).get(key)
    return Score(float(metrics[key]), tuple(interval) if interval else None, n)
