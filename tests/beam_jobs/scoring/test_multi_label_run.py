"""A run of a model that gives an item any number of emotions: its label rows and its reports."""

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.request import ScoringRequest
from model.scoring.scorer import EmotionScorer
from schemas.labels import NO_EMOTION
from tests.support.multi_label_artifact import make_multi_label

DAY = date(2026, 11, 22)
THRESHOLDS = (0.6, 0.57, 0.731, 0.68, 0.61, 0.5, 0.602)
TEXTS = ["happy", "sad sad user", "the rain", "angry http", "no", "rain?"]


@pytest.mark.job
def test_items_have_any_number_of_emotions(tiny_artifact: Path, tmp_path: Path) -> None:
    model = make_multi_label(tiny_artifact, tmp_path / "model", THRESHOLDS).path
    records = [json.dumps({"id": str(row), "text": text}) for row, text in enumerate(TEXTS)]
    (tmp_path / "tweets.jsonl").write_text("\n".join(records), encoding="utf-8")
    items, out = (f"{tmp_path}/tweets.jsonl",), tmp_path / "out"
    score_corpus(ScoringRequest(items, (), (), str(out), str(model), DAY))

    scorer = EmotionScorer.load(model)
    scored = scorer.score([scorer.preprocess(text, None) for text in TEXTS])
    expected = [[scorer.emotions[index] for index in each.applying] for each in scored]
    assert len({len(names) for names in expected}) > 1
    rows = pq.read_table(out / "labels" / f"dt={DAY}", partitioning=None).to_pylist()
    assert [row["emotions"] for row in rows] == expected
    assert [row["emotion"] for row in rows] == [
        scorer.emotions[each.scores.argmax()] for each in scored
    ]
    report = out / "reports" / "by_emotion" / f"dt={DAY}"
    by_emotion = pq.read_table(report, partitioning=None).to_pylist()
    counted = Counter(name for names in expected for name in names or [NO_EMOTION])
    assert {row["emotion"]: row["n_items"] for row in by_emotion} == counted
    assert {row["n_group"] for row in by_emotion} == {len(TEXTS)}
