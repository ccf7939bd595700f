"""What the shell is offered while a command is typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.completion import DATASET_NAMES, complete_config, complete_model
from model.datasets import DATASETS
from tests.support.command_line import Run


def asked(words: str) -> dict[str, str]:
    """Returns what bash sets for a line whose last word, perhaps empty, is being typed."""
    count = str(words.count(" "))
    return {"COMP_WORDS": words, "COMP_CWORD": count, "_MM_EMOR_COMPLETE": "complete_bash"}


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("mm-emor ev", ["evaluate"]),
        ("mm-emor score --if", ["--if-done"]),
        ("mm-emor score --if-done ", ["skip", "replace"]),
        ("mm-emor score --engine t", ["tensorflow"]),
        ("mm-emor score --source m", ["mastodon"]),
        ("mm-emor score --model def", ["default"]),
        ("mm-emor evaluate --dataset iem", ["iemocap4", "iemocap4-excited"]),
        ("mm-emor evaluate --split t", ["train", "test"]),
        ("mm-emor train own", ["own-data.toml"]),
        ("mm-emor score --items ", []),  # so that the shell completes paths
    ],
)
def test_what_the_shell_is_offered(
    words: str, completions: list[str], mm_emor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in asked(words).items():
        monkeypatch.setenv(name, value)
    code, out, err = mm_emor()
    assert (code, out.split(), err) == (0, completions, "")


@pytest.mark.job
def test_the_installed_command_answers_the_shell() -> None:
    command = Path(sys.executable).with_name("mm-emor")
    line = os.environ | asked("mm-emor score --precision ")
    done = subprocess.run([command], env=line, capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (["auto", "int8", "bfloat16", "float32"], "")


def test_the_script_for_the_shell_asks_this_command(
    mm_emor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It goes by the shell that has started the process; a scheduler's has none.
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    code, out, err = mm_emor("--show-completion")
    assert (code, err) == (0, "")
    assert "_MM_EMOR_COMPLETE=complete_bash" in out
    assert out.rstrip().endswith("complete -o default -F _mm_emor_completion mm-emor")


def test_models_are_the_directories_that_hold_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("models/mine", "models/older", "mine-too"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "weights.safetensors").touch()
    (tmp_path / "models" / "mess").mkdir()
    monkeypatch.chdir(tmp_path)
    assert complete_model("") == ["default", "mine-too/"]
    assert complete_model("models/") == ["models/mine/", "models/older/"]
    assert complete_model("models/m") == ["models/mine/"]
    assert complete_model(f"{tmp_path}/m") == [f"{tmp_path}/mine-too/"]
    assert complete_model("none/") == []


def test_configs_are_those_of_the_package_and_those_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meld-short.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert complete_config("meld") == ["meld-short.toml", "meld.toml"]


def test_the_names_of_data_sets_are_those_that_load() -> None:
    assert sorted(DATASETS) == list(DATASET_NAMES)
