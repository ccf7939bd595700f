"""The command line in an empty directory."""

from pathlib import Path

import pytest

from tests.support.command_line import Run


@pytest.fixture
def run(mm_emor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the command line in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return mm_emor
