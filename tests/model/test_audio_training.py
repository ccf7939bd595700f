"""MobileNet starts from a file of weights where one is named."""

from pathlib import Path

import numpy as np
import pytest

from model.backend import start_keras
from model.config import MobileNetConfig
from model.errors import ConfigError

start_keras()

from model.audio_training import load_mobilenet_weights  # noqa: E402
from model.emotion_classifier import AudioEncoder  # noqa: E402


def encoder(alpha: float = 0.25, size: int = 32) -> AudioEncoder:
    built = AudioEncoder(MobileNetConfig(alpha), size, size)
    built.build((None, None, None, None), (None, None))
    return built


def test_weights_of_another_image_size_fit(tmp_path: Path) -> None:
    path = tmp_path / "imagenet.weights.h5"
    published = encoder(size=64)
    published.mobilenet.save_weights(path)
    ours = encoder()
    load_mobilenet_weights(ours, str(path))
    for one, other in zip(ours.mobilenet.weights, published.mobilenet.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "wide.weights.h5"
    encoder(alpha=0.5).mobilenet.save_weights(path)
    with pytest.raises(ConfigError, match=r"wide\.weights\.h5', which does not fit: "):
        load_mobilenet_weights(encoder(), str(path))
    path.write_bytes(b"nope")
    with pytest.raises(ConfigError, match="which does not fit: "):
        load_mobilenet_weights(encoder(), str(path))
    with pytest.raises(ConfigError, match="there is no such file"):
        load_mobilenet_weights(encoder(), str(tmp_path / "gone.weights.h5"))
