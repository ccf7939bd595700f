"""Measures a model on a data set, with the scorer that production uses."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.backend import start_keras
from model.datasets import Dataset, Example, label_indices, read_lines
from model.errors import ConfigError, DatasetError, ItemError
from model.metrics import Metrics, compute_metrics
from model.preprocessor import ModelInput
from model.scorer import EmotionScorer
from model.training_config import TrainingConfig

CHUNK = 1024
"""Examples that are held as features at a time."""


def evaluate_model(scorer: EmotionScorer, dataset: Dataset, split: str) -> Metrics:
    """Returns the metrics of a model on a split.

    Raises:
        DatasetError: the model does not know one of the data set's classes, or an example cannot
            be scored.
    """
    examples = dataset.split(split)
    unknown = sorted(set(dataset.emotions) - set(scorer.emotions))
    if unknown:
        raise DatasetError(
            f"{dataset.name} has the class {unknown[0]!r}; the model tells "
            f"{', '.join(scorer.emotions)} apart"
        )
    probabilities = np.concatenate(list(_probabilities(scorer, examples)))
    # The data set's classes first, then those that it does not have.
    extra = [emotion for emotion in scorer.emotions if emotion not in dataset.emotions]
    order = [scorer.emotions.index(emotion) for emotion in (*dataset.emotions, *extra)]
    probabilities = probabilities[:, order]
    labels = label_indices(examples, dataset.emotions)
    return compute_metrics(labels, probabilities.argmax(axis=1), dataset.emotions, probabilities)


def preprocess_example(scorer: EmotionScorer, example: Example) -> ModelInput:
    """Returns an example as the scorer takes it.

    Raises:
        DatasetError: it cannot be scored.
    """
    clip = example.read_clip() if example.clip else None
    try:
        return scorer.preprocess(example.text, clip)
    except ItemError as error:
        raise DatasetError(f"{example.clip or repr(example.text)}: {error.message}") from error


def _probabilities(
    scorer: EmotionScorer, examples: Sequence[Example]
) -> Iterator[npt.NDArray[np.float32]]:
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        inputs = [preprocess_example(scorer, example) for example in chunk]
        yield np.stack([scores.scores for scores in scorer.score(inputs)])


def evaluate_predictions(path: Path, dataset: Dataset, split: str) -> Metrics:
    """Returns the metrics of anyone's predictions: one label index a line, as TweetEval's own.

    Raises:
        DatasetError: there are more or fewer lines than examples, or a line is no label index.
    """
    examples = dataset.split(split)
    lines = read_lines(path)
    if len(lines) != len(examples):
        raise DatasetError(
            f"{path} has {len(lines)} lines; {dataset.name}, {split}, has {len(examples)} examples"
        )
    for number, line in enumerate(lines, start=1):
        if not (line.isdecimal() and int(line) < len(dataset.emotions)):
            raise DatasetError(
                f"{path}:{number} is {line!r}; label indices are 0 to {len(dataset.emotions) - 1}"
            )
    predictions = np.array([int(line) for line in lines])
    return compute_metrics(label_indices(examples, dataset.emotions), predictions, dataset.emotions)


def evaluate_folds(
    config: TrainingConfig, dataset: Dataset, n_folds: int, progress: Any = print
) -> Metrics:
    """Trains and tests the audio part of a config once a fold; returns the metrics of all folds.

    No group (speaker, session) is in training and test at once, and every clip is tested once, by
    the model that never heard its speaker.

    Args:
        config: what to train; its `[audio]` table is used, and its seed.
        dataset: clips with groups.
        n_folds: how many folds.
        progress: called with a line of text when a fold is done.

    Raises:
        UserError: the config has no audio part or chooses epochs by validation clips, there are
            fewer groups than folds, or a clip cannot be used.
    """
    if config.audio is None:
        raise ConfigError(f"{config.name} has no [audio] table; folds train that part")
    if config.audio.fit.keep == "best":
        raise ConfigError(
            f"{config.name}: audio.fit.keep is 'best'; folds have no validation clips to choose an "
            "epoch by, so it must be 'last'"
        )
    start_keras()
    from model.audio_training import predict_held_out  # noqa: PLC0415  (TensorFlow)

    examples = [example for split in dataset.splits.values() for example in split]
    fold_of = dataset.fold_of_group(n_folds)
    folds = np.array([fold_of[example.group] for example in examples])
    labels = label_indices(examples, dataset.emotions)
    probabilities = np.zeros((len(examples), len(dataset.emotions)), np.float32)
    # The folds' models tell the data set's own classes apart.
    config = replace(config, emotions=dataset.emotions, text=None, fusion=None)
    for fold in range(n_folds):
        train = [example for example, own in zip(examples, folds, strict=True) if own != fold]
        test = [example for example, own in zip(examples, folds, strict=True) if own == fold]
        parted = Dataset(dataset.name, dataset.emotions, {"train": train, "test": test})
        probabilities[folds == fold] = predict_held_out(config, parted)
        metrics = compute_metrics(
            labels[folds == fold], probabilities[folds == fold].argmax(axis=1), dataset.emotions
        )
        speakers = ", ".join(sorted(group for group, own in fold_of.items() if own == fold))
        progress(
            f"fold {fold + 1} of {n_folds} (tested on {speakers}): n {metrics.n}, "
            f"accuracy {metrics.accuracy:.3f}, mean class recall {metrics.mean_class_recall:.3f}"
        )
    return compute_metrics(labels, probabilities.argmax(axis=1), dataset.emotions, probabilities)


def write_metrics(out: Path, metrics: dict[str, Any]) -> None:
    """Writes `out/metrics.json`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
