"""Abstention: below `--min-confidence` an item is labelled uncertain, and nothing else changes."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_jobs.items.elements import Item, Location, ScoredItem
from beam_jobs.runs.sorted_parquet import to_record_batch
from beam_jobs.scoring.label_rows import to_label_row
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.request import ScoringRequest
from model.errors import UserError
from model.scoring.artifact import Artifact
from model.scoring.saving import write_config
from model.scoring.scores import EmotionScores
from schemas.emotions import EKMAN_AND_NEUTRAL, Modality
from schemas.labels import UNCERTAIN, label_schema
from tests.support.clips import encode, speech_like

DAY = date(2026, 11, 22)
EMOTIONS = ("anger", "joy", "neutral")
HALF = np.float32(0.5)


def scored_with(confidence: np.float32) -> ScoredItem:
    """An item of joy with this confidence, whose text says anger and whose audio says joy."""
    other = (1 - confidence) / 2
    scores = EmotionScores(
        Modality.TEXT_AUDIO,
        np.array([other, confidence, other], np.float32),
        np.array([0.75, 0.25, 0], np.float32),
        np.array([0.25, 0.75, 0], np.float32),
    )
    return ScoredItem(Item("1", Location("tweets.jsonl", 1)), scores, 2, False, 1.5)


def written_row(confidence: np.float32, *limit: float) -> dict[str, Any]:
    """Returns the label row as a reader of the Parquet file gets it."""
    row = to_label_row(scored_with(confidence), EMOTIONS, "0a1b", "ffff", *limit)
    [written] = to_record_batch([row], label_schema(EMOTIONS)).to_pylist()
    return dict(written)


def test_only_what_applies_becomes_uncertain() -> None:
    confidence = np.float32(0.625)
    expected = {
        "item_id": "1",
        "created_at": None,
        "author_id": None,
        "lang": None,
        "hashtags": [],
        "modality": "text+audio",
        "emotion": "joy",
        "emotions": ["joy"],
        "confidence": 0.625,
        "scores": {"anger": 0.1875, "joy": 0.625, "neutral": 0.1875},
        "text_emotion": "anger",
        "audio_emotion": "joy",
        "disagreement": 0.5,
        "n_tokens": 2,
        "truncated": False,
        "repost_of": None,
        "lang_detected": False,
        "text_is_cut": False,
        "warnings": [],
        "clip_seconds": 1.5,
        "model_version": "0a1b",
        "run_id": "ffff",
    }
    assert written_row(confidence) == expected
    assert written_row(confidence, 0.0) == expected
    assert written_row(confidence, 0.625) == expected
    assert written_row(confidence, 0.75) == expected | {"emotion": UNCERTAIN, "emotions": []}


@pytest.mark.parametrize(
    ("confidence", "limit", "emotion"),
    [
        (HALF, 0.5, "joy"),
        (np.nextafter(HALF, np.float32(0)), 0.5, UNCERTAIN),
        (np.nextafter(HALF, np.float32(1)), 0.5, "joy"),
        # Limits that lie between two float32 numbers are not rounded to one of them.
        (HALF, float(np.nextafter(0.5, 1)), UNCERTAIN),
        (HALF, float(np.nextafter(0.5, 0)), "joy"),
        (np.float32(0.7), 0.7, UNCERTAIN),  # 0.699999988
        (np.float32(0.7), float(np.float32(0.7)), "joy"),
        (np.float32(0.6), 0.6, "joy"),  # 0.600000024
        (np.float32(1), 1.0, "joy"),
        (np.nextafter(np.float32(1), np.float32(0)), 1.0, UNCERTAIN),
        (HALF, 0.0, "joy"),
    ],
)
def test_the_limit_applies_to_the_value_that_is_written(
    confidence: np.float32, limit: float, emotion: str
) -> None:
    written = written_row(confidence, limit)
    assert written["emotion"] == emotion
    assert (written["emotion"] == UNCERTAIN) == (written["confidence"] < limit)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight tweets, one of them with its clip, and a clip of its own."""
    path = tmp_path_factory.mktemp("corpus")
    texts = ["rain", "sad sad", "the train", "happy", "angry user", "http", "no", "the rain?"]
    records = [
        {"id": str(number), "text": text, "hashtags": ["even"] if number % 2 == 0 else []}
        for number, text in enumerate(texts)
    ]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (path / "tweets.jsonl").write_text(lines, encoding="utf-8")
    (path / "clips").mkdir()
    for name in ("0", "clip"):
        (path / "clips" / f"{name}.wav").write_bytes(encode(speech_like(0.5), 16_000, "wav"))
    return path


def request_for(corpus: Path, out: Path, artifact: Path, **changes: Any) -> ScoringRequest:
    fields: dict[str, Any] = {
        "items": (f"{corpus}/tweets.jsonl",),
        "clips": (f"{corpus}/clips/*",),
        "audio_roots": (),
        "out": str(out),
        "model": str(artifact),
        "run_date": DAY,
    }
    return ScoringRequest(**(fields | changes))


def read(out: Path, table: str) -> pa.Table:
    return pq.read_table(out / table / f"dt={DAY}", partitioning=None)


@pytest.mark.job
def test_a_run_with_a_limit(corpus: Path, tiny_artifact: Path, tmp_path: Path) -> None:
    sure, off, limited = (tmp_path / name for name in ("sure", "off", "limited"))
    without = score_corpus(request_for(corpus, sure, tiny_artifact)).manifest
    at_zero = score_corpus(request_for(corpus, off, tiny_artifact, min_confidence=0.0)).manifest
    assert (without.run_id, without.settings) == (at_zero.run_id, at_zero.settings)
    assert without.settings["min_confidence"] == 0.0
    files = [
        {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.parquet")}
        for out in (sure, off)
    ]
    assert files[0] == files[1]

    rows = read(sure, "labels").to_pylist()
    assert [row["item_id"] for row in rows] == [*"01234567", "clip"]
    limit = sorted(row["confidence"] for row in rows)[4]  # of nine
    result = score_corpus(request_for(corpus, limited, tiny_artifact, min_confidence=limit))
    assert result.manifest.settings["min_confidence"] == limit
    assert result.manifest.run_id != without.run_id
    expected = [
        row
        | {"run_id": result.manifest.run_id}
        | ({"emotion": UNCERTAIN, "emotions": []} if row["confidence"] < limit else {})
        for row in rows
    ]
    assert read(limited, "labels").to_pylist() == expected

    counts = Counter(row["emotion"] for row in expected)
    assert 1 <= counts[UNCERTAIN] <= 4
    by_emotion = read(limited, "reports/by_emotion").to_pylist()
    assert {row["emotion"]: row["n_items"] for row in by_emotion} == counts
    assert sum(row["share"] for row in by_emotion) == pytest.approx(1, abs=1e-12)
    by_hashtag = read(limited, "reports/by_hashtag").to_pylist()
    assert {row["emotion"]: row["n_items"] for row in by_hashtag} == Counter(
        row["emotion"] for row in expected if row["hashtags"]
    )
    for report in ("disagreement", "dead_letters_by_reason"):
        assert read(limited, f"reports/{report}").equals(read(sure, f"reports/{report}")), report


@pytest.mark.job
def test_a_model_that_knows_uncertain_itself_is_refused_before_anything_is_read(
    tiny_artifact: Path, tmp_path: Path
) -> None:
    emotions = (*EKMAN_AND_NEUTRAL[:-1], UNCERTAIN)
    model, out = tmp_path / "model", tmp_path / "out"
    artifact = Artifact.load(shutil.copytree(tiny_artifact, model))
    write_config(replace(artifact, config=replace(artifact.config, emotions=emotions)))
    nowhere = Path("/nowhere")
    with pytest.raises(UserError, match=r"--min-confidence cannot be used with .*'uncertain'"):
        score_corpus(request_for(nowhere, out, model, min_confidence=0.5))
    with pytest.raises(UserError, match="no file matches /nowhere"):
        score_corpus(request_for(nowhere, out, model))
    assert not out.exists()


@pytest.mark.parametrize(
    ("limit", "rule"),
    [
        (-0.1, "at least 0"),
        (1.5, "at most 1"),
        (float("nan"), "a finite number"),
        (float("inf"), "a finite number"),
    ],
)
def test_the_limit_lies_within_0_and_1(limit: float, rule: str) -> None:
    with pytest.raises(UserError, match=f"^--min-confidence is {limit}; it must be {rule}$"):
        request_for(Path("x"), Path("out"), Path("model"), min_confidence=limit)
