"""Keras's weights of an artifact as graphs, which need no Keras to run."""

from model.network.backend import start_keras
from model.scoring.artifact import Artifact
from model.scoring.graph_files import AUDIO_GRAPH, HEADS_GRAPH, TEXT_GRAPH
from model.scoring.saving import add_graphs


def convert_artifact(artifact: Artifact) -> Artifact:
    """Adds to an artifact the graphs that OpenVINO runs in float32 and bfloat16.

    Raises:
        ArtifactError: a weight is missing or of another shape, or a file cannot be written.
        MissingExtraError: TensorFlow is not installed.
    """
    start_keras()
    from model.network.graphs import audio_graph, heads_graph, text_graph  # noqa: PLC0415  (Keras)

    classifier = artifact.classifier()
    graphs = {HEADS_GRAPH: heads_graph(classifier)}
    if classifier.text_encoder:
        graphs[TEXT_GRAPH] = text_graph(classifier.text_encoder)
    if classifier.audio_encoder:
        graphs[AUDIO_GRAPH] = audio_graph(classifier.audio_encoder)
    return add_graphs(artifact, graphs)
