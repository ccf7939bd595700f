"""Trains the fused head on the features of encoders that stand still."""

from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np
import numpy.typing as npt

from model.audio_preprocessor import AudioPreprocessor
from model.audio_training import clip_strips
from model.batches import ClipBatches, PairBatches, TextBatches
from model.datasets import Example, label_indices, texts_of
from model.emotion_classifier import AudioEncoder, EmotionHead, TextEncoder
from model.fitting import fit_model
from model.text_preprocessor import TextPreprocessor
from model.training_config import AudioTraining, FusionTraining

FloatArray = npt.NDArray[np.float32]
LabelArray = npt.NDArray[np.int64]
CROPS_PER_CLIP = 8
"""Augmented crops of each training clip that the fused head sees."""
FEATURE_BATCH = 128


def fit_fusion(
    head: EmotionHead,
    text: tuple[FloatArray, LabelArray],
    audio: tuple[FloatArray, LabelArray],
    n_emotions: int,
    settings: FusionTraining,
    seed: int,
) -> None:
    """Trains the fused head on pairs of equal label.

    Args:
        head: the fused head.
        text: features of texts, `[texts, hidden_size]`, and their labels.
        audio: features of clips, `[clips, n_features]`, and their labels.
        n_emotions: classes of the head.
        settings: how to fit, and how often a modality is blanked.
        seed: repeats the pairs.
    """
    pairs = PairBatches(text, audio, n_emotions, settings, seed)
    head.trainable = True
    features = keras.Input((text[0].shape[1] + audio[0].shape[1],))
    fit_model(keras.Model(features, head(features)), pairs, None, settings.fit)


def text_features(
    encoder: TextEncoder,
    preprocessor: TextPreprocessor,
    examples: Sequence[Example],
    emotions: Sequence[str],
) -> tuple[FloatArray, LabelArray]:
    """Returns the features and labels of texts, of each its first window."""
    windows = [item.windows[0] for item in preprocessor.batch(texts_of(examples))]
    rows = np.arange(len(windows), dtype=np.float32)[:, None]
    batches = TextBatches(windows, rows, FEATURE_BATCH, seed=0)
    features = np.zeros((len(windows), encoder.backbone.config.hidden_size), np.float32)
    for index in range(len(batches)):
        inputs, batch_rows = batches[index]
        encoded = encoder(inputs["token_ids"], inputs["token_mask"], training=False)
        features[batch_rows[:, 0].astype(int)] = keras.ops.convert_to_numpy(encoded)
    return features, label_indices(examples, emotions)


def audio_features(
    encoder: AudioEncoder,
    preprocessor: AudioPreprocessor,
    examples: Sequence[Example],
    emotions: Sequence[str],
    settings: AudioTraining,
    seed: int,
) -> tuple[FloatArray, LabelArray]:
    """Returns the features and labels of augmented crops, CROPS_PER_CLIP of each clip."""
    strips = [clip_strips(example, preprocessor, settings.speeds) for example in examples]
    rows = np.arange(len(examples), dtype=np.float32)[:, None]
    crops = ClipBatches(strips, rows, replace(settings, mixup=0.0), FEATURE_BATCH, seed)
    features, owners = [], []
    for _ in range(CROPS_PER_CLIP):
        for index in range(len(crops)):
            inputs, batch_rows = crops[index]
            encoded = encoder(inputs["images"], inputs["image_mask"], training=False)
            features.append(keras.ops.convert_to_numpy(encoded))
            owners.append(batch_rows[:, 0].astype(int))
        crops.on_epoch_end()
    labels = label_indices(examples, emotions)
    return np.concatenate(features), labels[np.concatenate(owners)]
