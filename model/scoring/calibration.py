"""Temperature scaling (Guo et al. 2017), and the thresholds of several labels an item."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

FloatArray = npt.NDArray[np.floating]


def softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Returns probabilities along the last axis, in float32.

    >>> softmax([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    return np.asarray(special.softmax(np.asarray(logits, np.float64), axis=-1), np.float32)


def sigmoid(logits: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Returns a probability for each logit alone, in float32.

    >>> sigmoid([0.0, 100.0]).tolist()
    [0.5, 1.0]
    """
    return np.asarray(special.expit(np.asarray(logits, np.float64)), np.float32)


def fit_temperature(logits: FloatArray, labels: npt.NDArray[np.integer]) -> float:
    """Returns the temperature that gives the labels their highest likelihood.

    Args:
        logits: `[items, classes]`, of items that were not trained on.
        labels: class index of each item.

    Returns:
        What to divide logits by, within 0.05 and 20. It moves no item's highest class.
    """
    rows = np.arange(len(labels))

    def log_likelihood(scaled: FloatArray) -> float:
        return float(np.mean(special.log_softmax(scaled, axis=1)[rows, labels]))

    return _likeliest_temperature(logits, log_likelihood)


def fit_sigmoid_temperature(logits: FloatArray, targets: FloatArray) -> float:
    """Returns the temperature that gives several labels an item their highest likelihood.

    Args:
        logits: `[items, classes]`, of items that were not trained on.
        targets: 1 for each class of an item, else 0, `[items, classes]`.

    Returns:
        What to divide logits by, within 0.05 and 20.
    """
    # The logarithm of a class's probability, or of that of its absence.
    signs = 2 * np.asarray(targets, np.float64) - 1

    def log_likelihood(scaled: FloatArray) -> float:
        return float(np.mean(special.log_expit(signs * scaled)))

    return _likeliest_temperature(logits, log_likelihood)


def _likeliest_temperature(
    logits: FloatArray, log_likelihood: Callable[[FloatArray], float]
) -> float:
    # Imported here because it is slow to import, and only training needs it.
    from scipy.optimize import minimize_scalar  # noqa: PLC0415

    exact = np.asarray(logits, np.float64)
    bounds = (np.log(0.05), np.log(20.0))
    best = minimize_scalar(
        lambda log_temperature: -log_likelihood(exact / np.exp(log_temperature)),
        bounds=bounds,
        method="bounded",
    )
    return float(np.exp(best.x))


UNTUNED_THRESHOLD = 0.5
"""Of a class that no validation item has."""


def tune_thresholds(probabilities: FloatArray, targets: FloatArray) -> tuple[float, ...]:
    """Returns the threshold of each class that gives it its highest F1.

    Args:
        probabilities: calibrated, `[items, classes]`, of items that were not trained on.
        targets: 1 for each class of an item, else 0, `[items, classes]`.

    Returns:
        For each class a probability halfway between two items', so that it holds for others like
        them. Of several as good, that with the fewest items; UNTUNED_THRESHOLD where no item has
        the class.

    >>> tune_thresholds(np.array([[0.9], [0.6], [0.4], [0.1]]), np.array([[1], [1], [0], [0]]))
    (0.5,)
    """
    return tuple(
        _tune_threshold(np.asarray(column, np.float64), np.asarray(target) > 0)
        for column, target in zip(np.transpose(probabilities), np.transpose(targets), strict=True)
    )


def _tune_threshold(probabilities: FloatArray, is_class: npt.NDArray[np.bool_]) -> float:
    n_class = int(is_class.sum())
    if not n_class:
        return UNTUNED_THRESHOLD
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    n_right = np.cumsum(is_class[order])
    f1 = 2 * n_right / (np.arange(1, len(falling) + 1) + n_class)
    # Items of one probability are told apart by no threshold.
    below = np.append(falling[1:], 0.0)
    f1[falling == below] = -1.0
    cut = int(f1.argmax())
    return round(float(falling[cut] + below[cut]) / 2, 6)


def calibrate_logits(
    logits: FloatArray, labels: npt.NDArray[Any]
) -> tuple[float, tuple[float, ...]]:
    """Returns the temperature of a head, and of several labels an item each class's threshold.

    Args:
        logits: `[items, classes]`, of items that were not trained on.
        labels: the class index of each item, `[items]`; of several labels, 1 for each class of an
            item, else 0, `[items, classes]`.

    Returns:
        The temperature in four digits; the thresholds at it, or none of one label an item.
    """
    if labels.ndim == 1:
        return round(fit_temperature(logits, labels), 4), ()
    temperature = round(fit_sigmoid_temperature(logits, labels), 4)
    return temperature, tune_thresholds(sigmoid(logits / temperature), labels)


@dataclass(frozen=True)
class ReliabilityBin:
    """Items whose confidence lies in one interval; calibrated where both means are alike.

    Attributes:
        low: least confidence; in the bin.
        high: end of the bin, in the next one; but 1 is in the last.
        n: items.
        confidence: mean confidence of the items, 0 to 1; None without any.
        accuracy: share of the items that is right; None without any.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


def reliability_bins(
    probabilities: FloatArray, labels: npt.NDArray[np.integer], n_bins: int = 15
) -> list[ReliabilityBin]:
    """Returns equal-width bins of confidence, from 0 to 1, empty ones too.

    Args:
        probabilities: `[items, classes]`; an item's confidence is its highest.
        labels: class index of each item.
        n_bins: 15 as in Guo et al. 2017.

    >>> reliability_bins(np.array([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 0]), n_bins=2)[1]
    ReliabilityBin(low=0.5, high=1.0, n=2, confidence=0.75, accuracy=0.5)
    """
    confidence = np.asarray(probabilities, np.float64).max(axis=1)
    is_right = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    sizes = np.bincount(index, minlength=n_bins)
    confidences = np.bincount(index, weights=confidence, minlength=n_bins)
    rights = np.bincount(index, weights=is_right, minlength=n_bins)
    return [
        ReliabilityBin(
            low=number / n_bins,
            high=(number + 1) / n_bins,
            n=int(n),
            confidence=float(confidences[number] / n) if n else None,
            accuracy=float(rights[number] / n) if n else None,
        )
        for number, n in enumerate(sizes)
    ]


def expected_calibration_error(
    probabilities: FloatArray, labels: npt.NDArray[np.integer], n_bins: int = 15
) -> float:
    """Returns the mean gap of confidence and accuracy over equal-width bins of confidence.

    Args:
        probabilities: `[items, classes]`.
        labels: class index of each item.
        n_bins: 15 as in Guo et al. 2017.

    Returns:
        Between 0 (calibrated) and 1. It says nothing of how often the model is right.

    >>> expected_calibration_error(np.array([[0.8, 0.2]] * 5), np.array([0, 0, 0, 0, 1]))
    0.0
    """
    gaps = [
        each.n * abs(each.accuracy - each.confidence)
        for each in reliability_bins(probabilities, labels, n_bins)
        if each.accuracy is not None and each.confidence is not None
    ]
    # Calibrated bins are 0 but for the last bits of their sums.
    return round(sum(gaps) / len(labels), 12)
