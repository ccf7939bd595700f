"""Which engine a model gets, on which machine, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.errors import UserError
from model.scoring import engine
from model.scoring.artifact import HEADS_ONNX, Artifact
from model.scoring.engine import EngineChoice, choose_engine, start_engine
from tests.support.tiny_models import tiny_classifier_config

TRAINED = Artifact(Path("model"), tiny_classifier_config(), {})


EXPORTED = replace(TRAINED, hashes={HEADS_ONNX: ""})


AMPERE, TURING = (8, 6), (7, 5)


SLOW_CPU, FAST_CPU = frozenset({"avx2", "avx512f"}), frozenset({"avx2", "amx_bf16"})


ONNX = EngineChoice("onnx", "int8", "cpu")


FLOAT32, BFLOAT16 = EngineChoice(), EngineChoice("tensorflow", "bfloat16", "cpu")


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
        # auto: the GPU, else ONNX Runtime if there are files for it, else the processor.
        ("auto", "auto", EXPORTED, None, SLOW_CPU, ONNX),
        ("auto", "auto", EXPORTED, None, FAST_CPU, ONNX),
        ("auto", "auto", EXPORTED, AMPERE, SLOW_CPU, BFLOAT16_GPU),
        ("auto", "auto", EXPORTED, TURING, FAST_CPU, FLOAT32_GPU),
        ("auto", "auto", TRAINED, None, SLOW_CPU, FLOAT32),
        ("auto", "auto", TRAINED, None, FAST_CPU, BFLOAT16),
        ("auto", "auto", TRAINED, (8, 0), SLOW_CPU, BFLOAT16_GPU),
        # A precision is one of TensorFlow's.
        ("auto", "float32", EXPORTED, None, FAST_CPU, FLOAT32),
        ("auto", "bfloat16", EXPORTED, None, SLOW_CPU, BFLOAT16),
        ("auto", "float32", EXPORTED, AMPERE, FAST_CPU, FLOAT32_GPU),
        ("tensorflow", "auto", EXPORTED, None, SLOW_CPU, FLOAT32),
        ("tensorflow", "auto", EXPORTED, None, FAST_CPU, BFLOAT16),
        ("tensorflow", "auto", EXPORTED, AMPERE, SLOW_CPU, BFLOAT16_GPU),
        ("tensorflow", "float32", EXPORTED, None, FAST_CPU, FLOAT32),
        ("tensorflow", "bfloat16", TRAINED, TURING, SLOW_CPU, BFLOAT16_GPU),
        # onnx: on the processor, also beside a GPU.
        ("onnx", "auto", EXPORTED, None, SLOW_CPU, ONNX),
        ("onnx", "auto", EXPORTED, AMPERE, FAST_CPU, ONNX),
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
    if gpu and name != "onnx":
        assert choose_engine(artifact, name, precision, require_gpu=True) == expected


@pytest.mark.parametrize(
    ("name", "precision", "artifact", "require_gpu", "expected"),
    [
        ("auto", "auto", EXPORTED, False, ONNX),
        ("auto", "auto", TRAINED, False, FLOAT32),
        ("auto", "bfloat16", TRAINED, False, BFLOAT16),
        ("tensorflow", "auto", EXPORTED, False, FLOAT32),
        ("tensorflow", "bfloat16", EXPORTED, True, BFLOAT16_GPU),
        ("auto", "float32", EXPORTED, True, FLOAT32_GPU),
        # Of an unknown GPU it is not known whether it multiplies in bfloat16.
        ("auto", "auto", EXPORTED, True, FLOAT32_GPU),
        ("onnx", "auto", EXPORTED, False, ONNX),
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
    for gpu, flags in ((None, SLOW_CPU), (AMPERE, FAST_CPU), (TURING, FAST_CPU)):
        machine.setattr(engine, "_find_gpu", lambda gpu=gpu: gpu)
        machine.setattr(engine, "cpu_flags", lambda flags=flags: flags)
        chosen = choose_engine(artifact, name, precision, require_gpu, is_local=False)
        assert chosen == expected


NO_GPU = "--require-gpu: TensorFlow finds no GPU here; without the flag the processor is used"


@pytest.mark.parametrize(
    ("name", "precision", "artifact", "require_gpu", "message"),
    [
        (
            *("onnx", "auto", EXPORTED, True),
            "--require-gpu needs --engine tensorflow; onnx runs on the processor",
        ),
        (
            *("onnx", "float32", EXPORTED, False),
            "--precision float32 needs --engine tensorflow; onnx is int8",
        ),
        (
            *("onnx", "bfloat16", TRAINED, False),
            "--precision bfloat16 needs --engine tensorflow; onnx is int8",
        ),
        (
            *("onnx", "auto", TRAINED, False),
            "--engine onnx: the model has no ONNX files; mm-emor export writes them",
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
        (FLOAT32, "TensorFlow, float32, CPU"),
        (BFLOAT16_GPU, "TensorFlow, bfloat16, GPU"),
        (ONNX, "ONNX Runtime, int8, CPU"),
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
    ("name", "artifact"), [("tensorflow", EXPORTED), ("auto", TRAINED), ("onnx", EXPORTED)]
)
def test_another_backend_of_keras_is_refused_where_keras_would_score(
    machine: pytest.MonkeyPatch, name: str, artifact: Artifact
) -> None:
    machine.setenv("KERAS_BACKEND", "jax")
    if name == "onnx":
        assert choose_engine(artifact, name) == ONNX
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
