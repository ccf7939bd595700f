"""`mm-emor import`: what it prints, and one line for each mistake."""

from pathlib import Path

import pytest

from model.scoring.artifact import Artifact
from tests.support.command_line import Run
from tests.support.reference_classifiers import write_golden_checkpoint


@pytest.fixture
def run(mm_emor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the command line beside a checkpoint."""
    write_golden_checkpoint("distilbert", tmp_path / "checkpoint")
    monkeypatch.chdir(tmp_path)
    return mm_emor


@pytest.mark.tensorflow
def test_what_it_prints(run: Run, tmp_path: Path) -> None:
    maps = ("--map", "optimism=joy", "--map", "sadness=sad", "--map", "anger=")
    code, out, err = run("import", "checkpoint", *maps, "--out", "model")
    artifact = Artifact.load(tmp_path / "model")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "the checkpoint does not name LABEL_4; its card may, and --map LABEL_4=EMOTION names them "
        "here",
        "joy = joy + optimism",
        "sad = sadness",
        "LABEL_4",
        "dropped: anger",
        "not calibrated: mm-emor calibrate does it, with labelled items",
        f"model {artifact.model_version} written to model",
    ]
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        *("MODEL_CARD.md", "config.json", "heads.bin", "heads.xml", "text.bin", "text.xml"),
        *("tokenizer.json", "weights.safetensors"),
    ]


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--map", "joy"), "--map is 'joy'; it must be LABEL=EMOTION, or LABEL= to drop it"),
        (("--map", "=joy"), "--map is '=joy'; it must be LABEL=EMOTION, or LABEL= to drop it"),
        (("--map", "joy=a", "--map", "joy=b"), "--map names the label 'joy' twice"),
        (
            ("--map", "love=joy"),
            "--map names the label 'love'; the checkpoint's are anger, joy, optimism, sadness, "
            "LABEL_4",
        ),
    ],
)
def test_flags_that_are_refused(run: Run, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = run("import", "checkpoint", *arguments, "--out", "model")
    assert (code, err) == (2, f"mm-emor: {message}\n")
    assert not Path("model").exists()


def test_a_checkpoint_is_not_written_over(run: Run) -> None:
    before = {path.name: path.read_bytes() for path in Path("checkpoint").iterdir()}
    code, out, err = run("import", "./checkpoint", "--out", "checkpoint")
    told = "--out is checkpoint, which holds a checkpoint; name another directory"
    assert (code, out, err) == (2, "", f"mm-emor: {told}\n")
    assert {path.name: path.read_bytes() for path in Path("checkpoint").iterdir()} == before


@pytest.mark.tensorflow
def test_a_checkpoint_that_is_not_there(run: Run) -> None:
    code, out, err = run("import", "./none", "--out", "model")
    assert (code, out, err) == (2, "", "mm-emor: ./none is not a directory\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("checkpoint",), "Missing option '--out'"),
        (("checkpoint", "--out", "checkpoint/config.json/m"), "is a file"),
        (("checkpoint", "--out", "m", "--preprocess", "all"), "'all' is not one of"),
        (
            ("checkpoint", "--out", "m", "--max-tokens", "0"),
            "Input should be greater than or equal to 1",
        ),
    ],
)
def test_usage(run: Run, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = run("import", *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
