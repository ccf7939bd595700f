"""Trains the fused model: the text encoder, the audio encoder, then the head that joins them."""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import emoji
import keras
import numpy as np
from pydantic import TypeAdapter
from safetensors.numpy import load_file, save_file

from model.artifact import Artifact, save_artifact
from model.audio_preprocessor import AudioPreprocessor, build_filter_banks
from model.audio_training import fit_audio, load_mobilenet_weights
from model.calibration import fit_temperature
from model.config import ClassifierConfig, TextConfig, parse_config
from model.datasets import Dataset, label_indices, load_dataset, texts_of
from model.emotion_classifier import EmotionClassifier
from model.errors import ConfigError, DatasetError, ItemError
from model.evaluation import preprocess_example
from model.fusion_training import LabelArray, audio_features, fit_fusion, text_features
from model.hugging_face import (
    load_encoder_config,
    load_encoder_weights,
    load_tokenizer,
    locate_checkpoint,
)
from model.preprocessor import EmotionPreprocessor, ModelInput
from model.scorer import EmotionScorer
from model.text_preprocessor import TextPreprocessor
from model.text_training import fit_text
from model.training_config import TextTraining, TrainingConfig
from model.vocabulary import trim_vocabulary
from schemas.emotions import Modality

PAIRS_PER_CLIP = 4
"""Validation texts that each validation clip is paired with, to calibrate the fused head."""


@dataclass(frozen=True)
class TrainingData:
    """The data sets of a run; None where the run has no such part."""

    text: Dataset | None
    audio: Dataset | None


@dataclass(frozen=True)
class FinishedPart:
    """The weights of one encoder and its head, in a file that a later run of the same may read.

    Attributes:
        path: its name tells settings, data and first weights apart: those of another checkpoint,
            vocabulary or size of network are other weights.
        variables: the part's, by their path in the network.
    """

    path: Path
    variables: dict[str, Any]

    @classmethod
    def of(
        cls,
        classifier: EmotionClassifier,
        modality: Modality,
        checkpoints: Path,
        settings: list[Any],
    ) -> "FinishedPart":
        """Returns the part before it is fitted: its first weights are part of the file's name."""
        encoder = classifier.text_encoder if modality == Modality.TEXT else classifier.audio_encoder
        parts = [part for part in (encoder, classifier.heads[modality]) if part is not None]
        variables = {variable.path: variable for part in parts for variable in part.weights}
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for name, variable in variables.items():
            digest.update(f"{name}{tuple(variable.shape)}".encode())
            digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
        return cls(checkpoints / f"{modality}-{digest.hexdigest()[:12]}.safetensors", variables)

    def store(self) -> None:
        """Writes the weights as they are now."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f"writing-{self.path.name}")
        weights = {name: variable.numpy() for name, variable in self.variables.items()}
        save_file(weights, temporary)
        temporary.rename(self.path)

    def restore_or(self, fit: Callable[[], None]) -> None:
        """Reads the weights where an earlier run finished them; fits and writes them where not."""
        if not self.restore():
            fit()
            self.store()

    def restore(self) -> bool:
        """Reads the weights back, if a run has stored them."""
        if not self.path.is_file():
            return False
        weights = load_file(self.path)
        for name, variable in self.variables.items():
            variable.assign(weights[name])
        return True


def train(config: TrainingConfig, data_dir: Path, text_encoder: str | None, out: Path) -> Artifact:
    """Trains a model and writes its artifact to `out`.

    The weights of each finished part are kept under `out/checkpoints`: a run that was interrupted
    goes on after them. They count for the same settings, data and first weights only.

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
    if not config.emotions:
        classes = [emotion for part in (data.text, data.audio) if part for emotion in part.emotions]
        config = replace(config, emotions=tuple(dict.fromkeys(classes)))
    for dataset in (data.text, data.audio):
        extra = sorted(set(dataset.emotions) - set(config.emotions)) if dataset else []
        if dataset and extra:
            raise ConfigError(
                f"{config.name}: emotions lack {extra[0]!r}, a class of {dataset.name}"
            )
    _check_splits(data)
    keras.utils.set_random_seed(config.seed)
    try:
        classifier, preprocessor = build_classifier(config, data, text_encoder)
        fit_parts(config, data, classifier, preprocessor, out / "checkpoints")
    except ItemError as error:  # of a text; clips name their file
        raise DatasetError(f"{config.name}: {error.message}") from error
    # Beside the checkpoints: an artifact in `out` is always a whole one.
    uncalibrated = save_artifact(
        out / "checkpoints" / "uncalibrated",
        classifier,
        preprocessor,
        dict.fromkeys(classifier.heads, 1.0),
    )
    temperatures = calibrate(EmotionScorer(uncalibrated), data, config.seed)
    return save_artifact(out, classifier, preprocessor, temperatures)


def build_classifier(
    config: TrainingConfig, data: TrainingData, text_encoder: str | None
) -> tuple[EmotionClassifier, EmotionPreprocessor]:
    """Returns the network, its text encoder loaded from the checkpoint, and its preprocessor."""
    parts: dict[str, Any] = {"emotions": config.emotions, "head": config.head}
    text_preprocessor = audio_preprocessor = checkpoint = kept_tokens = None
    if config.text and data.text:
        if text_encoder is None:
            raise ConfigError(f"{config.name} has a [text] table: name a --text-encoder")
        checkpoint = locate_checkpoint(text_encoder)
        encoder = load_encoder_config(checkpoint)
        chosen = {
            "window_tokens": config.text.window_tokens or encoder.max_window_tokens,
            "max_tokens": config.text.max_tokens,
            "emoji": config.text.emoji,
        }
        text_config = parse_config(TextConfig, chosen, config.name)
        text_preprocessor = TextPreprocessor(text_config, load_tokenizer(checkpoint))
        if config.text.trim_vocabulary:
            text_preprocessor, kept_tokens = trim_preprocessor(
                text_preprocessor, config.text, data.text
            )
            encoder = replace(encoder, vocab_size=len(kept_tokens))
        parts |= {"text": text_config, "encoder": encoder}
    if config.audio:
        features = config.audio.features
        audio_preprocessor = AudioPreprocessor(features, build_filter_banks(features))
        parts |= {"audio": features, "mobilenet": config.audio.mobilenet}
    classifier = EmotionClassifier(
        parse_config(ClassifierConfig, parts, config.name),
        text_precision=config.text.precision if config.text else "float32",
        audio_precision=config.audio.precision if config.audio else "float32",
    )
    if classifier.text_encoder and checkpoint:
        load_encoder_weights(classifier.text_encoder.backbone, checkpoint, kept_tokens)
    if classifier.audio_encoder and config.audio and config.audio.mobilenet_weights:
        load_mobilenet_weights(classifier.audio_encoder, config.audio.mobilenet_weights)
    return classifier, EmotionPreprocessor(text_preprocessor, audio_preprocessor)


def trim_preprocessor(
    preprocessor: TextPreprocessor, settings: TextTraining, dataset: Dataset
) -> tuple[TextPreprocessor, list[int]]:
    """Returns a preprocessor of the tokens that training texts use, and their ids before."""
    texts = texts_of(dataset.split("train"))
    if settings.emoji == "describe":
        # Each emoji's name, too: a corpus has others than the training texts.
        texts += list(emoji.EMOJI_DATA)
    prepared = [preprocessor.prepare(text) for text in texts]
    tokenizer, kept_tokens = trim_vocabulary(preprocessor.tokenizer, prepared)
    return TextPreprocessor(preprocessor.config, tokenizer), kept_tokens


def fit_parts(
    config: TrainingConfig,
    data: TrainingData,
    classifier: EmotionClassifier,
    preprocessor: EmotionPreprocessor,
    checkpoints: Path,
) -> None:
    """Fits the text part, the audio part and the fused head, as far as the config has them.

    Args:
        config: how to fit.
        data: what to fit to.
        classifier: built for the config; its weights change.
        preprocessor: its preprocessor.
        checkpoints: where finished parts are kept, and looked for.
    """
    settings = TypeAdapter(TrainingConfig).dump_python(config, mode="json")
    shared = [settings[name] for name in ("emotions", "head", "seed")]
    if config.text and data.text and preprocessor.text:
        own = [settings["text"], _hash_examples(data.text)]
        finished = FinishedPart.of(classifier, Modality.TEXT, checkpoints, [*shared, *own])
        fit = partial(fit_text, classifier, preprocessor.text, config.text, data.text, config.seed)
        finished.restore_or(fit)
    if config.audio and data.audio and preprocessor.audio:
        own = [settings["audio"], _hash_examples(data.audio)]
        finished = FinishedPart.of(classifier, Modality.AUDIO, checkpoints, [*shared, *own])
        fit = partial(
            fit_audio, classifier, preprocessor.audio, config.audio, data.audio, config.seed
        )
        finished.restore_or(fit)
    if config.fusion:
        fit_fused_head(config, data, classifier, preprocessor)


def fit_fused_head(
    config: TrainingConfig,
    data: TrainingData,
    classifier: EmotionClassifier,
    preprocessor: EmotionPreprocessor,
) -> None:
    """Fits the fused head to pairs of training texts and clips of one label."""
    if not (classifier.text_encoder and preprocessor.text and data.text):
        raise ConfigError(f"{config.name}: [fusion] needs [text]")
    if not (classifier.audio_encoder and preprocessor.audio and data.audio and config.audio):
        raise ConfigError(f"{config.name}: [fusion] needs [audio]")
    if not config.fusion:
        raise ConfigError(f"{config.name} has no [fusion] table")
    texts, clips = data.text.split("train"), data.audio.split("train")
    fit_fusion(
        classifier.heads["text+audio"],
        text_features(classifier.text_encoder, preprocessor.text, texts, config.emotions),
        audio_features(
            classifier.audio_encoder,
            preprocessor.audio,
            clips,
            config.emotions,
            config.audio,
            config.seed,
        ),
        len(config.emotions),
        config.fusion,
        config.seed,
    )


def calibrate(scorer: EmotionScorer, data: TrainingData, seed: int) -> dict[str, float]:
    """Returns each head's temperature, fitted on validation data.

    The logits are the saved artifact's, scored as in production: with its rounded weights, on whole
    texts and clips. The fused head sees validation texts and clips, paired by label.
    """
    items: dict[str, tuple[list[ModelInput], LabelArray]] = {}
    for head, dataset in (("text", data.text), ("audio", data.audio)):
        if dataset:
            examples = dataset.split("validation")
            inputs = [preprocess_example(scorer, example) for example in examples]
            items[head] = inputs, label_indices(examples, scorer.emotions)
    if len(items) == 2:
        items["text+audio"] = pair_by_label(items["text"], items["audio"], seed)
    temperatures = {}
    for head, (inputs, labels) in items.items():
        logits = np.stack([by_head[head] for by_head in scorer.logits(inputs)])
        temperatures[head] = round(fit_temperature(logits, labels), 4)
    return temperatures


def pair_by_label(
    text: tuple[list[ModelInput], LabelArray], audio: tuple[list[ModelInput], LabelArray], seed: int
) -> tuple[list[ModelInput], LabelArray]:
    """Returns each clip with PAIRS_PER_CLIP texts of its label, drawn at random.

    Clips whose label no text has are left out.
    """
    rng = random.Random(seed)  # noqa: S311  (nothing secret)
    texts_with: dict[int, list[ModelInput]] = {}
    for words, label in zip(*text, strict=True):
        texts_with.setdefault(int(label), []).append(words)
    paired = [
        (clip, int(label)) for clip, label in zip(*audio, strict=True) if int(label) in texts_with
    ]
    pairs = [
        replace(rng.choice(texts_with[label]), images=clip.images, clip_seconds=clip.clip_seconds)
        for clip, label in paired
        for _ in range(PAIRS_PER_CLIP)
    ]
    return pairs, np.repeat([label for _, label in paired], PAIRS_PER_CLIP)


def _check_splits(data: TrainingData) -> None:
    """Raises DatasetError, before hours of training, for examples that a later step will miss."""
    present = []
    for dataset in (data.text, data.audio):
        if dataset:
            dataset.split("train")
            present.append({example.emotion for example in dataset.split("validation")})
    if data.text and data.audio and present[0].isdisjoint(present[1]):
        raise DatasetError(
            f"no emotion has both validation texts in {data.text.name} and validation clips in "
            f"{data.audio.name}; the fused head is calibrated on pairs of them"
        )


def _hash_examples(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for split in ("train", "validation"):
        for example in dataset.split(split):
            clip = hashlib.sha256(example.read_clip()).hexdigest() if example.clip else None
            digest.update(json.dumps([split, example.emotion, example.text, clip]).encode())
    return digest.hexdigest()
