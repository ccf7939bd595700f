"""A classifier from elsewhere, from its checkpoint to the report's page."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from model.scoring.artifact import Artifact
from tests.support.command_line import Run
from tests.support.reference_classifiers import LABELS, write_golden_checkpoint
from tests.support.scoring_runs import CORPUS, DAY, write_items

pytestmark = [pytest.mark.slow, pytest.mark.tensorflow]
NOTE = "1 of 1 runs have a model that is not calibrated"


def test_import_score_report(mm_emor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    write_golden_checkpoint("bert", tmp_path / "checkpoint")
    assert mm_emor("import", "checkpoint", "--out", "model")[0] == 0
    write_items(tmp_path / "items.jsonl", [{"item_id": "a", "text": "so happy"}])
    clips = ("--clips", f"{CORPUS}/clips/1003.wav")
    code, _, err = mm_emor(
        *("score", "--items", "items.jsonl", *clips, "--model", "model", "--out", "out"),
        *("--date", str(DAY), "--max-bad-fraction", "1"),
    )
    assert (code, err) == (0, "")
    (label,) = pq.read_table("out/labels").to_pylist()
    assert (label["item_id"], label["modality"]) == ("a", "text")
    assert set(label["scores"]) == set(LABELS)
    assert label["model_version"] == Artifact.load("model").model_version
    (dead,) = pq.read_table("out/dead_letters").to_pylist()
    assert (dead["item_id"], dead["reason"], dead["message"]) == (
        *("1003", "unsupported_modality"),
        "the item has audio; the model reads text only",
    )
    assert mm_emor("report", "--labels", "out", "--out", "report")[0] == 0
    assert NOTE in Path("report/report.html").read_text(encoding="utf-8")

    Path("labels.csv").write_text("text,label\nso happy,joy\nno,anger\n", encoding="utf-8")
    labels = ("--dataset", "manifest", "--data-dir", "labels.csv")
    assert mm_emor("calibrate", "--model", "model", *labels)[0] == 0
    arguments = ("--model", "model", "--out", "again", "--date", str(DAY))
    assert mm_emor("score", "--items", "items.jsonl", *arguments)[0] == 0
    assert mm_emor("report", "--labels", "again", "--out", "report")[0] == 0
    assert NOTE not in Path("report/report.html").read_text(encoding="utf-8")
