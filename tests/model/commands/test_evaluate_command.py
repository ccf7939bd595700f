"""`mm-emor evaluate`: which rows it measures, as which labels, and what it prints."""

import json
from pathlib import Path

import pytest

from model.evaluation.evaluation_files import FILE_NAMES
from tests.support.command_line import Run

EVALUATE = ("evaluate", "--data-dir", ".")
EMODB_COUNTS = "emodb, train: 12 items\nemodb, validation: 6 items\nemodb, test: 6 items\n"


def test_evaluate_a_split(run: Run, tiny_artifact: Path, tmp_path: Path) -> None:
    arguments = ("--model", str(tiny_artifact), "--split", "validation", "--out", str(tmp_path))
    code, out, err = run("evaluate", "--dataset", "emodb", "--data-dir", ".", *arguments)
    assert (code, err) == (0, "")
    assert out.startswith(f"{EMODB_COUNTS}emodb, validation: n 6\n")
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["split"], metrics["n"]) == ("validation", 6)
    assert sum(map(sum, metrics["confusion"])) == 6


def test_what_a_model_cannot_score_is_told(run: Run, tiny_artifact: Path, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("text,label,split\nrain,joy,test\n\uf8ff,joy,test\nsad,anger,test\n")
    arguments = ("--model", str(tiny_artifact), "--data-dir", str(table))
    code, out, err = run("evaluate", "--dataset", "manifest", *arguments)
    assert (code, err) == (0, "")
    assert "manifest, test: left out, with nothing that the model scores: 1\n" in out
    assert "manifest, test: n 2\n" in out


@pytest.mark.usefixtures("eager_tensorflow")
@pytest.mark.slow
def test_evaluate_by_folds(run: Run, tmp_path: Path) -> None:
    arguments = ("--folds", "tiny.toml", "--n-folds", "2", "--out", str(tmp_path))
    code, out, err = run("evaluate", "--dataset", "emodb", "--data-dir", ".", *arguments)
    assert (code, err) == (0, "")
    assert out.startswith(EMODB_COUNTS)
    assert "fold 2 of 2 (tested on 08, 10): n 12, accuracy" in out
    assert "\nemodb, 2 folds by group: n 24\n" in out
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["folds"], metrics["fold_by"], metrics["config"]) == (2, "group", "tiny")
    assert (metrics["split"], metrics["n"]) == ("2 folds by group", 24)
    assert "model_version" not in metrics
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*FILE_NAMES, "training"}
    # A second run finds the folds' models.
    code, again, err = run("evaluate", "--dataset", "emodb", "--data-dir", ".", *arguments)
    assert (code, err) == (0, "")
    assert "/step - accuracy" in out
    assert "/step - accuracy" not in again
    metrics_again = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics_again["confusion"] == metrics["confusion"]


@pytest.mark.usefixtures("eager_tensorflow")
@pytest.mark.slow
def test_random_folds_of_texts(run: Run, data_dir: Path) -> None:
    """Parts of another data set are left out, and the text encoder is named."""
    arguments = ("--folds", "tiny.toml", "--n-folds", "2", "--fold-by", "random")
    encoder = ("--text-encoder", "checkpoint")
    code, out, err = run(*EVALUATE, "--dataset", "goemotions-ekman", *arguments, *encoder)
    assert (code, err) == (0, "")
    assert "\nfold 2 of 2 (at random): n 70, accuracy" in out
    assert "\ngoemotions-ekman, 2 folds by random: n 140\n" in out
    assert not (data_dir / "training").exists()


def test_evaluate_anyones_predictions(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("0\n" * 6)
    arguments = ("--split", "validation", "--predictions", str(path), "--out", str(tmp_path / "o"))
    code, out, err = run(*EVALUATE, "--dataset", "emodb", *arguments)
    assert (code, err) == (0, "")
    assert "\nemodb, validation: n 6\n" in out
    assert "ece" not in out
    assert "latency" not in out
    metrics = json.loads((tmp_path / "o" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["predictions"] == "mine.txt"
    assert metrics["ece"] is None


def test_a_file_without_splits_is_measured_whole(
    run: Run, tiny_artifact: Path, tmp_path: Path
) -> None:
    table = tmp_path / "own.csv"
    table.write_text("text,label\nrain,joy\nhappy,joy\nsad,anger\n", encoding="utf-8")
    arguments = ("evaluate", "--dataset", "manifest", "--data-dir", str(table))
    with_model = (*arguments, "--model", str(tiny_artifact))
    whole = "manifest, all: 3 items\nmanifest, all: n 3\n"
    for asked in ((), ("--split", "test")):
        code, printed, err = run(*with_model, *asked)
        assert (code, err) == (0, "")
        assert printed.startswith(whole)
    code, printed, err = run(*with_model, "--split", "validation")
    assert (code, printed) == (2, "")
    assert err == (
        "mm-emor: manifest names no splits, and training has held out none of its rows; without "
        "--split all are measured\n"
    )
    mine = tmp_path / "mine.txt"
    mine.write_text("1\n1\n0\n", encoding="utf-8")
    code, printed, err = run(*arguments, "--predictions", str(mine))
    assert (code, err) == (0, "")
    assert printed.startswith(f"{whole}  accuracy           1.0000 ")


def test_labels_are_read_as_the_models_emotions(
    run: Run, tiny_artifact: Path, tmp_path: Path
) -> None:
    table = tmp_path / "own.csv"
    rows = "rain,joy\nhappy,optimism\nsad,trust\nangry,anger\nuser,optimism\n"
    table.write_text(f"text,label\n{rows}", encoding="utf-8")
    model = ("--model", str(tiny_artifact), "--out", str(tmp_path / "measured"))
    arguments = ("evaluate", "--dataset", "manifest", "--data-dir", str(table), *model)
    code, printed, err = run(*arguments, "--map", "optimism=joy", "--ignore", "trust")
    assert (code, err) == (0, "")
    assert printed.startswith(
        "manifest, all: 5 items\n"
        "manifest: items of optimism, read as joy: 2\n"
        "manifest: items of trust, left out: 1\n"
        "manifest, all: n 4\n"
    )
    metrics = json.loads((tmp_path / "measured" / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["map"], metrics["ignore"]) == ({"optimism": "joy"}, ["trust"])
    counts = {name: scores["support"] for name, scores in metrics["per_class"].items()}
    assert counts == {"anger": 1, "joy": 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--map", "optimsm=joy"),
            "--map: manifest has no label 'optimsm'; did you mean 'optimism'?",
        ),
        (("--map", "x=joy"), "--map: manifest has no label 'x'; it has anger, optimism, trust"),
        (
            ("--map", "optimism=joyful"),
            "--map: the model has no emotion 'joyful'; did you mean 'joy'?",
        ),
        (("--ignore", "trusts"), "--ignore: manifest has no label 'trusts'; did you mean 'trust'?"),
        (("--map", "optimism"), "--map is 'optimism'; it must be LABEL=EMOTION"),
        (
            ("--map", "optimism=joy", "--map", "optimism=anger"),
            "--map names the label 'optimism' twice",
        ),
        (
            ("--map", "trust=joy", "--ignore", "trust"),
            "--map and --ignore both name the label 'trust'",
        ),
        (
            ("--ignore", "trust"),
            "manifest has labels that the model does not know, optimism; it tells anger, disgust, "
            "fear, joy, neutral, sadness, surprise; --map optimism=EMOTION reads a label as one of "
            "them, --ignore optimism leaves it out",
        ),
        (
            ("--ignore", "trust", "--ignore", "optimism", "--ignore", "anger"),
            "manifest has no split 'all'; it has none",
        ),
    ],
)
def test_unknown_labels_are_told_with_the_nearest(
    run: Run, tiny_artifact: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    table = tmp_path / "own.csv"
    table.write_text("text,label\nhappy,optimism\nsad,trust\nangry,anger\n", encoding="utf-8")
    model = ("--model", str(tiny_artifact), "--data-dir", str(table))
    code, _, err = run("evaluate", "--dataset", "manifest", *model, *arguments)
    assert (code, err) == (2, f"mm-emor: {message}\n")


def test_among_the_emotions_that_the_rows_have(
    run: Run, tiny_artifact: Path, tmp_path: Path
) -> None:
    table = tmp_path / "own.csv"
    table.write_text("text,label\nrain,joy\nso sad,sadness\n", encoding="utf-8")
    arguments = ("--model", str(tiny_artifact), "--data-dir", str(table), "--out", str(tmp_path))
    chosen = ("--emotions", "joy,sadness")
    code, out, err = run("evaluate", "--dataset", "manifest", *arguments, *chosen)
    assert (code, err) == (0, "")
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["emotions"] == ["joy", "sadness"]
    assert sum(map(sum, metrics["confusion"])) == 2
    assert len(metrics["confusion"]) == 2
    assert "anger" not in out
