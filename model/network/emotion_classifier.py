"""The fused network: text and audio encoders, concatenated, and a head for each modality."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from model.config import ClassifierConfig, HeadConfig, MobileNetConfig
from model.network.roberta_backbone import RobertaBackbone
from schemas.emotions import Modality

IMAGE_CHANNELS = 3
"""MobileNet's ImageNet weights expect three; the one channel of a spectrogram is repeated."""


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Builds layers under a policy, their inner layers among them."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class EmotionHead(keras.layers.Layer):
    """Dense ReLU with an L2 penalty, dropout, and a Dense layer of logits (paper, section 3.3).

    Where an emotion joins several labels, its logit is that of their probabilities' sum; of several
    labels an item, the highest of theirs.
    """

    def __init__(
        self, config: HeadConfig, n_emotions: int, is_multi_label: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(
            config.hidden_units,
            activation=config.activation,
            kernel_regularizer=keras.regularizers.L2(config.l2),
            name="hidden",
        )
        self.dropout = keras.layers.Dropout(config.dropout)
        # float32 under every policy: calibration reads these digits.
        n_labels = sum(config.joined) or n_emotions
        self.logits = keras.layers.Dense(n_labels, dtype="float32", name="logits")
        self.joined, self.join = config.joined, ops.max if is_multi_label else ops.logsumexp

    def build(self, features_shape: tuple[int | None, ...]) -> None:
        """Creates the weights."""
        self.hidden.build(features_shape)
        self.logits.build((*features_shape[:-1], self.hidden.units))
        self.built = True

    def call(self, features: Any, training: bool | None = None) -> Any:
        """Maps `[batch, features]` to float32 logits `[batch, n_emotions]`."""
        logits = self.logits(self.dropout(self.hidden(features), training=training))
        return self._join(logits) if self.joined else logits

    def _join(self, logits: Any) -> Any:
        ends = np.cumsum(self.joined).tolist()
        labels = [logits[:, end - n : end] for n, end in zip(self.joined, ends, strict=True)]
        return ops.concatenate([self.join(each, axis=1, keepdims=True) for each in labels], 1)


class TextEncoder(keras.layers.Layer):
    """The encoder and what stands for a text: the mean over all tokens of all its windows.

    Where the `first` token of a window stands for all of them, several windows count by their
    numbers of tokens, too.
    """

    def __init__(self, backbone: RobertaBackbone, pooling: str = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.pooling = pooling

    def build(
        self, token_ids_shape: tuple[int | None, ...], token_mask_shape: tuple[int | None, ...]
    ) -> None:
        """Creates the weights."""
        del token_ids_shape, token_mask_shape
        self.backbone.build((None, None), (None, None))
        self.built = True

    def sum_windows(self, token_ids: Any, token_mask: Any, training: bool | None = None) -> Any:
        """Maps windows `[windows, length]` to the float32 sums of their states, `[windows, width]`.

        The sums of a text's windows, added and divided by its number of tokens, are its features.
        """
        states = ops.cast(self.backbone(token_ids, token_mask, training=training), "float32")
        tokens = ops.cast(token_mask, "float32")
        if self.pooling == "first":
            return states[:, 0] * ops.sum(tokens, axis=1, keepdims=True)
        return ops.sum(states * tokens[:, :, None], axis=1)

    def call(self, token_ids: Any, token_mask: Any, training: bool | None = None) -> Any:
        """Maps `[batch, windows, length]` ids and mask to `[batch, hidden_size]`, in float32."""
        shape = ops.shape(token_ids)
        flat = (-1, shape[2])
        sums = self.sum_windows(
            ops.reshape(token_ids, flat), ops.reshape(token_mask, flat), training
        )
        sums = ops.sum(ops.reshape(sums, (-1, shape[1], self.backbone.config.hidden_size)), axis=1)
        n_tokens = ops.sum(ops.cast(token_mask, "float32"), axis=(1, 2))
        return sums / ops.maximum(n_tokens, 1.0)[:, None]


class AudioEncoder(keras.layers.Layer):
    """MobileNet without its top, averaged over an image and then over a clip's images."""

    def __init__(self, config: MobileNetConfig, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mobilenet = keras.applications.MobileNet(
            input_shape=(height, width, IMAGE_CHANNELS),
            alpha=config.alpha,
            include_top=False,
            weights=None,
            pooling="avg",
            name="mobilenet",
        )
        for layer in self.mobilenet.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = config.batch_norm_momentum
        self.height, self.width = height, width
        self.n_features = int(self.mobilenet.output_shape[-1])

    def build(
        self, images_shape: tuple[int | None, ...], image_mask_shape: tuple[int | None, ...]
    ) -> None:
        """Creates the rows' scaling; MobileNet is a functional model, built already."""
        del images_shape, image_mask_shape
        halfway = keras.initializers.Constant(127.5)
        for name in ("row_mean", "row_std"):
            weight = self.add_weight(
                (self.height, 1, 1), halfway, dtype="float32", trainable=False, name=name
            )
            setattr(self, name, weight)
        self.built = True

    def scale_rows(self, mean: Any, std: Any) -> None:
        """Sets what each row of an image is centred on and divided by, `[height]` each.

        As built, both are 127.5, the -1 to 1 that MobileNet's ImageNet weights expect. Trained from
        scratch on a few hundred clips, it learns far sooner from rows of mean 0 and deviation 1,
        since the tilt of a speech spectrum is stronger than what tells its emotions apart.
        """
        self.row_mean.assign(ops.reshape(mean, (-1, 1, 1)))
        self.row_std.assign(ops.reshape(std, (-1, 1, 1)))

    def encode_images(self, images: Any, training: bool | None = None) -> Any:
        """Maps uint8 `[images, height, width]` to float32 `[images, n_features]`."""
        rows = (ops.cast(images, "float32")[..., None] - self.row_mean) / self.row_std
        pixels = ops.repeat(ops.cast(rows, self.compute_dtype), IMAGE_CHANNELS, axis=-1)
        return ops.cast(self.mobilenet(pixels, training=training), "float32")

    def call(self, images: Any, image_mask: Any, training: bool | None = None) -> Any:
        """Maps `[batch, images, height, width]` and a mask to `[batch, n_features]`, in float32."""
        n_images = ops.shape(images)[1]
        features = self.encode_images(ops.reshape(images, (-1, self.height, self.width)), training)
        features = ops.reshape(features, (-1, n_images, self.n_features))
        mask = ops.cast(image_mask, "float32")[:, :, None]
        return ops.sum(features * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)


class EmotionClassifier(keras.Model):
    """Text and audio features, concatenated, and three heads: text, audio and both.

    A model of one modality has that modality's encoder and head only. Inputs are a dict with

    - `token_ids`, `token_mask`: int32 and bool `[batch, windows, length]`;
    - `images`: uint8 `[batch, images, height, width]`; `image_mask`: bool `[batch, images]`;

    either pair or both; the output is a dict with float32 logits `[batch, n_emotions]` for each
    modality (`schemas.emotions.Modality`) that the inputs allow.

    Args:
        config: the network's parts and sizes.
        text_precision: Keras's dtype policy of the text encoder.
        audio_precision: Keras's dtype policy of the audio encoder.
    """

    def __init__(
        self,
        config: ClassifierConfig,
        text_precision: str = "float32",
        audio_precision: str = "float32",
    ) -> None:
        super().__init__(name="emotion_classifier")
        self.config = config
        self.text_encoder: TextEncoder | None = None
        self.audio_encoder: AudioEncoder | None = None
        self.heads: dict[str, EmotionHead] = {}
        n_emotions = len(config.emotions)
        widths = {}
        if config.encoder:
            with _dtype_policy(text_precision):
                backbone = RobertaBackbone(config.encoder, name="backbone")
                self.text_encoder = TextEncoder(backbone, config.pooling, name="text_encoder")
            self.text_encoder.build((None, None, None), (None, None, None))
            widths[Modality.TEXT] = config.encoder.hidden_size
        if config.audio and config.mobilenet:
            with _dtype_policy(audio_precision):
                self.audio_encoder = AudioEncoder(
                    config.mobilenet,
                    config.audio.image_height,
                    config.audio.image_width,
                    name="audio_encoder",
                )
            self.audio_encoder.build((None, None, None, None), (None, None))
            widths[Modality.AUDIO] = self.audio_encoder.n_features
        if len(widths) == 2:
            widths[Modality.TEXT_AUDIO] = sum(widths.values())
        for modality, width in widths.items():
            head = EmotionHead(
                config.head,
                n_emotions,
                config.is_multi_label,
                name=f"{modality.name.lower()}_head",
            )
            head.build((None, width))
            self.heads[modality.value] = head
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        """Returns the logits of each head whose inputs are there."""
        text = audio = None
        if self.text_encoder is not None and "token_ids" in inputs:
            text = self.text_encoder(inputs["token_ids"], inputs["token_mask"], training=training)
        if self.audio_encoder is not None and "images" in inputs:
            audio = self.audio_encoder(inputs["images"], inputs["image_mask"], training=training)
        return self.classify(text, audio, training=training)

    def classify(
        self, text_features: Any, audio_features: Any, training: bool | None = None
    ) -> dict[str, Any]:
        """Returns the logits of each head, given the encoders' features (None where missing)."""
        logits = {}
        if text_features is not None:
            logits["text"] = self.heads["text"](text_features, training=training)
        if audio_features is not None:
            logits["audio"] = self.heads["audio"](audio_features, training=training)
        if text_features is not None and audio_features is not None:
            joined = ops.concatenate([text_features, audio_features], axis=-1)
            logits["text+audio"] = self.heads["text+audio"](joined, training=training)
        return logits
