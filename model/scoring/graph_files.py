"""The names of an artifact's graphs for OpenVINO, and of their files."""

from model.config import ClassifierConfig

TEXT_GRAPH, AUDIO_GRAPH, HEADS_GRAPH = "text", "audio", "heads"
TEXT_INT8_GRAPH = "text-int8"
GRAPHS = (TEXT_GRAPH, TEXT_INT8_GRAPH, AUDIO_GRAPH, HEADS_GRAPH)


def graph_files(graph: str) -> tuple[str, str]:
    """Returns the files of one of GRAPHS: its structure and its weights."""
    return f"{graph}.xml", f"{graph}.bin"


def graphs_of(config: ClassifierConfig) -> tuple[str, ...]:
    """Returns the graphs in float32 of a network of these parts."""
    parts = ((TEXT_GRAPH, config.text), (AUDIO_GRAPH, config.audio), (HEADS_GRAPH, config.head))
    return tuple(graph for graph, part in parts if part)
