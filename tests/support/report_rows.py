"""Label rows made at random, and what the core of the reports makes of them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from beam_jobs.reports.counts import (
    Partials,
    RunKey,
    aggregate_labels,
    empty_partials,
    merge_partials,
)
from beam_jobs.reports.tables import ReportPlan, finish_tables
from beam_jobs.runs.run import Run
from beam_jobs.runs.sorted_parquet import to_record_batch
from schemas.labels import UNCERTAIN, label_schema

EMOTIONS = ("anger", "joy", "sadness")
SCHEMA = label_schema(EMOTIONS)
DAY = date(2026, 11, 22)
START = datetime(1969, 12, 31, 22, 30, tzinfo=UTC)
"""Before 1970, where division that rounds towards zero would name the wrong hour and day."""
PLAN = ReportPlan()
RUN = RunKey(DAY, "f" * 16, "0a1b2c3d")


def make_run(out: Path) -> Run:
    started_at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    return Run(str(out), DAY, "0a1b2c3d", EMOTIONS, n_parts=3, started_at=started_at)


def says(emotion: str) -> dict[str, Any]:
    """The columns of a row of a single-label model that has this emotion, or is uncertain."""
    return {"emotion": emotion, "emotions": [] if emotion == UNCERTAIN else [emotion]}


def random_row(number: int, rng: np.random.Generator) -> dict[str, Any]:
    scores = rng.dirichlet(np.ones(len(EMOTIONS)))
    both = rng.random() < 0.3
    return {
        "item_id": f"{number:06d}",
        "created_at": START + timedelta(seconds=int(rng.integers(200_000)))
        if rng.random() < 0.9
        else None,
        "author_id": f"author-{rng.integers(40)}" if rng.random() < 0.9 else None,
        "lang": [None, "en", "ar", "zh"][rng.integers(4)],
        "hashtags": [f"étiquette{tag}" for tag in rng.integers(5, size=rng.integers(4))],
        "repost_of": f"post-{rng.integers(9)}" if rng.random() < 0.2 else None,
        "lang_detected": False,
        "text_is_cut": False,
        "warnings": [["lang_unread"], ["lang_unread", "text_cut"], [], []][rng.integers(4)],
        "modality": "text+audio" if both else ["text", "audio"][rng.integers(2)],
        **says(EMOTIONS[scores.argmax()]),
        "confidence": scores.max(),
        "scores": dict(zip(EMOTIONS, scores, strict=True)),
        "text_emotion": EMOTIONS[rng.integers(3)] if both else None,
        "audio_emotion": EMOTIONS[rng.integers(3)] if both else None,
        "disagreement": rng.random() if both else None,
        "n_tokens": 9,
        "truncated": False,
        "clip_seconds": None,
        "model_version": "0a1b2c3d",
        "run_id": "f" * 16,
    }


def random_rows(n_rows: int, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [random_row(number, rng) for number in range(n_rows)]


def to_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_batches([to_record_batch(rows, SCHEMA)])


def count(rows: pa.Table) -> Partials:
    return aggregate_labels(rows, RUN, PLAN.groupings)


def finish(*partials: Partials) -> dict[str, pa.Table]:
    return finish_tables(merge_partials([empty_partials(PLAN.groupings), *partials]), PLAN)


LABELS = to_table(random_rows(2000))
