"""Trains the audio encoder."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.datasets import Dataset, target_matrix
from model.errors import ConfigError
from model.network.emotion_classifier import AudioEncoder, EmotionClassifier
from model.preprocessing.audio_preprocessor import AudioPreprocessor
from model.training.batches import ClipBatches
from model.training.fitting import HeadModel, class_weights, fit_model
from model.training.strip_store import PLAIN_SPEEDS, Strip, StripStore
from model.training.training_config import AudioTraining
from schemas.emotions import Modality

FloatArray = npt.NDArray[np.float64]


def fit_audio(
    classifier: EmotionClassifier,
    settings: AudioTraining,
    dataset: Dataset,
    strips: Mapping[str, StripStore],
    seed: int,
    folder: Path,
) -> None:
    """Trains MobileNet and the audio head together, on augmented images of the clips.

    Args:
        classifier: its weights change.
        settings: how to train.
        dataset: clips, with splits `train` and, where the best epoch is kept, `validation`.
        strips: of each split, as `store_clips` has them.
        seed: of the batches and their augmentation.
        folder: see `model.training.fitting.fit_model`.
    """

    def batches_of(split: str, settings: AudioTraining) -> ClipBatches:
        targets = target_matrix(dataset.split(split), classifier.config.emotions)
        return ClipBatches(strips[split], targets, settings, settings.fit.batch_size, seed)

    train = batches_of("train", settings)
    if settings.standardise_rows and classifier.audio_encoder:
        classifier.audio_encoder.scale_rows(*row_statistics(train.strips))
    validation = None
    if "validation" in strips:
        plain = replace(
            settings, speeds=PLAIN_SPEEDS, max_masked_frames=0, max_masked_rows=0, mixup=0.0
        )
        validation = batches_of("validation", plain)
        validation.moves_on = False
    model = HeadModel(classifier, Modality.AUDIO)
    weights = class_weights(train.targets, settings.fit)
    title = f"Training of the audio part on {dataset.name}"
    problem_type = classifier.config.problem_type
    fit_model(model, train, validation, settings.fit, folder, title, weights, problem_type)


def store_clips(
    preprocessor: AudioPreprocessor, settings: AudioTraining, dataset: Dataset, features: Path
) -> dict[str, StripStore]:
    """Decodes the clips of the splits `train` and `validation`, if they are not in the store yet.

    Args:
        preprocessor: of the classifier that is to be trained.
        settings: the speeds that clips are heard at in training.
        dataset: the clips; a split may be empty.
        features: folder of the clips' features, see `StripStore`.

    Raises:
        DatasetError: a clip cannot be used.
    """
    speeds = {"train": settings.speeds, "validation": PLAIN_SPEEDS}
    return {
        split: StripStore(dataset.splits[split], preprocessor, speeds[split], features)
        for split in speeds
        if dataset.splits[split]
    }


def row_statistics(strips: Sequence[Sequence[Strip]]) -> tuple[FloatArray, FloatArray]:
    """Returns the mean and the deviation (1 at the least) of each row over all clips and speeds.

    Args:
        strips: of each clip at each speed, uint8 `[height, frames]`.
    """
    n_frames = 0
    sums = squares = np.zeros(1)
    for strip in (strip for speeds in strips for strip in speeds):
        rows = strip.astype(np.float64)
        n_frames += rows.shape[1]
        sums = sums + rows.sum(axis=1)
        squares = squares + (rows**2).sum(axis=1)
    mean = sums / n_frames
    variance = np.maximum(squares / n_frames - mean**2, 0)
    return mean, np.maximum(np.sqrt(variance), 1.0)


def load_mobilenet_weights(encoder: AudioEncoder, path: str) -> None:
    """Fills MobileNet from a file of weights without its top.

    Raises:
        ConfigError: the file cannot be read, or holds a network of another size.
    """
    if not Path(path).is_file():
        raise ConfigError(f"mobilenet_weights is {path!r}; there is no such file")
    try:
        encoder.mobilenet.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"mobilenet_weights is {path!r}, which does not fit: {first_line}"
        ) from error
