"""Importing the face imports nothing; what is used imports what it needs, and no more."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import mm_emor
from mm_emor import __all__ as public_names

OURS = ("beam_jobs", "model", "schemas")
HEAVY = ("apache_beam", "keras", "librosa", "numpy", "openvino", "pyarrow", "tensorflow")
NOT_TO_SCORE = ("apache_beam", "keras", "librosa", "tensorflow", "transformers", "typer")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def modules_after(code: str) -> set[str]:
    """Returns the top-level modules of a fresh process after some code."""
    done = run("-c", f"{code}\nimport json, sys\nprint(json.dumps([*sys.modules]))")
    assert (done.returncode, done.stderr) == (0, "")
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.job
def test_importing_the_face_imports_nothing_heavy() -> None:
    imported = modules_after("import mm_emor; dir(mm_emor)")
    assert "mm_emor" in imported
    assert not imported & {*OURS, *HEAVY}


@pytest.mark.job
def test_first_scores_of_the_default_model_need_neither_beam_nor_keras() -> None:
    imported = modules_after("import mm_emor; mm_emor.load().score(['so happy today'])")
    assert "openvino" in imported
    assert not imported & set(NOT_TO_SCORE)


def test_every_public_name_is_there() -> None:
    assert dir(mm_emor) == sorted(public_names)
    for name in public_names:
        assert getattr(mm_emor, name).__doc__, name
    with pytest.raises(AttributeError, match=r"^module 'mm_emor' has no attribute 'lood'$"):
        mm_emor.lood  # noqa: B018


def test_the_version_is_that_of_the_metadata() -> None:
    assert mm_emor.__version__ == version("mm-emor")


@pytest.mark.job
@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_the_package_runs_as_the_command(argument: str) -> None:
    ours = run("-m", "mm_emor", argument)
    command = run("-c", "from beam_jobs.commands.cli import main; main()", argument)
    assert (ours.returncode, ours.stderr) == (0, "")
    assert ours.stdout == command.stdout.replace("-c [OPTIONS]", "python -m mm_emor [OPTIONS]")


@pytest.mark.job
def test_a_mistake_ends_as_the_command_s_does() -> None:
    ours = run("-m", "mm_emor", "score", "--out", "out")
    assert (ours.returncode, ours.stdout) == (2, "")
    assert ours.stderr == "mm-emor: there is nothing to score: give --items, --clips or both\n"
