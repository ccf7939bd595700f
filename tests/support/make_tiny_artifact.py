"""Makes the artifact that jobs in tests score with: `python -m tests.support.make_tiny_artifact`.

It is committed with its graphs, so that a job needs no TensorFlow. Its jobs run in float32: a score
then depends on its batch in the last bits alone, as rows of tests are compared. That int8 does as
well is what the tests of the export and of the demo say.
"""

import shutil
import sys
from pathlib import Path

from model.scoring.artifact import Artifact
from model.scoring.conversion import convert_artifact
from model.scoring.engine import EngineChoice
from tests.support.tiny_models import save_tiny_artifact

TINY_ARTIFACT = Path(__file__).with_name("tiny_artifact")
OPENVINO = EngineChoice("openvino", "float32")
"""What its jobs run on."""


def make_tiny_artifact(path: Path) -> Artifact:
    """Writes the artifact to a directory, in place of what is there."""
    shutil.rmtree(path, ignore_errors=True)
    return convert_artifact(save_tiny_artifact(path))


if __name__ == "__main__":
    made = make_tiny_artifact(TINY_ARTIFACT)
    n_bytes = sum(file.stat().st_size for file in made.path.iterdir())
    sys.stdout.write(f"model {made.model_version}, {n_bytes / 1e3:.0f} kB, in {made.path}\n")
