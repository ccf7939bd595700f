"""What predictions of several classes an item are worth: scikit-learn's numbers, with intervals."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from model.datasets import Dataset, Example, target_matrix
from model.errors import DatasetError
from model.evaluation.multi_label import multi_label_metrics
from model.evaluation.multi_label_evaluation import (
    evaluate_multi_label,
    evaluate_multi_label_predictions,
)
from model.scoring.scorer import EmotionScorer
from tests.support.command_line import Run
from tests.support.multi_label_artifact import make_multi_label

Answers = tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]
NAMES = ("anger", "fear", "joy", "sadness")
THRESHOLDS = (0.5, 0.5, 0.45, 0.55, 0.5, 0.6, 0.4)


@pytest.fixture(scope="module")
def answers() -> Answers:
    rng = np.random.default_rng(3)
    labels = rng.random((400, 4)) < (0.5, 0.2, 0.05, 0.3)
    return labels, labels ^ (rng.random((400, 4)) < 0.15)


def test_metrics_are_scikit_learns(answers: Answers) -> None:
    labels, predictions = answers
    metrics = multi_label_metrics(labels, predictions, NAMES)
    for average in ("macro", "micro"):
        expected = f1_score(labels, predictions, average=average)
        assert getattr(metrics, f"{average}_f1") == pytest.approx(expected)
    assert metrics.macro_precision == pytest.approx(
        precision_score(labels, predictions, average="macro")
    )
    assert metrics.macro_recall == pytest.approx(recall_score(labels, predictions, average="macro"))
    assert metrics.exact_match == pytest.approx(accuracy_score(labels, predictions))
    f1 = f1_score(labels, predictions, average=None)
    assert [each["f1"] for each in metrics.per_class.values()] == pytest.approx(list(f1))
    assert [each["support"] for each in metrics.per_class.values()] == labels.sum(axis=0).tolist()
    assert (metrics.mean_labels, metrics.mean_predicted) == (
        pytest.approx(labels.sum() / 400),
        pytest.approx(predictions.sum() / 400),
    )


def test_intervals_are_of_a_bootstrap_over_items(answers: Answers) -> None:
    labels, predictions = answers
    metrics = multi_label_metrics(labels, predictions, NAMES)
    rng = np.random.default_rng(9)
    drawn = [rng.integers(400, size=400) for _ in range(1000)]
    for name, average in (("macro_f1", "macro"), ("micro_f1", "micro")):
        sampled = [f1_score(labels[each], predictions[each], average=average) for each in drawn]
        expected = np.quantile(sampled, [0.025, 0.975])
        np.testing.assert_allclose(metrics.ci95[name], expected, atol=0.01)
    sampled = [f1_score(labels[each, 2], predictions[each, 2]) for each in drawn]
    np.testing.assert_allclose(
        metrics.per_class["joy"]["ci95"]["f1"], np.quantile(sampled, [0.025, 0.975]), atol=0.02
    )
    assert multi_label_metrics(labels, predictions, NAMES) == metrics


def test_a_class_that_nothing_names_is_left_out_of_means() -> None:
    labels = np.array([[True, False], [False, False]])
    metrics = multi_label_metrics(labels, labels, ("joy", "fear"))
    assert (metrics.macro_f1, metrics.micro_f1, metrics.exact_match) == (1.0, 1.0, 1.0)
    assert metrics.per_class["fear"]["f1"] == 0.0


def dataset() -> Dataset:
    examples = [
        Example.of_several(["joy"], "happy"),
        Example.of_several(["anger", "sadness"], "sad sad user"),
        Example.of_several([], "the rain"),
        Example.of_several(["fear"], "angry http"),
    ]
    return Dataset("made", NAMES, {"test": examples}, problem_type="multi_label")


def test_what_applies_is_what_is_predicted(tiny_artifact: Path, tmp_path: Path) -> None:
    several = make_multi_label(tiny_artifact, tmp_path / "several", THRESHOLDS).path
    for path in (several, tiny_artifact):
        scorer = EmotionScorer.load(path)
        examples = dataset().split("test")
        scores = scorer.score([scorer.preprocess(each.text, None) for each in examples])
        predictions = np.array(
            [[scorer.emotions.index(name) in each.applying for name in NAMES] for each in scores]
        )
        expected = multi_label_metrics(target_matrix(examples, NAMES) > 0, predictions, NAMES)
        assert evaluate_multi_label(scorer, dataset(), "test").metrics == expected


def test_anyones_predictions(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("2\n0,3\n\n0\n", encoding="utf-8")
    metrics = evaluate_multi_label_predictions(tmp_path / "mine.txt", dataset(), "test").metrics
    assert metrics.exact_match == 0.75
    assert metrics.micro_f1 == pytest.approx(2 * 3 / 8)
    for content, message in (
        ("2\n0\n", r"mine\.txt has 2 lines; made, test, has 4 examples"),
        ("2\n0,4\n\n0\n", r"mine\.txt:2 is '0,4'; label indices are 0 to 3, commas between them"),
        ("2\n0,\n\n0\n", r"mine\.txt:2 is '0,'"),
    ):
        (tmp_path / "mine.txt").write_text(content, encoding="utf-8")
        with pytest.raises(DatasetError, match=message):
            evaluate_multi_label_predictions(tmp_path / "mine.txt", dataset(), "test")


def test_the_command_writes_metrics_and_no_figures_of_before(
    tiny_artifact: Path, tmp_path: Path, mm_emor: Run
) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(
        "text,labels,split\nhappy,joy|anger,test\nthe rain,,test\nsad,fear,train\n",
        encoding="utf-8",
    )
    model = make_multi_label(tiny_artifact, tmp_path / "several", THRESHOLDS)
    out = tmp_path / "measured"
    out.mkdir()
    (out / "confusion.png").write_bytes(b"of before")
    code, printed, _ = mm_emor(
        *("evaluate", "--model", str(model.path), "--dataset", "manifest"),
        *("--data-dir", str(table), "--out", str(out)),
    )
    assert code == 0
    assert "manifest, test: n 2\n  macro_f1 " in printed
    assert [path.name for path in out.iterdir()] == ["metrics.json"]
    written = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert written["model_version"] == model.model_version
    assert (written["dataset"], written["split"], written["n"]) == ("manifest", "test", 2)
    assert list(written["per_class"]) == ["anger", "fear", "joy"]
