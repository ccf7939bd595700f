"""A model on Keras: TensorFlow, unless KERAS_BACKEND names another backend."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.network.emotion_classifier import EmotionClassifier

FloatArray = npt.NDArray[np.float32]


class KerasEngine:
    """The classifier itself, each of its pieces compiled as the backend does it.

    The backend divides each operation among its own threads. TensorFlow's graphs are not compiled
    with XLA: on processors that makes MobileNet 15 times slower.

    Args:
        classifier: the network, with its weights.
        device: cpu or gpu, which wants larger batches.
    """

    n_parallel = 1

    def __init__(self, classifier: EmotionClassifier, device: str = "cpu") -> None:
        """Compiles nothing yet: that is done at the first batch of a shape."""
        classifier.trainable = False  # on PyTorch nothing is kept for gradients then
        self.max_padded_tokens, self.max_images = (65536, 1024) if device == "gpu" else (8192, 64)
        self._classify = _compiled(classifier.classify, classifier)
        if classifier.text_encoder:
            self._sum_windows = _compiled(classifier.text_encoder.sum_windows, classifier)
        if classifier.audio_encoder:
            self._encode_images = _compiled(classifier.audio_encoder.encode_images, classifier)

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


def _compiled(function: Callable[..., Any], layer: keras.layers.Layer) -> Callable[..., Any]:
    """Returns a function of a layer's weights as the backend runs it fastest."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf  # noqa: PLC0415

        graph: Callable[..., Any] = tf.function(function, reduce_retracing=True)
        return graph
    return _compiled_by_jax(function, layer) if backend == "jax" else function


def _compiled_by_jax(function: Callable[..., Any], layer: keras.layers.Layer) -> Callable[..., Any]:
    """Compiles for each shape, which takes seconds: for batches of few shapes.

    Weights are arguments, since a constant would be copied into each.
    """
    import jax  # noqa: PLC0415

    def stateless(values: list[Any], *inputs: Any) -> Any:
        with keras.StatelessScope(list(zip(layer.variables, values, strict=True))):
            return function(*inputs)

    compiled = jax.jit(stateless)
    return lambda *inputs: compiled([each.value for each in layer.variables], *inputs)
