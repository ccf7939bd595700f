"""Makes the artifact that jobs in tests score with: `python -m tests.support.make_tiny_artifact`.

It is committed with its engine's files, so that a job needs no TensorFlow. The text encoder's
products stay in float32: a score then depends on its batch in the last bits alone, as rows of tests
are compared. That int8 does as well is what the tests of the export and of the demo say.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from model.scoring.artifact import AUDIO_ONNX, HEADS_ONNX, TEXT_ONNX, Artifact, add_onnx
from model.scoring.engine import EngineChoice
from tests.support.tiny_models import save_tiny_artifact

TINY_ARTIFACT = Path(__file__).with_name("tiny_artifact")
ONNX = EngineChoice("onnx", "int8")
"""What its jobs run on."""


def add_graphs(artifact: Artifact, texts: Sequence[str] = ()) -> Artifact:
    """Adds to an artifact the graphs of an export, without asking what they cost it.

    Args:
        artifact: the model.
        texts: that show the range of each product's inputs for int8; float32 where there are none.
    """
    from model.export.onnx_graphs import Ranges, audio_graph, heads_graph, text_graph
    from model.export.quantisation import observe_ranges

    classifier = artifact.classifier()
    graphs = {HEADS_ONNX: heads_graph(classifier)}
    if classifier.audio_encoder:
        graphs[AUDIO_ONNX] = audio_graph(classifier.audio_encoder)
    read = artifact.preprocessor().text
    if classifier.text_encoder and read:
        windows = [window for text in texts for window in read(text).windows]
        ranges: Ranges = observe_ranges(classifier, windows) if windows else {}
        graphs[TEXT_ONNX] = text_graph(classifier.text_encoder.backbone, ranges)
    return add_onnx(artifact, {file: graph.SerializeToString() for file, graph in graphs.items()})


def make_tiny_artifact(path: Path) -> Artifact:
    """Writes the artifact to a directory, in place of what is there."""
    shutil.rmtree(path, ignore_errors=True)
    return add_graphs(save_tiny_artifact(path))


if __name__ == "__main__":
    made = make_tiny_artifact(TINY_ARTIFACT)
    n_bytes = sum(file.stat().st_size for file in made.path.iterdir())
    sys.stdout.write(f"model {made.model_version}, {n_bytes / 1e3:.0f} kB, in {made.path}\n")
