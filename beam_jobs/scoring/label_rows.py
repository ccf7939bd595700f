"""Scored items to label rows."""

from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from beam_jobs.items.elements import ScoredItem


@dataclass
class MakeLabelRows(beam.PTransform):
    """In come `ScoredItem`s, out come rows of `schemas.labels.label_schema`.

    Attributes:
        emotions: what the model tells apart, in head order.
    """

    emotions: tuple[str, ...]
    model_version: str
    run_id: str
    min_confidence: float = 0.0

    def expand(self, scored: beam.PCollection[ScoredItem]) -> beam.PCollection[dict[str, Any]]:
        """Maps item by item."""
        return scored | beam.Map(
            to_label_row, self.emotions, self.model_version, self.run_id, self.min_confidence
        )


def to_label_row(
    scored: ScoredItem,
    emotions: tuple[str, ...],
    model_version: str,
    run_id: str,
    min_confidence: float = 0.0,
) -> dict[str, Any]:
    """Returns a scored item as a row of `schemas.labels.label_schema`."""
    item = scored.item
    return {
        "item_id": item.item_id,
        "created_at": item.created_at,
        "author_id": item.author_id,
        "lang": item.lang,
        "hashtags": list(item.hashtags),
        **scored.scores.to_label(emotions, min_confidence),
        "n_tokens": scored.n_tokens,
        "truncated": scored.truncated,
        "clip_seconds": scored.clip_seconds,
        "model_version": model_version,
        "run_id": run_id,
    }
