"""A model on ONNX Runtime: the text encoder in int8, as `mm-emor export` writes it."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from model.errors import ArtifactError
from model.network.backend import VERBOSE_VARIABLE
from model.scoring.artifact import AUDIO_ONNX, HEADS_ONNX, TEXT_ONNX, Artifact, onnx_files
from model.scoring.processor import cpu_flags

CACHED_VALUES = 512 * 384
"""Tokens times width: activations that a core's cache of 2 MB holds beside a layer's weights."""
INT8_FLAGS = frozenset({"avx_vnni", "avx512_vnni", "amx_int8"})
FloatArray = npt.NDArray[np.float32]
SLOW_FUSIONS = ("SkipLayerNormFusion",)
"""ONNX Runtime 1.32's fused addition and normalisation takes four times what the two take apart."""


class OnnxEngine:
    """Sessions of one thread each, of which several batches run at a time.

    Small batches on a thread of their own keep their activations in the core's cache, and no core
    waits for another at every operation.
    """

    max_images = 16
    length_step = 1

    def __init__(self, graphs: Mapping[str, Path | bytes], n_threads: int) -> None:
        """Reads the graphs.

        Args:
            graphs: by the names of their files, as `model.scoring.artifact.onnx_files` has them.
            n_threads: batches that run at a time.

        Raises:
            ArtifactError: ONNX Runtime cannot read one.
        """
        self.n_parallel = n_threads
        sessions = {name: open_session(graph) for name, graph in graphs.items()}
        self._heads = sessions[HEADS_ONNX]
        self._widths = {each.name: each.shape[1] for each in self._heads.get_inputs()}
        self._sessions = sessions
        self.max_padded_tokens = CACHED_VALUES // self._widths.get("text", 1)

    @classmethod
    def load(cls, artifact: Artifact, n_threads: int) -> "OnnxEngine":
        """Reads the graphs of an artifact that has been exported.

        Raises:
            ArtifactError: ONNX Runtime cannot read one, or it was replaced since the artifact was
                loaded.
        """
        files = onnx_files(artifact.config)
        artifact.check_files(files)
        return cls({file: artifact.path / file for file in files}, n_threads)

    def sum_windows(
        self, token_ids: npt.NDArray[np.int32], token_mask: npt.NDArray[np.bool_]
    ) -> FloatArray:
        """Runs the text encoder."""
        sums: FloatArray = self._sessions[TEXT_ONNX].run(
            ["sums"], {"token_ids": token_ids, "token_mask": token_mask}
        )[0]
        return sums

    def encode_images(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """Runs the audio encoder."""
        features: FloatArray = self._sessions[AUDIO_ONNX].run(["features"], {"images": images})[0]
        return features

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
        heads = list(given)
        if len(given) > 1:
            heads.append("text+audio")
        outputs = self._heads.run([f"logits/{head}" for head in heads], given | absent)
        return dict(zip(heads, outputs, strict=True))

    def is_out_of_memory(self, error: Exception) -> bool:
        """ONNX Runtime has no error of its own for it: its arena and C++ each say it in words."""
        words = ("allocate", "bad_alloc", "bad allocation")
        return isinstance(error, MemoryError) or any(word in str(error) for word in words)


def needs_unsigned_weights() -> bool:
    """Says whether int8 products overflow here: x86 without VNNI adds two of them in 16 bits."""
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    return is_x86 and not cpu_flags() & INT8_FLAGS


def open_session(graph: Path | bytes, unsigned_weights: bool | None = None) -> ort.InferenceSession:
    """Returns a session of one thread.

    Args:
        graph: a file, or a file's content.
        unsigned_weights: whether to rewrite int8 weights as uint8, which is exact everywhere; where
            the processor needs it if None.

    Raises:
        ArtifactError: ONNX Runtime cannot read it.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Errors are raised, too: no more of them than that goes to stderr unless asked for.
    options.log_severity_level = 3 if os.environ.get(VERBOSE_VARIABLE) else 4
    if needs_unsigned_weights() if unsigned_weights is None else unsigned_weights:
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return ort.InferenceSession(
            graph if isinstance(graph, bytes) else str(graph),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=list(SLOW_FUSIONS),
        )
    except Exception as error:  # ONNX Runtime's own share no base class
        name = "the graph" if isinstance(graph, bytes) else str(graph)
        first_line = str(error).partition("\n")[0]
        raise ArtifactError(f"{name} is not readable: {first_line:.300}") from error
