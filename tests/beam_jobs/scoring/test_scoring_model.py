"""The model that a worker loads is the one that the job was started with."""

from pathlib import Path

import pytest

from beam_jobs.scoring.scoring_model import ScoringModel, load_scorer
from model.errors import ArtifactError
from model.scoring.engine import FLOAT32


def test_a_model_that_was_replaced_since_the_start_is_refused(tiny_artifact: Path) -> None:
    with pytest.raises(ArtifactError, match="; the job was started with 0123"):
        load_scorer(ScoringModel(str(tiny_artifact), "0123", FLOAT32))
