"""Keras's engine: what it takes for a want of memory, as TensorFlow itself says it."""

from pathlib import Path

import pytest

from model.network.backend import start_keras

start_keras()
from model.scoring.artifact import Artifact  # noqa: E402
from model.scoring.keras_engine import KerasEngine  # noqa: E402


@pytest.fixture(scope="module")
def engine(tiny_artifact: Path) -> KerasEngine:
    return KerasEngine(Artifact.load(tiny_artifact).classifier())


def test_tensorflow_itself_runs_out_of_memory(engine: KerasEngine) -> None:
    """Its own error for an array of 108 TB is known."""
    import tensorflow as tf

    @tf.function
    def zeros(length: int) -> float:
        return tf.reduce_sum(tf.zeros([length, length, length]) + 1)

    with pytest.raises(Exception, match=r"OOM|allocat") as caught:
        zeros(tf.constant(30_000))
    assert engine.is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes"), True),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), True),
        (RuntimeError("INVALID_ARGUMENT: Incompatible shapes"), False),
        (ValueError("no such token"), False),
    ],
)
def test_what_a_smaller_batch_could_mend(
    engine: KerasEngine, error: Exception, expected: bool
) -> None:
    assert engine.is_out_of_memory(error) is expected
