"""Measures a model on a data set, with the scorer that production uses."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.datasets import Dataset, Example, label_indices, read_lines
from model.datasets.broken_clips import leave_broken_clips_out
from model.errors import DatasetError, ItemError
from model.evaluation.metrics import Metrics, compute_metrics
from model.preprocessing.emotion_preprocessor import ModelInput
from model.scoring.scorer import EmotionScorer
from model.scoring.scores import EmotionScores
from schemas.emotions import Modality

FloatArray = npt.NDArray[np.float32]
CHUNK = 1024
"""Examples that are held as features at a time."""
LATENCY_ITEMS = 100
"""Items that are scored one by one, for the time that a single one takes."""


@dataclass(frozen=True)
class Evaluation:
    """Predictions beside the truth, and what they are worth.

    Attributes:
        class_names: the data set's classes.
        labels: index into `class_names` of each item.
        predictions: likewise; `len(class_names)` or more for a class that the data set lacks.
        probabilities: `[items, columns]`, the data set's classes first; None where there are none.
        metrics: of all items.
        by_head: metrics of the text head and of the audio head, where the model has both; each over
            the items that have its modality.
        by_part: metrics of each part of the data set, where it has parts.
        latency_ms: median time to score one item alone, preprocessing included; None without a
            model.
        batched_latency_ms: mean time an item when all are scored in batches; None likewise.
    """

    class_names: tuple[str, ...]
    labels: npt.NDArray[np.integer]
    predictions: npt.NDArray[np.integer]
    probabilities: FloatArray | None
    metrics: Metrics
    by_head: dict[str, Metrics]
    by_part: dict[str, Metrics]
    latency_ms: float | None = None
    batched_latency_ms: float | None = None

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        examples: Sequence[Example],
        predictions: npt.NDArray[np.integer],
        probabilities: dict[str, FloatArray] | None = None,
        **latencies: float,
    ) -> "Evaluation":
        """Measures predictions.

        Args:
            dataset: whose classes, and whose name, count.
            examples: the items.
            predictions: see above.
            probabilities: by head, and under "" the model's own choice; `nan` for an item without
                the head's modality.
            latencies: see above.
        """
        names = dataset.emotions
        labels = label_indices(examples, names)
        own = probabilities[""] if probabilities else None
        # The benchmark's own score is one of its own labels.
        published = "" if dataset.is_relabelled else dataset.name

        def measure(rows: Any, columns: FloatArray | None) -> Metrics:
            chosen = predictions if columns is own or columns is None else columns.argmax(axis=1)
            scores = None if columns is None else columns[rows]
            return compute_metrics(labels[rows], chosen[rows], names, scores, dataset=published)

        heads = {
            head: (np.flatnonzero(~np.isnan(columns[:, 0])), columns)
            for head, columns in (probabilities or {}).items()
            if head
        }
        parts = sorted({example.part for example in examples} - {""})
        part_of = np.array([example.part for example in examples])
        return cls(
            names,
            labels,
            predictions,
            own,
            measure(np.arange(len(labels)), own),
            {head: measure(rows, columns) for head, (rows, columns) in heads.items()},
            {part: measure(np.flatnonzero(part_of == part), own) for part in parts},
            **latencies,
        )

    def as_dict(self) -> dict[str, Any]:
        """Returns the metrics as they stand in `metrics.json`."""
        return {
            **self.metrics.as_dict(),
            "by_head": {head: metrics.as_dict() for head, metrics in self.by_head.items()},
            "by_part": {part: metrics.as_dict() for part, metrics in self.by_part.items()},
            "latency_ms": self.latency_ms,
            "batched_latency_ms": self.batched_latency_ms,
        }


def evaluate_model(
    scorer: EmotionScorer, dataset: Dataset, split: str, log: Callable[[str], Any] = print
) -> Evaluation:
    """Returns what a model is worth on a split.

    Examples with nothing to score, neither a clip nor a text that holds something after cleaning,
    are left out; for a model of one modality, those that lack that one.

    Args:
        scorer: the model.
        dataset: with the split.
        split: its name.
        log: called with a line on examples that are left out, and on clips.

    Raises:
        DatasetError: the model does not know one of the data set's classes, or an example cannot
            be scored, or none has anything to score.
    """
    examples = scorable_examples(scorer, dataset, split, log)
    latency_ms = measure_latency_ms(scorer, examples)
    # What the first chunk's shapes need is compiled before batches are measured.
    predict(scorer, dataset, examples[:CHUNK])
    scorer.forget_texts()
    started = time.perf_counter()
    probabilities = predict(scorer, dataset, examples)
    seconds = time.perf_counter() - started
    return Evaluation.of(
        dataset,
        examples,
        probabilities[""].argmax(axis=1),
        probabilities,
        latency_ms=latency_ms,
        batched_latency_ms=round(1000 * seconds / len(examples), 4),
    )


def scorable_examples(
    scorer: EmotionScorer, dataset: Dataset, split: str, log: Callable[[str], Any]
) -> list[Example]:
    """Returns the examples of a split that hold something that the model reads or hears.

    Raises:
        DatasetError: there are none.
    """
    reads, given = scorer.preprocess, dataset.split(split)
    if reads.audio:
        dataset = leave_broken_clips_out(dataset, [split], reads.audio.config, log)
    examples = [
        each
        for each in dataset.split(split)
        if (reads.text and each.has_text) or (reads.audio and each.clip)
    ]
    if not examples:
        raise DatasetError(f"{dataset.name}, {split}, has nothing that the model can score")
    if n_left := len(given) - len(examples):
        log(f"{dataset.name}, {split}: left out, with nothing that the model scores: {n_left}")
    return examples


def predict(
    scorer: EmotionScorer, dataset: Dataset, examples: Sequence[Example]
) -> dict[str, FloatArray]:
    """Returns probabilities, `[examples, emotions]`, the data set's classes first.

    Those of the model's own choice stand under "". Where the model reads and hears, those of the
    text head and of the audio head stand under their names, `nan` for an example without text or
    clip.

    Raises:
        DatasetError: as `score_examples`.
    """
    scores = score_examples(scorer, dataset, examples)
    extra = [emotion for emotion in scorer.emotions if emotion not in dataset.emotions]
    order = [scorer.emotions.index(emotion) for emotion in (*dataset.emotions, *extra)]
    probabilities = {"": np.stack([each.scores for each in scores])[:, order]}
    if any(each.modality == Modality.TEXT_AUDIO for each in scores):
        missing = np.full(len(order), np.nan, np.float32)
        for head in (Modality.TEXT, Modality.AUDIO):
            rows = [each.of_head(head) for each in scores]
            stacked = np.stack([missing if row is None else row for row in rows])
            probabilities[str(head)] = stacked[:, order]
    return probabilities


def score_examples(
    scorer: EmotionScorer, dataset: Dataset, examples: Sequence[Example]
) -> list[EmotionScores]:
    """Returns the scores of each example.

    Raises:
        DatasetError: the model does not know one of the data set's classes, or an example cannot
            be scored.
    """
    unknown = sorted(set(dataset.emotions) - set(scorer.emotions))
    if unknown:
        raise DatasetError(
            f"{dataset.name} has the class {unknown[0]!r}; the model tells "
            f"{', '.join(scorer.emotions)} apart"
        )
    scores: list[EmotionScores] = []
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        scores += scorer.score([preprocess_example(scorer, example) for example in chunk])
    return scores


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


def measure_latency_ms(scorer: EmotionScorer, examples: Sequence[Example]) -> float:
    """Returns the median time to score one example alone, preprocessing included."""
    scorer.forget_texts()
    seconds = []
    for example in examples[:LATENCY_ITEMS]:
        started = time.perf_counter()
        scorer.score([preprocess_example(scorer, example)])
        seconds.append(time.perf_counter() - started)
    return round(1000 * float(np.median(seconds)), 4)


def evaluate_predictions(path: Path, dataset: Dataset, split: str) -> Evaluation:
    """Returns what anyone's predictions are worth: one label index a line, as TweetEval's own.

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
    return Evaluation.of(dataset, examples, np.array([int(line) for line in lines]))
