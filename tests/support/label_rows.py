"""Label rows and dead letters made at random, and run directories of them like those of `score`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.items.paths import InputFile
from beam_jobs.runs.manifest import RunCounts, RunManifest, Status
from beam_jobs.runs.publish import publish_run, remove_superseded
from beam_jobs.runs.run import Run
from beam_jobs.runs.sorted_parquet import write_table
from schemas.dead_letters import DEAD_LETTER_SCHEMA, Reason, Stage
from schemas.emotions import EKMAN_AND_NEUTRAL, Modality
from schemas.labels import label_schema

EMOTIONS = EKMAN_AND_NEUTRAL
MODEL_VERSION = "0a1b2c3d4e5f6071"
LANGUAGES = ("en", "es", "pt", "ar", "ja")
MOODS = (0.08, 0.03, 0.04, 0.20, 0.50, 0.09, 0.06)
"""How often each emotion is the highest, about."""
REFUSALS = (
    (Stage.READ, Reason.BROKEN_JSON),
    (Stage.JOIN, Reason.DUPLICATE_ID),
    (Stage.PREPROCESS, Reason.EMPTY_TEXT),
    (Stage.PREPROCESS, Reason.MISSING_CLIP),
)


@dataclass(frozen=True)
class Corpus:
    """What is made at random; how often a hashtag or an author occurs falls with its number.

    Attributes:
        pull: how far the first hashtag of an item moves its scores towards the hashtag's emotion.
        threshold: of a multi-label model, whose emotions apply from this score on, so that some
            items have several and some none; None: each item has its highest alone.
    """

    n_items: int
    n_days: int
    first_day: date = date(2026, 11, 2)
    n_hashtags: int = 20_000
    n_authors: int = 50_000
    null_fraction: float = 0.02
    both_fraction: float = 0.2
    dead_fraction: float = 0.01
    pull: float = 0.3
    seed: int = 0
    threshold: float | None = None

    @property
    def days(self) -> tuple[date, ...]:
        """The dates of its runs."""
        return tuple(self.first_day + timedelta(days=number) for number in range(self.n_days))


def make_labels(corpus: Corpus, day: date, n_items: int, run_id: str) -> pa.Table:
    """Returns the label rows of one day, sorted by id, as `score` would write them."""
    rng = np.random.default_rng([corpus.seed, day.toordinal()])
    tags = _draw(rng, corpus.n_hashtags, (n_items, 3))
    is_first = np.ones((n_items, 3), bool)
    is_first[:, 1] = tags[:, 1] != tags[:, 0]
    is_first[:, 2] = (tags[:, 2] != tags[:, 0]) & (tags[:, 2] != tags[:, 1])
    kept = is_first & (np.arange(3) < rng.integers(4, size=(n_items, 1)))
    scores = rng.gamma(np.multiply(MOODS, 4), size=(n_items, len(EMOTIONS)))
    # Each hashtag has an emotion that it goes with.
    scores[np.arange(n_items), tags[:, 0] % len(EMOTIONS)] += corpus.pull * kept[:, 0]
    scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    best = scores.argmax(axis=1)
    is_both = rng.random(n_items) < corpus.both_fraction
    is_audio = ~is_both & (rng.random(n_items) < 0.04)
    no_audio, no_both = ~is_both & ~is_audio, ~is_both
    heard = np.where(rng.random(n_items) < 0.5, best, rng.integers(7, size=n_items))
    said = np.where(rng.random(n_items) < 0.8, best, rng.integers(7, size=n_items))
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    seconds = np.sort(rng.beta(3, 2, size=n_items) * 86_400)
    names = pa.array(EMOTIONS)
    columns: dict[str, Any] = {
        "item_id": pa.array([f"{day:%Y%m%d}{number:011d}" for number in range(n_items)]),
        "created_at": _with_nulls(
            pa.array(((midnight + seconds) * 1_000_000).astype(np.int64)), corpus, rng
        ),
        "author_id": _with_nulls(
            pa.array(_names("author-", corpus.n_authors)).take(
                pa.array(_draw(rng, corpus.n_authors, n_items))
            ),
            corpus,
            rng,
        ),
        "lang": _with_nulls(
            pa.array(LANGUAGES).take(
                pa.array(rng.choice(5, n_items, p=(0.6, 0.2, 0.1, 0.06, 0.04)))
            ),
            corpus,
            rng,
        ),
        "hashtags": pa.ListArray.from_arrays(
            pa.array(np.concatenate([[0], kept.sum(axis=1).cumsum()]).astype(np.int32)),
            pa.array(_names("étiquette", corpus.n_hashtags)).take(pa.array(tags[kept])),
        ),
        "repost_of": pa.array(np.where(rng.random(n_items) < 0.2, "7", None), pa.string()),
        "lang_detected": np.zeros(n_items, bool),
        "text_is_cut": np.zeros(n_items, bool),
        "warnings": pa.array([["lang_unread"] if n % 50 == 0 else [] for n in range(n_items)]),
        "modality": pa.array([str(each) for each in Modality]).take(
            pa.array(np.where(is_both, 2, is_audio.astype(int)))
        ),
        "emotion": names.take(pa.array(best)),
        "confidence": scores.max(axis=1),
        "scores": pa.StructArray.from_arrays(
            [pa.array(column) for column in scores.T],
            fields=list(label_schema(EMOTIONS).field("scores").type),
        ),
        "emotions": _applying(scores, corpus.threshold),
        "text_emotion": names.take(pa.array(said, mask=no_both)),
        "audio_emotion": names.take(pa.array(heard, mask=no_both)),
        "disagreement": pa.array(
            np.where(said == heard, rng.beta(1, 6, n_items), rng.beta(4, 2, n_items)).astype(
                np.float32
            ),
            mask=no_both,
        ),
        "n_tokens": np.where(is_audio, 0, rng.integers(3, 90, n_items)).astype(np.int32),
        "truncated": np.zeros(n_items, bool),
        "clip_seconds": pa.array(
            rng.uniform(1, 30, n_items).astype(np.float32),
            mask=no_audio,
        ),
        "model_version": pa.repeat(MODEL_VERSION, n_items),
        "run_id": pa.repeat(run_id, n_items),
    }
    schema = label_schema(EMOTIONS)
    columns["created_at"] = columns["created_at"].view(schema.field("created_at").type)
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _applying(scores: npt.NDArray[np.float32], threshold: float | None) -> pa.Array:
    """Returns the emotions of each item, the highest score first."""
    falling = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, falling, axis=1)
    applies = np.arange(len(EMOTIONS)) == 0 if threshold is None else ordered >= threshold
    applies = np.broadcast_to(applies, ordered.shape)
    ends = np.concatenate([[0], applies.sum(axis=1).cumsum()]).astype(np.int32)
    names = pa.array(EMOTIONS).take(pa.array(falling[applies]))
    return pa.ListArray.from_arrays(pa.array(ends), names)


def make_dead_letters(corpus: Corpus, day: date, n_items: int, run_id: str) -> pa.Table:
    """Returns the dead letters of one day, sorted by source; none has an id where it was broken."""
    rng = np.random.default_rng([corpus.seed, day.toordinal(), 1])
    rows = []
    for number, kind in enumerate(rng.choice(len(REFUSALS), n_items, p=(0.1, 0.5, 0.3, 0.1))):
        stage, reason = REFUSALS[kind]
        rows.append(
            {
                "item_id": None if reason == Reason.BROKEN_JSON else f"{day:%Y%m%d}9{number:010d}",
                "stage": str(stage),
                "reason": str(reason),
                "message": f"made so: {reason}",
                "source": f"tweets-{day}.jsonl:{number + 1:09d}",
                "payload": None if reason == Reason.MISSING_CLIP else '{"text": "…',
                "run_id": run_id,
            }
        )
    return pa.Table.from_pylist(rows, DEAD_LETTER_SCHEMA)


def _draw(rng: np.random.Generator, n: int, size: Any) -> npt.NDArray[np.int64]:
    """Returns numbers below n, each as often as Zipf's law has it."""
    weights = 1 / np.arange(1, n + 1)
    cumulated = weights.cumsum() / weights.sum()
    return np.minimum(np.searchsorted(cumulated, rng.random(size)), n - 1)


def _names(prefix: str, n: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(n)]


def _with_nulls(values: pa.Array, corpus: Corpus, rng: np.random.Generator) -> pa.Array:
    is_known = rng.random(len(values)) >= corpus.null_fraction
    return values.take(pa.array(np.arange(len(values)), mask=~is_known))


def write_runs(corpus: Corpus, out: Path) -> None:
    """Writes a run for each day, with its manifest, without reports."""
    for number, day in enumerate(corpus.days):
        n_items = corpus.n_items // corpus.n_days + (number < corpus.n_items % corpus.n_days)
        n_dead = round(n_items * corpus.dead_fraction)
        run = make_run(out, day)
        write_run(
            run,
            make_labels(corpus, day, n_items, run.run_id),
            make_dead_letters(corpus, day, n_dead, run.run_id),
        )


def make_run(out: Path, day: date) -> Run:
    """Returns a run of the date, not written yet."""
    started_at = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
    inputs = (InputFile(f"tweets-{day}.jsonl", 1),)
    return Run(str(out), day, MODEL_VERSION, EMOTIONS, 1, started_at, inputs)


def write_run(
    run: Run, labels: pa.Table, letters: pa.Table, reports: Mapping[str, pa.Table] | None = None
) -> None:
    """Writes and publishes one run of one part: its labels, dead letters and report tables."""
    location = run.location("reports")
    files = [
        write_table(labels, run.location("labels"), "-00000-of-00001", plain=["item_id"]),
        write_table(letters, run.location("dead_letters"), "-00000-of-00001", plain=["source"]),
        *(
            write_table(table, replace(location, table=f"reports/{name}"))
            for name, table in (reports or {}).items()
        ),
    ]
    counts = RunCounts(
        Counter(labels["modality"].to_pylist()), Counter(letters["reason"].to_pylist())
    )
    entry = RunManifest(
        status=Status.COMPLETE,
        run_id=run.run_id,
        date=run.date,
        model_version=run.model_version,
        started_at=run.started_at,
        finished_at=run.started_at,
        counts=counts,
        inputs=run.inputs,
        outputs=tuple(sorted(files, key=attrgetter("path"))),
    )
    remove_superseded(run.out, entry, publish_run(run.out, entry))
