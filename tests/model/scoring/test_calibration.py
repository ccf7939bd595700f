"""Calibration against slow references, and temperatures that are known beforehand."""

import numpy as np
import numpy.typing as npt
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model.scoring.calibration import (
    ReliabilityBin,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
    softmax,
)

FloatArray = npt.NDArray[np.float64]


def drawn_labels(probabilities: FloatArray, seed: int = 0) -> npt.NDArray[np.int64]:
    """A label for each row, as likely as the row says."""
    uniform = np.random.default_rng(seed).random((len(probabilities), 1))
    return np.asarray((uniform > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=3))


@given(arrays(np.float32, (3, 4), elements=st.floats(-1e4, 1e4, width=32)))
def test_softmax_equals_scipy(logits: npt.NDArray[np.float32]) -> None:
    ours = softmax(logits)
    assert ours.dtype == np.float32
    expected = scipy.special.softmax(logits.astype(np.float64), axis=-1)
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-38)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 1.7, 6.0])
def test_a_temperature_is_found_again(temperature: float) -> None:
    calibrated = np.random.default_rng(1).normal(0, 1.5, (20_000, 4))
    labels = drawn_labels(scipy.special.softmax(calibrated, axis=1))
    assert fit_temperature(calibrated * temperature, labels) == pytest.approx(temperature, rel=0.04)


def test_the_temperature_is_the_best_of_a_grid() -> None:
    logits = np.random.default_rng(2).normal(0, 3, (300, 4))
    labels = np.random.default_rng(3).integers(0, 4, 300)
    labels = np.where(np.random.default_rng(4).random(300) < 0.5, logits.argmax(axis=1), labels)
    grid = np.geomspace(0.05, 20, 2000)

    def loss(temperature: float) -> float:
        log_probabilities = scipy.special.log_softmax(logits / temperature, axis=1)
        return float(-log_probabilities[np.arange(300), labels].mean())

    best = min(grid, key=loss)
    assert fit_temperature(logits, labels) == pytest.approx(best, rel=0.005)


def test_the_temperature_stays_within_its_bounds() -> None:
    logits = np.array([[0.1, 0.0], [0.0, 0.1]] * 10)
    assert fit_temperature(logits, logits.argmax(axis=1)) == pytest.approx(0.05, rel=0.01)
    assert fit_temperature(logits, logits.argmin(axis=1)) == pytest.approx(20, rel=0.01)
    assert np.isfinite(fit_temperature(logits * 1e8, logits.argmin(axis=1)))


def reference_ece(probabilities: FloatArray, labels: npt.NDArray[np.int64], n_bins: int) -> float:
    """Guo et al. 2017, equation 3, as it is written."""
    total = 0.0
    for index in range(n_bins):
        low, high = index / n_bins, (index + 1) / n_bins
        members = [
            (max(row), float(row.argmax() == label))
            for row, label in zip(probabilities, labels, strict=True)
            if low <= max(row) < high or (index == n_bins - 1 and max(row) == 1)
        ]
        if members:
            confidence, correct = np.mean(members, axis=0)
            total += len(members) / len(labels) * abs(correct - confidence)
    return total


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([1, 7, 10, 15]))
def test_ece_equals_a_slow_reference(seed: int, n_items: int, n_bins: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.5] * 4, n_items)
    labels = rng.integers(0, 4, n_items)
    ours = expected_calibration_error(probabilities, labels, n_bins)
    assert ours == pytest.approx(reference_ece(probabilities, labels, n_bins), abs=1e-9)


def test_bins_of_known_items() -> None:
    """A bound belongs to the bin above it, but 1 to the last."""
    highest = np.array([0.5, 0.5625, 0.75, 1.0, 1.0])
    probabilities = np.stack([highest, 1 - highest], axis=1)
    assert reliability_bins(probabilities, np.array([0, 1, 1, 0, 0]), n_bins=4) == [
        ReliabilityBin(0.0, 0.25, 0, None, None),
        ReliabilityBin(0.25, 0.5, 0, None, None),
        ReliabilityBin(0.5, 0.75, 2, 0.53125, 0.5),
        ReliabilityBin(0.75, 1.0, 3, pytest.approx(2.75 / 3), pytest.approx(2 / 3)),
    ]


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([1, 7, 10, 15]))
def test_bins_part_the_items(seed: int, n_items: int, n_bins: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.5] * 4, n_items)
    labels = rng.integers(0, 4, n_items)
    highest = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = reliability_bins(probabilities, labels, n_bins)
    assert [each.low for each in bins] == [index / n_bins for index in range(n_bins)]
    assert [each.high for each in bins] == [index / n_bins for index in range(1, n_bins + 1)]
    assert sum(each.n for each in bins) == n_items
    for each in bins:
        members = (each.low <= highest) & (highest < each.high)
        assert each.n == members.sum()
        if each.n:
            assert each.confidence == pytest.approx(highest[members].mean(), abs=1e-9)
            assert each.accuracy == pytest.approx(right[members].mean(), abs=1e-9)
        else:
            assert each.confidence is each.accuracy is None


def test_ece_of_perfect_predictions_is_0() -> None:
    labels = np.arange(20) % 4
    assert expected_calibration_error(np.eye(4)[labels], labels) == 0


def test_ece_of_over_confident_predictions_is_their_gap() -> None:
    probabilities = np.array([[0.9, 0.1]] * 10)
    labels = np.array([0] * 6 + [1] * 4)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.3)


def test_ece_of_wrong_certainty_is_1() -> None:
    assert expected_calibration_error(np.array([[1.0, 0.0]] * 3), np.array([1, 1, 1])) == 1


def test_scaling_by_the_temperature_lowers_the_ece() -> None:
    calibrated = np.random.default_rng(6).normal(0, 1.5, (5000, 4))
    labels = drawn_labels(scipy.special.softmax(calibrated, axis=1))
    logits = calibrated * 4
    temperature = fit_temperature(logits, labels)
    assert expected_calibration_error(softmax(logits), labels) > 0.15
    assert expected_calibration_error(softmax(logits / temperature), labels) < 0.02
