"""What a training config learns from: data sets, parted into what each part can use."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from model.datasets import Dataset, load_dataset
from model.datasets.broken_clips import leave_broken_clips_out
from model.datasets.held_out import HeldOut
from model.datasets.published_sizes import count_remarks
from model.errors import ConfigError, DatasetError
from model.training.training_config import TrainingConfig
from schemas.labels import NO_EMOTION, RESERVED_EMOTIONS


@dataclass(frozen=True)
class TrainingData:
    """What a config's parts learn from; None where it has no such part.

    Where texts and clips are of one data set, each part learns from the examples that have its
    modality, and the fused head from those that have both.

    Attributes:
        text: examples with texts, in the splits `train` and `validation`.
        audio: examples with clips, likewise.
        held_out: by data set, what was drawn to validate on, where it had nothing of its own.
    """

    text: Dataset | None
    audio: Dataset | None
    held_out: dict[str, HeldOut] = field(default_factory=dict)

    @classmethod
    def load(
        cls, config: TrainingConfig, data_dir: Path, log: Callable[[str], Any] = print
    ) -> "TrainingData":
        """Reads a config's data sets, and logs how many examples each has.

        Raises:
            DatasetError: a data set cannot be read, or lacks examples to train or validate on.
        """
        text, audio = config.text, config.audio
        names = dict.fromkeys(part.dataset for part in (text, audio) if part)
        read = {name: load_dataset(name, data_dir) for name in names}
        for name, dataset in read.items():
            for line in (*dataset.remarks, *count_remarks(dataset)):
                log(line)
            empty = dataset.only(lambda example: not (example.has_text or example.clip))
            if empty.examples():
                log(f"{name}: left out, as nothing is left of the text: {len(empty.examples())}")
        if audio:
            read[audio.dataset] = leave_broken_clips_out(
                read[audio.dataset], ("train", "validation"), audio.features, log
            )
        prepared = {
            name: dataset.for_training(config.train_split, config.validation_share, config.seed)
            for name, dataset in read.items()
        }
        held_out = {
            name: HeldOut.of(dataset, config.train_split, prepared[name].splits["validation"])
            for name, dataset in read.items()
            if prepared[name].splits["validation"] != dataset.splits.get("validation")
        }
        data = cls.of_parts(
            prepared[text.dataset] if text else None, prepared[audio.dataset] if audio else None
        )
        return replace(data, held_out=held_out)

    @classmethod
    def of_parts(cls, text: Dataset | None, audio: Dataset | None) -> "TrainingData":
        """Returns the examples that have what each part learns from; None where none has."""
        text = text and text.only(lambda example: example.has_text)
        audio = audio and audio.only(lambda example: example.clip is not None)
        return cls(
            text if text and text.splits["train"] else None,
            audio if audio and audio.splits["train"] else None,
        )

    def pairs(self) -> tuple[Dataset, Dataset]:
        """Returns the texts and clips that the fused head learns from.

        Those of one data set are the same examples, in the same order.
        """
        if not (self.text and self.audio):
            raise ValueError("pairs need texts and clips")
        if self.text.name != self.audio.name:
            return self.text, self.audio
        both = self.text.only(lambda example: example.clip is not None)
        return both, both


def config_for_data(
    config: TrainingConfig, data: TrainingData, log: Callable[[str], Any]
) -> TrainingConfig:
    """Returns the config with its classes, and without a part that a paired data set lacks.

    Raises:
        UserError: a class, or an example that a later step will need, is missing, or there are too
            few for one step: said here, before hours of training.
    """
    text, audio = config.text, config.audio
    paired = config.is_paired and (data.text or data.audio)
    for settings, dataset, lacking in ((text, data.text, "texts"), (audio, data.audio, "clips")):
        if settings and dataset is None:
            if not paired:
                raise DatasetError(f"{settings.dataset} has no {lacking} to train on")
            log(f"{settings.dataset} has no {lacking}: the other part alone is trained")
    config = replace(
        config,
        text=text if data.text else None,
        audio=audio if data.audio else None,
        fusion=config.fusion if data.text and data.audio else None,
    )
    parts = [dataset for dataset in (data.text, data.audio) if dataset]
    if not config.emotions:
        classes = [emotion for dataset in parts for emotion in dataset.emotions]
        config = replace(config, emotions=tuple(dict.fromkeys(classes)))
    for dataset in parts:
        if dataset.is_multi_label and config.problem_type != "multi_label":
            raise ConfigError(
                f"{config.name}: problem_type is {config.problem_type!r}; examples of "
                f"{dataset.name} have any number of emotions, so it must be 'multi_label'"
            )
        extra = sorted(set(dataset.emotions) - set(config.emotions))
        if extra:
            raise ConfigError(
                f"{config.name}: emotions lack {extra[0]!r}, a class of {dataset.name}"
            )
    if NO_EMOTION in config.emotions:
        raise ConfigError(
            f"{config.name}: an emotion is called {NO_EMOTION!r}, as "
            f"{RESERVED_EMOTIONS[NO_EMOTION]} are; it needs another name"
        )
    _check_examples(config, data)
    return config


def _check_examples(config: TrainingConfig, data: TrainingData) -> None:
    fits = []  # how each part is fitted, on which examples, and what those have
    if config.text and data.text:
        fits.append((config.text.fit, data.text, "a text", "text part"))
    if config.audio and data.audio:
        fits.append((config.audio.fit, data.audio, "a clip", "audio part"))
    if config.fusion and data.text and data.audio:
        texts, clips = data.pairs()
        fits.append((config.fusion.fit, texts, "both a text and a clip", "fused head"))
        present = [
            {example.emotion for example in dataset.splits["validation"]}
            for dataset in (texts, clips)
        ]
        if all(present) and present[0].isdisjoint(present[1]):
            raise DatasetError(
                f"no emotion has both validation texts in {texts.name} and validation clips in "
                f"{clips.name}; the fused head is calibrated on pairs of them"
            )
    for fit, dataset, needed, part in fits:
        for split in ("train", "validation") if fit.keep == "best" else ("train",):
            if not dataset.splits[split]:
                raise DatasetError(
                    f"{dataset.name}, {split}: no example has {needed}; the {part} needs those"
                )
        # After so many without a step it ends: nothing has become better.
        n_epochs = min(fit.epochs, fit.patience + 1) if fit.patience else fit.epochs
        n_batches = n_epochs * math.ceil(len(dataset.splits["train"]) / fit.batch_size)
        if fit.accumulate_batches > n_batches:
            raise ConfigError(
                f"{config.name}: accumulate_batches is {fit.accumulate_batches}; {n_epochs} epochs "
                f"of the {part} have {n_batches} batches, less than a step takes"
            )
