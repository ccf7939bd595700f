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
        scores: calibrated probability of each emotion, in head order; they sum to 1.
        text_scores: the text head's; only where text and audio are both there.
        audio_scores: the audio head's; likewise.
    """

    modality: Modality
    scores: FloatArray
    text_scores: FloatArray | None = None
    audio_scores: FloatArray | None = None

    def of_head(self, head: Modality) -> FloatArray | None:
        """Returns what one head says; None where the item lacks its modality."""
        if self.modality == head:
            return self.scores
        return {Modality.TEXT: self.text_scores, Modality.AUDIO: self.audio_scores}.get(head)

    @property
    def disagreement(self) -> float | None:
        """Total variation distance of text and audio scores: 0 the same, 1 nothing in common."""
        if self.text_scores is None or self.audio_scores is None:
            return None
        return float(np.abs(self.text_scores - self.audio_scores).sum() / 2)

    def to_label(self, emotions: Sequence[str], min_confidence: float = 0.0) -> dict[str, Any]:
        """Returns the columns of `schemas.labels.label_schema` that the scores decide.

        Args:
            emotions: in head order.
            min_confidence: 0 to 1. Below it, `emotion` is `UNCERTAIN`; the scores still say which
                is the highest.

        >>> scores = EmotionScores(Modality.TEXT, np.array([0.25, 0.75], np.float32))
        >>> scores.to_label(["joy", "fear"])["emotion"]
        'fear'
        """
        best = int(self.scores.argmax())
        # The float32 that is written, as a double: the limit itself is not rounded to float32.
        confidence = float(self.scores[best])
        return {
            "modality": str(self.modality),
            "emotion": UNCERTAIN if confidence < min_confidence else emotions[best],
            "confidence": confidence,
            "scores": dict(zip(emotions, self.scores.tolist(), strict=True)),
            "text_emotion": _highest(self.text_scores, emotions),
            "audio_emotion": _highest(self.audio_scores, emotions),
            "disagreement": self.disagreement,
        }


def _highest(scores: FloatArray | None, emotions: Sequence[str]) -> str | None:
    return None if scores is None else emotions[int(scores.argmax())]
