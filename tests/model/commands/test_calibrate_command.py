"""`mm-emor calibrate`: what it prints, and one line for each mistake."""

import re
from pathlib import Path

import pytest

from model.scoring.artifact import Artifact
from tests.support.command_line import Run
from tests.support.reference_classifiers import write_golden_checkpoint


@pytest.fixture
def run(mm_emor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the command line beside a checkpoint and a table of labels."""
    write_golden_checkpoint("distilbert", tmp_path / "checkpoint")
    monkeypatch.chdir(tmp_path)
    rows = ["so happy,joy", "no,anger", "the rain,sadness", "so so,joy"]
    Path("labels.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return mm_emor


@pytest.mark.tensorflow
def test_what_it_prints(run: Run) -> None:
    assert run("import", "checkpoint", "--out", "model")[0] == 0
    imported = Artifact.load("model")
    labels = ("--dataset", "manifest", "--data-dir", "labels.csv")
    code, out, err = run("calibrate", "--model", "model", *labels)
    written = Artifact.load("model")
    assert (code, err) == (0, "")
    told = (
        r"manifest, all\n  text: n 4, temperature 1\.0000 → (\d+\.\d{4}), "
        r"ece 0\.\d{4} → 0\.\d{4}\n    a temperature of fewer than 200 items is rough\n"
        rf"model {written.model_version} written to model\n"
    )
    matched = re.fullmatch(told, out)
    assert matched
    assert written.temperatures == {"text": float(matched[1])}
    assert (imported.calibrated, written.calibrated) == (False, True)
    assert written.model_version != imported.model_version

    Path("love.csv").write_text("text,label\nso,love\nno,joy\n", encoding="utf-8")
    love = ("--dataset", "manifest", "--data-dir", "love.csv")
    code, out, err = run("calibrate", "--model", "model", *love)
    assert (code, out, err) == (
        2,
        "",
        "mm-emor: manifest has the class 'love'; the model tells anger, joy, optimism, sadness, "
        "LABEL_4 apart\n",
    )
    code, out, err = run("calibrate", "--model", "model", *labels, "--split", "validation")
    assert (code, out, err) == (
        2,
        "",
        "mm-emor: manifest names no splits, and training has held out none of its rows; without "
        "--split all are measured\n",
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("default", "--model default is part of the package, and calibrated already"),
        ("none", "none is no artifact: it has no readable config.json"),
    ],
)
def test_models_that_are_refused(run: Run, model: str, message: str) -> None:
    labels = ("--dataset", "manifest", "--data-dir", "labels.csv")
    code, out, err = run("calibrate", "--model", model, *labels)
    assert (code, out, err) == (2, "", f"mm-emor: {message}\n")
