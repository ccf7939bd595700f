"""Training on any number of labels an item: what is learned, kept, tuned and refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from model.datasets import load_dataset
from model.errors import ConfigError, DatasetError
from model.evaluation.multi_label_evaluation import evaluate_multi_label
from model.network.backend import start_keras
from model.scoring.artifact import Artifact
from model.scoring.engine import FLOAT32
from model.scoring.scorer import EmotionScorer
from model.training.fold_by import FoldBy
from model.training.training_config import FitConfig, TrainingConfig
from tests.support.clips import encode, tone
from tests.support.tiny_corpora import own_training, tiny_training, write_goemotions
from tests.support.tiny_models import save_tiny_checkpoint

start_keras()
import model.training.train  # noqa: E402
from model.training.best_threshold_f1 import THRESHOLDS, BestThresholdF1  # noqa: E402
from model.training.calibrating import calibrate  # noqa: E402
from model.training.cross_validation import cross_validate  # noqa: E402
from model.training.fitting import fit_model, read_history  # noqa: E402
from model.training.training_data import TrainingData  # noqa: E402
from tests.support.small_fits import batches_of, blank_side, linear_model  # noqa: E402

WORDS = {"anger": "angry", "joy": "happy", "sadness": "sad"}
KINDS = ("anger", "joy", "sadness", "anger|joy", "joy|sadness", "")
SIZES = {"train": 48, "validation": 24, "test": 24}


def write_several(path: Path, *, clips: bool = False) -> Path:
    """Writes a table whose texts say each of their emotions by a word; returns its file."""
    path.mkdir(parents=True, exist_ok=True)
    rows = ["text,audio,labels,split"]
    for split, size in SIZES.items():
        for number in range(size):
            labels = KINDS[number % len(KINDS)]
            words = [WORDS[label] for label in labels.split("|") if label]
            clip = f"{split}{number}.wav" if clips else ""
            if clip:
                waveform = tone(0.6, pitch_hz=2500.0 if "joy" in labels else 250.0)
                (path / clip).write_bytes(encode(waveform, 16_000, "wav"))
            # As many of a word that says nothing as tells nothing of the labels.
            filling = ["the"] * (1 + number // len(KINDS) % 4)
            rows.append(f"{' '.join([*words, *filling])},{clip},{labels},{split}")
    (path / "own.csv").write_text("\n".join(rows), encoding="utf-8")
    return path / "own.csv"


def several_training(*, clips: bool = False) -> TrainingConfig:
    config = own_training(problem_type="multi_label") if clips else own_training()
    if clips:
        parts = (config.text, config.audio, config.fusion)
        text, audio, fusion = (
            replace(part, fit=replace(part.fit, epochs=1)) if part else None for part in parts
        )
        return replace(config, text=text, audio=audio, fusion=fusion)
    return replace(config, problem_type="multi_label", audio=None, fusion=None)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint")))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_several(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(table: Path, checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    config = several_training()
    data = TrainingData.load(config, table)
    out = tmp_path_factory.mktemp("trained")
    return model.training.train.train(config, data, checkpoint, out).artifact


def test_the_artifact_says_what_it_is(trained: Artifact) -> None:
    assert trained.config.problem_type == "multi_label"
    assert trained.config.emotions == ("anger", "joy", "sadness")
    assert list(trained.thresholds) == ["text"]
    assert list(trained.temperatures) == ["text"]


def test_items_have_all_of_their_emotions_or_none(trained: Artifact) -> None:
    scorer = EmotionScorer.load(trained.path, FLOAT32)
    texts = ["happy the", "angry happy the the", "the the the"]
    scored = scorer.score([scorer.preprocess(text, None) for text in texts])
    found = [sorted(scorer.emotions[index] for index in each.applying) for each in scored]
    assert found == [["joy"], ["anger", "joy"], []]


def test_temperature_and_thresholds_are_fitted_to_the_saved_weights(
    trained: Artifact, table: Path
) -> None:
    scorer = EmotionScorer.load(trained.path, FLOAT32)
    calibration = calibrate(scorer, TrainingData.load(several_training(), table), 1)
    assert calibration.temperatures == trained.temperatures
    assert calibration.thresholds == trained.thresholds


def test_what_was_learned_is_measured(trained: Artifact, table: Path) -> None:
    scorer = EmotionScorer.load(trained.path, FLOAT32)
    dataset = load_dataset("manifest", table)
    metrics = evaluate_multi_label(scorer, dataset, "test").metrics
    assert (metrics.n, metrics.mean_labels) == (24, pytest.approx(7 / 6))
    assert metrics.macro_f1 > 0.9
    assert metrics.exact_match > 0.8


def test_texts_with_clips(tmp_path: Path, checkpoint: str) -> None:
    config = several_training(clips=True)
    data = TrainingData.load(config, write_several(tmp_path / "data", clips=True))
    artifact = model.training.train.train(config, data, checkpoint, tmp_path / "out").artifact
    heads = ["text", "audio", "text+audio"]
    assert list(artifact.temperatures) == list(artifact.thresholds) == heads
    assert {len(each) for each in artifact.thresholds.values()} == {3}


def test_examples_of_several_labels_need_a_config_that_says_so(
    table: Path, checkpoint: str, tmp_path: Path
) -> None:
    config = replace(several_training(), problem_type="single_label")
    data = TrainingData.load(config, table)
    with pytest.raises(ConfigError) as caught:
        model.training.train.train(config, data, checkpoint, tmp_path)
    assert str(caught.value) == (
        "own: problem_type is 'single_label'; examples of manifest have any number of emotions, so "
        "it must be 'multi_label'"
    )


def test_folds_are_of_one_emotion_an_item(tmp_path: Path) -> None:
    write_goemotions(tmp_path)
    dataset = load_dataset("goemotions-28", tmp_path)
    config = tiny_training()
    assert config.text is not None
    config = replace(
        config,
        emotions=(),
        audio=None,
        fusion=None,
        text=replace(config.text, dataset="goemotions-28"),
    )
    with pytest.raises(ConfigError, match=r"^tiny on goemotions-28: folds are measured of one"):
        cross_validate(config, dataset, 2, FoldBy.RANDOM, None, tmp_path)


def test_one_example_is_too_few(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("text,labels\nhappy,joy|anger\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"^manifest has one example to train on; 2 are needed$"):
        TrainingData.load(several_training(), tmp_path / "own.csv")


# The score of an epoch


def test_the_score_is_the_mean_of_each_class_at_its_best_threshold() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((300, 3)) < (0.5, 0.05, 0.0)).astype(np.float32)
    logits = (rng.normal(size=(300, 3)) + 2 * targets - (0, 3, 0)).astype(np.float32)
    metric = BestThresholdF1()
    for rows in (slice(0, 100), slice(100, 300)):
        metric.update_state(targets[rows], logits[rows])
    probabilities = 1 / (1 + np.exp(-logits))
    best = [
        max(f1_score(targets[:, column], probabilities[:, column] >= each) for each in THRESHOLDS)
        for column in (0, 1)  # no item has the third
    ]
    assert float(metric.result()) == pytest.approx(np.mean(best), abs=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_the_loss_is_the_binary_cross_entropy_of_each_class(tmp_path: Path) -> None:
    rows = np.array([[1.0], [2.0], [-1.0], [0.5]], np.float32)
    targets = np.array([[1, 1], [0, 0], [0, 1], [1, 0]], np.float32)
    fit = FitConfig(epochs=1, batch_size=4, learning_rate=1e-12, keep="best")
    linear = linear_model([[1.0, -0.5], [0.0, 0.0]])
    validation = (blank_side(rows), targets)
    batches = batches_of(rows, targets, fit)
    fit_model(linear, batches, validation, fit, tmp_path, "x", problem_type="multi_label")
    [epoch] = read_history(tmp_path)
    probabilities = 1 / (1 + np.exp(-rows * np.array([[1.0, -0.5]])))
    likelihood = np.where(targets > 0, probabilities, 1 - probabilities)
    assert epoch["loss"] == pytest.approx(-np.log(likelihood).mean(), rel=1e-5)
    assert epoch["val_loss"] == pytest.approx(epoch["loss"], rel=1e-5)
    assert epoch["accuracy"] == pytest.approx(((probabilities > 0.5) == (targets > 0)).mean())
    assert 0 < epoch["val_macro_f1"] <= 1
