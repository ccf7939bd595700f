"""Tiny corpora and a checkpoint, and the command line beside them."""

from pathlib import Path

import pytest

from tests.support.command_line import Run
from tests.support.tiny_corpora import TINY_TOML, write_emodb, write_goemotions
from tests.support.tiny_models import save_tiny_checkpoint


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    write_goemotions(path)
    write_emodb(path, copies=1)
    save_tiny_checkpoint(path / "checkpoint")
    (path / "tiny.toml").write_text(TINY_TOML, encoding="utf-8")
    return path


@pytest.fixture
def run(mm_emor: Run, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Run:
    """Runs the command line in the data directory."""
    monkeypatch.chdir(data_dir)
    return mm_emor
