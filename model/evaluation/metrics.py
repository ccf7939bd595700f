"""Classification metrics with their intervals; scikit-learn's, under the field's plain names."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix

from model.scoring.calibration import expected_calibration_error

IntArray = npt.NDArray[np.integer]
FloatArray = npt.NDArray[np.floating]
Interval = tuple[float, float]
BOOTSTRAP_SAMPLES = 2000


class ClassScores(TypedDict):
    """The scores of one class; `ci95` has the interval of each but the support."""

    precision: float
    recall: float
    f1: float
    support: int
    ci95: dict[str, Interval]


@dataclass(frozen=True)
class Metrics:
    """How well predictions fit labels.

    Speech emotion recognition calls the accuracy WA (weighted accuracy) and the mean class recall
    UA (unweighted accuracy). The paper has it the other way round: its "UA" is the accuracy, its
    "WA" is weighted by class.

    Means over the classes leave out a class that neither a label nor a prediction names, as
    scikit-learn's do, and the mean recall one that no label names; so do the bootstrap's samples.

    Attributes:
        n: items.
        accuracy: share of items that are right; the field's WA, and the paper's "UA".
        mean_class_recall: mean over the classes of the share that is right; the field's UA, also
            called balanced accuracy.
        macro_precision: mean of the classes' precision.
        macro_f1: mean of the classes' F1; not the F1 of the mean precision and recall.
        weighted_precision: mean of the classes' precision, weighted by their number of items.
        weighted_recall: likewise of recall. It equals the accuracy, whatever is predicted, as every
            label is one of the classes; it is here because papers print it beside the other two.
        weighted_f1: likewise of F1.
        official: TweetEval's own score of its tasks; None for other data sets.
        ece: expected calibration error; None where there are no probabilities.
        per_class: precision, recall, f1 and support of each class, and the 95 % bootstrap interval
            of the first three.
        ci95: 95 % bootstrap interval of each score from `accuracy` to `weighted_f1`, and of the
            official one where there is one.
        coverage: accuracy against coverage, one entry for each tenth; see `selective_accuracy`.
            None where there are no probabilities.
        confusion: items by true class (rows) and predicted class (columns); the last column counts
            predictions of a class that the data set does not have.
    """

    n: int
    accuracy: float
    mean_class_recall: float
    macro_precision: float
    macro_f1: float
    weighted_precision: float
    weighted_recall: float
    weighted_f1: float
    official: float | None
    ece: float | None
    per_class: dict[str, ClassScores]
    ci95: dict[str, Interval]
    coverage: list[dict[str, float]] | None
    confusion: list[list[int]]

    def as_dict(self) -> dict[str, Any]:
        """Returns the metrics as a reader of `metrics.json` gets them: intervals are lists."""
        read: dict[str, Any] = json.loads(json.dumps(vars(self)))
        return read


def compute_metrics(
    labels: IntArray,
    predictions: IntArray,
    class_names: Sequence[str],
    probabilities: FloatArray | None = None,
    seed: int = 0,
    dataset: str = "",
) -> Metrics:
    """Returns the metrics of predictions.

    Args:
        labels: index into `class_names` of each item; at least one.
        predictions: likewise; an index of `len(class_names)` or more is a class that the data set
            does not have, and always wrong.
        class_names: the data set's classes.
        probabilities: `[items, classes]`, whose highest column is the prediction; for the ECE and
            the coverage. Columns after the data set's classes are classes that it does not have.
        seed: of the bootstrap.
        dataset: the data set's name, as `tweeteval/irony`; it says what the official score is.
    """
    n_classes = len(class_names)
    predictions = np.minimum(predictions, n_classes)
    counts = confusion_matrix(labels, predictions, labels=range(n_classes + 1))[:n_classes]
    by_class = _class_scores(counts[None])
    overall = _overall_scores(by_class, dataset, class_names)
    samples = _resample(counts, seed)
    sampled_by_class = _class_scores(samples)
    sampled_overall = _overall_scores(sampled_by_class, dataset, class_names)
    # The official score is there for some data sets only.
    values: dict[str, Any] = {"official": None}
    values |= {name: float(value[0]) for name, value in overall.items()}
    return Metrics(
        n=len(labels),
        **values,
        ece=None if probabilities is None else expected_calibration_error(probabilities, labels),
        per_class={
            name: {
                "precision": float(by_class.precision[0, index]),
                "recall": float(by_class.recall[0, index]),
                "f1": float(by_class.f1[0, index]),
                "support": int(by_class.support[0, index]),
                "ci95": {
                    score: bootstrap_interval(values[counted[:, index], index])
                    for score, values, counted in (
                        ("precision", sampled_by_class.precision, sampled_by_class.occurs),
                        ("recall", sampled_by_class.recall, sampled_by_class.support > 0),
                        ("f1", sampled_by_class.f1, sampled_by_class.occurs),
                    )
                },
            }
            for index, name in enumerate(class_names)
        },
        ci95={name: bootstrap_interval(sampled) for name, sampled in sampled_overall.items()},
        coverage=None
        if probabilities is None
        else selective_accuracy(probabilities.max(axis=1), labels == predictions),
        confusion=counts.tolist(),
    )


def selective_accuracy(
    confidence: FloatArray, is_right: npt.NDArray[np.bool_]
) -> list[dict[str, float]]:
    """Returns how accurate the most confident tenth of the items is, the two tenths, up to all.

    An entry is what `--min-confidence` with its `min_confidence` gives on these items: those with
    that confidence or more are kept. Items of the same confidence are kept or dropped together, so
    `coverage` is the share that is really kept: the tenth, or more where there are ties or the
    tenth is no whole number of items. Entries of few items or many ties may be alike.

    Args:
        confidence: highest probability of each item.
        is_right: whether the class with that probability is the item's own.

    Returns:
        Ten entries, by rising coverage: `coverage` and `accuracy` (0 to 1), `min_confidence` (one
        of `confidence`, unrounded), and `n`, the items kept.

    >>> tied = selective_accuracy(np.array([0.9, 0.5, 0.5, 0.2]), np.array([1, 1, 0, 0]) > 0)
    >>> tied[4]
    {'coverage': 0.75, 'min_confidence': 0.5, 'accuracy': 0.6666666666666666, 'n': 3}
    """
    n = len(confidence)
    descending = np.sort(confidence)[::-1]
    entries: list[dict[str, float]] = []
    for tenth in range(1, 11):
        # Whole numbers, rounded up: at least a tenth of the items, and at least one.
        threshold = descending[-(-tenth * n // 10) - 1]
        is_kept = confidence >= threshold
        n_kept = int(is_kept.sum())
        entries.append(
            {
                "coverage": n_kept / n,
                "min_confidence": float(threshold),
                "accuracy": float(is_right[is_kept].mean()),
                "n": n_kept,
            }
        )
    return entries


@dataclass(frozen=True)
class _ClassScores:
    """Scores of each class in each of several confusion matrices, `[matrices, classes]`.

    A score whose denominator is 0 is 0.
    """

    right: IntArray
    support: IntArray
    predicted: IntArray
    precision: FloatArray
    recall: FloatArray
    f1: FloatArray

    @property
    def occurs(self) -> npt.NDArray[np.bool_]:
        """Whether a label or a prediction names the class."""
        return np.asarray(self.support + self.predicted > 0)


def _class_scores(counts: IntArray) -> _ClassScores:
    """Returns the scores of confusion matrices, `[matrices, classes, classes + 1]`."""
    n_classes = counts.shape[1]
    right = np.diagonal(counts[:, :, :n_classes], axis1=1, axis2=2)
    support = counts.sum(axis=2)
    predicted = counts[:, :, :n_classes].sum(axis=1)
    return _ClassScores(
        right,
        support,
        predicted,
        precision=right / np.maximum(predicted, 1),
        recall=right / np.maximum(support, 1),
        f1=2 * right / np.maximum(support + predicted, 1),
    )


def _overall_scores(
    scores: _ClassScores, dataset: str, class_names: Sequence[str]
) -> dict[str, FloatArray]:
    """Returns the overall scores of each confusion matrix; `official` only where there is one."""
    n = np.maximum(scores.support.sum(axis=1), 1)
    overall = {
        "accuracy": scores.right.sum(axis=1) / n,
        "mean_class_recall": _mean(scores.recall, scores.support > 0),
        "macro_precision": _mean(scores.precision, scores.occurs),
        "macro_f1": _mean(scores.f1, scores.occurs),
        "weighted_precision": (scores.precision * scores.support).sum(axis=1) / n,
        "weighted_recall": (scores.recall * scores.support).sum(axis=1) / n,
        "weighted_f1": (scores.f1 * scores.support).sum(axis=1) / n,
    }
    official = _official_scores(scores, overall, dataset, class_names)
    return overall if official is None else overall | {"official": official}


def _official_scores(
    scores: _ClassScores,
    overall: dict[str, FloatArray],
    dataset: str,
    class_names: Sequence[str],
) -> FloatArray | None:
    """Returns TweetEval's own score of each confusion matrix; None for other data sets.

    Macro-F1, but for irony the F1 of the ironic class, for sentiment the mean recall, and for
    stance the mean F1 of against and favor, over the tweets of all topics (Barbieri et al. 2020).
    """
    benchmark, _, task = dataset.partition("/")
    if benchmark != "tweeteval":
        return None
    if task == "sentiment":
        return _mean(scores.recall, scores.occurs)
    counted = {"irony": ("irony",), "stance": ("against", "favor")}.get(task)
    if counted is None:
        return overall["macro_f1"]
    columns = [list(class_names).index(name) for name in counted]
    return np.asarray(scores.f1[:, columns].mean(axis=1))


def _mean(scores: FloatArray, counted: npt.NDArray[np.bool_]) -> FloatArray:
    """Returns the mean of each row's scores that are counted; 0 where none is."""
    sums = (scores * counted).sum(axis=1)
    return np.asarray(sums / np.maximum(counted.sum(axis=1), 1))


def _resample(counts: IntArray, seed: int) -> IntArray:
    """Returns bootstrap samples of a confusion matrix, `[samples, classes, classes + 1]`.

    Items drawn with replacement fill the cells of the confusion matrix as a multinomial does, so
    that is what is drawn.
    """
    n = int(counts.sum())
    cells = np.random.default_rng(seed).multinomial(n, counts.ravel() / n, BOOTSTRAP_SAMPLES)
    return cells.reshape(-1, *counts.shape)


def bootstrap_interval(samples: FloatArray) -> Interval:
    """Returns the 95 % percentile interval of bootstrap samples; 0 to 0 where there is none."""
    if not len(samples):
        return 0.0, 0.0
    low, high = np.quantile(samples, [0.025, 0.975])
    return float(low), float(high)
