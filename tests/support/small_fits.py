"""Small networks and batches that are fitted in a second, and what comes of a fit."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.network.backend import start_keras
from model.training.training_config import FitConfig, FusionTraining

start_keras()
import keras  # noqa: E402

from model.training.batches import PairBatches  # noqa: E402
from model.training.fitting import (  # noqa: E402
    HISTORY_FILE,
    read_history,
)

FloatArray = npt.NDArray[np.float32]
Outcome = tuple[list[FloatArray], list[dict[str, float]], int]
"""The weights of a fit, its epochs without `seconds`, and the epoch that is kept."""


def one_hot(labels: list[int]) -> FloatArray:
    return np.eye(2, dtype=np.float32)[labels]


def batches_of(
    rows: FloatArray, targets: FloatArray, fit: FitConfig, kind: type[PairBatches] = PairBatches
) -> PairBatches:
    """Batches of the rows, each beside an audio side of one blank."""
    settings = FusionTraining(fit=fit, text_dropout=0.0, audio_dropout=0.0)
    no_crops = [np.array([], np.int64)] * len(rows)
    return kind(rows, np.zeros((1, 1), np.float32), no_crops, targets, settings, 1)


def blank_side(rows: FloatArray) -> FloatArray:
    return np.concatenate([rows, np.zeros((len(rows), 1), np.float32)], axis=1)


def small_model(n_inputs: int, dropout: float = 0.0) -> keras.Model:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((n_inputs,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dropout(dropout)(hidden)))


def linear_model(weights: list[list[float]]) -> keras.Model:
    """A layer without bias whose weights are given, `[inputs, classes]`."""
    inputs = keras.Input((len(weights),))
    model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(inputs))
    model.set_weights([np.array(weights, np.float32)])
    return model


def outcome(model: keras.Model, folder: Path) -> Outcome:
    epochs = [
        {name: value for name, value in epoch.items() if name != "seconds"}
        for epoch in read_history(folder)
    ]
    kept = json.loads((folder / HISTORY_FILE).read_text(encoding="utf-8"))["kept_epoch"]
    return model.get_weights(), epochs, kept


def assert_same(one: Outcome, other: Outcome) -> None:
    for weights, others in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(weights, others)
    assert one[1:] == other[1:]
