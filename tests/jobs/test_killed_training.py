"""`mm-emor train`, killed in each part by SIGKILL and run again, ends as an unbroken run."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from model.network.backend import start_keras
from model.scoring.artifact import Artifact
from model.training.finished_part import WEIGHTS_FILE
from model.training.training_config import read_training_config
from tests.support.tiny_corpora import TINY_TOML, write_emodb, write_goemotions
from tests.support.tiny_models import save_tiny_checkpoint

start_keras()
import model.training.train  # noqa: E402
from model.training.fitting import HISTORY_FILE, STATE_FILE  # noqa: E402
from model.training.training_data import TrainingData  # noqa: E402

TOML = (
    TINY_TOML.replace("epochs = 1", "epochs = 6\nbatch_size = 2", 1)
    .replace('epochs = 1\nkeep = "last"', 'epochs = 40\nbatch_size = 2\nkeep = "best"', 1)
    .replace("hop_length = 512", "hop_length = 256")
    .replace('dataset = "emodb"', 'dataset = "emodb"\nmixup = 0.1\nmax_masked_rows = 4')
)
"""Six epochs of texts and forty of clips, each of long enough to be killed within.

The clips are longer than an image: which crop of them is seen changes what an epoch scores.
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    write_goemotions(path)
    write_emodb(path, copies=1)
    save_tiny_checkpoint(path / "checkpoint")
    (path / "tiny.toml").write_text(TOML, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def unbroken(folder: Path) -> Artifact:
    config = read_training_config(folder / "tiny.toml")
    data = TrainingData.load(config, folder)
    out = folder / "unbroken"
    return model.training.train.train(config, data, str(folder / "checkpoint"), out).artifact


def start_training(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    command = str(Path(sys.executable).with_name("mm-emor"))
    arguments = ("--data-dir", ".", "--text-encoder", "checkpoint", "--out", "killed")
    with log.open("wb") as file:
        return subprocess.Popen(
            [command, "train", "tiny.toml", *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def kill_within(folder: Path, part: str, log: Path) -> Path:
    """Kills a run in the middle of an epoch after the part's first one; returns its state."""
    process = start_training(folder, log)
    try:
        states: list[Path] = []
        while not states:
            assert process.poll() is None, log.read_text()
            time.sleep(0.01)
            states = list((folder / "killed" / "training").glob(f"{part}-*/{STATE_FILE}"))
        time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    [state] = states
    assert state.is_file()
    assert not (state.parent / WEIGHTS_FILE).exists(), "the kill came too late"
    assert not (state.parent / HISTORY_FILE).exists(), "the kill came too late"
    return state


def scores_of(artifact: Path, part: str) -> dict[str, Any]:
    """A part's history without the time that its epochs took."""
    [path] = (artifact / "training").glob(f"{part}-*/{HISTORY_FILE}")
    history: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for epoch in history["epochs"]:
        del epoch["seconds"]
    return history


@pytest.mark.slow
def test_a_run_killed_in_each_part_ends_as_an_unbroken_one(
    folder: Path, unbroken: Artifact
) -> None:
    logs = [folder / f"{number}.log" for number in range(3)]
    state = kill_within(folder, "text", logs[0])
    # A kill while the next state was written leaves this, too.
    unfinished = state.with_name(f".{state.name}.1-1.tmp")
    unfinished.write_bytes(state.read_bytes()[:1000])
    kill_within(folder, "audio", logs[1])
    assert start_training(folder, logs[2]).wait() == 0, logs[2].read_text()
    log = [path.read_text(encoding="utf-8") for path in logs]
    # Whole epochs are not run again, nor finished parts.
    assert "Epoch 1/6\n" in log[0]
    assert "Epoch 1/6\n" not in log[1]
    assert "Epoch 6/6\n" in log[1]
    assert "Epoch 1/40\n" in log[1]
    assert "/6\n" not in log[2]
    assert "Epoch 1/40\n" not in log[2]
    assert "Epoch 40/40\n" in log[2]
    killed = Artifact.load(folder / "killed")
    assert killed.model_version == unbroken.model_version
    assert killed.temperatures == unbroken.temperatures
    for part, n_epochs in (("text", 6), ("audio", 40), ("fused", 1)):
        assert scores_of(killed.path, part) == scores_of(unbroken.path, part)
        assert len(scores_of(killed.path, part)["epochs"]) == n_epochs
    assert not list((folder / "killed" / "training").glob(f"*/{STATE_FILE}"))
    assert not unfinished.exists()
