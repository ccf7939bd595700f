"""A model on OpenVINO, as `mm-emor train` and `mm-emor export` write it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import LifoQueue
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model.config import ClassifierConfig
from model.errors import ArtifactError
from model.network.backend import start_openvino
from model.scoring.artifact import Artifact, heads_of
from model.scoring.graph_files import (
    AUDIO_GRAPH,
    HEADS_GRAPH,
    TEXT_GRAPH,
    TEXT_INT8_GRAPH,
    graph_files,
    graphs_of,
)
from model.scoring.processor import INT8_FLAGS, cpu_flags

if TYPE_CHECKING:
    import openvino as ov

FloatArray = npt.NDArray[np.float32]
CACHED_VALUES = 512 * 384
"""Tokens times width: activations that a core's cache of 2 MB holds beside a layer's weights."""


class OpenVinoEngine:
    """Compiled graphs of one thread a batch, of which several batches run at a time.

    Small batches on a thread of their own keep their activations in the core's cache, and no core
    waits for another at every operation.
    """

    max_images = 16

    def __init__(
        self,
        graphs: "Mapping[str, ov.Model]",
        config: ClassifierConfig,
        n_threads: int,
        text_precision: str = "float32",
    ) -> None:
        """Compiles the graphs.

        Args:
            graphs: by `TEXT_GRAPH`, `AUDIO_GRAPH` and `HEADS_GRAPH`, as far as the model has them.
            config: whose parts the graphs are.
            n_threads: batches that run at a time.
            text_precision: float32, bfloat16, or int8, for which the text encoder's graph is
                quantised. The other graphs run in float32.

        Raises:
            ArtifactError: a graph does not run here, or is of another network.
        """
        self.n_parallel = n_threads
        self._graphs = {
            name: CompiledGraph(
                graph, n_threads, text_precision if name == TEXT_GRAPH else "float32"
            )
            for name, graph in graphs.items()
        }
        self._check_interface(config)
        self._widths = self._graphs[HEADS_GRAPH].inputs
        self.max_padded_tokens = CACHED_VALUES // (self._widths.get("text") or 1)

    @classmethod
    def load(
        cls, artifact: Artifact, n_threads: int, text_precision: str = "float32"
    ) -> "OpenVinoEngine":
        """Reads the graphs of an artifact.

        Raises:
            ArtifactError: OpenVINO cannot read one, or it was replaced since the artifact was
                loaded.
        """
        files = {name: name for name in graphs_of(artifact.config)}
        if text_precision == "int8":
            files[TEXT_GRAPH] = TEXT_INT8_GRAPH
        graphs = {name: read_graph(artifact, graph) for name, graph in files.items()}
        return cls(graphs, artifact.config, n_threads, text_precision)

    def sum_windows(
        self, token_ids: npt.NDArray[np.int32], token_mask: npt.NDArray[np.bool_]
    ) -> FloatArray:
        """Runs the text encoder."""
        inputs = {"token_ids": token_ids, "token_mask": token_mask}
        return self._graphs[TEXT_GRAPH].run(inputs)["sums"]

    def encode_images(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """Runs the audio encoder."""
        return self._graphs[AUDIO_GRAPH].run({"images": images})["features"]

    def classify(self, text: FloatArray | None, audio: FloatArray | None) -> dict[str, FloatArray]:
        """Runs the heads."""
        features = {"text": text, "audio": audio}
        given = {name: each for name, each in features.items() if each is not None}
        n_items = len(next(iter(given.values())))
        # OpenVINO keeps what it compiles for each shape; items may be any number.
        n_rows = 1 << (n_items - 1).bit_length()
        # A head of both needs both; where one is absent, its output is not looked at.
        rows = {
            name: np.zeros((n_rows, width or 0), np.float32) for name, width in self._widths.items()
        }
        for name, each in given.items():
            rows[name][:n_items] = each
        outputs = self._graphs[HEADS_GRAPH].run(rows)
        heads = [*given, "text+audio"] if len(given) > 1 else [*given]
        return {head: outputs[f"logits/{head}"][:n_items] for head in heads}

    def is_out_of_memory(self, error: Exception) -> bool:
        """OpenVINO has no error of its own for it: it and oneDNN each say it in words."""
        words = ("allocate", "bad_alloc", "bad allocation", "out of memory")
        return isinstance(error, MemoryError) or any(word in str(error) for word in words)

    def _check_interface(self, config: ClassifierConfig) -> None:
        """Raises ArtifactError unless the graphs are what a network of these settings has."""
        heads = self._graphs.get(HEADS_GRAPH)
        wanted: dict[str, tuple[Mapping[str, int | None], Mapping[str, int | None]]] = {}
        features = {}
        if config.encoder:
            features["text"] = config.encoder.hidden_size
            wanted[TEXT_GRAPH] = (
                {"token_ids": None, "token_mask": None},
                {"sums": config.encoder.hidden_size},
            )
        if config.mobilenet:
            width = heads.inputs.get("audio") if heads else None
            features["audio"] = width or 0
            wanted[AUDIO_GRAPH] = ({"images": None}, {"features": width})
        logits = {f"logits/{head}": len(config.emotions) for head in heads_of(config)}
        wanted[HEADS_GRAPH] = (features, logits)
        for name, (inputs, outputs) in wanted.items():
            graph = self._graphs.get(name)
            if graph is None or not (_fits(graph.inputs, inputs) and _fits(graph.outputs, outputs)):
                raise ArtifactError(
                    f"the graph {name} is of another network: it has "
                    f"{dict(graph.inputs) | dict(graph.outputs) if graph else 'nothing'}; "
                    f"{dict(inputs) | dict(outputs)} are needed"
                )


def _fits(found: Mapping[str, int | None], wanted: Mapping[str, int | None]) -> bool:
    """Says whether ports have the wanted names and widths; a width of None is any.

    >>> _fits({"sums": 384}, {"sums": None}), _fits({"sums": 384}, {"sums": 768})
    (True, False)
    """
    return found.keys() == wanted.keys() and all(
        width is None or found[name] == width for name, width in wanted.items()
    )


def read_graph(artifact: Artifact, graph: str) -> "ov.Model":
    """Returns one of an artifact's graphs; what is hashed is what is read.

    Args:
        artifact: the model.
        graph: one of GRAPHS that the artifact has.

    Raises:
        ArtifactError: OpenVINO cannot read it, or it was replaced since the artifact was loaded.
    """
    structure, weights = map(artifact.read_file, graph_files(graph))
    try:
        return start_openvino().Core().read_model(structure, weights)
    except RuntimeError as error:  # all that OpenVINO raises
        path = artifact.path / graph_files(graph)[0]
        raise ArtifactError(f"{path} is not readable: {_reason(error)}") from error


class CompiledGraph:
    """A graph, compiled for this processor, that several threads may run at a time.

    Args:
        graph: the graph.
        n_threads: runs that go on at a time, on a core each.
        precision: of matrix products. In int8, those run so that the graph was quantised in, and
            what is between them in float32.

    Attributes:
        inputs: the length of each one's last axis; None where any will do.
        outputs: likewise.

    Raises:
        ArtifactError: it does not run here.
    """

    def __init__(self, graph: "ov.Model", n_threads: int, precision: str = "float32") -> None:
        self._graph = graph
        self._settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
            "NUM_STREAMS": n_threads,
            "INFERENCE_NUM_THREADS": n_threads,
            # Each worker process would pin its threads to the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        if precision == "int8" and not cpu_flags() & INT8_FLAGS:
            # Else sums of products are cut at 16 bits. The same numbers are had in float32.
            self._settings["LP_TRANSFORMS_MODE"] = "NO"
        self._compiling = Lock()
        self._compiled: ov.CompiledModel | None = None
        # Requests of the compiled model that they are of; None: none yet.
        self._idle: LifoQueue[tuple[ov.CompiledModel, ov.InferRequest] | None] = LifoQueue()
        for _ in range(n_threads):
            self._idle.put(None)
        try:
            compiled = self.compile()
            self.inputs = {each.get_any_name(): _width(each) for each in compiled.inputs}
            self.outputs = {each.get_any_name(): _width(each) for each in compiled.outputs}
        except RuntimeError as error:  # all that OpenVINO raises
            name = graph.get_friendly_name()
            raise ArtifactError(f"the graph {name} does not run here: {_reason(error)}") from error

    def compile(self) -> "ov.CompiledModel":
        """Returns the graph compiled; it is compiled once, and again after an error."""
        with self._compiling:
            if self._compiled is None:
                core = start_openvino().Core()
                self._compiled = core.compile_model(self._graph, "CPU", self._settings)
            return self._compiled

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, FloatArray]:
        """Returns the outputs by name; waits while as many threads run it as it was made for.

        Raises:
            RuntimeError: an input does not fit, or memory does not hold what comes of it.
        """
        [n_rows] = {len(each) for each in inputs.values()}
        with self._request() as request:
            # Not `infer`: on one thread it swallows errors, and the last outputs stay (2026.4).
            request.start_async(inputs, share_inputs=True)
            request.wait()
            outputs = {
                name: request.get_output_tensor(number).data.copy()
                for number, name in enumerate(self.outputs)
            }
        if any(len(each) != n_rows for each in outputs.values()):
            raise RuntimeError(f"OpenVINO gave other rows than the {n_rows} that it was asked for")
        return outputs

    @contextmanager
    def _request(self) -> "Iterator[ov.InferRequest]":
        idle = self._idle.get()
        try:
            compiled = self.compile()
            if idle is None or idle[0] is not compiled:
                idle = compiled, compiled.create_infer_request()
            yield idle[1]
        except RuntimeError as error:
            # After an error the same compiled model gives wrong outputs, or errors without a cause.
            with self._compiling:
                if idle and idle[0] is self._compiled:
                    self._compiled = None
            idle = compiled = None
            raise RuntimeError(_reason(error)) from None
        finally:
            self._idle.put(idle)


def _width(port: "ov.Output") -> int | None:
    last = port.get_partial_shape()[-1]
    return last.get_length() if last.is_static else None


def _reason(error: RuntimeError) -> str:
    r"""Returns what an error of OpenVINO's says, without the places in its source.

    >>> _reason(RuntimeError("Exception from a.cpp:1:\nCheck 'x' failed at b.cpp:2:\nNo data\n"))
    'No data'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{lines[-1] if lines else type(error).__name__:.300}"
