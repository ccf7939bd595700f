"""The weights of a part of the network that is fitted, where a later run finds them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from model.files import whole_file
from model.network.emotion_classifier import EmotionClassifier
from model.training.fitting import HISTORY_FILE, STATE_FILE
from schemas.emotions import Modality

WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True)
class FinishedPart:
    """A part of a network, and the folder for its fit and for its weights afterwards.

    Attributes:
        folder: its name tells settings, data and first weights apart: those of another checkpoint,
            vocabulary or size of network are other weights.
        variables: the part's, by their path in the network.
    """

    folder: Path
    variables: dict[str, Any]

    @classmethod
    def of(
        cls, classifier: EmotionClassifier, modality: Modality, training: Path, settings: list[Any]
    ) -> "FinishedPart":
        """Returns the part before it is fitted.

        Args:
            classifier: the weights that feed the part, and its own first ones, are in its name.
            modality: the part's.
            training: where the folders of all parts are.
            settings: as JSON; all else that decides the weights.
        """
        encoders = {
            Modality.TEXT: [classifier.text_encoder],
            Modality.AUDIO: [classifier.audio_encoder],
            Modality.TEXT_AUDIO: [classifier.text_encoder, classifier.audio_encoder],
        }[modality]
        head = classifier.heads[modality.value]
        layers = [layer for layer in (*encoders, head) if layer is not None]
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for variable in (variable for layer in layers for variable in layer.weights):
            digest.update(f"{variable.path}{tuple(variable.shape)}".encode())
            digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
        fitted = [head] if modality == Modality.TEXT_AUDIO else layers
        variables = {variable.path: variable for layer in fitted for variable in layer.weights}
        name = "fused" if modality == Modality.TEXT_AUDIO else modality
        return cls(training / f"{name}-{digest.hexdigest()[:12]}", variables)

    def store(self) -> None:
        """Writes the weights as they are now; the state of the fit is no longer needed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        weights = {name: variable.numpy() for name, variable in self.variables.items()}
        with whole_file(self.folder / WEIGHTS_FILE) as temporary:
            save_file(weights, temporary)
        (self.folder / STATE_FILE).unlink(missing_ok=True)

    def restore(self) -> bool:
        """Reads the weights back, if a run has stored them and how they were fitted."""
        path = self.folder / WEIGHTS_FILE
        if not (path.is_file() and (self.folder / HISTORY_FILE).is_file()):
            return False
        weights = load_file(path)
        for name, variable in self.variables.items():
            variable.assign(weights[name])
        return True
