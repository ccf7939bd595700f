"""A data set to part into folds, and a config of one epoch that learns from it."""

from dataclasses import replace
from pathlib import Path

from model.datasets import Dataset, Example
from model.training.training_config import FitConfig, TrainingConfig
from tests.support.tiny_corpora import SPOKEN, WORD_OF, own_training


def text_config(keep: str) -> TrainingConfig:
    """A text part of one epoch; the config has an audio part of another data set, too."""
    config = own_training()
    assert config.text is not None
    assert config.audio is not None
    assert config.fusion is not None
    fit = FitConfig(epochs=1, batch_size=8, learning_rate=0.005, keep=keep)  # type: ignore[arg-type]
    return replace(
        config,
        text=replace(config.text, fit=fit),
        audio=replace(config.audio, dataset="emodb"),
        fusion=replace(config.fusion, fit=FitConfig(epochs=1, keep="last")),
    )


def texts(n_examples: int = 36) -> Dataset:
    """Texts of three classes, one twice as frequent, of six speakers; two have nothing to read."""
    emotions = ["anger", "joy", "sadness", "joy"]
    examples = [
        Example(
            emotions[number % 4],
            text=f"{WORD_OF[emotions[number % 4]]} {number}",
            group=f"speaker{number % 6}",
            part="scripted" if number % 3 else "improvised",
        )
        for number in range(n_examples)
    ]
    splits = {"train": examples[: n_examples // 2], "validation": [], "test": []}
    unread = [
        Example("joy", text=" \t", group="speaker0"),
        Example("joy", clip=Path("unread.wav"), group="speaker0"),
    ]
    splits["test"] = [*examples[n_examples // 2 :], *unread]
    return Dataset("manifest", tuple(SPOKEN), splits)


def with_silent_speaker(dataset: Dataset) -> Dataset:
    """The data set with as many examples again of a speaker whose texts cannot be seen."""
    silent = [Example("joy", text="\u200b", group="silent")] * len(dataset.examples())
    return replace(dataset, splits=dataset.splits | {"train": [*dataset.split("train"), *silent]})


def everything(dataset: Dataset) -> list[Example]:
    """The examples that hold anything for the config."""
    unread = Path("unread.wav")
    return [each for each in dataset.examples() if each.has_text or each.clip not in (None, unread)]
