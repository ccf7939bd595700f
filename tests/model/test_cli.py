"""`mm-emor train` and `evaluate`: one line for each mistake."""

import re
from pathlib import Path

import pytest

from tests.support.command_line import Run
from tests.support.tiny_corpora import (
    TINY_TOML,
)

EVALUATE = ("evaluate", "--data-dir", ".")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--folds", "tiny.toml", "--model", "x"), "--folds and --model exclude each other"),
        (("--folds", "tiny.toml", "--split", "test"), "--folds and --split exclude each other"),
        (
            ("--folds", "tiny.toml", "--predictions", "x"),
            "--folds and --predictions exclude each other",
        ),
        (("--predictions", "x", "--model", "x"), "--predictions and --model exclude each other"),
        (("--folds", "tiny.toml", "--map", "a=b"), "--folds and --map exclude each other"),
        (("--predictions", "x", "--ignore", "a"), "--predictions and --ignore exclude each other"),
        (("--n-folds", "5"), "--n-folds needs --folds"),
        (("--fold-by", "group"), "--fold-by needs --folds"),
        (("--model", "x", "--text-encoder", "checkpoint"), "--text-encoder needs --folds"),
        (("--predictions", "x", "--n-folds", "2"), "--n-folds needs --folds"),
    ],
)
def test_flags_without_effect_are_refused_before_anything_is_read(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = run(*EVALUATE, "--dataset", "emodb", *arguments)
    assert (code, out, err) == (2, "", f"mm-emor: {message}\n")


@pytest.mark.tensorflow
def test_a_learning_rate_that_is_far_too_high_is_one_line(
    run: Run, data_dir: Path, tmp_path: Path
) -> None:
    text_only = TINY_TOML[: TINY_TOML.index("[audio]")]
    config = tmp_path / "high.toml"
    high = text_only.replace("epochs = 1", 'epochs = 1\noptimizer = "sgd"\nlearning_rate = 1e9')
    config.write_text(high)
    arguments = ("--data-dir", ".", "--text-encoder", "checkpoint", "--out", str(tmp_path / "o"))
    code, _, err = run("train", str(config), *arguments)
    assert code == 2
    told = r"mm-emor: the loss is (nan|inf) after epoch 1; learning_rate is 1e\+09, and must be "
    assert re.fullmatch(told + r"lower\n", err)
    assert not (tmp_path / "o" / "config.json").exists()


TRAIN = ("train", "tiny.toml", "--data-dir", ".")
WITH_ENCODER = ("--text-encoder", "checkpoint")


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train",), "Missing argument"),
        (("train", "tiny.toml", "--out", "o"), "Missing option '--data-dir'"),
        ((*TRAIN, *WITH_ENCODER), "Missing option '--out'"),
        ((*TRAIN, "--out", "o", "--epochs", "3"), "No such option: --epochs"),
        ((*TRAIN, "--out", "tiny.toml"), "'tiny.toml' is a file"),
        ((*TRAIN, "--out", "tiny.toml/o"), "tiny.toml/o cannot be written to: "),
        ((*TRAIN, "--out", "o" * 300), f"{'o' * 300} cannot be written to: File name too long"),
        ((*EVALUATE, "--dataset", "emodb", "--out", "gs://b/o"), "gs:// is no place for this"),
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
            "wrong.toml: text.fit.epochs is 0; it must be above 0",
        ),
        (
            ("train", "tiny.toml", "--data-dir", "none", "--out", "o"),
            "'--data-dir': path 'none' does not exist.",
        ),
        (
            ("train", "tiny.toml", "--data-dir", "checkpoint", "--out", "o"),
            "checkpoint/emotions.txt is not readable: No such file or directory (nor does "
            "checkpoint hold goemotions/)",
        ),
        (
            (*TRAIN, "--text-encoder", "./none", "--out", "o"),
            "./none is not a directory",
        ),
        (
            (*TRAIN, "--text-encoder", "goemotions", "--out", "o"),
            "goemotions is not a checkpoint: it has no config.json",
        ),
        (EVALUATE, "there is nothing to measure on: give --dataset, or --suite default"),
        (
            ("evaluate", "--dataset", "emodb", "--data-dir", "none"),
            "'--data-dir': path 'none' does not exist.",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--predictions", "none"),
            "--predictions is none; there is no such file",
        ),
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
            (*EVALUATE, "--dataset", "emodb", "--folds", "tiny.toml", "--n-folds", "1"),
            "--n-folds is 1; at least 2 are needed",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--folds", "tiny.toml"),
            "emodb has 4 groups (speakers or sessions); 5 folds need as many",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--folds", "text.toml"),
            "tiny has no part that learns from emodb",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--folds", "tiny.toml", "--fold-by", "speaker"),
            "'speaker' is not one of 'group', 'random'",
        ),
        (
            (
                *(*EVALUATE, "--dataset", "goemotions-ekman", "--folds", "tiny.toml"),
                *("--fold-by", "random"),
            ),
            "tiny has a [text] table: name a --text-encoder",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--predictions", "tiny.toml"),
            "tiny.toml has 37 lines; emodb, test, has 6 examples",
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
    # What was read before is told.
    assert all(line.endswith(" items") for line in out.splitlines())
    assert code == 2
    assert err.startswith("mm-emor: ")
    assert err.count("\n") == 1
    assert message in err
    assert "Traceback" not in err
    assert not (data_dir / "o").exists()


def test_an_output_directory_that_may_not_be_written_to(
    run: Run, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != data_dir)
    code, _, err = run(*TRAIN, *WITH_ENCODER, "--out", "o")
    assert code == 2
    assert err == f"mm-emor: o cannot be written to: no permission in {data_dir}\n"
