"""Classification metrics with their intervals; scikit-learn's, under the field's plain names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from model.calibration import expected_calibration_error

IntArray = npt.NDArray[np.integer]
FloatArray = npt.NDArray[np.floating]
BOOTSTRAP_SAMPLES = 2000


@dataclass(frozen=True)
class Metrics:
    """How well predictions fit labels.

    Attributes:
        n: items.
        accuracy: share of items that are right; the field's WA, and the paper's "UA".
        mean_class_recall: mean over the classes of the share that is right; the field's UA.
        macro_f1: mean of the classes' F1.
        weighted_f1: mean of the classes' F1, weighted by their number of items.
        ece: expected calibration error; None where there are no probabilities.
        per_class: precision, recall, f1 and support of each class.
        ci95: 95 % bootstrap interval of each of the four scores.
        confusion: items by true class (rows) and predicted class (columns); the last column counts
            predictions of a class that the data set does not have.
    """

    n: int
    accuracy: float
    mean_class_recall: float
    macro_f1: float
    weighted_f1: float
    ece: float | None
    per_class: dict[str, dict[str, float]]
    ci95: dict[str, tuple[float, float]]
    confusion: list[list[int]]

    def as_dict(self) -> dict[str, Any]:
        """Returns the metrics as they stand in `metrics.json`."""
        return dict(vars(self))


def compute_metrics(
    labels: IntArray,
    predictions: IntArray,
    class_names: Sequence[str],
    probabilities: FloatArray | None = None,
    seed: int = 0,
) -> Metrics:
    """Returns the metrics of predictions.

    Args:
        labels: index into `class_names` of each item.
        predictions: likewise; an index of `len(class_names)` or more is a class that the data set
            does not have, and always wrong.
        class_names: the data set's classes.
        probabilities: `[items, classes]`, whose highest column is the prediction; for the ECE.
        seed: of the bootstrap.
    """
    n_classes = len(class_names)
    predictions = np.minimum(predictions, n_classes)
    known = list(range(n_classes))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predictions, labels=known, zero_division=0.0
    )
    counts = confusion_matrix(labels, predictions, labels=[*known, n_classes])[:n_classes]
    scores = _scores_of(counts[None])
    return Metrics(
        n=len(labels),
        accuracy=float(scores["accuracy"][0]),
        mean_class_recall=float(scores["mean_class_recall"][0]),
        macro_f1=float(scores["macro_f1"][0]),
        weighted_f1=float(scores["weighted_f1"][0]),
        ece=None if probabilities is None else expected_calibration_error(probabilities, labels),
        per_class={
            name: {
                "precision": float(precision[index]),
                "recall": float(recall[index]),
                "f1": float(f1[index]),
                "support": int(support[index]),
            }
            for index, name in enumerate(class_names)
        },
        ci95=_bootstrap(counts, seed),
        confusion=counts.tolist(),
    )


def official_score(dataset: str, metrics: Metrics) -> float | None:
    """Returns TweetEval's own score of a task; None for other data sets.

    Macro-F1, but for irony the F1 of the ironic class, for sentiment the mean recall, and for
    stance the mean F1 of against and favor, over the tweets of all topics (Barbieri et al. 2020).
    """
    benchmark, _, task = dataset.partition("/")
    if benchmark != "tweeteval":
        return None
    if task == "irony":
        return metrics.per_class["irony"]["f1"]
    if task == "sentiment":
        return metrics.mean_class_recall
    if task == "stance":
        return (metrics.per_class["against"]["f1"] + metrics.per_class["favor"]["f1"]) / 2
    return metrics.macro_f1


def _scores_of(counts: IntArray) -> dict[str, FloatArray]:
    """Returns the four scores of each confusion matrix, `[matrices, classes, classes + 1]`."""
    n_classes = counts.shape[1]
    right = np.diagonal(counts[:, :, :n_classes], axis1=1, axis2=2)
    support = counts.sum(axis=2)
    predicted = counts[:, :, :n_classes].sum(axis=1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(support + predicted, 1)
    n = np.maximum(support.sum(axis=1), 1)
    return {
        "accuracy": right.sum(axis=1) / n,
        "mean_class_recall": recall.mean(axis=1),
        "macro_f1": f1.mean(axis=1),
        "weighted_f1": (f1 * support).sum(axis=1) / n,
    }


def _bootstrap(counts: IntArray, seed: int) -> dict[str, tuple[float, float]]:
    """Returns 95 % percentile intervals.

    Items drawn with replacement fill the cells of the confusion matrix as a multinomial does, so
    that is what is drawn.
    """
    n = int(counts.sum())
    cells = np.random.default_rng(seed).multinomial(n, counts.ravel() / n, BOOTSTRAP_SAMPLES)
    sampled = _scores_of(cells.reshape(-1, *counts.shape))
    return {
        name: (float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975)))
        for name, values in sampled.items()
    }
