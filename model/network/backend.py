"""Starts Keras and OpenVINO: which backend Keras runs on, and that neither chatters."""

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import ModuleType

from model.errors import UserError
from model.extras import Extra, is_installed, require_extra

DEFAULT_BACKEND = "tensorflow"
VERBOSE_VARIABLE = "MM_EMOR_VERBOSE"
"""Set by `--verbose`; worker processes inherit it."""
_STARTING = Lock()


def start_keras() -> None:
    """Imports Keras and its backend: TensorFlow, unless KERAS_BACKEND names another.

    TensorFlow's C++ code logs to the process's stderr while it is imported, whatever its log level
    is set to; unless asked to be verbose, that goes nowhere.

    Raises:
        MissingExtraError: Keras or TensorFlow is not installed.
        UserError: KERAS_BACKEND names a backend that is not installed.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", DEFAULT_BACKEND)
    if backend == DEFAULT_BACKEND:
        require_extra(Extra.TRAIN, "Keras", ("keras", DEFAULT_BACKEND))
    elif not is_installed(backend):
        raise UserError(f"KERAS_BACKEND is {backend!r}, which is not installed")
    # Else the first process takes the GPU's memory whole, and its workers get none.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if not os.environ.get(VERBOSE_VARIABLE):
        # Each scorer compiles its own functions, which TensorFlow takes for a mistake and warns of.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if os.environ.get(VERBOSE_VARIABLE) or "keras" in sys.modules:
        import keras  # noqa: PLC0415

        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _muted_stderr():
        import keras  # noqa: PLC0415

        # The first operation starts the device, which logs as well.
        keras.ops.convert_to_numpy(keras.ops.zeros(1))


def start_openvino() -> ModuleType:
    """Imports OpenVINO and returns it; it tells nobody that it was used.

    OpenVINO and NNCF report each use to Google Analytics unless their telemetry cannot be imported.
    """
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    modules.setdefault("openvino_telemetry", None)  # None bars the import
    with _STARTING:
        openvino = importlib.import_module("openvino")
        # What this sets up at its first call locks up where two threads call it first at once
        # (2026.4): one has the interpreter's lock and waits for the other, which waits for that.
        openvino.Type.f32.to_dtype()
    return openvino


@contextmanager
def _muted_stderr() -> Iterator[None]:
    """Sends what the process writes to file descriptor 2 to nowhere, for a while."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
