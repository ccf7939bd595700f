"""Temperature scaling (Guo et al. 2017): probabilities that mean what they say."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

FloatArray = npt.NDArray[np.floating]


def softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Returns probabilities along the last axis, in float32.

    >>> softmax([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    values = np.asarray(logits, np.float64)
    exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), np.float32)


def fit_temperature(logits: FloatArray, labels: npt.NDArray[np.integer]) -> float:
    """Returns the temperature that gives the labels their highest likelihood.

    Args:
        logits: `[items, classes]`, of items that were not trained on.
        labels: class index of each item.

    Returns:
        What to divide logits by, within 0.05 and 20. It moves no item's highest class.
    """
    rows = np.arange(len(labels))

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = np.asarray(logits, np.float64) / np.exp(log_temperature)
        highest = scaled.max(axis=1, keepdims=True)
        log_sums = highest[:, 0] + np.log(np.exp(scaled - highest).sum(axis=1))
        return float(np.mean(log_sums - scaled[rows, labels]))

    bounds = (np.log(0.05), np.log(20.0))
    best = minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded")
    return float(np.exp(best.x))


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
    confidence = np.asarray(probabilities, np.float64).max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=n_bins)
    return round(float(np.abs(gaps).sum() / len(labels)), 12)
