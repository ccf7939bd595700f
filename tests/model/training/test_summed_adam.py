"""Our Adam is Keras's where gradients are dense, and adds before it squares where they are not."""

from typing import Any

import numpy as np
import pytest

from model.network.backend import start_keras

start_keras()
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from model.training.summed_adam import SummedAdam  # noqa: E402


def steps(optimizer: Any, gradients: list[Any], start: Any) -> list[np.ndarray]:
    variable = keras.Variable(start)
    seen = []
    for gradient in gradients:
        optimizer.apply([gradient], [variable])
        seen.append(np.array(variable))
    return seen


@pytest.mark.parametrize("decay", [None, 0.1])
@pytest.mark.parametrize("accumulate", [None, 2])
def test_dense_gradients_move_as_in_keras(decay: float | None, accumulate: int | None) -> None:
    rng = np.random.default_rng(5)
    start = rng.normal(size=(7, 3)).astype(np.float32)
    gradients = [tf.constant(rng.normal(size=(7, 3)) * 10.0**-k, tf.float32) for k in range(6)]
    settings = {"weight_decay": decay, "gradient_accumulation_steps": accumulate}
    ours = steps(SummedAdam(0.01, **settings), gradients, start)
    theirs = steps(keras.optimizers.Adam(0.01, **settings), gradients, start)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert np.abs(ours[-1] - start).min() > 1e-3


def test_rows_of_a_repeated_token_are_added_before_they_are_squared() -> None:
    rng = np.random.default_rng(6)
    start = rng.normal(size=(5, 2)).astype(np.float32)
    sparse, dense = [], []
    for _ in range(3):
        tokens = np.array([4, 1, 4, 4])
        rows = rng.normal(size=(4, 2)).astype(np.float32)
        sparse.append(tf.IndexedSlices(tf.constant(rows), tf.constant(tokens), (5, 2)))
        summed = np.zeros((5, 2), np.float32)
        np.add.at(summed, tokens, rows)
        dense.append(tf.constant(summed))
    expected = steps(keras.optimizers.Adam(0.01), dense, start)
    np.testing.assert_allclose(
        steps(SummedAdam(0.01), sparse, start), expected, rtol=1e-5, atol=1e-6
    )
    # Why the class is there; when Keras mends it, it can go.
    assert not np.allclose(steps(keras.optimizers.Adam(0.01), sparse, start), expected, rtol=1e-3)
