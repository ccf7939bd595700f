"""A fit does what its settings say."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from model.config import ClassifierConfig, HeadConfig, TextConfig
from model.errors import ConfigError
from model.network.backend import start_keras
from model.training.training_config import FitConfig
from schemas.emotions import Modality
from tests.support.tiny_models import tiny_encoder

start_keras()
import keras  # noqa: E402

import model.training.fitting  # noqa: E402
from model.network.emotion_classifier import EmotionClassifier  # noqa: E402
from model.training.fitting import (  # noqa: E402
    HISTORY_FILE,
    STATE_FILE,
    HeadModel,
    class_weights,
    fit_model,
    read_history,
)
from tests.support.small_fits import (  # noqa: E402
    batches_of,
    blank_side,
    linear_model,
    one_hot,
    outcome,
    small_model,
)

FloatArray = npt.NDArray[np.float32]
STILL = 1e-12
"""A learning rate at which no weight moves."""


# Class weights


@pytest.mark.parametrize("labels", [[0, 1, 1, 1], [0, 0, 2, 2, 2, 1], [1] * 9 + [0]])
def test_balanced_weights_are_scikit_learns(labels: list[int]) -> None:
    targets = np.eye(3, dtype=np.float32)[labels]
    weights = class_weights(targets, FitConfig(class_weights="balanced"))
    assert weights is not None
    of_examples = [weights[label] for label in labels]
    np.testing.assert_allclose(of_examples, compute_sample_weight("balanced", labels))
    assert list(weights) == [0, 1, 2]
    assert all(weights[label] == 1.0 for label in {0, 1, 2} - set(labels))
    assert class_weights(targets, FitConfig(class_weights="none")) is None


@pytest.mark.parametrize(("kind", "share"), [("none", 0.9), ("balanced", 0.5)])
def test_balanced_weights_make_rare_classes_count_as_much(
    tmp_path: Path, kind: str, share: float
) -> None:
    """Of inputs that say nothing, a model learns how often each class comes."""
    fit = FitConfig(
        epochs=10,
        batch_size=50,
        learning_rate=0.2,
        warmup_share=0.0,
        optimizer="sgd",
        class_weights=kind,  # type: ignore[arg-type]
        keep="last",
    )
    targets = one_hot([0] * 450 + [1] * 50)
    batches = batches_of(np.ones((500, 1), np.float32), targets, fit)
    model = linear_model([[0.0, 0.0], [0.0, 0.0]])
    fit_model(model, batches, None, fit, tmp_path, "made", class_weights(targets, fit))
    logits = model.get_weights()[0][0]
    assert 1 / (1 + np.exp(logits[1] - logits[0])) == pytest.approx(share, abs=0.03)


# Steps


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_gradients_of_two_batches_make_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weight_decay: float
) -> None:
    """At an even rate: the cosine counts batches, and would stand half a step later."""
    monkeypatch.setattr(
        model.training.fitting.keras.optimizers.schedules, "CosineDecay", lambda rate, **_: rate
    )
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(32, 3)).astype(np.float32)
    targets = one_hot((rows[:, 0] > 0).astype(int).tolist())

    def fitted(batch_size: int, accumulate_batches: int) -> list[FloatArray]:
        fit = FitConfig(
            epochs=3,
            batch_size=batch_size,
            learning_rate=0.1,
            warmup_share=0.0,
            optimizer="sgd",
            weight_decay=weight_decay,
            accumulate_batches=accumulate_batches,
            keep="last",
        )
        network = small_model(4)
        folder = tmp_path / f"{batch_size}-{accumulate_batches}"
        fit_model(network, batches_of(rows, targets, fit), None, fit, folder, "made")
        return list(network.get_weights())

    whole, halves, single = fitted(8, 1), fitted(4, 2), fitted(4, 1)
    for one, other in zip(whole, halves, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert np.abs(whole[0] - single[0]).max() > 0.01


class FixedOrder(keras.utils.PyDataset):
    """Windows of six tokens, in the same order in each epoch, whatever the batch."""

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        rng = np.random.default_rng(4)
        # Few different tokens: a batch repeats them, and two batches share some.
        self.token_ids = rng.integers(5, 15, (16, 1, 6)).astype(np.int32)
        self.targets = one_hot(rng.integers(0, 2, 16).tolist())
        self.batch_size = batch_size

    def start_epoch(self, epoch: int) -> None:
        del epoch

    def __len__(self) -> int:
        return len(self.targets) // self.batch_size

    def __getitem__(self, index: int) -> Any:
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        token_ids = self.token_ids[rows]
        inputs = {"token_ids": token_ids, "token_mask": np.ones(token_ids.shape, bool)}
        return inputs, self.targets[rows]


def test_gradients_of_an_embedding_are_gathered_before_adams_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two batches of 4 texts are one of 8, for each token's row too."""
    monkeypatch.setattr(
        model.training.fitting.keras.optimizers.schedules, "CosineDecay", lambda rate, **_: rate
    )
    encoder = tiny_encoder(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    config = ClassifierConfig(
        emotions=("anger", "joy"),
        head=HeadConfig(hidden_units=8, dropout=0.0),
        text=TextConfig(window_tokens=8),
        encoder=encoder,
    )

    def fitted(batch_size: int, accumulate_batches: int) -> dict[str, FloatArray]:
        fit = FitConfig(
            epochs=2,
            batch_size=batch_size,
            learning_rate=1e-3,
            warmup_share=0.0,
            weight_decay=0.01,
            accumulate_batches=accumulate_batches,
            keep="last",
        )
        keras.utils.set_random_seed(3)
        classifier = EmotionClassifier(config)
        network = HeadModel(classifier, Modality.TEXT)
        folder = tmp_path / f"{batch_size}-{accumulate_batches}"
        fit_model(network, FixedOrder(batch_size), None, fit, folder, "made")
        return {weight.path: weight.numpy() for weight in network.trainable_variables}

    whole, halves, single = fitted(8, 1), fitted(4, 2), fitted(4, 1)
    [table] = [path for path in whole if path.endswith("words/embeddings")]
    for path, weights in whole.items():
        np.testing.assert_allclose(halves[path], weights, atol=2e-5, err_msg=path)
    assert np.abs(whole[table] - single[table]).max() > 5e-4


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_label_smoothing_is_in_the_loss(tmp_path: Path, smoothing: float) -> None:
    fit = FitConfig(
        epochs=1, batch_size=4, learning_rate=STILL, label_smoothing=smoothing, keep="last"
    )
    batches = batches_of(np.ones((4, 1), np.float32), one_hot([0, 0, 0, 1]), fit)
    model = linear_model([[2.0, 0.0], [0.0, 0.0]])
    fit_model(model, batches, None, fit, tmp_path, "made")
    log_shares = np.array([2.0, 0.0]) - np.log(np.exp(2.0) + 1)
    smoothed = one_hot([0, 0, 0, 1]) * (1 - smoothing) + smoothing / 2
    expected = -(smoothed * log_shares).sum(axis=1).mean()
    assert read_history(tmp_path)[0]["loss"] == pytest.approx(expected, abs=1e-6)


# Epochs that are kept, and the end


def fit_away_from(
    folder: Path, keep: str, learning_rate: float, patience: int = 0
) -> tuple[keras.Model, list[dict[str, float]], int]:
    """A fit that starts with the validation labels right, and learns their opposites."""
    rows = np.tile(np.eye(2, dtype=np.float32), (8, 1))
    targets = one_hot([1, 0] * 8)
    fit = FitConfig(
        epochs=12,
        batch_size=4,
        learning_rate=learning_rate,
        warmup_share=0.0,
        keep=keep,  # type: ignore[arg-type]
        patience=patience,
    )
    model = linear_model([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    validation = (blank_side(rows), 1 - targets)
    fit_model(model, batches_of(rows, targets, fit), validation, fit, folder, "made")
    _, epochs, kept = outcome(model, folder)
    return model, epochs, kept


def test_the_best_epoch_is_kept_and_not_the_last(tmp_path: Path) -> None:
    model, epochs, kept = fit_away_from(tmp_path / "best", "best", 0.1)
    scores = [epoch["val_macro_f1"] for epoch in epochs]
    assert (scores[0], scores[-1], len(scores)) == (1.0, 0.0, 12)
    assert kept == 1
    assert model.predict(np.eye(2, 3), verbose=0).argmax(axis=1).tolist() == [0, 1]


def test_the_last_epoch_is_kept(tmp_path: Path) -> None:
    model, epochs, kept = fit_away_from(tmp_path, "last", 0.1)
    assert len(epochs) == kept == 12
    assert model.predict(np.eye(2, 3), verbose=0).argmax(axis=1).tolist() == [1, 0]


def test_a_fit_ends_when_patience_does(tmp_path: Path) -> None:
    _, epochs, kept = fit_away_from(tmp_path, "best", STILL, patience=3)
    assert [epoch["val_macro_f1"] for epoch in epochs] == [1.0] * 4
    assert kept == 1


def test_an_early_end_is_not_gone_past_by_a_second_run(tmp_path: Path) -> None:
    _, first, _ = fit_away_from(tmp_path, "best", STILL, patience=3)
    before = (tmp_path / STATE_FILE).read_bytes()
    _, second, kept = fit_away_from(tmp_path, "best", STILL, patience=3)
    assert (second, kept) == (first, 1)
    assert (tmp_path / STATE_FILE).read_bytes() == before


@pytest.mark.parametrize("rate", [1e9, 1e30])
def test_a_loss_that_is_no_number_ends_the_fit(tmp_path: Path, rate: float) -> None:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(32, 3)).astype(np.float32)
    targets = one_hot((rows[:, 0] > 0).astype(int).tolist())
    fit = FitConfig(epochs=3, batch_size=4, learning_rate=rate, optimizer="sgd", keep="last")
    with pytest.raises(ConfigError) as caught:
        fit_model(small_model(4), batches_of(rows, targets, fit), None, fit, tmp_path, "made")
    told = r"the loss is (nan|inf) after epoch \d; learning_rate is 1e\+\d+, and must be lower"
    assert re.fullmatch(told, str(caught.value))
    # Weights that are no numbers are nothing to go on with.
    assert not (tmp_path / HISTORY_FILE).exists()
