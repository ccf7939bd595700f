"""A multi-label artifact of the tiny one's weights."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from model.scoring.artifact import Artifact, heads_of
from model.scoring.saving import write_config


def make_multi_label(source: Path, path: Path, thresholds: Sequence[float]) -> Artifact:
    """Copies an artifact, and has its logits read as a multi-label model's.

    Args:
        source: an artifact.
        path: where the copy goes.
        thresholds: of the emotions, for each head alike.
    """
    artifact = Artifact.load(shutil.copytree(source, path))
    config = replace(artifact.config, problem_type="multi_label")
    of_heads = {str(head): tuple(thresholds) for head in heads_of(config)}
    return write_config(replace(artifact, config=config, thresholds=of_heads))
