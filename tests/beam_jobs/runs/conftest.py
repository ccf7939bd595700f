from pathlib import Path

import pytest

from tests.support.growing_corpus import Corpus


@pytest.fixture
def corpus(tmp_path: Path, tiny_artifact: Path) -> Corpus:
    """A corpus without a file yet, and without a run."""
    return Corpus(tmp_path, tiny_artifact)
