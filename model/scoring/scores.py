"""What the model says of one item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.emotions import Modality
from schemas.labels import UNCERTAIN

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EmotionScores:
    """What the model says of one item.

    Attributes:
        modality: what it was scored from.
        scores: calibrated probability of each emotion, in head order. Of a single-label model they
            sum to 1; of a multi-label model each stands for itself.
        text_scores: the text head's; only where text and audio are both there.
        audio_scores: the audio head's; likewise.
        thresholds: of a multi-label model, the probability from which on each emotion applies, in
            head order; None of a single-label model, of which the highest applies alone.
    """

    modality: Modality
    scores: FloatArray
    text_scores: FloatArray | None = None
    audio_scores: FloatArray | None = None
    thresholds: tuple[float, ...] | None = None

    def of_head(self, head: Modality) -> FloatArray | None:
        """Returns what one head says; None where the item lacks its modality."""
        if self.modality == head:
            return self.scores
        return {Modality.TEXT: self.text_scores, Modality.AUDIO: self.audio_scores}.get(head)

    @property
    def applying(self) -> tuple[int, ...]:
        """Indices of the emotions that apply, the highest score first; there may be none.

        >>> scores = np.array([0.25, 0.75, 0.5], np.float32)
        >>> EmotionScores(Modality.TEXT, scores, thresholds=(0.3, 0.3, 0.3)).applying
        (1, 2)
        >>> EmotionScores(Modality.TEXT, scores).applying
        (1,)
        """
        if self.thresholds is None:
            return (int(self.scores.argmax()),)
        # The threshold is compared as it stands in the artifact, not rounded to float32.
        applies = self.scores.astype(np.float64) >= np.asarray(self.thresholds)
        falling = np.argsort(-self.scores, kind="stable")
        return tuple(int(index) for index in falling if applies[index])

    @property
    def disagreement(self) -> float | None:
        """How far text and audio scores are apart: 0 the same, 1 nothing in common.

        The total variation distance; of a multi-label model, whose emotions are questions of their
        own, the largest of any emotion's.
        """
        if self.text_scores is None or self.audio_scores is None:
            return None
        distances = np.abs(self.text_scores - self.audio_scores)
        return float(distances.sum() / 2 if self.thresholds is None else distances.max())

    def to_label(self, emotions: Sequence[str], min_confidence: float = 0.0) -> dict[str, Any]:
        """Returns the columns of `schemas.labels.label_schema` that the scores decide.

        Args:
            emotions: in head order.
            min_confidence: 0 to 1. Where the highest score is below it, `emotion` is `UNCERTAIN`
                and no emotion applies; the scores still say which is the highest.

        >>> scores = EmotionScores(Modality.TEXT, np.array([0.25, 0.75], np.float32))
        >>> label = scores.to_label(["joy", "fear"])
        >>> label["emotion"], label["emotions"]
        ('fear', ['fear'])
        """
        best = int(self.scores.argmax())
        # The float32 that is written, as a double: the limit itself is not rounded to float32.
        confidence = float(self.scores[best])
        is_uncertain = confidence < min_confidence
        return {
            "modality": str(self.modality),
            "emotion": UNCERTAIN if is_uncertain else emotions[best],
            "confidence": confidence,
            "scores": dict(zip(emotions, self.scores.tolist(), strict=True)),
            "emotions": [] if is_uncertain else [emotions[index] for index in self.applying],
            "text_emotion": _highest(self.text_scores, emotions),
            "audio_emotion": _highest(self.audio_scores, emotions),
            "disagreement": self.disagreement,
        }


def _highest(scores: FloatArray | None, emotions: Sequence[str]) -> str | None:
    return None if scores is None else emotions[int(scores.argmax())]
