"""Rows are scaled by the training clips; MobileNet starts from a file where one is named."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.config import MobileNetConfig
from model.errors import ConfigError
from model.network.backend import start_keras
from model.training.training_config import FitConfig
from tests.support.tiny_corpora import tiny_training, write_emodb

start_keras()
import keras  # noqa: E402

import model.training.fitting  # noqa: E402
from model.network.emotion_classifier import AudioEncoder  # noqa: E402
from model.training.audio_training import (  # noqa: E402
    fit_audio,
    load_mobilenet_weights,
    row_statistics,
    store_clips,
)
from model.training.fitting import HISTORY_FILE  # noqa: E402
from model.training.train import build_classifier  # noqa: E402
from model.training.training_data import TrainingData  # noqa: E402


def encoder(alpha: float = 0.25, size: int = 32) -> AudioEncoder:
    built = AudioEncoder(MobileNetConfig(alpha), size, size)
    built.build((None, None, None, None), (None, None))
    return built


def test_row_statistics_are_those_of_all_frames() -> None:
    rng = np.random.default_rng(2)
    strips = [
        [rng.integers(0, 256, (4, n_frames), dtype=np.uint8) for n_frames in sizes]
        for sizes in ((5, 7), (40, 31), (1, 2))
    ]
    for speeds in strips:
        for strip in speeds:
            strip[2] = 9  # always the same
    frames = np.concatenate([strip for speeds in strips for strip in speeds], axis=1)
    mean, std = row_statistics(strips)
    np.testing.assert_allclose(mean, frames.mean(axis=1))
    np.testing.assert_allclose(std, [*frames.std(axis=1)[:2], 1, frames.std(axis=1)[3]])


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


def fit_long_clips(data_dir: Path, folder: Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Fits clips that are longer than an image, and keeps the best epoch; weights and history."""
    config = tiny_training(text=None, fusion=None)
    assert config.audio is not None
    audio = replace(
        config.audio,
        fit=FitConfig(epochs=4, batch_size=8, learning_rate=0.01, keep="best"),
        features=replace(config.audio.features, hop_length=128),
        mixup=0.1,
    )
    config = replace(config, audio=audio)
    data = TrainingData.load(config, data_dir, lambda _: None)
    assert data.audio is not None
    keras.utils.set_random_seed(config.seed)
    classifier, preprocessor = build_classifier(config, data, None)
    assert preprocessor.audio is not None
    strips = store_clips(preprocessor.audio, audio, data.audio, data_dir / "features")
    fit_audio(classifier, audio, data.audio, strips, config.seed, folder)
    history = json.loads((folder / HISTORY_FILE).read_text(encoding="utf-8"))
    for epoch in history["epochs"]:
        del epoch["seconds"]
    return classifier.get_weights(), history


@pytest.mark.slow
def test_a_killed_fit_of_long_clips_keeps_the_same_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each epoch is scored on the same crops, whichever run it is of."""
    write_emodb(tmp_path, copies=1)
    weights, history = fit_long_clips(tmp_path, tmp_path / "unbroken")
    save_file, n_calls = model.training.fitting.save_file, 0

    def killed(*args: Any) -> None:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 3:
            raise RuntimeError("stands in for the end of the process")
        save_file(*args)

    with monkeypatch.context() as patched:
        patched.setattr(model.training.fitting, "save_file", killed)
        with pytest.raises(RuntimeError, match="stands in"):
            fit_long_clips(tmp_path, tmp_path / "killed")
    weights_again, history_again = fit_long_clips(tmp_path, tmp_path / "killed")
    assert history_again == history
    for one, other in zip(weights, weights_again, strict=True):
        np.testing.assert_array_equal(one, other)
