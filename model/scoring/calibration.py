"""Temperature scaling (Guo et al. 2017): probabilities that mean what they say."""

from dataclasses import dataclass

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


def fit_temperature(logits: FloatArray, labels: npt.NDArray[np.integer]) -> float:
    """Returns the temperature that gives the labels their highest likelihood.

    Args:
        logits: `[items, classes]`, of items that were not trained on.
        labels: class index of each item.

    Returns:
        What to divide logits by, within 0.05 and 20. It moves no item's highest class.
    """
    # Imported here because it is slow to import, and only training needs it.
    from scipy.optimize import minimize_scalar  # noqa: PLC0415

    rows = np.arange(len(labels))

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = np.asarray(logits, np.float64) / np.exp(log_temperature)
        return float(-np.mean(special.log_softmax(scaled, axis=1)[rows, labels]))

    bounds = (np.log(0.05), np.log(20.0))
    best = minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded")
    return float(np.exp(best.x))


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
