"""Scored items to label rows."""

from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from beam_jobs.items.elements import ScoredItem
from beam_jobs.runs.run import Run
from schemas.labels import UNCERTAIN


@dataclass
class MakeLabelRows(beam.PTransform):
    """In come `ScoredItem`s, out come rows of `schemas.labels.label_schema`."""

    run: Run
    min_confidence: float = 0.0

    def expand(self, scored: beam.PCollection[ScoredItem]) -> beam.PCollection[dict[str, Any]]:
        """Maps item by item."""
        return scored | beam.Map(
            to_label_row,
            self.run.emotions,
            self.run.model_version,
            self.run.run_id,
            self.min_confidence,
        )


def to_label_row(
    scored: ScoredItem,
    emotions: tuple[str, ...],
    model_version: str,
    run_id: str,
    min_confidence: float = 0.0,
) -> dict[str, Any]:
    """Returns a scored item as a row of `schemas.labels.label_schema`.

    Below `min_confidence` its `emotion` is `UNCERTAIN`; its scores still say which is the highest.
    """
    item, scores = scored.item, scored.scores
    best = int(scores.scores.argmax())
    # The float32 that is written, as a double: the limit itself is not rounded to float32.
    confidence = float(scores.scores[best])
    return {
        "item_id": item.item_id,
        "created_at": item.created_at,
        "author_id": item.author_id,
        "lang": item.lang,
        "hashtags": list(item.hashtags),
        "modality": str(scores.modality),
        "emotion": UNCERTAIN if confidence < min_confidence else emotions[best],
        "confidence": confidence,
        "scores": dict(zip(emotions, scores.scores.tolist(), strict=True)),
        "text_emotion": _highest(scores.text_scores, emotions),
        "audio_emotion": _highest(scores.audio_scores, emotions),
        "disagreement": scores.disagreement,
        "n_tokens": scored.n_tokens,
        "truncated": scored.truncated,
        "clip_seconds": scored.clip_seconds,
        "model_version": model_version,
        "run_id": run_id,
    }


def _highest(scores: Any | None, emotions: tuple[str, ...]) -> str | None:
    return None if scores is None else emotions[int(scores.argmax())]
