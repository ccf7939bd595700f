"""The committed artifact is what its script makes, and says what Keras says."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from safetensors.numpy import load_file

from model.scoring.artifact import TOKENIZER, Artifact
from model.scoring.engine import FLOAT32
from model.scoring.graph_files import graph_files, graphs_of
from model.scoring.scorer import EmotionScorer
from tests.support.clips import encode, speech_like
from tests.support.make_tiny_artifact import OPENVINO, TINY_ARTIFACT, make_tiny_artifact


def graph_of(path: Path) -> list[object]:
    """A graph's operations and the shapes of what they return."""
    graph = ov.Core().read_model(path)
    return [
        (node.get_type_name(), [str(each.partial_shape) for each in node.outputs()])
        for node in graph.get_ordered_ops()
    ]


@pytest.mark.tensorflow
def test_the_script_makes_what_is_committed(tmp_path: Path) -> None:
    made, committed = make_tiny_artifact(tmp_path / "tiny"), Artifact.load(TINY_ARTIFACT)
    assert made.config == committed.config
    assert made.temperatures == committed.temperatures
    assert made.hashes.keys() == committed.hashes.keys()
    assert made.hashes[TOKENIZER] == committed.hashes[TOKENIZER]
    for file in (each for each in made.hashes if each.endswith(".safetensors")):
        ours, theirs = (
            {name: (each.shape, each.dtype) for name, each in load_file(path / file).items()}
            for path in (made.path, committed.path)
        )
        assert ours == theirs
    for graph in graphs_of(made.config):
        structure, _ = graph_files(graph)
        assert graph_of(made.path / structure) == graph_of(committed.path / structure)


@pytest.mark.tensorflow
def test_its_graphs_say_what_keras_says() -> None:
    keras, openvino = (EmotionScorer.load(TINY_ARTIFACT, each) for each in (FLOAT32, OPENVINO))
    clip = encode(speech_like(2.0), 16_000, "wav")
    items = [
        keras.preprocess(*each) for each in (("the rain", None), ("sad " * 90, clip), (None, clip))
    ]
    for exact, quick in zip(keras.score(items), openvino.score(items), strict=True):
        np.testing.assert_allclose(quick.scores, exact.scores, atol=1e-5)
