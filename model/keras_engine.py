"""A model on Keras: TensorFlow, unless KERAS_BACKEND names another backend."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.artifact import Artifact
from model.text_preprocessor import LENGTH_STEP

FloatArray = npt.NDArray[np.float32]


class KerasEngine:
    """The classifier itself; on TensorFlow each of its pieces is a graph, on others as it is.

    The backend divides each operation among its own threads. Nothing is compiled with XLA: on
    processors that makes MobileNet 15 times slower.
    """

    n_parallel = 1
    max_padded_tokens = 8192
    max_images = 64
    length_step = LENGTH_STEP

    def __init__(self, artifact: Artifact, precision: str = "float32") -> None:
        """Builds the network and fills it with the artifact's weights."""
        classifier = artifact.classifier(text_precision=precision)
        self._classify = _compiled(classifier.classify)
        if classifier.text_encoder:
            self._sum_windows = _compiled(classifier.text_encoder.sum_windows)
        if classifier.audio_encoder:
            self._encode_images = _compiled(classifier.audio_encoder.encode_images)

    def sum_windows(
        self, token_ids: npt.NDArray[np.int32], token_mask: npt.NDArray[np.bool_]
    ) -> FloatArray:
        """Runs the text encoder."""
        return _array(self._sum_windows(token_ids, token_mask))

    def encode_images(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """Runs the audio encoder."""
        return _array(self._encode_images(images))

    def classify(self, text: FloatArray | None, audio: FloatArray | None) -> dict[str, FloatArray]:
        """Runs the heads."""
        return {head: _array(logits) for head, logits in self._classify(text, audio).items()}

    def is_out_of_memory(self, error: Exception) -> bool:
        """Knows TensorFlow's, JAX's and PyTorch's ways to say it."""
        names = {cls.__name__ for cls in type(error).__mro__}
        return bool(names & {"ResourceExhaustedError", "OutOfMemoryError", "MemoryError"}) or (
            "RESOURCE_EXHAUSTED" in str(error)
        )


def _array(tensor: Any) -> FloatArray:
    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float32)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf  # noqa: PLC0415

    graph: Callable[..., Any] = tf.function(function, reduce_retracing=True)
    return graph
