"""Trains the fused model: the text encoder, the audio encoder, then the head that joins them."""

import hashlib
import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import emoji
import keras
import numpy as np
import numpy.typing as npt
import soxr
from pydantic import TypeAdapter

from model.artifact import Artifact, save_artifact
from model.audio_decoder import decode_clip
from model.audio_preprocessor import AudioPreprocessor, build_filter_banks
from model.batches import ClipBatches, PairBatches, TextBatches
from model.calibration import fit_temperature
from model.config import ClassifierConfig, TextConfig
from model.datasets import Dataset, Example, load_dataset
from model.emotion_classifier import EmotionClassifier
from model.errors import ConfigError
from model.hugging_face import (
    load_encoder_config,
    load_encoder_weights,
    load_tokenizer,
    locate_checkpoint,
)
from model.preprocessor import EmotionPreprocessor, ModelInput
from model.scorer import EmotionScorer
from model.text_preprocessor import TextPreprocessor
from model.training_config import AudioTraining, FitConfig, TextTraining, TrainingConfig
from model.vocabulary import trim_vocabulary
from schemas.emotions import Modality

FloatArray = npt.NDArray[np.float32]
LabelArray = npt.NDArray[np.int64]
CROPS_PER_CLIP = 8
"""Augmented crops of each training clip that the fused head sees."""


@dataclass(frozen=True)
class TrainingData:
    """The data sets of a run; None where the run has no such part."""

    text: Dataset | None
    audio: Dataset | None


def train(config: TrainingConfig, data_dir: Path, text_encoder: str | None, out: Path) -> Artifact:
    """Trains a model and writes its artifact to `out`.

    Each part's weights are kept under `out/checkpoints`, so that a run that was interrupted goes on
    after the last part that it finished.

    Args:
        config: what to train, and how.
        data_dir: the directory that holds the data sets.
        text_encoder: checkpoint directory or hub id that the text encoder starts from.
        out: the artifact's directory.

    Raises:
        UserError: a data set, the checkpoint or a setting is wrong; nothing is written then.
    """
    data = TrainingData(
        load_dataset(config.text.dataset, data_dir) if config.text else None,
        load_dataset(config.audio.dataset, data_dir) if config.audio else None,
    )
    for dataset in (data.text, data.audio):
        if dataset and not set(dataset.emotions) <= set(config.emotions):
            extra = sorted(set(dataset.emotions) - set(config.emotions))
            raise ConfigError(f"{config.name}: {dataset.name} has the class {extra[0]!r}; add it")
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    try:
        classifier, preprocessor = build_classifier(config, data, text_encoder)
        _fit_parts(config, data, classifier, preprocessor, out / "checkpoints")
    finally:
        keras.config.set_dtype_policy("float32")
    artifact = save_artifact(
        out, classifier, preprocessor, dict.fromkeys(classifier.heads, 1.0)
    )
    return calibrate(artifact, classifier, preprocessor, data, config.seed)


def build_classifier(
    config: TrainingConfig, data: TrainingData, text_encoder: str | None
) -> tuple[EmotionClassifier, EmotionPreprocessor]:
    """Returns the network, its text encoder loaded from the checkpoint, and its preprocessor."""
    settings = ClassifierConfig.__dataclass_fields__.keys() & {"emotions", "head"}
    parts: dict[str, Any] = {name: getattr(config, name) for name in settings}
    text_preprocessor = audio_preprocessor = checkpoint = kept_tokens = None
    if config.text and data.text:
        if text_encoder is None:
            raise ConfigError(f"{config.name} has a [text] table: name a --text-encoder")
        checkpoint = locate_checkpoint(text_encoder)
        encoder = load_encoder_config(checkpoint)
        tokenizer = load_tokenizer(checkpoint)
        text_config = TextConfig(
            window_tokens=config.text.window_tokens or encoder.max_window_tokens,
            max_tokens=config.text.max_tokens,
            emoji=config.text.emoji,
        )
        text_preprocessor = TextPreprocessor(text_config, tokenizer)
        if config.text.trim_vocabulary:
            texts = [text_preprocessor.prepare(text) for text in _texts(data.text.split("train"))]
            if config.text.emoji == "describe":
                texts += [text_preprocessor.prepare(symbol) for symbol in emoji.EMOJI_DATA]
            tokenizer, kept_tokens = trim_vocabulary(tokenizer, texts)
            encoder = replace(encoder, vocab_size=len(kept_tokens))
            text_preprocessor = TextPreprocessor(text_config, tokenizer)
        parts |= {"text": text_config, "encoder": encoder}
    if config.audio:
        audio_preprocessor = AudioPreprocessor(
            config.audio.features, build_filter_banks(config.audio.features)
        )
        parts |= {"audio": config.audio.features, "mobilenet": config.audio.mobilenet}
    classifier = EmotionClassifier(ClassifierConfig(**parts))
    if classifier.text_encoder and checkpoint:
        load_encoder_weights(classifier.text_encoder.backbone, checkpoint, kept_tokens)
    return classifier, EmotionPreprocessor(text_preprocessor, audio_preprocessor)


def _fit_parts(
    config: TrainingConfig,
    data: TrainingData,
    classifier: EmotionClassifier,
    preprocessor: EmotionPreprocessor,
    checkpoints: Path,
) -> None:
    settings = TypeAdapter(TrainingConfig).dump_python(config, mode="json")
    shared = [settings[name] for name in ("emotions", "head", "seed", "precision")]
    if config.text and data.text and preprocessor.text:
        path = _checkpoint_path(checkpoints, "text", shared, settings["text"])
        if not _restored(classifier, path):
            fit_text(classifier, preprocessor.text, config.text, data.text, config.seed)
            _store(classifier, path)
    if config.audio and data.audio and preprocessor.audio:
        path = _checkpoint_path(
            checkpoints, "audio", shared, settings["text"], settings["audio"]
        )
        if not _restored(classifier, path):
            fit_audio(classifier, preprocessor.audio, config.audio, data.audio, config.seed)
            _store(classifier, path)
    if config.fusion and config.audio and data.text and data.audio:
        fit_fusion(classifier, preprocessor, config, data)


def fit_text(
    classifier: EmotionClassifier,
    preprocessor: TextPreprocessor,
    settings: TextTraining,
    dataset: Dataset,
    seed: int,
) -> None:
    """Fine-tunes the text encoder and the text head together."""
    batches = {}
    for split in ("train", "validation"):
        examples = dataset.split(split)
        windows = [
            item.windows[0][: settings.train_tokens - 1] + preprocessor.suffix
            if len(item.windows[0]) > settings.train_tokens
            else item.windows[0]
            for item in preprocessor.batch(_texts(examples))
        ]
        targets = one_hot(labels_of(examples, classifier.config.emotions), classifier)
        batches[split] = TextBatches(windows, targets, settings.fit.batch_size, seed)
    _fit(
        HeadModel(classifier, Modality.TEXT), batches["train"], batches["validation"], settings.fit
    )


def fit_audio(
    classifier: EmotionClassifier,
    preprocessor: AudioPreprocessor,
    settings: AudioTraining,
    dataset: Dataset,
    seed: int,
    train_split: str = "train",
) -> None:
    """Trains MobileNet and the audio head together, on augmented images of the clips."""
    examples = dataset.split(train_split)
    strips = [clip_strips(example, preprocessor, settings.speeds) for example in examples]
    targets = one_hot(labels_of(examples, classifier.config.emotions), classifier)
    batches = ClipBatches(strips, targets, settings, settings.fit.batch_size, seed)
    validation = None
    if settings.fit.keep == "best":
        unchanged = replace(settings, max_masked_frames=0, max_masked_rows=0, mixup=0.0)
        held_out = dataset.split("validation")
        validation = ClipBatches(
            [clip_strips(example, preprocessor, (1.0,)) for example in held_out],
            one_hot(labels_of(held_out, classifier.config.emotions), classifier),
            unchanged,
            settings.fit.batch_size,
            seed,
        )
    _fit(HeadModel(classifier, Modality.AUDIO), batches, validation, settings.fit)


def fit_fusion(
    classifier: EmotionClassifier,
    preprocessor: EmotionPreprocessor,
    config: TrainingConfig,
    data: TrainingData,
) -> None:
    """Trains the fused head on pairs of equal label; the encoders stand still."""
    assert config.fusion and config.audio and data.text and data.audio  # noqa: S101  (checked)
    assert preprocessor.text and preprocessor.audio  # noqa: S101
    emotions = config.emotions
    texts = data.text.split("train")
    text_batches = TextBatches(
        [item.windows[0] for item in preprocessor.text.batch(_texts(texts))],
        np.zeros((len(texts), 1), np.float32),
        256,
        config.seed,
    )
    text_features = np.zeros(
        (len(texts), classifier.text_encoder.backbone.config.hidden_size), np.float32
    )
    for index, rows in enumerate(text_batches.batches):
        inputs = text_batches[index][0]
        text_features[rows] = classifier.text_encoder(**inputs, training=False)
    clips = data.audio.split("train")
    strips = [clip_strips(clip, preprocessor.audio, config.audio.speeds) for clip in clips]
    unmixed = replace(config.audio, mixup=0.0)
    crops = ClipBatches(strips, np.arange(len(clips))[:, None], unmixed, 32, config.seed)
    audio_features, owners = [], []
    for _ in range(CROPS_PER_CLIP):
        for index in range(len(crops)):
            inputs, rows = crops[index]
            audio_features.append(np.asarray(classifier.audio_encoder(**inputs, training=False)))
            owners.append(rows[:, 0])
        crops.on_epoch_end()
    pairs = PairBatches(
        (text_features, labels_of(texts, emotions)),
        (np.concatenate(audio_features), labels_of(clips, emotions)[np.concatenate(owners)]),
        len(emotions),
        config.fusion,
        config.seed,
    )
    head = classifier.heads["text+audio"]
    head.trainable = True
    features = keras.Input((text_features.shape[1] + crops_width(classifier),))
    _fit(keras.Model(features, head(features)), pairs, None, config.fusion.fit)


def crops_width(classifier: EmotionClassifier) -> int:
    """Returns the number of audio features."""
    return int(classifier.audio_encoder.n_features)


def calibrate(
    artifact: Artifact,
    classifier: EmotionClassifier,
    preprocessor: EmotionPreprocessor,
    data: TrainingData,
    seed: int,
) -> Artifact:
    """Fits each head's temperature on validation data and writes the artifact again.

    The logits come from the saved artifact, scored as in production: its rounded weights and whole
    clips. The fused head sees validation texts and clips, paired by label.
    """
    scorer = EmotionScorer(artifact)
    emotions = artifact.config.emotions
    temperatures = dict(artifact.temperatures)
    inputs: dict[str, tuple[list[ModelInput], LabelArray]] = {}
    if data.text and preprocessor.text:
        examples = data.text.split("validation")
        items = [preprocessor(example.text, None) for example in examples]
        inputs["text"] = items, labels_of(examples, emotions)
    if data.audio and preprocessor.audio:
        examples = data.audio.split("validation")
        items = [preprocessor(None, read_clip(example)) for example in examples]
        inputs["audio"] = items, labels_of(examples, emotions)
    if len(inputs) == 2:
        inputs["text+audio"] = _pair_inputs(inputs["text"], inputs["audio"], seed)
    for head, (items, labels) in inputs.items():
        logits = np.stack([row[head] for row in scorer.logits(items)])
        temperatures[head] = round(fit_temperature(logits, labels), 4)
    return save_artifact(artifact.path, classifier, preprocessor, temperatures)


def _pair_inputs(
    text: tuple[list[ModelInput], LabelArray], audio: tuple[list[ModelInput], LabelArray], seed: int
) -> tuple[list[ModelInput], LabelArray]:
    """Returns as many pairs as there are clips times four, of equal label."""
    rng = random.Random(seed)  # noqa: S311  (no secret)
    texts_of: dict[int, list[ModelInput]] = {}
    for item, label in zip(*text, strict=True):
        texts_of.setdefault(int(label), []).append(item)
    pairs, labels = [], []
    for clip, label in list(zip(*audio, strict=True)) * 4:
        words = rng.choice(texts_of[int(label)])
        pairs.append(replace(words, images=clip.images, clip_seconds=clip.clip_seconds))
        labels.append(label)
    return pairs, np.array(labels)


class HeadModel(keras.Model):  # type: ignore[misc]
    """One head of a classifier and what feeds it, as a model of one output; the rest is frozen."""

    def __init__(self, classifier: EmotionClassifier, modality: Modality) -> None:
        super().__init__()
        self.classifier = classifier
        self.modality = str(modality)
        for part in (classifier.text_encoder, classifier.audio_encoder, *classifier.heads.values()):
            if part is not None:
                part.trainable = False
        encoders = {"text": classifier.text_encoder, "audio": classifier.audio_encoder}
        for part in (encoders[self.modality], classifier.heads[self.modality]):
            part.trainable = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """Returns the head's logits."""
        return self.classifier(inputs, training=training)[self.modality]


def _fit(model: keras.Model, batches: Any, validation: Any | None, fit: FitConfig) -> None:
    """Fits a model of one output of logits, and keeps the epoch that the settings ask for."""
    n_steps = fit.epochs * len(batches)
    n_warmup = round(fit.warmup_share * n_steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0 if n_warmup else fit.learning_rate,
        decay_steps=max(n_steps - n_warmup, 1),
        warmup_target=fit.learning_rate if n_warmup else None,
        warmup_steps=n_warmup,
    )
    optimizer = (
        keras.optimizers.AdamW(rate, weight_decay=fit.weight_decay)
        if fit.weight_decay
        else keras.optimizers.Adam(rate)
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
        verbose=int(os.environ.get("V",2)),
    )
    if best:
        best.restore()


class _KeepBest(keras.callbacks.Callback):  # type: ignore[misc]
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


def labels_of(examples: Sequence[Example], emotions: Sequence[str]) -> LabelArray:
    """Returns the head's index of each example's emotion."""
    index = {emotion: position for position, emotion in enumerate(emotions)}
    return np.array([index[example.emotion] for example in examples])


def one_hot(labels: LabelArray, classifier: EmotionClassifier) -> FloatArray:
    """Returns float32 `[examples, emotions]` of 0 and 1."""
    return np.eye(len(classifier.config.emotions), dtype=np.float32)[labels]


def read_clip(example: Example) -> bytes:
    """Returns the bytes of an example's clip."""
    assert example.clip is not None  # noqa: S101  (an audio data set's examples have one)
    return example.clip.read_bytes()


def clip_strips(
    example: Example, preprocessor: AudioPreprocessor, speeds: Sequence[float]
) -> list[npt.NDArray[np.uint8]]:
    """Returns a clip at each speed, as one image as wide as the clip."""
    waveform = decode_clip(read_clip(example), preprocessor.config)
    rate = preprocessor.config.sample_rate_hz
    return [
        preprocessor.rows_of(
            waveform if speed == 1 else soxr.resample(waveform, rate, round(rate / speed))
        )
        for speed in speeds
    ]


def _texts(examples: Sequence[Example]) -> list[str]:
    return [example.text for example in examples if example.text is not None]


def _checkpoint_path(checkpoints: Path, part: str, *settings: Any) -> Path:
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return checkpoints / f"{part}-{digest[:12]}.weights.h5"


def _store(classifier: EmotionClassifier, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"writing-{path.name}")
    classifier.save_weights(temporary)
    temporary.rename(path)


def _restored(classifier: EmotionClassifier, path: Path) -> bool:
    if not path.is_file():
        return False
    classifier.load_weights(path)
    return True
