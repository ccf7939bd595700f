"""Calibrates a trained model on validation data: temperatures, and thresholds of several labels."""

import random
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from model.config import ClassifierConfig
from model.datasets import Dataset, label_indices, target_matrix
from model.evaluation.evaluate import preprocess_example
from model.preprocessing.emotion_preprocessor import ModelInput
from model.scoring.artifact import heads_of
from model.scoring.calibration import UNTUNED_THRESHOLD, calibrate_logits
from model.scoring.scorer import EmotionScorer
from model.training.training_data import TrainingData

Labels = npt.NDArray[np.int64]
LabelsOrTargets = npt.NDArray[Any]
PAIRS_PER_CLIP = 4
"""Validation texts that each validation clip is paired with, to calibrate the fused head."""


@dataclass(frozen=True)
class Calibration:
    """What an artifact's logits are read with.

    Attributes:
        temperatures: what each head's logits are divided by, by modality.
        thresholds: of a multi-label model, see `model.scoring.artifact.Artifact`; else empty.
    """

    temperatures: dict[str, float]
    thresholds: dict[str, tuple[float, ...]] = field(default_factory=dict)

    @classmethod
    def none(cls, config: ClassifierConfig) -> "Calibration":
        """Returns what leaves a network's probabilities as they are."""
        heads = [str(head) for head in heads_of(config)]
        thresholds = (UNTUNED_THRESHOLD,) * len(config.emotions)
        return cls(
            dict.fromkeys(heads, 1.0),
            dict.fromkeys(heads, thresholds) if config.is_multi_label else {},
        )


def calibrate(scorer: EmotionScorer, data: TrainingData, seed: int) -> Calibration:
    """Returns each head's calibration, fitted on validation data; `none` where there are none.

    The logits are the saved artifact's, scored as in production: with its rounded weights, on whole
    texts and clips. Texts and clips of two data sets are paired by label for the fused head.
    """
    config = scorer.artifact.config
    items: dict[str, tuple[list[ModelInput], LabelsOrTargets]] = {}

    def inputs_of(
        dataset: Dataset, text: bool = True, clip: bool = True
    ) -> tuple[list[ModelInput], LabelsOrTargets]:
        examples = [
            replace(each, text=each.text if text else None, clip=each.clip if clip else None)
            for each in dataset.splits["validation"]
        ]
        inputs = [preprocess_example(scorer, example) for example in examples]
        to_labels = target_matrix if config.is_multi_label else label_indices
        return inputs, to_labels(examples, scorer.emotions)

    if data.text:
        items["text"] = inputs_of(data.text, clip=False)
    if data.audio:
        items["audio"] = inputs_of(data.audio, text=False)
    if data.text and data.audio:
        texts, clips = data.pairs()
        items["text+audio"] = (
            inputs_of(texts)
            if texts is clips
            else pair_by_label(items["text"], items["audio"], seed)
        )
    calibration = Calibration.none(config)
    for head, (inputs, labels) in items.items():
        if not inputs:
            continue
        logits = np.stack([by_head[head] for by_head in scorer.logits(inputs)])
        calibration.temperatures[head], thresholds = calibrate_logits(logits, labels)
        if config.is_multi_label:
            calibration.thresholds[head] = thresholds
    return calibration


def pair_by_label(
    text: tuple[list[ModelInput], Labels], audio: tuple[list[ModelInput], Labels], seed: int
) -> tuple[list[ModelInput], Labels]:
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
