"""Scored items to label rows."""

from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from beam_jobs.items.elements import ScoredItem
from beam_jobs.reading.kept_fields import TEXT
from beam_jobs.runs.run import Run
from schemas.labels import UNCERTAIN, kept_column


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
            self.run.kept,
        )


def to_label_row(
    scored: ScoredItem,
    emotions: tuple[str, ...],
    model_version: str,
    run_id: str,
    min_confidence: float = 0.0,
    kept: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Returns a scored item as a row of `schemas.labels.label_schema`.

    Of the fields `kept`, `text` is the text as it was scored. Below `min_confidence` its `emotion`
    is `UNCERTAIN`; its scores still say which is the highest.
    """
    item, scores = scored.item, scored.scores
    own_fields = {**dict(item.kept), TEXT: item.text}
    best = int(scores.scores.argmax())
    # The float32 that is written, as a double: the limit itself is not rounded to float32.
    confidence = float(scores.scores[best])
    return {
        "item_id": item.item_id,
        "created_at": item.created_at,
        "author_id": item.author_id,
        "lang": item.lang,
        "hashtags": list(item.hashtags),
        "repost_of": item.repost_of,
        "text_is_cut": item.text_is_cut,
        "warnings": [str(code) for code in item.warnings],
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
        **{kept_column(name): own_fields.get(name) for name in kept},
    }


def _highest(scores: Any | None, emotions: tuple[str, ...]) -> str | None:
    return None if scores is None else emotions[int(scores.argmax())]
