"""Trains the fused head on the features of encoders that stand still."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from model.datasets import Dataset, Example, label_indices, target_matrix, texts_of
from model.errors import ConfigError
from model.network.emotion_classifier import AudioEncoder, EmotionClassifier, TextEncoder
from model.preprocessing.audio_preprocessor import split_into_images
from model.preprocessing.emotion_preprocessor import EmotionPreprocessor
from model.preprocessing.text_preprocessor import TextPreprocessor
from model.training.batches import ClipBatches, PairBatches, TextBatches
from model.training.fitting import class_weights, fit_model
from model.training.strip_store import PLAIN_SPEEDS, StripStore
from model.training.training_config import AudioTraining, TrainingConfig
from schemas.emotions import Modality

FloatArray = npt.NDArray[np.float32]
LabelArray = npt.NDArray[np.int64]
CROPS_PER_CLIP = 8
"""Augmented crops of each training clip that the fused head sees."""
FEATURE_BATCH = 128


def fit_fusion(
    classifier: EmotionClassifier,
    preprocessor: EmotionPreprocessor,
    config: TrainingConfig,
    texts: Dataset,
    clips: Dataset,
    folder: Path,
    features: Path,
) -> None:
    """Trains the fused head on texts, each beside its own clip or beside clips of its label.

    Args:
        classifier: with both encoders trained; the fused head's weights change.
        preprocessor: the classifier's.
        config: how to train.
        texts: with splits `train` and, where the best epoch is kept, `validation`.
        clips: likewise; the same examples as the texts where the config's data are paired.
        folder: see `model.training.fitting.fit_model`.
        features: folder of the clips' features, see `StripStore`.
    """
    if not (classifier.text_encoder and preprocessor.text and config.fusion):
        raise ConfigError(f"{config.name}: [fusion] needs [text]")
    if not (classifier.audio_encoder and preprocessor.audio and config.audio):
        raise ConfigError(f"{config.name}: [fusion] needs [audio]")
    fit = config.fusion.fit
    targets = target_matrix(texts.split("train"), config.emotions)
    text = text_features(classifier.text_encoder, preprocessor.text, texts.split("train"))
    strips = StripStore(clips.split("train"), preprocessor.audio, config.audio.speeds, features)
    audio, owners = crop_features(classifier.audio_encoder, strips, config.audio, config.seed)
    if config.is_paired:
        crops_for = [np.flatnonzero(owners == row) for row in range(len(targets))]
    else:
        clip_labels = label_indices(clips.split("train"), config.emotions)[owners]
        of_label = [np.flatnonzero(clip_labels == index) for index in range(len(config.emotions))]
        labels = label_indices(texts.split("train"), config.emotions)
        crops_for = [of_label[label] for label in labels]
    batches = PairBatches(text, audio, crops_for, targets, config.fusion, config.seed)
    validation = None
    if fit.keep == "best":
        pairs = texts.split("validation")
        strips = StripStore(pairs, preprocessor.audio, PLAIN_SPEEDS, features)
        sides = (
            text_features(classifier.text_encoder, preprocessor.text, pairs),
            clip_features(classifier.audio_encoder, strips),
        )
        validation = np.concatenate(sides, axis=1), target_matrix(pairs, config.emotions)
    inputs = keras.Input((text.shape[1] + audio.shape[1],))
    model = keras.Model(inputs, classifier.heads[Modality.TEXT_AUDIO](inputs))
    names = " and ".join(dict.fromkeys((texts.name, clips.name)))
    title = f"Training of the fused head on {names}"
    weights, problem_type = class_weights(targets, fit), config.problem_type
    fit_model(model, batches, validation, fit, folder, title, weights, problem_type)


def text_features(
    encoder: TextEncoder, preprocessor: TextPreprocessor, examples: Sequence[Example]
) -> FloatArray:
    """Returns the features of texts, `[texts, hidden_size]`, of each its first window."""
    windows = [item.windows[0] for item in preprocessor.batch(texts_of(examples))]
    rows = np.arange(len(windows), dtype=np.float32)[:, None]
    batches = TextBatches(windows, rows, FEATURE_BATCH, 0, preprocessor.config.window_tokens)
    features = np.zeros((len(windows), encoder.backbone.config.hidden_size), np.float32)
    for index in range(len(batches)):
        inputs, batch_rows = batches[index]
        encoded = encoder(inputs["token_ids"], inputs["token_mask"], training=False)
        features[batch_rows[:, 0].astype(int)] = keras.ops.convert_to_numpy(encoded)
    return features


def crop_features(
    encoder: AudioEncoder, strips: StripStore, settings: AudioTraining, seed: int
) -> tuple[FloatArray, LabelArray]:
    """Returns the features of augmented crops and the clip's row of each.

    There are CROPS_PER_CLIP of each clip.
    """
    rows = np.arange(len(strips), dtype=np.float32)[:, None]
    crops = ClipBatches(strips, rows, replace(settings, mixup=0.0), FEATURE_BATCH, seed)
    features, owners = [], []
    for _ in range(CROPS_PER_CLIP):
        for index in range(len(crops)):
            inputs, batch_rows = crops[index]
            encoded = encoder(inputs["images"], inputs["image_mask"], training=False)
            features.append(keras.ops.convert_to_numpy(encoded))
            owners.append(batch_rows[:, 0].astype(int))
        crops.on_epoch_end()
    return np.concatenate(features), np.concatenate(owners)


def clip_features(encoder: AudioEncoder, strips: StripStore) -> FloatArray:
    """Returns the features of whole clips at their own speed, `[clips, n_features]`."""
    features = []
    for [strip] in strips:
        images = split_into_images(strip, encoder.width)[None]
        encoded = encoder(images, np.ones(images.shape[:2], bool), training=False)
        features.append(keras.ops.convert_to_numpy(encoded)[0])
    return np.stack(features)
