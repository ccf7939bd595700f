"""Scored items to label rows."""

from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from beam_jobs.items.elements import ScoredItem
from beam_jobs.reading.kept_fields import TEXT
from schemas.labels import kept_column


@dataclass
class MakeLabelRows(beam.PTransform):
    """In come `ScoredItem`s, out come rows of `schemas.labels.label_schema`.

    Attributes:
        emotions: what the model tells apart, in head order.
        kept: the fields of the input that `--keep` names.
    """

    emotions: tuple[str, ...]
    model_version: str
    run_id: str
    min_confidence: float = 0.0
    kept: tuple[str, ...] = ()

    def expand(self, scored: beam.PCollection[ScoredItem]) -> beam.PCollection[dict[str, Any]]:
        """Maps item by item."""
        return scored | beam.Map(
            to_label_row,
            self.emotions,
            self.model_version,
            self.run_id,
            self.min_confidence,
            self.kept,
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

    Of the fields `kept`, `text` is the text as it was scored.
    """
    item = scored.item
    own_fields = {**dict(item.kept), TEXT: item.text}
    return {
        "item_id": item.item_id,
        "created_at": item.created_at,
        "author_id": item.author_id,
        "lang": item.lang,
        "lang_detected": item.lang_detected,
        "hashtags": list(item.hashtags),
        "repost_of": item.repost_of,
        "text_is_cut": item.text_is_cut,
        "warnings": sorted(map(str, (*item.warnings, *scored.warnings))),
        **scored.scores.to_label(emotions, min_confidence),
        "n_tokens": scored.n_tokens,
        "truncated": scored.truncated,
        "clip_seconds": scored.clip_seconds,
        "model_version": model_version,
        "run_id": run_id,
        **{kept_column(name): own_fields.get(name) for name in kept},
    }
