"""`--emotions`: labels among some of the emotions; rows, manifest and page say so."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from beam_jobs.runs.manifest import read_manifest
from mm_emor import load
from model.scoring.scorer import EmotionScorer
from tests.support.command_line import Run
from tests.support.scoring_runs import DAY, write_items

TEXTS = ["so happy", "the rain", "sad user http", "angry #train, again!"]
AMONG = ("anger", "joy", "sadness")
NOTE = "1 of 1 runs chose among anger, joy, sadness alone (--emotions)"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    records = [{"item_id": str(row), "text": text} for row, text in enumerate(TEXTS)]
    write_items(tmp_path / "items.jsonl", records)
    return tmp_path


@pytest.mark.job
def test_labels_are_among_what_the_items_can_have(
    mm_emor: Run, here: Path, tiny_artifact: Path
) -> None:
    arguments = ("--items", "items.jsonl", "--model", str(tiny_artifact), "--date", str(DAY))
    chosen = ("--emotions", "sadness, joy,anger")
    code, out, err = mm_emor("score", *arguments, *chosen, "--out", "out")
    assert (code, err) == (0, "")
    assert "\namong         anger, joy, sadness\n" in out
    labels = {row["item_id"]: row for row in pq.read_table("out/labels").to_pylist()}
    scorer = EmotionScorer.load(tiny_artifact)
    places = [scorer.emotions.index(emotion) for emotion in AMONG]
    for row, scores in enumerate(scorer.score([scorer.preprocess(t, None) for t in TEXTS])):
        given = labels[str(row)]
        expected = scores.scores[places] / scores.scores[places].sum()
        assert tuple(given["scores"]) == AMONG
        np.testing.assert_allclose([*given["scores"].values()], expected, atol=1e-5)
        assert given["emotion"] == AMONG[expected.argmax()]
        assert given["confidence"] == pytest.approx(expected.max(), abs=1e-5)
    manifest = read_manifest("out")
    assert manifest
    assert manifest.runs[DAY].settings["emotions"] == [*AMONG]
    [page] = Path("out/reports/page").rglob("*.html")
    assert NOTE in page.read_text(encoding="utf-8")
    assert mm_emor("report", "--labels", "out", "--out", "report")[0] == 0
    assert NOTE in Path("report/report.html").read_text(encoding="utf-8")

    # Rows that choose among others do not go with these.
    write_items(here / "items.jsonl", [{"item_id": "new", "text": "happy"}])
    code, _, err = mm_emor("score", *arguments, "--out", "out", "--only-new")
    assert code == 2
    assert err == (
        f"mm-emor: {DAY} was scored with --emotions ['anger', 'joy', 'sadness'], and it is None "
        "now: score the date without --only-new\n"
    )

    loaded = load(tiny_artifact, emotions=AMONG)
    assert loaded.emotions == AMONG
    assert loaded.score(TEXTS)["emotion"].to_pylist() == [
        labels[str(row)]["emotion"] for row in range(len(TEXTS))
    ]


@pytest.mark.parametrize(
    ("emotions", "message"),
    [
        ("anger,jou", "--emotions: the model has no emotion 'jou'; did you mean 'joy'?"),
        ("joy,joy", "--emotions is joy; at least two are needed to choose from"),
        (",", "--emotions is ','; it must name emotions, as in anger,joy,sadness"),
    ],
)
def test_a_mistake_is_one_line(
    mm_emor: Run, here: Path, tiny_artifact: Path, emotions: str, message: str
) -> None:
    arguments = ("--items", "items.jsonl", "--model", str(tiny_artifact), "--out", "out")
    code, out, err = mm_emor("score", *arguments, "--emotions", emotions)
    assert (code, out, err) == (2, "", f"mm-emor: {message}\n")
    assert not (here / "out").exists()
