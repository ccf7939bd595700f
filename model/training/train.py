"""Trains the fused model: the text encoder, the audio encoder, then the head that joins them."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import emoji
import keras
from pydantic import TypeAdapter

from model.config import ClassifierConfig, TextConfig, parse_config
from model.datasets import Dataset, texts_of
from model.errors import ConfigError, DatasetError, ItemError
from model.network.emotion_classifier import EmotionClassifier
from model.network.hugging_face import (
    load_encoder_config,
    load_encoder_weights,
    load_tokenizer,
    locate_checkpoint,
)
from model.preprocessing.audio_preprocessor import AudioPreprocessor, build_filter_banks
from model.preprocessing.emotion_preprocessor import EmotionPreprocessor
from model.preprocessing.text_preprocessor import LEFT, TextPreprocessor
from model.scoring.artifact import WEIGHTS, Artifact
from model.scoring.conversion import convert_artifact
from model.scoring.engine import FLOAT32, start_engine
from model.scoring.graph_files import TEXT_INT8_GRAPH, graph_files
from model.scoring.saving import save_artifact
from model.scoring.scorer import EmotionScorer
from model.training.audio_training import fit_audio, load_mobilenet_weights, store_clips
from model.training.calibrating import Calibration, calibrate
from model.training.finished_part import FinishedPart
from model.training.fitting import read_history, read_kept_epoch
from model.training.fusion_training import fit_fusion
from model.training.text_training import fit_text
from model.training.training_config import TextTraining, TrainingConfig
from model.training.training_data import TrainingData, config_for_data
from model.training.training_record import (
    RECORD,
    FittedPart,
    TrainingRecord,
    hash_examples,
    key_of_run,
)
from model.training.vocabulary import trim_vocabulary
from schemas.emotions import Modality


@dataclass(frozen=True)
class TrainedModel:
    """An artifact, and how its parts were fitted.

    Attributes:
        artifact: as saved.
        parts: by modality of the head, the folder with the part's `history.json`, `curves.png` and
            TensorBoard logs.
        record: what is remembered beside the artifact.
    """

    artifact: Artifact
    parts: dict[str, Path]
    record: TrainingRecord

    @property
    def seconds(self) -> float:
        """How long fitting took, over all epochs of all parts, in whichever runs they ran."""
        return sum(
            epoch["seconds"] for folder in self.parts.values() for epoch in read_history(folder)
        )


def train(
    config: TrainingConfig,
    data: TrainingData,
    text_encoder: str | None,
    out: Path,
    training: Path | None = None,
    log: Callable[[str], Any] = print,
) -> TrainedModel:
    """Trains a model and writes its artifact to `out`.

    The state of each part is kept: a run that was killed goes on after the last whole epoch, and
    finished parts are not fitted again. They count for the same settings, data and first weights
    only.

    Args:
        config: what to train, and how.
        data: what to train on.
        text_encoder: checkpoint directory or hub id that the text encoder starts from.
        out: the artifact's directory.
        training: a folder for each part's state, logs and weights, and for the features of clips,
            which several runs may share; `out/training` where left out.
        log: called with a line of text that a user should see.

    Raises:
        UserError: a data set, the checkpoint or a setting is wrong; no artifact is written then.
    """
    key = key_of_run(config, data, text_encoder)
    config = config_for_data(config, data, log)
    keras.utils.set_random_seed(config.seed)
    try:
        classifier, preprocessor = build_classifier(config, data, text_encoder)
        parts = fit_parts(config, data, classifier, preprocessor, training or out / "training")
    except ItemError as error:  # of a text; clips name their file
        raise DatasetError(f"{config.name}: {error.message}") from error
    if (out / graph_files(TEXT_INT8_GRAPH)[0]).is_file():
        log(f"the export in {out} is removed; mm-emor export makes a new one")
    with tempfile.TemporaryDirectory() as folder:
        untuned = Calibration.none(classifier.config)
        uncalibrated = save_artifact(
            Path(folder),
            classifier,
            preprocessor,
            untuned.temperatures,
            thresholds=untuned.thresholds,
        )
        calibration = calibrate(
            EmotionScorer(uncalibrated, start_engine(uncalibrated, FLOAT32)), data, config.seed
        )
    (out / RECORD).unlink(missing_ok=True)
    saved = save_artifact(
        out,
        classifier,
        preprocessor,
        calibration.temperatures,
        languages=config.text.languages if config.text else (),
        thresholds=calibration.thresholds,
    )
    artifact = convert_artifact(saved)
    endings = {name: _ending(config, data, name, folder) for name, folder in parts.items()}
    record = TrainingRecord(key, artifact.hashes[WEIGHTS], endings, data.held_out)
    record.write(out)
    return TrainedModel(artifact, parts, record)


def build_classifier(
    config: TrainingConfig, data: TrainingData, text_encoder: str | None
) -> tuple[EmotionClassifier, EmotionPreprocessor]:
    """Returns the network, its text encoder loaded from the checkpoint, and its preprocessor."""
    parts: dict[str, Any] = {
        "emotions": config.emotions,
        "head": config.head,
        "problem_type": config.problem_type,
    }
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
    if settings.emoji != "keep":
        # Each emoji's name, too: a corpus has others than the training texts.
        texts += [*emoji.EMOJI_DATA, LEFT]
    prepared = [preprocessor.prepare(text) for text in texts]
    tokenizer, kept_tokens = trim_vocabulary(preprocessor.tokenizer, prepared)
    return TextPreprocessor(preprocessor.config, tokenizer), kept_tokens


def fit_parts(
    config: TrainingConfig,
    data: TrainingData,
    classifier: EmotionClassifier,
    preprocessor: EmotionPreprocessor,
    training: Path,
) -> dict[str, Path]:
    """Fits the text part, the audio part and the fused head, as far as the config has them.

    Args:
        config: how to fit.
        data: what to fit to.
        classifier: built for the config; its weights change.
        preprocessor: its preprocessor.
        training: where the parts' folders are, and are looked for.

    Returns:
        Each part's folder, by modality.
    """
    settings = TypeAdapter(TrainingConfig).dump_python(config, mode="json")
    shared = [settings[name] for name in ("emotions", "head", "seed")]
    if config.problem_type == "multi_label":
        shared.append(config.problem_type)
    seed, features = config.seed, training / "features"
    folders: dict[str, Path] = {}

    def part_of(modality: Modality, own: list[Any], *datasets: Dataset) -> FinishedPart:
        # What an encoder has learned is in the fused head's name by its weights.
        hashes = [hash_examples(dataset, modality) for dataset in datasets]
        part = FinishedPart.of(classifier, modality, training, [*shared, *own, *hashes])
        folders[str(modality)] = part.folder
        return part

    strips = None
    if config.audio and data.audio and preprocessor.audio:
        audio_part = part_of(Modality.AUDIO, [settings["audio"]], data.audio)
        if not audio_part.restore():
            # A clip that cannot be used is told now, and not after hours of training on texts.
            strips = store_clips(preprocessor.audio, config.audio, data.audio, features)
    if config.text and data.text and preprocessor.text and classifier.config.encoder:
        encoder = [asdict(classifier.config.encoder), preprocessor.text.tokenizer.to_str()]
        part = part_of(Modality.TEXT, [settings["text"], *encoder], data.text)
        if not part.restore():
            fit_text(classifier, preprocessor.text, config.text, data.text, seed, part.folder)
            part.store()
    if config.audio and data.audio and strips:
        fit_audio(classifier, config.audio, data.audio, strips, seed, audio_part.folder)
        audio_part.store()
    if config.fusion and data.text and data.audio:
        texts, clips = data.pairs()
        own = [settings[name] for name in ("text", "audio", "fusion")]
        part = part_of(Modality.TEXT_AUDIO, own, texts, clips)
        if not part.restore():
            fit_fusion(classifier, preprocessor, config, texts, clips, part.folder, features)
            part.store()
    return {str(each): folders[each] for each in Modality if each in folders}


def _ending(config: TrainingConfig, data: TrainingData, name: str, folder: Path) -> FittedPart:
    """Returns how the fit of a part ended, by its history."""
    settings, dataset = {
        Modality.TEXT: (config.text, data.text),
        Modality.AUDIO: (config.audio, data.audio),
        Modality.TEXT_AUDIO: (config.fusion, None),
    }[Modality(name)]
    if data.text and data.audio and dataset is None:
        texts, clips = data.pairs()
        dataset = texts if texts is clips else None
    if settings is None:
        raise ValueError(f"{config.name} has no part {name}")
    epochs, kept_epoch = read_history(folder), read_kept_epoch(folder)
    return FittedPart(
        kept_epoch,
        len(epochs),
        settings.fit.keep,
        epochs[kept_epoch - 1].get("val_macro_f1"),
        len(dataset.splits["validation"]) if dataset else 0,
        folder.name,
    )
