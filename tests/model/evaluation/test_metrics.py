"""The metrics equal scikit-learn's, and their intervals those of a bootstrap over items."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
)

from model.evaluation.metrics import compute_metrics, selective_accuracy

NAMES = ("a", "b", "c", "d")
SCORES = (
    "accuracy",
    "mean_class_recall",
    "macro_precision",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
)
EACH_CLASS = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
IntArray = npt.NDArray[np.int64]


def by_scikit_learn(labels: IntArray, predictions: IntArray) -> dict[str, float]:
    occurring = sorted({*labels.tolist(), *predictions.tolist()} & set(range(len(NAMES))))
    known: dict[str, Any] = {"labels": occurring, "zero_division": 0.0}
    macro, weighted = known | {"average": "macro"}, known | {"average": "weighted"}
    return {
        "accuracy": accuracy_score(labels, predictions),
        "mean_class_recall": recall_score(
            labels, predictions, labels=np.unique(labels), average="macro"
        ),
        "macro_precision": precision_score(labels, predictions, **macro),
        "macro_f1": f1_score(labels, predictions, **macro),
        "weighted_precision": precision_score(labels, predictions, **weighted),
        "weighted_recall": recall_score(labels, predictions, **weighted),
        "weighted_f1": f1_score(labels, predictions, **weighted),
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
    per_class: dict[str, Any] = dict(metrics.per_class)
    for name, function in EACH_CLASS.items():
        ours = [per_class[label][name] for label in NAMES]
        np.testing.assert_allclose(ours, function(labels, predictions, **each), atol=1e-9)
        for label in NAMES:
            low, high = per_class[label]["ci95"][name]
            assert 0 <= low <= high <= 1
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
    """Of scikit-learn's scores, over all classes and of each."""
    labels, predictions = sample
    rng = np.random.default_rng(9)
    draws = []
    for _ in range(1000):
        rows = rng.integers(0, len(labels), len(labels))
        *each, support = precision_recall_fscore_support(
            labels[rows], predictions[rows], labels=range(4), zero_division=0.0
        )
        precision, recall, f1 = (values.mean() for values in each)
        accuracy = (labels[rows] == predictions[rows]).mean()
        weighted = [np.average(values, weights=support) for values in each]
        draws.append([accuracy, recall, precision, f1, *weighted, *np.concatenate(each)])
    expected = np.quantile(draws, [0.025, 0.975], axis=0).T
    metrics = compute_metrics(labels, predictions, NAMES)
    ours = [metrics.ci95[name] for name in SCORES]
    ours += [metrics.per_class[label]["ci95"][name] for name in EACH_CLASS for label in NAMES]
    # The ends of 1000 and 2000 draws differ by their own chance: some 0.1 wide, a class's wider.
    np.testing.assert_allclose(ours[: len(SCORES)], expected[: len(SCORES)], atol=0.012)
    np.testing.assert_allclose(ours, expected, atol=0.035)


def test_a_perfect_model() -> None:
    labels = np.arange(40) % 4
    metrics = compute_metrics(labels, labels, NAMES, np.eye(4)[labels])
    for name in SCORES:
        assert getattr(metrics, name) == pytest.approx(1)
    assert metrics.ci95["accuracy"] == (1.0, 1.0)
    assert metrics.ece == 0


def test_a_class_that_does_not_occur_lowers_no_mean() -> None:
    """Of six items a sample often lacks a class; a perfect model is perfect in each."""
    labels = np.array([0, 0, 1, 1, 2, 2])
    metrics = compute_metrics(labels, labels, NAMES, dataset="tweeteval/sentiment")
    assert metrics.official == 1
    for name in (*SCORES, "official"):
        assert metrics.ci95[name] == pytest.approx((1, 1))
    for label in "abc":
        assert set(metrics.per_class[label]["ci95"].values()) == {(1.0, 1.0)}
    assert set(metrics.per_class["d"]["ci95"].values()) == {(0.0, 0.0)}
    # Predicted, it counts to precision and F1.
    metrics = compute_metrics(labels, np.array([0, 0, 1, 1, 2, 3]), NAMES)
    assert metrics.mean_class_recall == pytest.approx((1 + 1 + 0.5) / 3)
    assert metrics.macro_f1 == pytest.approx((1 + 1 + 2 / 3 + 0) / 4)


def test_without_probabilities_there_are_no_calibration_error_and_no_coverage() -> None:
    labels = np.array([0, 1])
    metrics = compute_metrics(labels, labels, NAMES)
    assert metrics.ece is None
    assert metrics.coverage is None


def test_probabilities_may_have_classes_that_the_data_set_has_not() -> None:
    probabilities = np.array([[0.1, 0.1, 0.1, 0.1, 0.6]] * 5)
    metrics = compute_metrics(np.zeros(5, int), probabilities.argmax(axis=1), NAMES, probabilities)
    assert metrics.accuracy == 0
    assert metrics.ece == pytest.approx(0.6)
    kept = {"coverage": 1.0, "min_confidence": 0.6, "accuracy": 0.0, "n": 5}
    assert metrics.coverage == [kept] * 10


def test_coverage_of_ten_items_without_ties() -> None:
    confidence = np.array([0.5, 0.95, 0.6, 0.9, 0.7, 0.85, 0.75, 0.8, 0.65, 0.55])
    is_right = np.isin(confidence, [0.95, 0.9, 0.8, 0.6])
    entries = selective_accuracy(confidence, is_right)
    assert [entry["n"] for entry in entries] == list(range(1, 11))
    assert [entry["min_confidence"] for entry in entries] == sorted(confidence, reverse=True)
    assert entries[2] == {"coverage": 0.3, "min_confidence": 0.85, "accuracy": 2 / 3, "n": 3}
    assert entries[9] == {"coverage": 1.0, "min_confidence": 0.5, "accuracy": 0.4, "n": 10}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.3, 0.5, 0.7, 0.9]) | st.floats(0.125, 1, width=32), st.booleans()
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([np.float32, np.float64]),
)
def test_an_entry_is_what_its_min_confidence_gives(
    items: list[tuple[float, bool]], dtype: type[np.floating]
) -> None:
    confidence = np.array([item[0] for item in items], dtype)
    is_right = np.array([item[1] for item in items])
    entries = selective_accuracy(confidence, is_right)
    # As it is read from the file and compared with one item's confidence at a time.
    for tenth, entry in enumerate(json.loads(json.dumps(entries)), start=1):
        kept = [
            right
            for own, right in zip(confidence.tolist(), is_right.tolist(), strict=True)
            if own >= entry["min_confidence"]
        ]
        assert entry["n"] == len(kept) > 0
        assert entry["coverage"] == len(kept) / len(items)
        assert entry["accuracy"] == pytest.approx(sum(kept) / len(kept), abs=1e-12)
        # At least the tenth, and no more than the last item's ties beyond it.
        above = sum(own > entry["min_confidence"] for own in confidence.tolist())
        assert above * 10 < tenth * len(items) <= len(kept) * 10
    assert len(entries) == 10
    assert entries[9]["n"] == len(items)


def test_coverage_is_of_the_highest_probability_and_the_prediction() -> None:
    rng = np.random.default_rng(3)
    probabilities = rng.dirichlet([0.5] * 5, 200).astype(np.float32)
    labels, predictions = rng.integers(0, 4, 200), probabilities.argmax(axis=1)
    metrics = compute_metrics(labels, predictions, NAMES, probabilities)
    assert metrics.coverage == selective_accuracy(
        probabilities.max(axis=1), np.array(labels == predictions)
    )
    assert metrics.coverage[9]["accuracy"] == pytest.approx(metrics.accuracy, abs=1e-12)


@pytest.mark.parametrize(
    ("dataset", "classes", "expected"),
    [
        ("tweeteval/irony", ("non_irony", "irony"), 2 / 3),
        ("tweeteval/emotion", ("anger", "joy"), (2 / 3 + 2 / 3) / 2),
        ("tweeteval/hate", ("anger", "joy", "none"), (2 / 3 + 2 / 3) / 2),
        ("tweeteval/sentiment", ("negative", "positive"), (1.0 + 0.5) / 2),
        ("tweeteval/stance", ("none", "against", "favor"), (2 / 3 + 0) / 2),
    ],
)
def test_official_scores(dataset: str, classes: tuple[str, ...], expected: float) -> None:
    labels, predictions = np.array([0, 1, 1]), np.array([0, 1, 0])
    metrics = compute_metrics(labels, predictions, classes, dataset=dataset)
    assert metrics.official == pytest.approx(expected)
    assert list(metrics.ci95) == [*SCORES, "official"]


@pytest.mark.parametrize(
    ("task", "same"), [("emoji", "macro_f1"), ("sentiment", "mean_class_recall")]
)
def test_an_official_score_has_the_interval_of_the_score_it_is(
    sample: tuple[IntArray, IntArray], task: str, same: str
) -> None:
    metrics = compute_metrics(*sample, NAMES, dataset=f"tweeteval/{task}")
    assert metrics.official == getattr(metrics, same)
    assert metrics.ci95["official"] == metrics.ci95[same]


def test_the_official_score_of_irony_has_the_interval_of_its_class(
    sample: tuple[IntArray, IntArray],
) -> None:
    metrics = compute_metrics(*sample, ("a", "irony", "c", "d"), dataset="tweeteval/irony")
    assert metrics.official == metrics.per_class["irony"]["f1"]
    assert metrics.ci95["official"] == metrics.per_class["irony"]["ci95"]["f1"]


@pytest.mark.parametrize("dataset", ["", "meld", "tweeteval-like/irony"])
def test_other_data_sets_have_no_official_score(
    sample: tuple[IntArray, IntArray], dataset: str
) -> None:
    metrics = compute_metrics(*sample, NAMES, dataset=dataset)
    assert metrics.official is None
    assert tuple(metrics.ci95) == SCORES


def test_the_dict_is_what_is_read_from_its_json(sample: tuple[IntArray, IntArray]) -> None:
    probabilities = np.random.default_rng(0).dirichlet([1] * 5, 400).astype(np.float32)
    metrics = compute_metrics(*sample, NAMES, probabilities, dataset="tweeteval/emotion")
    ours = metrics.as_dict()
    assert json.loads(json.dumps(ours)) == ours
    assert list(ours) == [
        "n",
        *SCORES,
        "official",
        "ece",
        "per_class",
        "ci95",
        "coverage",
        "confusion",
    ]
    assert ours["confusion"] == metrics.confusion
    assert ours["coverage"] == metrics.coverage
    assert ours["ci95"]["official"] == list(metrics.ci95["official"])
    assert ours["per_class"]["b"]["ci95"]["f1"] == list(metrics.per_class["b"]["ci95"]["f1"])
