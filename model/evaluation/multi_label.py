"""What predictions of any number of classes an item are worth: F1 by class, with intervals."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.evaluation.metrics import BOOTSTRAP_SAMPLES, ClassScores, Interval, bootstrap_interval

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
SAMPLES_AT_A_TIME = 100


@dataclass(frozen=True)
class MultiLabelMetrics:
    """How well predictions of any number of classes an item fit the classes that it has.

    Attributes:
        n: items.
        macro_f1: mean of the classes' F1, the score of GoEmotions' and of BRIGHTER's papers. A
            class that neither a label nor a prediction names is left out.
        micro_f1: the F1 of all answers together, each of which is of an item and a class.
        macro_precision: mean of the classes' precision.
        macro_recall: mean of the classes' recall.
        exact_match: share of the items of which every class is right.
        mean_labels: classes that an item has, on average.
        mean_predicted: classes that are predicted of an item, on average.
        per_class: precision, recall, F1 and support of each class, with intervals.
        ci95: 95 % bootstrap interval of each score from `macro_f1` to `exact_match`, over items.
    """

    n: int
    macro_f1: float
    micro_f1: float
    macro_precision: float
    macro_recall: float
    exact_match: float
    mean_labels: float
    mean_predicted: float
    per_class: dict[str, ClassScores]
    ci95: dict[str, Interval]

    def as_dict(self) -> dict[str, Any]:
        """Returns the metrics as a reader of `metrics.json` gets them: intervals are lists."""
        read: dict[str, Any] = json.loads(json.dumps(vars(self)))
        return read


def multi_label_metrics(
    labels: BoolArray, predictions: BoolArray, class_names: Sequence[str], seed: int = 0
) -> MultiLabelMetrics:
    """Returns the metrics of predictions.

    Args:
        labels: whether an item has a class, `[items, classes]`; at least one item.
        predictions: whether a class is predicted of it, likewise.
        class_names: the data set's classes.
        seed: of the bootstrap.
    """
    answers = np.concatenate([labels & predictions, labels, predictions], axis=1)
    is_exact = (labels == predictions).all(axis=1)
    counts = np.concatenate([answers, is_exact[:, None]], axis=1).astype(np.float64)
    whole = _Scores.of(counts.sum(axis=0)[None], len(labels))
    parts = [_Scores.of(each, len(labels)) for each in _resample(counts, seed)]
    by_class = {
        score: np.concatenate([getattr(part, score) for part in parts])
        for score in ("precision", "recall", "f1", "counted", "support")
    }

    def interval_of(score: str, index: int) -> Interval:
        occurs = by_class["support" if score == "recall" else "counted"][:, index] > 0
        return bootstrap_interval(by_class[score][occurs, index])

    per_class: dict[str, ClassScores] = {
        name: {
            "precision": float(whole.precision[0, index]),
            "recall": float(whole.recall[0, index]),
            "f1": float(whole.f1[0, index]),
            "support": int(whole.support[0, index]),
            "ci95": {score: interval_of(score, index) for score in ("precision", "recall", "f1")},
        }
        for index, name in enumerate(class_names)
    }
    overall = whole.overall()
    values: dict[str, Any] = {name: float(value[0]) for name, value in overall.items()}
    sampled = [part.overall() for part in parts]
    return MultiLabelMetrics(
        n=len(labels),
        **values,
        mean_labels=float(labels.sum(axis=1).mean()),
        mean_predicted=float(predictions.sum(axis=1).mean()),
        per_class=per_class,
        ci95={
            name: bootstrap_interval(np.concatenate([each[name] for each in sampled]))
            for name in overall
        },
    )


@dataclass(frozen=True)
class _Scores:
    """Scores of each class in each of several samples of the items, `[samples, classes]`.

    A score whose denominator is 0 is 0.
    """

    right: FloatArray
    support: FloatArray
    predicted: FloatArray
    exact_match: FloatArray

    @classmethod
    def of(cls, counts: FloatArray, n_items: int) -> "_Scores":
        """Parts the columns: right answers, labels and predictions of each class, exact items."""
        right, support, predicted = np.split(counts[:, :-1], 3, axis=1)
        return cls(right, support, predicted, counts[:, -1] / n_items)

    @property
    def counted(self) -> FloatArray:
        """Labels and predictions that name the class."""
        return self.support + self.predicted

    @property
    def precision(self) -> FloatArray:
        """Share of the predictions of a class that are right."""
        return self.right / np.maximum(self.predicted, 1)

    @property
    def recall(self) -> FloatArray:
        """Share of a class's items that are found."""
        return self.right / np.maximum(self.support, 1)

    @property
    def f1(self) -> FloatArray:
        """Their harmonic mean."""
        return 2 * self.right / np.maximum(self.counted, 1)

    def overall(self) -> Mapping[str, FloatArray]:
        """Returns the overall scores of each sample."""
        right, counted = self.right.sum(axis=1), self.counted.sum(axis=1)
        return {
            "macro_f1": _mean(self.f1, self.counted > 0),
            "micro_f1": 2 * right / np.maximum(counted, 1),
            "macro_precision": _mean(self.precision, self.counted > 0),
            "macro_recall": _mean(self.recall, self.support > 0),
            "exact_match": self.exact_match,
        }


def _mean(scores: FloatArray, is_counted: BoolArray) -> FloatArray:
    sums = (scores * is_counted).sum(axis=1)
    return np.asarray(sums / np.maximum(is_counted.sum(axis=1), 1))


def _resample(counts: FloatArray, seed: int) -> Iterator[FloatArray]:
    """Yields the summed counts of bootstrap samples of the items, some samples at a time."""
    rng, n = np.random.default_rng(seed), len(counts)
    for _ in range(BOOTSTRAP_SAMPLES // SAMPLES_AT_A_TIME):
        drawn = rng.integers(n, size=(SAMPLES_AT_A_TIME, n))
        times = np.stack([np.bincount(rows, minlength=n) for rows in drawn])
        yield times @ counts
