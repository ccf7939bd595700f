"""Trains the audio encoder, for an artifact or for one fold of a cross-validation."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import soxr

from model.audio_decoder import decode_clip
from model.audio_preprocessor import AudioPreprocessor, build_filter_banks, split_into_images
from model.batches import ClipBatches
from model.calibration import softmax
from model.config import ClassifierConfig
from model.datasets import Dataset, Example, label_indices, one_hot
from model.emotion_classifier import AudioEncoder, EmotionClassifier
from model.errors import ConfigError, DatasetError, ItemError
from model.fitting import HeadModel, fit_model
from model.training_config import AudioTraining, TrainingConfig
from schemas.emotions import Modality


def fit_audio(
    classifier: EmotionClassifier,
    preprocessor: AudioPreprocessor,
    settings: AudioTraining,
    dataset: Dataset,
    seed: int,
) -> None:
    """Trains MobileNet and the audio head together, on augmented images of the clips.

    The validation split is read only where the best epoch is to be kept.
    """
    batches = _batches(classifier, preprocessor, settings, dataset.split("train"), seed)
    if settings.standardise_rows and classifier.audio_encoder:
        frames = np.concatenate([strip for speeds in batches.strips for strip in speeds], axis=1)
        std = np.maximum(frames.std(axis=1, dtype=np.float64), 1.0)
        classifier.audio_encoder.scale_rows(frames.mean(axis=1, dtype=np.float64), std)
    validation = None
    if settings.fit.keep == "best":
        plain = replace(settings, speeds=(1.0,), max_masked_frames=0, max_masked_rows=0, mixup=0.0)
        validation = _batches(classifier, preprocessor, plain, dataset.split("validation"), seed)
    fit_model(HeadModel(classifier, Modality.AUDIO), batches, validation, settings.fit)


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


def _batches(
    classifier: EmotionClassifier,
    preprocessor: AudioPreprocessor,
    settings: AudioTraining,
    examples: Sequence[Example],
    seed: int,
) -> ClipBatches:
    strips = [clip_strips(example, preprocessor, settings.speeds) for example in examples]
    targets = one_hot(label_indices(examples, classifier.config.emotions), classifier.config)
    return ClipBatches(strips, targets, settings, settings.fit.batch_size, seed)


def clip_strips(
    example: Example, preprocessor: AudioPreprocessor, speeds: Sequence[float]
) -> list[npt.NDArray[np.uint8]]:
    """Returns a clip at each speed, as one image as wide as the clip, uint8 `[height, frames]`.

    Raises:
        DatasetError: the clip cannot be used.
    """
    try:
        waveform = decode_clip(example.read_clip(), preprocessor.config)
    except ItemError as error:
        raise DatasetError(f"{example.clip}: {error.message}") from error
    rate = preprocessor.config.sample_rate_hz
    return [
        preprocessor.rows_of(
            waveform if speed == 1 else soxr.resample(waveform, rate, round(rate / speed))
        )
        for speed in speeds
    ]


def predict_held_out(config: TrainingConfig, fold: Dataset) -> npt.NDArray[np.float32]:
    """Trains on a fold's training clips and returns what it says of its test clips.

    Args:
        config: with an audio part; its emotions are the data set's.
        fold: splits `train` and `test`.

    Returns:
        Uncalibrated probabilities, `[clips, emotions]`.
    """
    if config.audio is None:
        raise ValueError(f"{config.name} has no audio part")
    keras.utils.set_random_seed(config.seed)
    try:
        features = config.audio.features
        preprocessor = AudioPreprocessor(features, build_filter_banks(features))
        classifier = EmotionClassifier(
            ClassifierConfig(
                emotions=config.emotions,
                head=config.head,
                audio=features,
                mobilenet=config.audio.mobilenet,
            ),
            audio_precision=config.audio.precision,
        )
        if config.audio.mobilenet_weights and classifier.audio_encoder:
            load_mobilenet_weights(classifier.audio_encoder, config.audio.mobilenet_weights)
        fit_audio(classifier, preprocessor, config.audio, fold, config.seed)
        logits = []
        for example in fold.split("test"):
            [strip] = clip_strips(example, preprocessor, (1.0,))
            images = split_into_images(strip, features.image_width)[None]
            mask = np.ones(images.shape[:2], bool)
            outputs = classifier({"images": images, "image_mask": mask}, training=False)
            logits.append(keras.ops.convert_to_numpy(outputs["audio"])[0])
    finally:
        keras.backend.clear_session()
    return softmax(np.stack(logits))
