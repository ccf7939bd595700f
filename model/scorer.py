"""Scores items with a trained model: the one class that the pipeline scores with."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.artifact import Artifact
from model.calibration import softmax
from model.preprocessor import EmotionPreprocessor, ModelInput
from model.scores import EmotionScores
from model.text_preprocessor import pad_windows
from schemas.emotions import Modality

FloatArray = npt.NDArray[np.float32]
MAX_PADDED_TOKENS = 8192
"""Tokens of one call of the text encoder, padding included: 256 tweets of 32 tokens."""
MAX_IMAGES = 64
"""Images of one call of the audio encoder."""


class EmotionScorer:
    """An artifact's network behind one method; an item runs only the encoders that it needs."""

    def __init__(self, artifact: Artifact) -> None:
        """Builds the network; `load` is the usual way here."""
        self.artifact = artifact
        self.emotions = artifact.config.emotions
        self.model_version = artifact.model_version
        self.preprocess: EmotionPreprocessor = artifact.preprocessor()
        classifier = artifact.classifier()
        self._classify = _compiled(classifier.classify)
        if classifier.text_encoder and artifact.config.text:
            self._window_tokens = artifact.config.text.window_tokens
            self._sum_windows = _compiled(classifier.text_encoder.sum_windows)
            self._text_width = classifier.text_encoder.backbone.config.hidden_size
        if classifier.audio_encoder:
            self._encode_images = _compiled(classifier.audio_encoder.encode_images)

    @classmethod
    def load(cls, name: str | Path) -> "EmotionScorer":
        """Loads an artifact: a directory, or `default` for the one in the package.

        Raises:
            ArtifactError: it is missing, damaged or of another format.
        """
        return cls(Artifact.load(name))

    def score(self, inputs: Sequence[ModelInput]) -> list[EmotionScores]:
        """Returns the scores of each input, in their order; any mixture of modalities will do."""
        logits = self.logits(inputs)
        return [self._scores_of(item, logits[index]) for index, item in enumerate(inputs)]

    def logits(self, inputs: Sequence[ModelInput]) -> list[dict[str, FloatArray]]:
        """Returns each input's uncalibrated logits, by modality of the heads that it ran."""
        text = self._text_features([item.windows for item in inputs])
        audio = self._audio_features([item.images for item in inputs])
        logits: list[dict[str, FloatArray]] = [{} for _ in inputs]
        for modality in Modality:
            rows = [index for index, item in enumerate(inputs) if item.modality == modality]
            if not rows:
                continue
            outputs = self._classify(
                None if modality == Modality.AUDIO else text[rows],
                None if modality == Modality.TEXT else audio[rows],
            )
            for head, values in outputs.items():
                for index, value in zip(rows, np.asarray(values), strict=True):
                    logits[index][head] = value
        return logits

    def _scores_of(self, item: ModelInput, logits: dict[str, FloatArray]) -> EmotionScores:
        by_head = {
            head: softmax(values / self.artifact.temperatures[head])
            for head, values in logits.items()
        }
        modality = item.modality
        both = modality == Modality.TEXT_AUDIO
        return EmotionScores(
            modality,
            by_head[modality],
            by_head["text"] if both else None,
            by_head["audio"] if both else None,
        )

    def _text_features(self, windows: Sequence[tuple[tuple[int, ...], ...]]) -> FloatArray:
        """Returns float32 `[items, hidden_size]`: the mean over all tokens of all windows."""
        flat = [(index, window) for index, item in enumerate(windows) for window in item]
        if not flat:
            return np.zeros((len(windows), 0), np.float32)
        sums = np.zeros((len(windows), self._text_width), np.float32)
        n_tokens = np.zeros((len(windows), 1), np.float32)
        for rows in _token_batches([len(window) for _, window in flat]):
            token_ids, mask = pad_windows([flat[row][1] for row in rows], self._window_tokens)
            batch_sums = np.asarray(self._sum_windows(token_ids, mask))
            for row, total in zip(rows, batch_sums, strict=True):
                sums[flat[row][0]] += total
                n_tokens[flat[row][0]] += len(flat[row][1])
        return np.divide(sums, np.maximum(n_tokens, 1), dtype=np.float32)

    def _audio_features(self, clips: Sequence[npt.NDArray[np.uint8] | None]) -> FloatArray:
        """Returns float32 `[items, n_features]`: the mean over a clip's images."""
        present = [(index, clip) for index, clip in enumerate(clips) if clip is not None]
        if not present:
            return np.zeros((len(clips), 0), np.float32)
        owners = np.repeat([index for index, _ in present], [len(clip) for _, clip in present])
        images = np.concatenate([clip for _, clip in present])
        encoded = np.concatenate(
            [
                np.asarray(self._encode_images(images[start : start + MAX_IMAGES]))
                for start in range(0, len(images), MAX_IMAGES)
            ]
        )
        features = np.zeros((len(clips), encoded.shape[1]), np.float32)
        np.add.at(features, owners, encoded)
        counts = np.bincount(owners, minlength=len(clips)).astype(np.float32)
        return np.divide(features, np.maximum(counts, 1)[:, None], dtype=np.float32)


def _token_batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yields rows, sorted by length, in groups of at most MAX_PADDED_TOKENS padded tokens."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[row] > MAX_PADDED_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function as a graph on the TensorFlow backend, and as it is on others."""
    import keras  # noqa: PLC0415

    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf  # noqa: PLC0415

    graph: Callable[..., Any] = tf.function(function, reduce_retracing=True)
    return graph
