"""Which engine a model gets, on which machine, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.errors import UserError
from model.scoring import engine
from model.scoring.artifact import Artifact
from model.scoring.engine import EngineChoice, choose_engine, start_engine
from model.scoring.graph_files import HEADS_GRAPH, TEXT_INT8_GRAPH, graph_files
from tests.support.tiny_models import tiny_classifier_config

WEIGHTS_ALONE = Artifact(Path("model"), tiny_classifier_config(), {})
"""As a model that was saved, but not converted."""
TRAINED = replace(WEIGHTS_ALONE, hashes=dict.fromkeys(graph_files(HEADS_GRAPH), ""))
EXPORTED = replace(TRAINED, hashes=TRAINED.hashes | dict.fromkeys(graph_files(TEXT_INT8_GRAPH), ""))

AMPERE, TURING = (8, 6), (7, 5)

SLOW_CPU = frozenset({"avx2", "avx512f"})
VNNI_CPU, ZEN4_CPU = SLOW_CPU | {"avx512_vnni"}, SLOW_CPU | {"avx512_vnni", "avx512_bf16"}
AMX_CPU = ZEN4_CPU | {"amx_int8", "amx_bf16"}

INT8, BFLOAT16, FLOAT32 = (
    EngineChoice("openvino", precision) for precision in ("int8", "bfloat16", "float32")
)
KERAS, KERAS_BFLOAT16 = EngineChoice(), EngineChoice("tensorflow", "bfloat16")
FLOAT32_GPU = EngineChoice("tensorflow", "float32", "gpu")
BFLOAT16_GPU = EngineChoice("tensorflow", "bfloat16", "gpu")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without a GPU, whose processor multiplies in float32; tests change it."""
    monkeypatch.setattr(engine, "_find_gpu", lambda: None)
    monkeypatch.setattr(engine, "cpu_flags", lambda: SLOW_CPU)
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "precision", "artifact", "gpu", "flags", "expected"),
    [
        # auto: the GPU, else OpenVINO if there are graphs for it, else TensorFlow.
        ("auto", "auto", EXPORTED, AMPERE, SLOW_CPU, BFLOAT16_GPU),
        ("auto", "auto", EXPORTED, TURING, AMX_CPU, FLOAT32_GPU),
        ("auto", "auto", TRAINED, (8, 0), SLOW_CPU, BFLOAT16_GPU),
        ("auto", "auto", WEIGHTS_ALONE, None, SLOW_CPU, KERAS),
        ("auto", "auto", WEIGHTS_ALONE, None, AMX_CPU, KERAS_BFLOAT16),
        # The precision that the processor is good at.
        ("auto", "auto", EXPORTED, None, SLOW_CPU, FLOAT32),
        ("auto", "auto", EXPORTED, None, VNNI_CPU, INT8),
        ("auto", "auto", EXPORTED, None, ZEN4_CPU, INT8),
        ("auto", "auto", EXPORTED, None, AMX_CPU, BFLOAT16),
        ("auto", "auto", TRAINED, None, VNNI_CPU, FLOAT32),
        ("auto", "auto", TRAINED, None, ZEN4_CPU, FLOAT32),
        ("auto", "auto", TRAINED, None, AMX_CPU, BFLOAT16),
        # A precision is had on either engine, int8 on OpenVINO alone.
        ("auto", "float32", EXPORTED, None, AMX_CPU, FLOAT32),
        ("auto", "bfloat16", EXPORTED, None, ZEN4_CPU, BFLOAT16),
        ("auto", "int8", EXPORTED, None, SLOW_CPU, INT8),
        ("auto", "float32", EXPORTED, AMPERE, AMX_CPU, FLOAT32_GPU),
        ("auto", "bfloat16", EXPORTED, TURING, SLOW_CPU, BFLOAT16_GPU),
        ("tensorflow", "auto", EXPORTED, None, SLOW_CPU, KERAS),
        ("tensorflow", "auto", EXPORTED, None, AMX_CPU, KERAS_BFLOAT16),
        ("tensorflow", "auto", EXPORTED, AMPERE, SLOW_CPU, BFLOAT16_GPU),
        ("tensorflow", "float32", EXPORTED, None, AMX_CPU, KERAS),
        ("tensorflow", "bfloat16", TRAINED, None, SLOW_CPU, KERAS_BFLOAT16),
        ("tensorflow", "bfloat16", TRAINED, TURING, SLOW_CPU, BFLOAT16_GPU),
        # openvino: on the processor, also beside a GPU.
        ("openvino", "auto", EXPORTED, None, VNNI_CPU, INT8),
        ("openvino", "auto", EXPORTED, AMPERE, AMX_CPU, BFLOAT16),
        ("auto", "int8", EXPORTED, AMPERE, AMX_CPU, INT8),
    ],
)
def test_the_engine_of_this_machine(
    machine: pytest.MonkeyPatch,
    name: str,
    precision: str,
    artifact: Artifact,
    gpu: tuple[int, int] | None,
    flags: frozenset[str],
    expected: EngineChoice,
) -> None:
    machine.setattr(engine, "_find_gpu", lambda: gpu)
    machine.setattr(engine, "cpu_flags", lambda: flags)
    assert choose_engine(artifact, name, precision) == expected
    if expected.device == "gpu":
        assert choose_engine(artifact, name, precision, require_gpu=True) == expected


@pytest.mark.parametrize(
    ("name", "precision", "artifact", "require_gpu", "expected"),
    [
        ("auto", "auto", EXPORTED, False, INT8),
        ("auto", "auto", TRAINED, False, FLOAT32),
        ("auto", "bfloat16", TRAINED, False, BFLOAT16),
        ("auto", "auto", WEIGHTS_ALONE, False, KERAS),
        ("tensorflow", "auto", EXPORTED, False, KERAS),
        ("tensorflow", "bfloat16", EXPORTED, True, BFLOAT16_GPU),
        ("auto", "float32", EXPORTED, True, FLOAT32_GPU),
        # Of an unknown GPU it is not known whether it multiplies in bfloat16.
        ("auto", "auto", EXPORTED, True, FLOAT32_GPU),
        ("openvino", "auto", EXPORTED, False, INT8),
    ],
)
def test_of_other_machines_nothing_is_known(
    machine: pytest.MonkeyPatch,
    name: str,
    precision: str,
    artifact: Artifact,
    require_gpu: bool,
    expected: EngineChoice,
) -> None:
    """This one's GPU and processor do not count."""
    for gpu, flags in ((None, SLOW_CPU), (AMPERE, AMX_CPU), (TURING, AMX_CPU)):
        machine.setattr(engine, "_find_gpu", lambda gpu=gpu: gpu)
        machine.setattr(engine, "cpu_flags", lambda flags=flags: flags)
        chosen = choose_engine(artifact, name, precision, require_gpu, is_local=False)
        assert chosen == expected


NO_GPU = "--require-gpu: TensorFlow finds no GPU here; without the flag the processor is used"


@pytest.mark.parametrize(
    ("name", "precision", "artifact", "require_gpu", "message"),
    [
        (
            *("openvino", "auto", EXPORTED, True),
            "--require-gpu needs --engine tensorflow; --engine openvino runs on the processor",
        ),
        (
            *("auto", "int8", EXPORTED, True),
            "--require-gpu needs --engine tensorflow; --precision int8 runs on the processor",
        ),
        (
            *("tensorflow", "int8", EXPORTED, False),
            "--precision int8 needs --engine openvino; tensorflow has float32, bfloat16",
        ),
        (
            *("auto", "int8", TRAINED, False),
            "--precision int8: the model has no int8 files; mm-emor export writes them",
        ),
        (
            *("auto", "bfloat16", TRAINED, False),
            "--precision bfloat16: this processor does not multiply in bfloat16; float32 it has",
        ),
        (
            *("openvino", "auto", WEIGHTS_ALONE, False),
            "--engine openvino: the model has no files for OpenVINO; mm-emor export with "
            "--precision float32 writes them",
        ),
        ("auto", "auto", EXPORTED, True, NO_GPU),
        ("tensorflow", "float32", TRAINED, True, NO_GPU),
    ],
)
def test_what_cannot_be_is_refused(
    machine: pytest.MonkeyPatch,
    name: str,
    precision: str,
    artifact: Artifact,
    require_gpu: bool,
    message: str,
) -> None:
    with pytest.raises(UserError) as caught:
        choose_engine(artifact, name, precision, require_gpu)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (KERAS, "TensorFlow, float32, CPU"),
        (BFLOAT16_GPU, "TensorFlow, bfloat16, GPU"),
        (INT8, "OpenVINO, int8, CPU"),
    ],
)
def test_a_choice_says_what_it_is_and_comes_back_from_its_settings(
    choice: EngineChoice, told: str
) -> None:
    assert str(choice) == told
    assert list(choice.as_settings()) == ["name", "precision", "device"]
    assert EngineChoice(**choice.as_settings()) == choice


def test_an_engine_on_a_gpu_that_is_not_there_is_refused(
    machine: pytest.MonkeyPatch, tiny_artifact: Path
) -> None:
    with pytest.raises(UserError, match="TensorFlow finds no GPU here, and the job asks for one"):
        start_engine(Artifact.load(tiny_artifact), FLOAT32_GPU)


def test_a_machine_without_a_device_has_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is TensorFlow asked for one."""
    monkeypatch.setattr(engine, "start_keras", lambda: pytest.fail("TensorFlow is asked"))
    monkeypatch.setattr(Path, "glob", lambda path, pattern: iter(()))
    assert engine._find_gpu() is None


@pytest.mark.parametrize(
    ("name", "artifact"),
    [("tensorflow", EXPORTED), ("auto", WEIGHTS_ALONE), ("openvino", EXPORTED)],
)
def test_another_backend_of_keras_is_refused_where_keras_would_score(
    machine: pytest.MonkeyPatch, name: str, artifact: Artifact
) -> None:
    machine.setenv("KERAS_BACKEND", "jax")
    if name == "openvino":
        assert choose_engine(artifact, name) == FLOAT32
        return
    with pytest.raises(UserError, match=r"^KERAS_BACKEND is jax; models are scored on tensorflow"):
        choose_engine(artifact, name)


@pytest.mark.parametrize("given", [{"precision": "float32"}, {"require_gpu": True}, {}])
def test_another_backend_of_keras_is_refused_of_an_exported_model_too(
    machine: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    machine.setenv("KERAS_BACKEND", "jax")
    machine.setattr(engine, "_find_gpu", lambda: (9, 0))
    with pytest.raises(UserError, match=r"^KERAS_BACKEND is jax; models are scored on tensorflow"):
        choose_engine(EXPORTED, "auto", **given)
