"""What a model runs on: OpenVINO or TensorFlow, in which precision, on how many threads."""

import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from model.errors import UserError
from model.extras import MODULES, Extra, is_installed, require_extra
from model.network.backend import start_keras
from model.scoring.processor import INT8_FLAGS, available_cores, cpu_flags

if TYPE_CHECKING:
    from model.scoring.artifact import Artifact

FloatArray = npt.NDArray[np.float32]
FAST_BFLOAT16_FLAGS = frozenset({"amx_bf16"})
"""Of processors that multiply in bfloat16 as fast as in int8, or nearly."""
BFLOAT16_FLAGS = FAST_BFLOAT16_FLAGS | {"avx512_bf16"}
BFLOAT16_GPU = (8, 0)
"""Compute capability from which an NVIDIA GPU multiplies in bfloat16: Ampere."""


class EngineName(StrEnum):
    """What `--engine` takes."""

    AUTO = "auto"
    OPENVINO = "openvino"
    TENSORFLOW = "tensorflow"


class Precision(StrEnum):
    """What `--precision` takes."""

    AUTO = "auto"
    INT8 = "int8"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


class Engine(Protocol):
    """A model's network, piece by piece, on small batches.

    Attributes:
        n_parallel: batches that can usefully run at a time.
        max_padded_tokens: tokens of one call of `sum_windows`, padding included.
        max_images: images of one call of `encode_images`.
    """

    n_parallel: int
    max_padded_tokens: int
    max_images: int

    def sum_windows(
        self, token_ids: npt.NDArray[np.int32], token_mask: npt.NDArray[np.bool_]
    ) -> FloatArray:
        """Maps windows `[windows, length]` to the sums of their states, `[windows, width]`."""

    def encode_images(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """Maps `[images, height, width]` to `[images, n_features]`."""

    def classify(self, text: FloatArray | None, audio: FloatArray | None) -> dict[str, FloatArray]:
        """Returns the logits `[items, emotions]` of each head that the features allow."""

    def is_out_of_memory(self, error: Exception) -> bool:
        """Says whether a smaller batch could succeed where this error came."""


@dataclass(frozen=True)
class EngineChoice:
    """An engine that can run a model here.

    Attributes:
        name: openvino or tensorflow.
        precision: of the text encoder: float32, bfloat16 or int8. MobileNet runs in float32.
        device: cpu or gpu.
    """

    name: str = "tensorflow"
    precision: str = "float32"
    device: str = "cpu"

    def __str__(self) -> str:
        """Returns what a summary says of it."""
        name = "TensorFlow" if self.name == EngineName.TENSORFLOW else "OpenVINO"
        return f"{name}, {self.precision}, {self.device.upper()}"

    def as_settings(self) -> dict[str, str]:
        """Returns what of it decides the digits of a score."""
        return asdict(self)


FLOAT32 = EngineChoice()
"""The reference: Keras in float32."""


def choose_engine(
    artifact: "Artifact",
    name: str = EngineName.AUTO,
    precision: str = Precision.AUTO,
    require_gpu: bool = False,
    is_local: bool = True,
) -> EngineChoice:
    """Returns the engine that a model is to run on.

    `auto` takes TensorFlow where there is a GPU, else OpenVINO where the artifact has its graphs,
    as all that are trained have, else TensorFlow on the processor.

    The precision that `auto` takes, of OpenVINO, is bfloat16 on a processor with AMX; else int8
    where the model was exported in it and the processor multiplies in it (VNNI); else float32. Of
    TensorFlow, it is bfloat16 where the processor or GPU multiplies in it, else float32.
    docs/benchmarks.md has the measurements behind this rule.

    Args:
        artifact: the model.
        name: an `EngineName`.
        precision: a `Precision`.
        require_gpu: whether to refuse a machine without a GPU.
        is_local: whether the model runs on this machine. Of others nothing is known here: they get
            int8 where the model was exported, else float32, and are taken to have a GPU if it is
            required.

    Raises:
        MissingExtraError: the engine is TensorFlow, on this machine, and it is not installed.
        UserError: a name is unknown, the model was not exported, there is no GPU, the processor
            lacks what a precision needs, or the settings contradict.
    """
    for setting, value, known in (
        ("engine", name, EngineName),
        ("precision", precision, Precision),
    ):
        if value not in list(known):
            raise UserError(f"{setting} is {value!r}; it is one of {', '.join(known)}")
    if require_gpu and EngineName.OPENVINO in (name, _only_engine_of(precision)):
        flag = "--engine openvino" if name == EngineName.OPENVINO else "--precision int8"
        raise UserError(f"--require-gpu needs --engine tensorflow; {flag} runs on the processor")
    if name == EngineName.TENSORFLOW and precision == Precision.INT8:
        raise UserError(
            "--precision int8 needs --engine openvino; tensorflow has float32, bfloat16"
        )
    if EngineName.OPENVINO in (name, _only_engine_of(precision)):
        flag = "--engine openvino" if name == EngineName.OPENVINO else f"--precision {precision}"
        return _on_openvino(artifact, precision, is_local, flag)
    if require_gpu and is_local:
        require_extra(Extra.GPU, "--require-gpu")
    gpu = _find_gpu() if is_local else (BFLOAT16_GPU if require_gpu else None)
    if require_gpu and gpu is None:
        raise UserError(
            "--require-gpu: TensorFlow finds no GPU here; without the flag the processor is used"
        )
    if name == EngineName.AUTO and gpu is None and artifact.has_graphs:
        return _on_openvino(artifact, precision, is_local)
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise UserError(f"KERAS_BACKEND is {backend}; models are scored on tensorflow: unset it")
    if is_local:
        require_extra(Extra.TRAIN, "scoring on TensorFlow", MODULES[Extra.GPU])
    if precision == Precision.AUTO:
        fast = gpu >= BFLOAT16_GPU if gpu else bool(cpu_flags() & BFLOAT16_FLAGS)
        fast &= is_local
        precision = Precision.BFLOAT16 if fast else Precision.FLOAT32
    return EngineChoice("tensorflow", str(precision), "gpu" if gpu else "cpu")


def _only_engine_of(precision: str) -> EngineName | None:
    return EngineName.OPENVINO if precision == Precision.INT8 else None


def _on_openvino(
    artifact: "Artifact", precision: str, is_local: bool, flag: str = ""
) -> EngineChoice:
    if precision == Precision.INT8 and not artifact.config.text:
        raise UserError("--precision int8 is of text encoders; the model reads no text")
    if not artifact.has_graphs:
        raise UserError(
            f"{flag}: the model has no files for OpenVINO; mm-emor export with --precision float32 "
            "writes them"
        )
    if precision == Precision.INT8 and not artifact.has_int8:
        raise UserError("--precision int8: the model has no int8 files; mm-emor export writes them")
    flags = cpu_flags()
    if precision == Precision.BFLOAT16 and is_local and not flags & BFLOAT16_FLAGS:
        raise UserError(
            "--precision bfloat16: this processor does not multiply in bfloat16; float32 it has"
        )
    if precision == Precision.AUTO:
        if is_local and flags & FAST_BFLOAT16_FLAGS:
            precision = Precision.BFLOAT16
        elif artifact.has_int8 and (flags & INT8_FLAGS or not is_local):
            precision = Precision.INT8
        else:
            precision = Precision.FLOAT32
    return EngineChoice("openvino", str(precision))


def start_engine(
    artifact: "Artifact", choice: EngineChoice, n_threads: int | None = None
) -> Engine:
    """Builds a model's network.

    Args:
        artifact: the model.
        choice: the engine.
        n_threads: of this process; as many as it may use cores where None. TensorFlow heeds it only
            where it has not started yet.

    Raises:
        ArtifactError: a weight is missing or of another shape.
        UserError: the engine's GPU is not there.
    """
    n_threads = n_threads or available_cores()
    if choice.name == EngineName.OPENVINO:
        from model.scoring.openvino_engine import OpenVinoEngine  # noqa: PLC0415  (OpenVINO)

        return OpenVinoEngine.load(artifact, n_threads, choice.precision)
    if n_threads < available_cores():
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(n_threads))
    if choice.device == "gpu" and _find_gpu() is None:
        raise UserError("TensorFlow finds no GPU here, and the job asks for one")
    start_keras()
    from model.scoring.keras_engine import KerasEngine  # noqa: PLC0415  (TensorFlow)

    return KerasEngine(artifact.classifier(text_precision=choice.precision), choice.device)


def has_gpu_device() -> bool:
    """Says whether the machine has an NVIDIA GPU, whether or not TensorFlow can use it."""
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()  # dxg: in WSL


def _find_gpu() -> tuple[int, int] | None:
    """Returns the compute capability of the first GPU that TensorFlow can use; None for none.

    TensorFlow, which takes seconds to import, is asked only where there is an NVIDIA device.
    """
    if not (has_gpu_device() and all(map(is_installed, MODULES[Extra.GPU]))):
        return None
    start_keras()
    import tensorflow as tf  # noqa: PLC0415

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return None
    details = tf.config.experimental.get_device_details(gpus[0])
    return tuple(details.get("compute_capability", (0, 0)))
