"""An imported model's confidences after `calibrate`, on a table of labelled texts."""

import json
from pathlib import Path

import numpy as np
import pytest

from model.datasets import Dataset, Example
from model.errors import DatasetError
from model.network.backend import start_keras
from model.scoring.calibration import (
    calibrate_logits,
    fit_sigmoid_temperature,
    fit_temperature,
    sigmoid,
    tune_thresholds,
)
from tests.peers.classifiers import PROBLEM_TYPES
from tests.support.reference_classifiers import (
    LABELS,
    set_problem_type,
    write_golden_checkpoint,
)

start_keras()

from model.evaluation.calibrate import calibrate  # noqa: E402
from model.importing.import_checkpoint import import_checkpoint  # noqa: E402
from model.importing.sequence_classifier import SequenceClassifier  # noqa: E402
from model.scoring.artifact import Artifact  # noqa: E402
from model.scoring.engine import FLOAT32  # noqa: E402
from model.scoring.scorer import EmotionScorer  # noqa: E402

TEXTS = [f"{first} {second}" for first in ("so", "no", "the rain") for second in "abcdefgh"]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("imported")
    write_golden_checkpoint("bert", path / "checkpoint")
    import_checkpoint(SequenceClassifier.read(str(path / "checkpoint")), path / "model")
    return path / "model"


@pytest.fixture
def artifact(imported: Path, tmp_path: Path) -> Artifact:
    """A copy."""
    (tmp_path / "model").mkdir()
    for file in imported.iterdir():
        (tmp_path / "model" / file.name).write_bytes(file.read_bytes())
    return Artifact.load(tmp_path / "model")


def logits_of(artifact: Artifact) -> np.ndarray:
    scorer = EmotionScorer.load(artifact.path, FLOAT32)
    inputs = [scorer.preprocess(text, None) for text in TEXTS]
    return np.stack([each["text"] for each in scorer.logits(inputs)])


def labelled(artifact: Artifact) -> Dataset:
    """Of each three texts, two have the model's own label and one has another."""
    examples = [
        Example(LABELS[(best + (row % 3 == 0)) % len(LABELS)], text=text)
        for row, (best, text) in enumerate(zip(logits_of(artifact).argmax(1), TEXTS, strict=True))
    ]
    return Dataset("manifest", tuple(sorted(set(LABELS))), {"train": examples})


def test_the_temperature_is_that_of_the_labels(artifact: Artifact) -> None:
    dataset = labelled(artifact)
    labels = np.array([LABELS.index(each.emotion) for each in dataset.split("train")])
    logits = logits_of(artifact)
    expected = round(fit_temperature(logits, labels), 4)
    assert abs(expected - 1) > 0.1

    written, (fitted,) = calibrate(artifact, dataset, "train", lambda line: None)
    assert (fitted.n, fitted.temperature_before, fitted.temperature) == (24, 1.0, expected)
    assert fitted.ece < fitted.ece_before
    assert written.temperatures == {"text": expected}
    assert written.calibrated
    assert written.model_version != artifact.model_version
    assert "calibrated" not in json.loads((written.path / "config.json").read_text("utf-8"))
    np.testing.assert_array_equal(logits_of(written), logits)


def test_the_card_says_on_what(artifact: Artifact) -> None:
    path = artifact.path / "MODEL_CARD.md"
    before = path.read_text(encoding="utf-8")
    _, (fitted,) = calibrate(artifact, labelled(artifact), "train", lambda line: None)
    start = before[: before.index("## Confidence")]
    expected = (
        f"{start}## Confidence\n\nCalibrated on manifest, train (temperature scaling). On other "
        f"data it may be off.\n\n- {fitted}\n"
    )
    assert path.read_text(encoding="utf-8") == expected
    # What stands after it is somebody's.
    path.write_text(f"{before}\n## Licence\n\nMine.\n", encoding="utf-8")
    calibrate(Artifact.load(artifact.path), labelled(artifact), "train", lambda line: None)
    after = path.read_text(encoding="utf-8")
    assert after.startswith(f"{start}## Confidence\n\nCalibrated on")
    assert after.endswith("\n## Licence\n\nMine.\n")


def test_the_same_labels_again_change_nothing(artifact: Artifact) -> None:
    dataset = labelled(artifact)
    once, _ = calibrate(artifact, dataset, "train", lambda line: None)
    twice, _ = calibrate(once, dataset, "train", lambda line: None)
    assert twice == once


def test_a_class_that_the_model_does_not_know(artifact: Artifact) -> None:
    dataset = Dataset("manifest", ("joy", "love"), {"train": [Example("love", text="so")]})
    with pytest.raises(DatasetError) as raised:
        calibrate(artifact, dataset, "train")
    assert str(raised.value) == (
        "manifest has the class 'love'; the model tells anger, joy, optimism, sadness, LABEL_4 "
        "apart"
    )
    assert Artifact.load(artifact.path) == artifact


def test_thresholds_are_tuned_for_several_labels_an_item(tmp_path: Path) -> None:
    write_golden_checkpoint("bert", tmp_path / "checkpoint")
    set_problem_type(tmp_path / "checkpoint", PROBLEM_TYPES["multi"])
    read = SequenceClassifier.read(str(tmp_path / "checkpoint"))
    artifact = import_checkpoint(read, tmp_path / "model")
    logits = logits_of(artifact)
    # Of each emotion, the third of the texts that it is likeliest of.
    targets = (np.argsort(np.argsort(-logits, axis=0), axis=0) < len(TEXTS) // 3).astype(np.float32)
    examples = [
        Example.of_several([LABELS[label] for label in np.flatnonzero(row)], text)
        for row, text in zip(targets, TEXTS, strict=True)
    ]
    dataset = Dataset("manifest", LABELS, {"train": examples}, problem_type="multi_label")
    temperature = round(fit_sigmoid_temperature(logits, targets), 4)
    expected = tune_thresholds(sigmoid(logits / temperature), targets)

    written, (fitted,) = calibrate(artifact, dataset, "train", lambda line: None)
    assert (fitted.temperature, fitted.thresholds) == (temperature, expected)
    assert written.temperatures == {"text": temperature}
    assert written.thresholds == {"text": expected} != artifact.thresholds
    with pytest.raises(DatasetError) as raised:
        calibrate(written, Dataset("manifest", LABELS, {"train": []}), "train")
    assert str(raised.value) == "manifest has one label an item; the model is multi_label"

    # Of data that know only two of its emotions, nothing is learned of the others.
    seen, told = [1, 3], []
    fewer = [
        Example.of_several([LABELS[label] for label in seen if row[label]], text)
        for row, text in zip(targets, TEXTS, strict=True)
    ]
    known = tuple(LABELS[label] for label in seen)
    dataset = Dataset("mine", known, {"train": fewer}, problem_type="multi_label")
    again, (fitted,) = calibrate(written, dataset, "train", told.append)
    temperature, thresholds = calibrate_logits(logits[:, seen], targets[:, seen])
    assert again.temperatures == {"text": temperature}
    assert again.thresholds["text"] == tuple(
        thresholds[seen.index(label)] if label in seen else expected[label]
        for label in range(len(LABELS))
    )
    assert told == ["mine has no class anger, optimism, LABEL_4: the thresholds stay as they are"]
