"""What the tests share: a tiny artifact, made once a session, and the real data where it is."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.model.tiny_models import save_tiny_artifact

DATA_VARIABLE = "MM_EMOR_DATA"

# In a fresh clone, Hypothesis first builds its table of Unicode, which looks like slow generation.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


@pytest.fixture(scope="session")
def tiny_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact with text, audio and fused heads, of random weights."""
    path = tmp_path_factory.mktemp("artifact") / "tiny"
    save_tiny_artifact(path)
    return path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The directory of real corpora; tests that use it are left out where there is none."""
    if DATA_VARIABLE not in os.environ:
        pytest.skip(f"{DATA_VARIABLE} names no directory of real data")
    return Path(os.environ[DATA_VARIABLE])
