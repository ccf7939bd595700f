"""Fits a finished model's confidences to labelled data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.datasets import Dataset, Example, target_matrix
from model.errors import DatasetError
from model.evaluation.evaluate import CHUNK, preprocess_example, scorable_examples
from model.scoring.artifact import Artifact
from model.scoring.calibration import (
    calibrate_logits,
    expected_calibration_error,
    sigmoid,
    softmax,
)
from model.scoring.engine import FLOAT32, start_engine
from model.scoring.model_card import note_calibration
from model.scoring.saving import recalibrate
from model.scoring.scorer import EmotionScorer
from schemas.emotions import Modality

FloatArray = npt.NDArray[np.float32]
FEW = 200
"""Items below which a temperature is rough."""


@dataclass(frozen=True)
class HeadCalibration:
    """What labelled data say of a head's confidences.

    Attributes:
        n: items that the head has scored.
        temperature, temperature_before: what its logits are divided by.
        ece, ece_before: expected calibration error, 0 to 1, on these items: the same that the
            temperature was fitted to. Of a multi-label model that of all answers, each of which is
            of an item and an emotion.
        thresholds: of a multi-label model, for each emotion; else empty.
    """

    head: Modality
    n: int
    temperature: float
    temperature_before: float
    ece: float
    ece_before: float
    thresholds: tuple[float, ...] = ()

    def __str__(self) -> str:
        """Returns it in a line."""
        return (
            f"{self.head}: n {self.n}, temperature {self.temperature_before:.4f} → "
            f"{self.temperature:.4f}, ece {self.ece_before:.4f} → {self.ece:.4f}"
        )


def calibrate(
    artifact: Artifact, dataset: Dataset, split: str, log: Callable[[str], Any] = print
) -> tuple[Artifact, list[HeadCalibration]]:
    """Fits the temperature of each head that has items, and writes the artifact's settings.

    The items' highest emotions stay as they are; of a multi-label model, the threshold of each
    emotion that is a class of the data is tuned, too.

    Args:
        artifact: the model; it scores in float32.
        dataset: labelled data that the model was not trained on.
        split: of the data set.
        log: called with a line on items that are left out, and on emotions without labels.

    Returns:
        The artifact as written, and what was fitted.

    Raises:
        DatasetError: the data have one label an item and the model several, or the reverse; the
            model does not know one of the data set's classes; an example cannot be scored, or none
            has anything to score.
    """
    several = artifact.config.is_multi_label
    if dataset.is_multi_label != several:
        given = "any number of labels" if dataset.is_multi_label else "one label"
        raise DatasetError(
            f"{dataset.name} has {given} an item; the model is {artifact.config.problem_type}"
        )
    scorer = EmotionScorer(artifact, start_engine(artifact, FLOAT32))
    unknown = sorted(set(dataset.emotions) - set(scorer.emotions))
    if unknown:
        raise DatasetError(
            f"{dataset.name} has the class {unknown[0]!r}; the model tells "
            f"{', '.join(scorer.emotions)} apart"
        )
    examples = scorable_examples(scorer, dataset, split, log)
    targets = target_matrix(examples, scorer.emotions)
    # Of an emotion that nobody was asked for, no item says that it is absent.
    labelled = [place for place, each in enumerate(scorer.emotions) if each in dataset.emotions]
    if several and len(labelled) < len(scorer.emotions):
        others = ", ".join(each for each in scorer.emotions if each not in dataset.emotions)
        log(f"{dataset.name} has no class {others}: the thresholds stay as they are")
    by_head = _logits_by_head(scorer, examples)
    fitted = [
        _calibrate_head(head, logits, targets[rows], artifact, labelled)
        for head, (rows, logits) in by_head.items()
    ]
    written = recalibrate(
        artifact,
        {str(each.head): each.temperature for each in fitted},
        {str(each.head): each.thresholds for each in fitted if several},
    )
    note_calibration(
        artifact.path,
        [
            f"Calibrated on {dataset.name}, {split} (temperature scaling"
            f"{', thresholds by F1' if several else ''}). On other data it may be off.",
            "",
            *(f"- {each}" for each in fitted),
        ],
    )
    return written, fitted


def _logits_by_head(
    scorer: EmotionScorer, examples: Sequence[Example]
) -> dict[Modality, tuple[list[int], FloatArray]]:
    """Returns the rows that each head has scored, and its logits of them."""
    rows: dict[Modality, list[int]] = {}
    logits: dict[Modality, list[FloatArray]] = {}
    for start in range(0, len(examples), CHUNK):
        chunk = [preprocess_example(scorer, each) for each in examples[start : start + CHUNK]]
        for row, by_head in enumerate(scorer.logits(chunk), start):
            for head, values in by_head.items():
                rows.setdefault(Modality(head), []).append(row)
                logits.setdefault(Modality(head), []).append(values)
    return {head: (rows[head], np.stack(logits[head])) for head in Modality if head in rows}


def _calibrate_head(
    head: Modality,
    logits: FloatArray,
    targets: FloatArray,
    artifact: Artifact,
    labelled: Sequence[int],
) -> HeadCalibration:
    """Fits a head to targets `[items, emotions]`, of several labels to those that are labelled."""
    before = artifact.temperatures[head]
    if not artifact.config.is_multi_label:
        labels = targets.argmax(axis=1)
        temperature, thresholds = calibrate_logits(logits, labels)
        told = [(softmax(logits / each), labels) for each in (temperature, before)]
    else:
        seen, answers = logits[:, labelled], targets[:, labelled]
        temperature, fitted = calibrate_logits(seen, answers)
        kept = dict(enumerate(artifact.thresholds[head]))
        thresholds = tuple((kept | dict(zip(labelled, fitted, strict=True))).values())
        told = [
            (_of_each_answer(sigmoid(seen / each)), answers.ravel().astype(np.int64))
            for each in (temperature, before)
        ]
    ece, ece_before = (expected_calibration_error(*each) for each in told)
    return HeadCalibration(head, len(targets), temperature, before, ece, ece_before, thresholds)


def _of_each_answer(probabilities: FloatArray) -> FloatArray:
    """Returns the probability of no and of yes of each item and emotion, `[answers, 2]`."""
    yes = probabilities.ravel()
    return np.stack([1 - yes, yes], axis=1)
