"""Trains and tests a config once for each fold of a data set."""

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold

from model.datasets import Dataset, Example, label_indices
from model.datasets.broken_clips import leave_broken_clips_out
from model.errors import ConfigError, DatasetError
from model.evaluation.evaluate import Evaluation, measure_latency_ms, predict
from model.evaluation.metrics import compute_metrics
from model.scoring.engine import FLOAT32
from model.scoring.scorer import EmotionScorer
from model.training.fold_by import FoldBy
from model.training.strip_store import StripStore
from model.training.train import TrainedModel, build_classifier, train
from model.training.training_config import TrainingConfig
from model.training.training_data import TrainingData, config_for_data


@dataclass(frozen=True)
class CrossValidation:
    """What came of all folds.

    Attributes:
        evaluation: of all examples, each by the model that never saw it.
        folds: the model of each fold; their artifacts are gone.
    """

    evaluation: Evaluation
    folds: list[TrainedModel]


def cross_validate(
    config: TrainingConfig,
    dataset: Dataset,
    n_folds: int,
    fold_by: FoldBy,
    text_encoder: str | None,
    training: Path,
    log: Callable[[str], Any] = print,
) -> CrossValidation:
    """Returns what a config's parts for a data set are worth on examples that they never saw.

    Every example is tested once. Where the config keeps the best epoch, a share of each class of a
    fold's training examples is held out to choose it by, and to calibrate; where it keeps the last
    one, nothing is held out, and the probabilities are not calibrated.

    Args:
        config: what to train; parts that learn from another data set are left out.
        dataset: all of its splits are parted anew.
        n_folds: how many folds.
        fold_by: what folds keep apart.
        text_encoder: checkpoint directory or hub id that the text encoder starts from.
        training: where the parts' states and weights are kept: a run that was killed goes on.
        log: called with a line of text when a fold is done, and of what is left out.

    Raises:
        UserError: the config has no part for the data set, there are fewer groups than folds, or
            an example cannot be used.
    """
    config = _only_parts_of(config, dataset)
    if dataset.is_multi_label or config.problem_type == "multi_label":
        raise ConfigError(
            f"{config.name} on {dataset.name}: folds are measured of one emotion an item; train "
            "on one split and evaluate on another"
        )
    # Parted after the rest is left out, so that no fold has nothing to test.
    n_given = len(dataset.examples())
    if config.audio:
        dataset = leave_broken_clips_out(dataset, dataset.splits, config.audio.features, log)
    dataset = dataset.only(
        lambda each: bool((config.text and each.has_text) or (config.audio and each.clip))
    )
    examples = dataset.examples()
    if n_left := n_given - len(examples):
        log(f"{dataset.name}: left out, with nothing that {config.name} learns from: {n_left}")
    if not examples:
        raise DatasetError(f"{dataset.name} has nothing that {config.name} learns from")
    folds, names = fold_examples(dataset, examples, n_folds, fold_by, config.seed)
    labels = label_indices(examples, dataset.emotions)
    prepared = [
        _prepare_fold(config, dataset, folds == fold, f"fold {fold + 1} ({names[fold]})")
        for fold in range(n_folds)
    ]
    # The checkpoint, and then each clip, is looked at before the first fold is trained.
    preprocess = build_classifier(config, prepared[0][0], text_encoder)[1]
    if config.audio and preprocess.audio:
        clips = [example for example in examples if example.clip]
        StripStore(clips, preprocess.audio, config.audio.speeds, training / "features")
    models: list[TrainedModel] = []
    probabilities: dict[str, npt.NDArray[np.float32]] = {}
    for fold, (data, tested) in enumerate(prepared):
        with tempfile.TemporaryDirectory() as out:
            models.append(train(config, data, text_encoder, Path(out), training, log))
            scorer = EmotionScorer.load(out, FLOAT32)
            for head, columns in predict(scorer, dataset, tested).items():
                missing = np.full((len(examples), columns.shape[1]), np.nan, np.float32)
                probabilities.setdefault(head, missing)[folds == fold] = columns
            latency_ms = measure_latency_ms(scorer, tested)
            keras.backend.clear_session()
        chosen = probabilities[""][folds == fold].argmax(axis=1)
        metrics = compute_metrics(labels[folds == fold], chosen, dataset.emotions)
        log(
            f"fold {fold + 1} of {n_folds} ({names[fold]}): n {metrics.n}, "
            f"accuracy {metrics.accuracy:.3f}, mean class recall {metrics.mean_class_recall:.3f}"
        )
    predictions = probabilities[""].argmax(axis=1)
    evaluation = Evaluation.of(dataset, examples, predictions, probabilities, latency_ms=latency_ms)
    return CrossValidation(evaluation, models)


def fold_examples(
    dataset: Dataset, examples: Sequence[Example], n_folds: int, fold_by: FoldBy, seed: int
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Returns the fold of each example, and what each fold is tested on, in words.

    Raises:
        DatasetError: there are fewer groups, or fewer examples of a class, than folds.
    """
    if fold_by == FoldBy.GROUP:
        fold_of = dataset.fold_of_group(n_folds)
        groups = [sorted(name for name, own in fold_of.items() if own == k) for k in range(n_folds)]
        return (
            np.array([fold_of[example.group] for example in examples]),
            [f"tested on {', '.join(names)}" for names in groups],
        )
    labels = [example.emotion for example in examples]
    counted = Counter(labels)
    rarest = min(counted, key=counted.__getitem__)
    if counted[rarest] < n_folds:
        raise DatasetError(
            f"{dataset.name} has {counted[rarest]} of {rarest!r}; {n_folds} folds need as many of "
            "each class"
        )
    folds = np.zeros(len(examples), np.int64)
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    for fold, (_, tested) in enumerate(splitter.split(labels, labels)):
        folds[tested] = fold
    return folds, ["at random"] * n_folds


def _prepare_fold(
    config: TrainingConfig, dataset: Dataset, is_tested: npt.NDArray[np.bool_], name: str
) -> tuple[TrainingData, list[Example]]:
    """Returns what a fold is trained on, and what it is tested on.

    All folds are prepared before the first is trained, so that none fails after hours.

    Raises:
        UserError: the fold lacks examples that training needs.
    """
    examples = dataset.examples()
    train, tested = (
        [example for example, own in zip(examples, is_tested, strict=True) if own == wanted]
        for wanted in (False, True)
    )
    parted = replace(dataset, splits={"train": train, "validation": [], "test": tested})
    try:
        if any(
            part.fit.keep == "best" for part in (config.text, config.audio, config.fusion) if part
        ):
            parted = parted.for_training("train", config.validation_share, config.seed)
        data = TrainingData.of_parts(
            parted if config.text else None, parted if config.audio else None
        )
        config_for_data(config, data, lambda _: None)
    except DatasetError as error:
        raise DatasetError(f"{name}: {error}") from error
    return data, tested


def _only_parts_of(config: TrainingConfig, dataset: Dataset) -> TrainingConfig:
    text = config.text if config.text and config.text.dataset == dataset.name else None
    audio = config.audio if config.audio and config.audio.dataset == dataset.name else None
    if not (text or audio):
        raise ConfigError(f"{config.name} has no part that learns from {dataset.name}")
    return replace(
        config,
        emotions=dataset.emotions,
        text=text,
        audio=audio,
        fusion=config.fusion if text and audio else None,
    )
