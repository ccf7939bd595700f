"""The exported model on ONNX Runtime against the same model on Keras."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.errors import ArtifactError
from model.scoring import onnx_engine
from model.scoring.artifact import AUDIO_ONNX, HEADS_ONNX, TEXT_ONNX, Artifact, onnx_files
from model.scoring.engine import FLOAT32, EngineChoice, start_engine
from model.scoring.onnx_engine import INT8_FLAGS, OnnxEngine, open_session
from model.scoring.processor import cpu_flags
from model.scoring.scorer import EmotionScorer
from tests.support.clips import encode, speech_like
from tests.support.make_tiny_artifact import add_graphs
from tests.support.tiny_models import save_tiny_artifact

ONNX = EngineChoice("onnx", "int8")
TEXTS = ["the rain", "a", "happy " * 90, "sad user http", "angry #train, again and again!"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool, bool], Artifact]:
    """Exports an artifact of these modalities, without asking what int8 costs it."""
    made: dict[tuple[bool, bool], Artifact] = {}

    def export(text: bool, audio: bool) -> Artifact:
        if (text, audio) not in made:
            path = tmp_path_factory.mktemp("exported")
            made[text, audio] = add_graphs(save_tiny_artifact(path, text=text, audio=audio), TEXTS)
        return made[text, audio]

    return export


def scorers(artifact: Artifact) -> tuple[EmotionScorer, EmotionScorer]:
    return (
        EmotionScorer.load(artifact.path, FLOAT32),
        EmotionScorer.load(artifact.path, ONNX, n_threads=2),
    )


@pytest.mark.tensorflow
@pytest.mark.parametrize("audio", [False, True])
def test_texts_are_scored_nearly_as_by_keras(
    exported: Callable[[bool, bool], Artifact], audio: bool
) -> None:
    keras, onnx = scorers(exported(True, audio))
    items = [keras.preprocess(text, None) for text in TEXTS]
    for exact, quick in zip(keras.score(items), onnx.score(items), strict=True):
        assert quick.modality == exact.modality
        np.testing.assert_allclose(quick.scores, exact.scores, atol=0.02)


@pytest.mark.tensorflow
@pytest.mark.parametrize("text", [False, True])
def test_clips_are_scored_as_by_keras(
    exported: Callable[[bool, bool], Artifact], text: bool
) -> None:
    keras, onnx = scorers(exported(text, True))
    items = [
        keras.preprocess(None, encode(speech_like(seconds), 16_000, "wav"))
        for seconds in (0.5, 2.0, 9.0)
    ]
    # More images than one call takes.
    assert sum(len(item.images) for item in items if item.images is not None) > 10
    onnx._engine.max_images = 4
    for exact, quick in zip(keras.score(items), onnx.score(items), strict=True):
        np.testing.assert_allclose(quick.scores, exact.scores, atol=1e-4)


@pytest.mark.tensorflow
def test_both_at_once_and_mixed(exported: Callable[[bool, bool], Artifact]) -> None:
    keras, onnx = scorers(exported(True, True))
    clip = encode(speech_like(2.0), 16_000, "wav")
    items = [
        *(keras.preprocess(text, clip) for text in TEXTS),
        keras.preprocess("the rain", None),
        keras.preprocess(None, clip),
    ]
    for exact, quick in zip(keras.logits(items), onnx.logits(items), strict=True):
        assert quick.keys() == exact.keys()
        for head, values in exact.items():
            atol = 1e-4 if head == "audio" else 0.1
            np.testing.assert_allclose(quick[head], values, atol=atol)


@pytest.mark.tensorflow
def test_a_graph_that_is_replaced_after_loading_is_found(
    exported: Callable[[bool, bool], Artifact], tmp_path: Path
) -> None:
    artifact = Artifact.load(shutil.copytree(exported(True, False).path, tmp_path / "copy"))
    OnnxEngine.load(artifact, n_threads=1)
    (artifact.path / HEADS_ONNX).write_bytes((artifact.path / TEXT_ONNX).read_bytes())
    with pytest.raises(ArtifactError, match=f"{HEADS_ONNX} is damaged: its hash differs"):
        OnnxEngine.load(artifact, n_threads=1)


@pytest.mark.tensorflow
def test_threads_change_nothing(exported: Callable[[bool, bool], Artifact]) -> None:
    artifact = exported(True, True)
    clip = encode(speech_like(9.0), 16_000, "wav")
    one, four = (
        EmotionScorer(artifact, start_engine(artifact, ONNX, n_threads)) for n_threads in (1, 4)
    )
    assert (one._engine.n_parallel, four._engine.n_parallel) == (1, 4)
    for engine in (one._engine, four._engine):
        engine.max_padded_tokens, engine.max_images = 64, 2
    items = [one.preprocess(text, clip) for text in TEXTS]
    for alone, together in zip(one.score(items), four.score(items), strict=True):
        np.testing.assert_array_equal(alone.scores, together.scores)


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x08\x0a"])
def test_an_unreadable_graph_is_one_line(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"^the graph is not readable: .+$"):
        open_session(content)
    file = tmp_path / "text.int8.onnx"
    file.write_bytes(content)
    with pytest.raises(ArtifactError, match=rf"^{re.escape(str(file))} is not readable: .+$"):
        open_session(file)
    with pytest.raises(ArtifactError, match="is not readable"):
        OnnxEngine({TEXT_ONNX: content}, n_threads=1)


@pytest.mark.tensorflow
def test_the_files_of_an_export_are_those_of_its_modalities(
    exported: Callable[[bool, bool], Artifact],
) -> None:
    for text, audio in ((True, False), (False, True), (True, True)):
        artifact = exported(text, audio)
        files = {HEADS_ONNX} | ({TEXT_ONNX} if text else set()) | ({AUDIO_ONNX} if audio else set())
        assert set(onnx_files(artifact.config)) == files
        assert artifact.has_onnx
        assert {path.name for path in artifact.path.glob("*.onnx")} == files


@pytest.mark.tensorflow
def test_products_are_exact_on_processors_without_vnni(
    exported: Callable[[bool, bool], Artifact],
) -> None:
    path = exported(True, False).path / TEXT_ONNX
    feeds = {
        "token_ids": np.arange(5, 45, dtype=np.int32).reshape(4, 10),
        "token_mask": np.ones((4, 10), bool),
    }
    signed, unsigned = (
        open_session(path, unsigned_weights=each).run(None, feeds)[0] for each in (False, True)
    )
    if cpu_flags() & INT8_FLAGS:
        np.testing.assert_allclose(unsigned, signed, rtol=1e-6, atol=1e-6)
        return
    # Here sums of signed products are cut at 16 bits, so that they are no truth.
    keras_engine = start_engine(exported(True, False), FLOAT32)
    exact = keras_engine.sum_windows(feeds["token_ids"], feeds["token_mask"])
    errors = [float(np.abs(each - exact).mean()) for each in (unsigned, signed)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", {"avx2", "avx512f"}, True),
        ("AMD64", set(), True),
        ("x86_64", {"avx2", "avx_vnni"}, False),
        ("x86_64", {"avx512_vnni", "amx_int8"}, False),
        ("aarch64", set(), False),
    ],
)
def test_which_processors_need_unsigned_weights(
    monkeypatch: pytest.MonkeyPatch, machine: str, flags: set[str], expected: bool
) -> None:
    monkeypatch.setattr(onnx_engine.platform, "machine", lambda: machine)
    monkeypatch.setattr(onnx_engine, "cpu_flags", lambda: frozenset(flags))
    assert onnx_engine.needs_unsigned_weights() is expected


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("Failed to allocate memory for requested buffer of size 9"), True),
        (RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc"), True),
        (RuntimeError("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions"), False),
        (ValueError("Required inputs (['token_ids']) are missing"), False),
    ],
)
def test_what_a_smaller_batch_could_mend(
    exported: Callable[[bool, bool], Artifact], error: Exception, expected: bool
) -> None:
    engine = start_engine(exported(True, True), ONNX, 1)
    assert engine.is_out_of_memory(error) is expected


@pytest.mark.tensorflow
def test_onnx_runtime_itself_runs_out_of_memory(
    exported: Callable[[bool, bool], Artifact], capfd: pytest.CaptureFixture[str]
) -> None:
    """Its own words for a buffer of 4 PB are known, and go nowhere else."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("ConstantOfShape", ["shape"], ["zeros"])],
        "large",
        [helper.make_tensor_value_info("shape", TensorProto.INT64, [1])],
        [helper.make_tensor_value_info("zeros", TensorProto.FLOAT, ["n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = open_session(model.SerializeToString())
    with pytest.raises(Exception, match="allocate") as caught:
        session.run(None, {"shape": np.array([2**50])})
    assert capfd.readouterr().err == ""
    assert start_engine(exported(True, True), ONNX, 1).is_out_of_memory(caught.value)
