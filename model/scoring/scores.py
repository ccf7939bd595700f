"""What the model says of one item."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.emotions import Modality

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
