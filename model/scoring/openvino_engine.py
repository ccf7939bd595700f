"""A model on OpenVINO, as `mm-emor train` and `mm-emor export` write it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import LifoQueue
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model.errors import ArtifactError
from model.network.backend import start_openvino
from model.preprocessing.text_preprocessor import LENGTH_STEP
from model.scoring.artifact import Artifact
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
    length_step = LENGTH_STEP
    """OpenVINO keeps what it compiles for each shape, some 0.4 MB."""

    def __init__(
        self,
        graphs: "Mapping[str, Path | ov.Model]",
        n_threads: int,
        text_precision: str = "float32",
    ) -> None:
        """Compiles the graphs.

        Args:
            graphs: files or models, by `TEXT_GRAPH`, `AUDIO_GRAPH` and `HEADS_GRAPH`.
            n_threads: batches that run at a time.
            text_precision: float32, bfloat16, or int8, for which the text encoder's graph is
                quantised. The other graphs run in float32.

        Raises:
            ArtifactError: OpenVINO cannot read one.
        """
        self.n_parallel = n_threads
        self._graphs = {
            name: CompiledGraph(
                graph, n_threads, text_precision if name == TEXT_GRAPH else "float32"
            )
            for name, graph in graphs.items()
        }
        self._heads = self._graphs[HEADS_GRAPH]
        self._widths = self._heads.input_widths()
        self.max_padded_tokens = CACHED_VALUES // self._widths.get("text", 1)

    @classmethod
    def load(
        cls, artifact: Artifact, n_threads: int, text_precision: str = "float32"
    ) -> "OpenVinoEngine":
        """Reads the graphs of an artifact.

        Raises:
            ArtifactError: OpenVINO cannot read one, or it was replaced since the artifact was
                loaded.
        """
        graphs = {name: name for name in graphs_of(artifact.config)}
        if text_precision == "int8":
            graphs[TEXT_GRAPH] = TEXT_INT8_GRAPH
        files = {name: graph_files(graph) for name, graph in graphs.items()}
        artifact.check_files(file for pair in files.values() for file in pair)
        paths = {name: artifact.path / structure for name, (structure, _) in files.items()}
        return cls(paths, n_threads, text_precision)

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
        # A head of both needs both; where one is absent, its output is not looked at.
        absent = {
            name: np.zeros((n_items, width), np.float32)
            for name, width in self._widths.items()
            if name not in given
        }
        outputs = self._heads.run(given | absent)
        heads = [*given, "text+audio"] if len(given) > 1 else [*given]
        return {head: outputs[f"logits/{head}"] for head in heads}

    def is_out_of_memory(self, error: Exception) -> bool:
        """OpenVINO has no error of its own for it: it and oneDNN each say it in words."""
        words = ("allocate", "bad_alloc", "bad allocation", "out of memory")
        return isinstance(error, MemoryError) or any(word in str(error) for word in words)


class CompiledGraph:
    """A graph, compiled for this processor, that several threads may run at a time.

    Args:
        graph: the file of its structure, beside which lie its weights, or a model.
        n_threads: runs that go on at a time, on a core each.
        precision: of matrix products. In int8, those run so that the graph was quantised in, and
            what is between them in float32.

    Raises:
        ArtifactError: OpenVINO cannot read it.
    """

    def __init__(
        self, graph: "Path | ov.Model", n_threads: int, precision: str = "float32"
    ) -> None:
        core = start_openvino().Core()
        # Else the weights stay in the file, and who writes to it writes to a running job.
        core.set_property({"ENABLE_MMAP": False})
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
            "NUM_STREAMS": n_threads,
            "INFERENCE_NUM_THREADS": n_threads,
            # Each worker process would pin its threads to the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        if precision == "int8" and not cpu_flags() & INT8_FLAGS:
            # Else sums of products are cut at 16 bits. The same numbers are had in float32.
            settings["LP_TRANSFORMS_MODE"] = "NO"
        try:
            model = core.read_model(graph) if isinstance(graph, Path) else graph
            self.compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:  # all that OpenVINO raises
            name = str(graph) if isinstance(graph, Path) else "the graph"
            raise ArtifactError(f"{name} is not readable: {_reason(error)}") from error
        self._outputs = [each.get_any_name() for each in self.compiled.outputs]
        self._idle: LifoQueue[ov.InferRequest] = LifoQueue()
        for _ in range(n_threads):
            self._idle.put(self.compiled.create_infer_request())

    def input_widths(self) -> dict[str, int]:
        """Returns the length of each input's last axis."""
        return {
            each.get_any_name(): each.get_partial_shape()[-1].get_length()
            for each in self.compiled.inputs
        }

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, FloatArray]:
        """Returns the outputs by name; waits while as many threads run it as it was made for.

        Raises:
            RuntimeError: an input does not fit, or memory does not hold what comes of it.
        """
        with self._request() as request:
            try:
                request.infer(inputs, share_inputs=True)
            except RuntimeError as error:
                raise RuntimeError(_reason(error)) from error
            return {
                name: request.get_output_tensor(number).data.copy()
                for number, name in enumerate(self._outputs)
            }

    @contextmanager
    def _request(self) -> "Iterator[ov.InferRequest]":
        request = self._idle.get()
        try:
            yield request
        finally:
            self._idle.put(request)


def _reason(error: RuntimeError) -> str:
    r"""Returns what an error of OpenVINO's says, without the places in its source.

    >>> _reason(RuntimeError("Exception from a.cpp:1:\nCheck 'x' failed at b.cpp:2:\nNo data\n"))
    'No data'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{lines[-1] if lines else type(error).__name__:.300}"
