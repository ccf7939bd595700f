"""Measures a model on a data set of which an item has any number of classes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.datasets import Dataset, read_lines, target_matrix
from model.errors import DatasetError
from model.evaluation.evaluate import (
    CHUNK,
    measure_latency_ms,
    scorable_examples,
    score_examples,
)
from model.evaluation.multi_label import BoolArray, MultiLabelMetrics, multi_label_metrics
from model.scoring.scorer import EmotionScorer


@dataclass(frozen=True)
class MultiLabelEvaluation:
    """What predictions are worth, and how long they took.

    Attributes:
        metrics: of all items.
        latency_ms: as of `model.evaluation.evaluate.Evaluation`.
        batched_latency_ms: likewise.
    """

    metrics: MultiLabelMetrics
    latency_ms: float | None = None
    batched_latency_ms: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns the metrics as they stand in `metrics.json`."""
        return {
            **self.metrics.as_dict(),
            "latency_ms": self.latency_ms,
            "batched_latency_ms": self.batched_latency_ms,
        }


def evaluate_multi_label(
    scorer: EmotionScorer, dataset: Dataset, split: str, log: Callable[[str], Any] = print
) -> MultiLabelEvaluation:
    """Returns what a model is worth on a split of a multi-label data set.

    An emotion is predicted where it applies: of a single-label model the highest alone. Emotions of
    the model that the data set does not have are not looked at, so that `neutral` is none of them.

    Args:
        scorer: the model.
        dataset: with the split.
        split: its name.
        log: called with a line on examples that are left out, and on clips.

    Raises:
        DatasetError: as `model.evaluation.evaluate.evaluate_model`.
    """
    examples = scorable_examples(scorer, dataset, split, log)
    latency_ms = measure_latency_ms(scorer, examples)
    # What the first chunk's shapes need is compiled before batches are measured.
    score_examples(scorer, dataset, examples[:CHUNK])
    scorer.forget_texts()
    started = time.perf_counter()
    scores = score_examples(scorer, dataset, examples)
    seconds = time.perf_counter() - started
    column = {emotion: place for place, emotion in enumerate(dataset.emotions)}
    predictions = np.zeros((len(examples), len(column)), bool)
    for row, each in enumerate(scores):
        names = (scorer.emotions[index] for index in each.applying)
        predictions[row, [column[name] for name in names if name in column]] = True
    labels = target_matrix(examples, dataset.emotions) > 0
    return MultiLabelEvaluation(
        multi_label_metrics(labels, predictions, dataset.emotions),
        latency_ms,
        round(1000 * seconds / len(examples), 4),
    )


def evaluate_multi_label_predictions(
    path: Path, dataset: Dataset, split: str
) -> MultiLabelEvaluation:
    """Returns what anyone's predictions are worth: label indices a line, commas between them.

    Raises:
        DatasetError: there are more or fewer lines than examples, or a line is no label indices.
    """
    examples = dataset.split(split)
    lines = read_lines(path)
    if len(lines) != len(examples):
        raise DatasetError(
            f"{path} has {len(lines)} lines; {dataset.name}, {split}, has {len(examples)} examples"
        )
    predictions: BoolArray = np.zeros((len(examples), len(dataset.emotions)), bool)
    for row, line in enumerate(lines):
        indices = line.split(",") if line else []
        if not all(each.isdecimal() and int(each) < len(dataset.emotions) for each in indices):
            raise DatasetError(
                f"{path}:{row + 1} is {line!r}; label indices are 0 to "
                f"{len(dataset.emotions) - 1}, commas between them, and none is an empty line"
            )
        predictions[row, [int(each) for each in indices]] = True
    labels = target_matrix(examples, dataset.emotions) > 0
    return MultiLabelEvaluation(multi_label_metrics(labels, predictions, dataset.emotions))
