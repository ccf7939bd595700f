"""Fits one head of a classifier, and what feeds it, with Keras's own training loop."""

import json
import math
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.utils.class_weight import compute_class_weight

from model.config import ProblemType
from model.errors import ConfigError
from model.evaluation.figures import draw_curves
from model.files import remove_unfinished, whole_file, write_whole
from model.network.emotion_classifier import EmotionClassifier
from model.training.best_threshold_f1 import BestThresholdF1
from model.training.summed_adam import SummedAdam
from model.training.training_config import FitConfig
from schemas.emotions import Modality

STATE_FILE = "state.safetensors"
"""In a fit's folder: all that a fit needs to go on, after its last whole epoch."""
HISTORY_FILE = "history.json"
CURVES_FILE = "curves.png"
EpochLog = dict[str, float]
"""What Keras says of an epoch: `loss`, `accuracy`, `macro_f1`, and `val_` of each."""


class HeadModel(keras.Model):
    """One encoder of a classifier and its head, as a model of one output."""

    def __init__(self, classifier: EmotionClassifier, modality: Modality) -> None:
        super().__init__()
        text = modality == Modality.TEXT
        self.encoder: Any = classifier.text_encoder if text else classifier.audio_encoder
        self.head = classifier.heads[modality.value]

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """Returns the head's logits."""
        return self.head(self.encoder(**inputs, training=training), training=training)


def class_weights(targets: npt.NDArray[np.float32], fit: FitConfig) -> dict[int, float] | None:
    """Returns what each class's loss is multiplied by; None where the settings ask for nothing.

    >>> targets = np.eye(2, dtype=np.float32)[[0, 1, 1, 1]]
    >>> class_weights(targets, FitConfig(class_weights="balanced"))
    {0: 2.0, 1: 0.6666666666666666}
    """
    if fit.class_weights == "none":
        return None
    labels = targets.argmax(axis=1)
    present = np.unique(labels)
    weights = compute_class_weight("balanced", classes=present, y=labels)
    absent = dict.fromkeys(range(targets.shape[1]), 1.0)
    return absent | dict(zip(present.tolist(), weights.tolist(), strict=True))


def fit_model(
    model: keras.Model,
    batches: Any,
    validation: Any | None,
    fit: FitConfig,
    folder: Path,
    title: str,
    class_weights: Mapping[int, float] | None = None,
    problem_type: ProblemType = "single_label",
) -> None:
    """Fits a model of one output of logits, and keeps the epoch that the settings ask for.

    The state after each epoch is kept in `folder`: the same fit that was killed goes on after its
    last whole epoch, and ends as if nothing had happened.

    Args:
        model: its weights change.
        batches: a `PyDataset` that shuffles by its seed and `epoch` alone.
        validation: the same in each epoch; None where the settings keep the last one.
        fit: how to fit.
        folder: for `history.json`, `curves.png`, TensorBoard's logs, and the state.
        title: of the curves.
        class_weights: what each class's loss is multiplied by; all alike where left out.
        problem_type: what the logits mean: of a multi-label problem each class has a cross-entropy
            of its own, and accuracy is the share of all answers, of which an item has one a class.

    Raises:
        ConfigError: the loss is no longer a number.
    """
    n_steps = fit.epochs * len(batches)
    n_warmup = round(fit.warmup_share * n_steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0 if n_warmup else fit.learning_rate,
        decay_steps=max(n_steps - n_warmup, 1),
        warmup_target=fit.learning_rate if n_warmup else None,
        warmup_steps=n_warmup,
    )
    shared = {
        "weight_decay": fit.weight_decay or None,
        "gradient_accumulation_steps": fit.accumulate_batches
        if fit.accumulate_batches > 1
        else None,
    }
    # Other backends' gradients are dense, and PyTorch's own Adam moves all variables at once.
    adam = SummedAdam if keras.backend.backend() == "tensorflow" else keras.optimizers.Adam
    optimizer = (
        keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **shared)
        if fit.optimizer == "sgd"
        else adam(rate, **shared)
    )
    model.compile(
        optimizer=optimizer,
        **_loss_and_metrics(problem_type, fit),
        # XLA makes TensorFlow's MobileNet 15 times slower on a CPU; JAX compiles with nothing else.
        jit_compile=keras.backend.backend() == "jax",
    )
    optimizer.build(model.trainable_variables)
    folder.mkdir(parents=True, exist_ok=True)
    state = _FitState(fit, folder / STATE_FILE)
    state.set_model(model)
    state.restore(batches)
    if not state.is_done:
        board = keras.callbacks.TensorBoard(str(folder / "tensorboard"), write_graph=False)
        # It writes with TensorFlow, which the other backends do without.
        boards = [board] if find_spec("tensorflow") else []
        model.fit(
            batches,
            validation_data=validation,
            initial_epoch=len(state.history),
            epochs=fit.epochs,
            shuffle=False,
            class_weight=class_weights,
            callbacks=[*boards, state],
            # A bar on a terminal, and elsewhere a line an epoch.
            verbose=1 if sys.stdout.isatty() else 2,
        )
    state.keep()
    history = {"epochs": state.history, "kept_epoch": state.kept_epoch}
    write_whole(folder / HISTORY_FILE, json.dumps(history, indent=2) + "\n")
    draw_curves(state.history, title, folder / CURVES_FILE, state.kept_epoch)


def _loss_and_metrics(problem_type: ProblemType, fit: FitConfig) -> dict[str, Any]:
    if problem_type == "multi_label":
        answers = keras.metrics.MeanMetricWrapper(
            keras.metrics.binary_accuracy, name="accuracy", threshold=0.0
        )
        return {
            "loss": keras.losses.BinaryCrossentropy(from_logits=True),
            "metrics": [answers, BestThresholdF1(name="macro_f1")],
        }
    return {
        "loss": keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=fit.label_smoothing
        ),
        "metrics": ["accuracy", keras.metrics.F1Score(average="macro", name="macro_f1")],
    }


def read_history(folder: Path) -> list[EpochLog]:
    """Returns what Keras said of each epoch of a finished fit, and the `seconds` it took."""
    history = json.loads((folder / HISTORY_FILE).read_text(encoding="utf-8"))
    return list(history["epochs"])


def read_kept_epoch(folder: Path) -> int:
    """Returns the epoch, from 1, whose weights a finished fit has kept."""
    return int(json.loads((folder / HISTORY_FILE).read_text(encoding="utf-8"))["kept_epoch"])


class _FitState(keras.callbacks.Callback):
    """Stores all of a fit's state after each epoch, remembers the best one, and stops early."""

    def __init__(self, fit: FitConfig, path: Path) -> None:
        super().__init__()
        self.fit = fit
        self.path = path
        self.history: list[EpochLog] = []
        self.best_weights: list[Any] = []
        self.started = 0.0

    @property
    def kept_epoch(self) -> int:
        """The epoch, from 1, whose weights are kept."""
        if self.fit.keep == "last":
            return len(self.history)
        scores = [epoch["val_macro_f1"] for epoch in self.history]
        return scores.index(max(scores)) + 1

    @property
    def is_done(self) -> bool:
        """Whether all epochs have run, or `patience` of them have brought nothing better."""
        n_epochs = len(self.history)
        if not n_epochs or n_epochs == self.fit.epochs:
            return n_epochs == self.fit.epochs
        return 0 < self.fit.patience <= n_epochs - self.kept_epoch

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Starts the clock."""
        del epoch, logs
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Takes an epoch into the history and stores everything."""
        scores = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(scores["loss"]):
            raise ConfigError(
                f"the loss is {scores['loss']} after epoch {epoch + 1}; learning_rate is "
                f"{self.fit.learning_rate:g}, and must be lower"
            )
        self.history.append(scores | {"seconds": round(time.perf_counter() - self.started, 3)})
        if self.fit.keep == "best" and self.kept_epoch == epoch + 1:
            self.best_weights = self.model.get_weights()
        self._store()
        self.model.stop_training = self.is_done

    def keep(self) -> None:
        """Gives the model the weights of the epoch that is kept."""
        if self.best_weights:
            self.model.set_weights(self.best_weights)

    def restore(self, batches: Any) -> None:
        """Takes up where a fit of the same folder was killed, if one was."""
        remove_unfinished(self.path)
        if not self.path.is_file():
            return
        with safe_open(self.path, framework="numpy") as stored:
            self.history = json.loads(stored.metadata()["history"])
            for name, variable in self._variables().items():
                variable.assign(stored.get_tensor(name))
            if self.fit.keep == "best":
                n_weights = len(self.model.weights)
                self.best_weights = [stored.get_tensor(f"best/{i}") for i in range(n_weights)]
        batches.start_epoch(len(self.history))

    def _store(self) -> None:
        arrays = {name: ops.convert_to_numpy(each) for name, each in self._variables().items()}
        arrays |= {f"best/{index}": weight for index, weight in enumerate(self.best_weights)}
        # Contiguous, as safetensors needs them; np.ascontiguousarray gives scalars a dimension.
        arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        with whole_file(self.path) as temporary:
            save_file(arrays, temporary, {"history": json.dumps(self.history)})

    def _variables(self) -> dict[str, Any]:
        """Returns weights, the state of dropout's seeds, and the optimizer's moments."""
        parts = {"model": self.model.variables, "optimizer": self.model.optimizer.variables}
        return {
            f"{part}/{index}": variable
            for part, variables in parts.items()
            for index, variable in enumerate(variables)
        }
