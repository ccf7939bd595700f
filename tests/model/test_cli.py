"""`mm-emor train` and `evaluate`: what they print, and one line for each mistake."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from beam_jobs.cli import main
from model.artifact import Artifact
from tests.model.tiny_corpora import TINY_TOML, write_emodb, write_goemotions
from tests.model.tiny_models import save_tiny_checkpoint

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    write_goemotions(path)
    write_emodb(path, copies=1)
    save_tiny_checkpoint(path / "checkpoint")
    (path / "tiny.toml").write_text(TINY_TOML, encoding="utf-8")
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data_dir: Path) -> Run:
    """Runs the command line in the data directory: exit code, stdout and stderr."""
    monkeypatch.chdir(data_dir)

    def run_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mm-emor", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, printed.out, printed.err

    return run_


@pytest.mark.slow
def test_train_then_evaluate_with_the_installed_command(data_dir: Path, tmp_path: Path) -> None:
    """In processes of their own, where TensorFlow starts: nothing of its goes to stderr."""
    command = [str(Path(sys.executable).with_name("mm-emor"))]
    text_only = TINY_TOML[: TINY_TOML.index("[audio]")]
    (tmp_path / "text.toml").write_text(text_only, encoding="utf-8")
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in ("TF_CPP_MIN_LOG_LEVEL", "MM_EMOR_VERBOSE", "KERAS_BACKEND")
    }

    def run_(*arguments: str) -> str:
        done = subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    corpus, encoder = ("--data-dir", str(data_dir)), str(data_dir / "checkpoint")
    printed = run_("train", "text.toml", *corpus, "--text-encoder", encoder, "--out", "model")
    version = Artifact.load(tmp_path / "model").model_version
    assert printed.splitlines()[-1] == f"model {version} written to model"

    arguments = ("--model", "model", "--dataset", "goemotions-ekman", *corpus, "--out", "measured")
    lines = run_("evaluate", *arguments).splitlines()
    metrics = json.loads((tmp_path / "measured" / "metrics.json").read_text(encoding="utf-8"))
    assert lines[0] == "goemotions-ekman, test: n 28"
    low, high = metrics["ci95"]["accuracy"]
    assert lines[1].split() == [
        "accuracy", f"{metrics['accuracy']:.4f}", f"[{low:.4f},", f"{high:.4f}]"
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == [
        *("accuracy", "mean_class_recall", "macro_f1", "weighted_f1", "ece"),
        *metrics["per_class"],
    ]
    assert metrics["model_version"] == version
    assert metrics["dataset"] == "goemotions-ekman"
    assert metrics["split"] == "test"
    assert metrics["n"] == 28


def test_evaluate_a_split(run: Run, tiny_artifact: Path, tmp_path: Path) -> None:
    arguments = ("--model", str(tiny_artifact), "--split", "validation", "--out", str(tmp_path))
    code, out, err = run("evaluate", "--dataset", "emodb", "--data-dir", ".", *arguments)
    assert (code, err) == (0, "")
    assert out.startswith("emodb, validation: n 6\n")
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["split"], metrics["n"]) == ("validation", 6)
    assert sum(map(sum, metrics["confusion"])) == 6


@pytest.mark.slow
def test_evaluate_by_folds(run: Run, tmp_path: Path) -> None:
    arguments = ("--folds", "tiny.toml", "--n-folds", "2", "--out", str(tmp_path))
    code, out, err = run("evaluate", "--dataset", "emodb", "--data-dir", ".", *arguments)
    assert (code, err) == (0, "")
    assert "fold 2 of 2 (tested on 08, 10): n 12, accuracy" in out
    assert "\nemodb, 2 folds: n 24\n" in out
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["folds"], metrics["config"], metrics["n"]) == (2, "tiny", 24)
    assert "model_version" not in metrics


TRAIN = ("train", "tiny.toml", "--data-dir", ".")
WITH_ENCODER = ("--text-encoder", "checkpoint")
EVALUATE = ("evaluate", "--data-dir", ".")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train",), "Missing argument"),
        (("train", "tiny.toml", "--out", "o"), "Missing option '--data-dir'"),
        ((*TRAIN, *WITH_ENCODER), "Missing option '--out'"),
        ((*TRAIN, "--out", "o", "--epochs", "3"), "No such option: --epochs"),
        ((*TRAIN, "--out", "tiny.toml"), "'tiny.toml' is a file"),
        ((*TRAIN, "--out", "o"), "tiny has a [text] table: name a --text-encoder"),
        (
            ("train", "none.toml", "--data-dir", ".", "--out", "o"),
            "none.toml is not readable: No such file",
        ),
        (
            ("train", "bad.toml", "--data-dir", ".", "--out", "o"),
            "bad.toml is not TOML: Invalid value",
        ),
        (
            ("train", "wrong.toml", "--data-dir", ".", "--out", "o"),
            "wrong.toml: text.fit: epochs is 0; it must be positive",
        ),
        (
            ("train", "tiny.toml", "--data-dir", "none", "--out", "o"),
            "none/emotions.txt is not readable: ",
        ),
        (
            (*TRAIN, "--text-encoder", "./none", "--out", "o"),
            "./none is not a directory",
        ),
        (
            (*TRAIN, "--text-encoder", "goemotions", "--out", "o"),
            "goemotions is not a checkpoint: it has no config.json",
        ),
        (EVALUATE, "Missing option '--dataset'"),
        ((*EVALUATE, "--dataset", "meld2"), "dataset is 'meld2'; known are emodb, "),
        (
            (*EVALUATE, "--dataset", "emodb", "--split", "dev"),
            "emodb has no split 'dev'; it has train, validation, test",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--model", "none"),
            "none is no artifact: it has no readable config.json",
        ),
        ((*EVALUATE, "--dataset", "emodb", "--out", "tiny.toml"), "'tiny.toml' is a file"),
        (
            (*EVALUATE, "--dataset", "emodb", "--n-folds", "1"),
            "--n-folds is 1; at least 2 are needed",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--folds", "tiny.toml"),
            "emodb has 4 groups; 5 folds need as many",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--folds", "text.toml"),
            "text.toml has no [audio] table; --folds trains that part",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    run: Run, data_dir: Path, arguments: tuple[str, ...], message: str
) -> None:
    (data_dir / "bad.toml").write_text("name =", encoding="utf-8")
    (data_dir / "wrong.toml").write_text(TINY_TOML.replace("epochs = 1", "epochs = 0", 1))
    (data_dir / "text.toml").write_text(TINY_TOML[: TINY_TOML.index("[audio]")])
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("mm-emor: ")
    assert err.count("\n") == 1
    assert message in err
    assert "Traceback" not in err
    assert not (data_dir / "o").exists()
