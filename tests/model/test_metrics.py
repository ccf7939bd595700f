"""The metrics equal scikit-learn's, and their intervals those of a bootstrap over items."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from model.metrics import compute_metrics

NAMES = ("a", "b", "c", "d")
SCORES = ("accuracy", "mean_class_recall", "macro_f1", "weighted_f1")
IntArray = npt.NDArray[np.int64]


def by_scikit_learn(labels: IntArray, predictions: IntArray) -> dict[str, float]:
    known: dict[str, Any] = {"labels": list(range(len(NAMES))), "zero_division": 0.0}
    return {
        "accuracy": accuracy_score(labels, predictions),
        "mean_class_recall": recall_score(labels, predictions, average="macro", **known),
        "macro_f1": f1_score(labels, predictions, average="macro", **known),
        "weighted_f1": f1_score(labels, predictions, average="weighted", **known),
    }


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=60))
def test_scores_equal_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """Predictions of 4 and 5 are of classes that the data set does not have."""
    labels, predictions = np.array(pairs).T
    metrics = compute_metrics(labels, predictions, NAMES)
    for name, expected in by_scikit_learn(labels, predictions).items():
        assert getattr(metrics, name) == pytest.approx(expected, abs=1e-9)
    assert metrics.n == len(pairs)
    each: dict[str, Any] = {"labels": [0, 1, 2, 3], "average": None, "zero_division": 0.0}
    for name, function in (
        ("precision", precision_score),
        ("recall", recall_score),
        ("f1", f1_score),
    ):
        ours = [metrics.per_class[label][name] for label in NAMES]
        np.testing.assert_allclose(ours, function(labels, predictions, **each), atol=1e-9)
    support = [metrics.per_class[label]["support"] for label in NAMES]
    assert support == [int((labels == index).sum()) for index in range(4)]
    for name in SCORES:
        low, high = metrics.ci95[name]
        assert 0 <= low <= high <= 1


def test_confusion_counts_foreign_classes_in_the_last_column() -> None:
    labels = np.array([0, 0, 1, 3, 3, 3])
    predictions = np.array([0, 1, 1, 4, 6, 0])
    assert compute_metrics(labels, predictions, NAMES).confusion == [
        [1, 1, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [1, 0, 0, 0, 2],
    ]


@pytest.fixture(scope="module")
def sample() -> tuple[IntArray, IntArray]:
    """400 items, some two thirds of them right, and a rare class."""
    rng = np.random.default_rng(5)
    labels = rng.choice(4, 400, p=[0.5, 0.3, 0.15, 0.05])
    predictions = np.where(rng.random(400) < 0.6, labels, rng.integers(0, 5, 400))
    return labels, predictions


def test_intervals_hold_the_scores_and_repeat(sample: tuple[IntArray, IntArray]) -> None:
    metrics = compute_metrics(*sample, NAMES)
    assert tuple(metrics.ci95) == SCORES
    for name, (low, high) in metrics.ci95.items():
        assert low < getattr(metrics, name) < high
    assert compute_metrics(*sample, NAMES) == metrics
    assert compute_metrics(*sample, NAMES, seed=1).ci95 != metrics.ci95


def test_intervals_equal_a_bootstrap_over_items(sample: tuple[IntArray, IntArray]) -> None:
    labels, predictions = sample
    rng = np.random.default_rng(9)
    draws = []
    for _ in range(1000):
        rows = rng.integers(0, len(labels), len(labels))
        drawn = compute_points(labels[rows], predictions[rows])
        draws.append([drawn[name] for name in SCORES])
    expected = np.quantile(draws, [0.025, 0.975], axis=0).T
    ours = [compute_metrics(labels, predictions, NAMES).ci95[name] for name in SCORES]
    # Some 0.1 wide; the ends of 1000 and 2000 draws differ by their own chance.
    np.testing.assert_allclose(ours, expected, atol=0.012)


def compute_points(labels: IntArray, predictions: IntArray) -> dict[str, float]:
    """The four scores, spelled out."""
    recalls, f1s, supports = [], [], []
    for index in range(len(NAMES)):
        right = int(((labels == index) & (predictions == index)).sum())
        support, predicted = int((labels == index).sum()), int((predictions == index).sum())
        recalls.append(right / support if support else 0.0)
        f1s.append(2 * right / (support + predicted) if support + predicted else 0.0)
        supports.append(support)
    return {
        "accuracy": float((labels == predictions).mean()),
        "mean_class_recall": float(np.mean(recalls)),
        "macro_f1": float(np.mean(f1s)),
        "weighted_f1": float(np.average(f1s, weights=supports)),
    }


def test_a_perfect_model() -> None:
    labels = np.arange(40) % 4
    metrics = compute_metrics(labels, labels, NAMES, np.eye(4)[labels])
    for name in SCORES:
        assert getattr(metrics, name) == pytest.approx(1)
    assert metrics.ci95["accuracy"] == (1.0, 1.0)
    assert metrics.ece == 0


def test_without_probabilities_there_is_no_calibration_error() -> None:
    labels = np.array([0, 1])
    assert compute_metrics(labels, labels, NAMES).ece is None


def test_probabilities_may_have_classes_that_the_data_set_has_not() -> None:
    probabilities = np.array([[0.1, 0.1, 0.1, 0.1, 0.6]] * 5)
    metrics = compute_metrics(np.zeros(5, int), probabilities.argmax(axis=1), NAMES, probabilities)
    assert metrics.accuracy == 0
    assert metrics.ece == pytest.approx(0.6)


def test_the_dict_is_json(sample: tuple[IntArray, IntArray]) -> None:
    metrics = compute_metrics(*sample, NAMES)
    read = json.loads(json.dumps(metrics.as_dict()))
    assert list(read) == ["n", *SCORES, "ece", "per_class", "ci95", "confusion"]
    assert read["confusion"] == metrics.confusion
