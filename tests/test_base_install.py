"""The base alone, installed as a user would: the demo runs, and what is missing is named."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import extra_commands

ROOT = Path(__file__).parents[1]
MAX_BYTES = 1_200_000_000
NOT_IN_BASE = (
    *("keras", "librosa", "matplotlib", "nncf", "pandas", "sklearn", "tensorboard", "tensorflow"),
    *("torch", "transformers"),
)
FIND = """
import importlib.util, sys
print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])
"""
DONE = "2026-11-14 complete, labels 257, dead letters 14, 19 files as written\n"


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command without what this environment would lend to it."""
    ours = ("PYTHONPATH", "VIRTUAL_ENV", "KERAS_BACKEND", "MAKEFLAGS", "STORAGE_EMULATOR_HOST")
    variables = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        words, cwd=cwd, env=variables, capture_output=True, text=True, check=False
    )


def size_of(directory: Path) -> int:
    """Returns the bytes of a directory's files."""
    return sum(path.lstat().st_size for path in directory.rglob("*") if not path.is_dir())


@pytest.mark.job
@pytest.mark.slow
def test_the_base_alone_runs_the_demo_and_names_what_else_needs(tmp_path: Path) -> None:
    clone = tmp_path / "mm-emor"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if not name.startswith("tests/") and (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)

    made = run("make", "demo", f"PYTHON={sys.executable}", cwd=clone)
    assert made.returncode == 0, made.stderr
    assert "No broken requirements found." in made.stdout
    python, command = clone / ".venv" / "bin" / "python", clone / ".venv" / "bin" / "mm-emor"
    found = run(python, "-c", FIND, "av", *NOT_IN_BASE, cwd=tmp_path)
    assert (found.stdout, found.stderr) == ("['av']\n", "")
    assert size_of(clone / ".venv") <= MAX_BYTES

    verified = run(command, "verify", clone / "demo-out", cwd=tmp_path)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, DONE, "")
    reported = run(command, "report", "--labels", clone / "demo-out", "--out", "r", cwd=tmp_path)
    assert (reported.returncode, reported.stderr) == (0, "")
    assert (tmp_path / "r" / "report.html").is_file()

    for arguments, line in extra_commands.COMMANDS:
        ended = run(command, *arguments, cwd=tmp_path)
        assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", line), arguments
