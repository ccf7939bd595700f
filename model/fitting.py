"""Fits one head of a classifier, and what feeds it, with Keras's own training loop."""

from typing import Any

import keras

from model.emotion_classifier import EmotionClassifier
from model.training_config import FitConfig
from schemas.emotions import Modality

PROGRESS_LINES = 2
"""Keras's verbosity that prints one line an epoch."""


class HeadModel(keras.Model):
    """One head of a classifier and what feeds it, as a model of one output; the rest is frozen."""

    def __init__(self, classifier: EmotionClassifier, modality: Modality) -> None:
        super().__init__()
        self.classifier = classifier
        self.modality = str(modality)
        encoder = classifier.text_encoder if modality == Modality.TEXT else classifier.audio_encoder
        head = classifier.heads[self.modality]
        parts = (classifier.text_encoder, classifier.audio_encoder, *classifier.heads.values())
        for part in parts:
            if part is not None:
                part.trainable = part is encoder or part is head

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """Returns the head's logits."""
        return self.classifier(inputs, training=training)[self.modality]


def fit_model(model: keras.Model, batches: Any, validation: Any | None, fit: FitConfig) -> None:
    """Fits a model of one output of logits, and keeps the epoch that the settings ask for."""
    n_steps = fit.epochs * len(batches)
    n_warmup = round(fit.warmup_share * n_steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0 if n_warmup else fit.learning_rate,
        decay_steps=max(n_steps - n_warmup, 1),
        warmup_target=fit.learning_rate if n_warmup else None,
        warmup_steps=n_warmup,
    )
    decay = fit.weight_decay or None
    optimizer = (
        keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
        if fit.optimizer == "sgd"
        else keras.optimizers.Adam(rate, weight_decay=decay)
    )
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=fit.label_smoothing
        ),
        metrics=["accuracy", keras.metrics.F1Score(average="macro", name="macro_f1")],
        # XLA makes MobileNet 15 times slower on a CPU.
        jit_compile=False,
    )
    best = _KeepBest() if fit.keep == "best" else None
    model.fit(
        batches,
        validation_data=validation,
        epochs=fit.epochs,
        shuffle=False,
        callbacks=[best] if best else [],
        verbose=PROGRESS_LINES,
    )
    if best:
        best.restore()


class _KeepBest(keras.callbacks.Callback):
    """Remembers the weights of the epoch with the highest validation macro-F1."""

    def __init__(self) -> None:
        super().__init__()
        self.best_score = -1.0
        self.best_weights: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        del epoch
        score = (logs or {})["val_macro_f1"]
        if score > self.best_score:
            self.best_score = score
            self.best_weights = self.model.get_weights()

    def restore(self) -> None:
        self.model.set_weights(self.best_weights)
