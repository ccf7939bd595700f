"""Fits a tiny text model on the backend that KERAS_BACKEND names; `test_backends` runs it.

Run as `python -m tests.reference.fit_on_a_backend FOLDER`; it leaves `losses.json` there.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from model.config import ClassifierConfig, EncoderConfig, HeadConfig, TextConfig
from model.network.emotion_classifier import EmotionClassifier
from model.training.batches import TextBatches
from model.training.fitting import HISTORY_FILE, HeadModel, fit_model, read_history
from model.training.training_config import FitConfig
from schemas.emotions import Modality
from tests.support.reference_encoders import CASES, SIZES

EMOTIONS = ("anger", "joy", "sadness")
N_TEXTS, MAX_TOKENS = 24, 16
FIT = FitConfig(epochs=2, batch_size=4, learning_rate=1e-2, weight_decay=0.01, keep="last")


class KilledError(Exception):
    """In place of the signal."""


class KilledBatches(TextBatches):
    """Ends the fit where its second epoch would begin; Keras counts from 1."""

    def on_epoch_begin(self) -> None:
        if self.epoch == 2:
            raise KilledError


def fit(policy: str, folder: Path, kind: type[TextBatches] = TextBatches) -> list[np.ndarray]:
    """Fits a model that is the same on every backend, and returns its weights afterwards.

    Without dropout: the backends draw differently, and PyTorch's from no state that is kept.
    """
    keras.utils.set_random_seed(7)
    shape = SIZES | CASES["roberta"]
    del shape["model_type"]
    encoder = EncoderConfig(
        **shape, position_offset=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    text = TextConfig(window_tokens=encoder.max_window_tokens)
    head = HeadConfig(hidden_units=8, dropout=0.0)
    classifier = EmotionClassifier(ClassifierConfig(EMOTIONS, head, text, encoder), policy)
    rng = np.random.default_rng(3)
    weights = sorted(classifier.weights, key=lambda weight: weight.path)
    for weight in weights:
        centre = 1.0 if weight.path.endswith("gamma") else 0.0
        weight.assign(rng.normal(centre, 0.3, weight.shape))
    windows = [
        tuple(rng.integers(4, encoder.vocab_size, n).tolist())
        for n in rng.integers(2, MAX_TOKENS + 1, N_TEXTS)
    ]
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[rng.integers(len(EMOTIONS), size=N_TEXTS)]
    batches = kind(windows, targets, FIT.batch_size, seed=2)
    fit_model(HeadModel(classifier, Modality.TEXT), batches, None, FIT, folder, "Tiny")
    return [keras.ops.convert_to_numpy(weight) for weight in weights]


def check_restart(policy: str, folder: Path) -> None:
    """Asserts that a fit which was killed goes on, and ends as an unbroken one."""
    unbroken = fit(policy, folder / "unbroken")
    try:
        fit(policy, folder / "killed", KilledBatches)
    except KilledError:
        assert not (folder / "killed" / HISTORY_FILE).exists()
    np.testing.assert_equal(fit(policy, folder / "killed"), unbroken)


def main() -> None:
    """Writes the losses of each precision."""
    folder = Path(sys.argv[1])
    losses = {}
    for policy in ("float32", "mixed_bfloat16"):
        fit(policy, folder / policy)
        losses[policy] = [epoch["loss"] for epoch in read_history(folder / policy)]
    # On TensorFlow, tests/model/training/test_fitting.py checks it.
    if keras.backend.backend() != "tensorflow":
        check_restart("mixed_bfloat16", folder)
    (folder / "losses.json").write_text(json.dumps(losses), encoding="utf-8")


if __name__ == "__main__":
    main()
