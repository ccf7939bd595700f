"""What thresholds can make of several labels an item: macro-F1 with each class's best of a grid."""

from typing import Any

import keras
import numpy as np
from keras import ops

THRESHOLDS = np.arange(1, 40, dtype=np.float32) / 40
"""Probabilities that are tried: .025 to .975."""


class BestThresholdF1(keras.metrics.Metric):
    """The mean over classes of the F1 at each class's best threshold, of logits.

    A class that no item has is left out. With one threshold for all, the rare classes, whose
    probabilities are low, would count for nothing until late, and the epoch that suits them be
    missed. The thresholds that scoring uses are tuned afterwards, on calibrated probabilities.
    """

    def __init__(self, name: str = "best_threshold_f1", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.built = False

    def build(self, n_classes: int) -> None:
        """Creates the counts."""
        for name, shape in (
            ("right", (len(THRESHOLDS), n_classes)),
            ("predicted", (len(THRESHOLDS), n_classes)),
            ("support", (n_classes,)),
        ):
            setattr(self, name, self.add_weight(shape=shape, initializer="zeros", name=name))
        self.built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch: targets and logits, `[items, classes]`; weights are not used."""
        del sample_weight
        if not self.built:
            self.build(y_pred.shape[-1])
        targets = ops.cast(y_true, "float32")
        probabilities = ops.sigmoid(ops.cast(y_pred, "float32"))
        thresholds = ops.convert_to_tensor(THRESHOLDS)[:, None, None]
        is_over = ops.cast(probabilities[None] >= thresholds, "float32")
        self.right.assign_add(ops.sum(is_over * targets[None], axis=1))
        self.predicted.assign_add(ops.sum(is_over, axis=1))
        self.support.assign_add(ops.sum(targets, axis=0))

    def result(self) -> Any:
        """Returns the mean, 0 to 1."""
        f1 = ops.max(2 * self.right / ops.maximum(self.predicted + self.support, 1e-6), axis=0)
        occurs = ops.cast(self.support > 0, "float32")
        return ops.sum(f1 * occurs) / ops.maximum(ops.sum(occurs), 1.0)

    def reset_state(self) -> None:
        """Forgets what was counted."""
        for variable in self.variables:
            variable.assign(ops.zeros_like(variable))
