"""The model's graphs on OpenVINO against the same model on Keras."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.errors import ArtifactError
from model.scoring.artifact import Artifact
from model.scoring.conversion import convert_artifact
from model.scoring.engine import BFLOAT16_FLAGS, FLOAT32, EngineChoice, start_engine
from model.scoring.graph_files import (
    AUDIO_GRAPH,
    HEADS_GRAPH,
    TEXT_GRAPH,
    TEXT_INT8_GRAPH,
    graph_files,
    graphs_of,
)
from model.scoring.openvino_engine import CompiledGraph, OpenVinoEngine, read_graph
from model.scoring.processor import INT8_FLAGS, cpu_flags
from model.scoring.saving import write_config
from model.scoring.scorer import EmotionScorer
from tests.support.clips import encode, speech_like
from tests.support.make_tiny_artifact import TINY_ARTIFACT
from tests.support.tiny_models import save_tiny_artifact

ROOT = Path(__file__).parents[3]
OPENVINO = EngineChoice("openvino", "float32")
INT8, BFLOAT16 = EngineChoice("openvino", "int8"), EngineChoice("openvino", "bfloat16")
ATOL = {"float32": 1e-4, "int8": 5e-3, "bfloat16": 2e-2}
TEXTS = ["the rain", "a", "happy " * 90, "sad user http", "angry #train, again and again!"]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool, bool], Artifact]:
    """Makes an artifact of these modalities, with its graphs."""
    made: dict[tuple[bool, bool], Artifact] = {}

    def convert(text: bool, audio: bool) -> Artifact:
        if (text, audio) not in made:
            path = tmp_path_factory.mktemp("converted")
            made[text, audio] = convert_artifact(save_tiny_artifact(path, text=text, audio=audio))
        return made[text, audio]

    return convert


def scorers(artifact: Artifact) -> tuple[EmotionScorer, EmotionScorer]:
    return (
        EmotionScorer.load(artifact.path, FLOAT32),
        EmotionScorer.load(artifact.path, OPENVINO, n_threads=2),
    )


@pytest.mark.tensorflow
@pytest.mark.parametrize("audio", [False, True])
def test_texts_are_scored_as_by_keras(
    converted: Callable[[bool, bool], Artifact], audio: bool
) -> None:
    keras, openvino = scorers(converted(True, audio))
    items = [keras.preprocess(text, None) for text in TEXTS]
    for exact, quick in zip(keras.score(items), openvino.score(items), strict=True):
        assert quick.modality == exact.modality
        np.testing.assert_allclose(quick.scores, exact.scores, atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("text", [False, True])
def test_clips_are_scored_as_by_keras(
    converted: Callable[[bool, bool], Artifact], text: bool
) -> None:
    keras, openvino = scorers(converted(text, True))
    items = [
        keras.preprocess(None, encode(speech_like(seconds), 16_000, "wav"))
        for seconds in (0.5, 2.0, 9.0)
    ]
    # More images than one call takes.
    assert sum(len(item.images) for item in items if item.images is not None) > 10
    openvino._engine.max_images = 4
    for exact, quick in zip(keras.score(items), openvino.score(items), strict=True):
        np.testing.assert_allclose(quick.scores, exact.scores, atol=1e-4)


@pytest.mark.tensorflow
def test_both_at_once_and_mixed(converted: Callable[[bool, bool], Artifact]) -> None:
    keras, openvino = scorers(converted(True, True))
    clip = encode(speech_like(2.0), 16_000, "wav")
    items = [
        *(keras.preprocess(text, clip) for text in TEXTS),
        keras.preprocess("the rain", None),
        keras.preprocess(None, clip),
    ]
    for exact, quick in zip(keras.logits(items), openvino.logits(items), strict=True):
        assert quick.keys() == exact.keys()
        for head, values in exact.items():
            np.testing.assert_allclose(quick[head], values, atol=1e-4)


def products_of(graph: CompiledGraph) -> list[str]:
    """Returns what runs of each product of activations with one another, in its order."""
    operations = []
    for node in graph.compile().get_runtime_model().get_ordered_ops():
        info = node.get_rt_info()
        kind, of = (info[name].value for name in ("layerType", "originalLayersNames"))
        if kind in ("Subgraph", "ScaledDotProductAttention") and "Softmax" in of:
            operations.append("attention")
        elif kind in ("MatMul", "Softmax"):
            operations.append(kind)
    return operations


@pytest.mark.parametrize(
    ("name", "precision"), [(TEXT_GRAPH, "float32"), (TEXT_INT8_GRAPH, "int8")]
)
def test_the_compiled_encoder_has_one_operation_for_attention(name: str, precision: str) -> None:
    """Of each layer; a product, a softmax and a product apart are a quarter slower."""
    artifact = Artifact.load("default")
    encoder = artifact.config.encoder
    assert encoder
    graph = CompiledGraph(read_graph(artifact, name), 1, precision)
    assert products_of(graph) == ["attention"] * encoder.num_hidden_layers


@pytest.mark.tensorflow
def test_a_graph_that_is_replaced_after_loading_is_found(
    converted: Callable[[bool, bool], Artifact], tmp_path: Path
) -> None:
    artifact = Artifact.load(shutil.copytree(converted(True, False).path, tmp_path / "copy"))
    OpenVinoEngine.load(artifact, n_threads=1)
    for file, other in zip(graph_files(HEADS_GRAPH), graph_files(TEXT_GRAPH), strict=True):
        original = (artifact.path / file).read_bytes()
        (artifact.path / file).write_bytes((artifact.path / other).read_bytes())
        with pytest.raises(ArtifactError, match=f"{file} is damaged: its hash differs"):
            OpenVinoEngine.load(artifact, n_threads=1)
        (artifact.path / file).write_bytes(original)


@pytest.mark.tensorflow
def test_a_file_that_changes_during_a_job_changes_nothing(
    converted: Callable[[bool, bool], Artifact], tmp_path: Path
) -> None:
    """Who can write to a model that is in use neither sets scores nor crashes the job."""
    artifact = Artifact.load(shutil.copytree(converted(True, True).path, tmp_path / "copy"))
    scorer = EmotionScorer(artifact, start_engine(artifact, OPENVINO, 1))
    items = [scorer.preprocess(text, None) for text in TEXTS]
    before = scorer.score(items)
    for graph in graphs_of(artifact.config):
        (artifact.path / graph_files(graph)[1]).write_bytes(b"")
    scorer.forget_texts()
    for ours, theirs in zip(scorer.score(items), before, strict=True):
        np.testing.assert_array_equal(ours.scores, theirs.scores)


@pytest.mark.tensorflow
def test_threads_change_nothing(converted: Callable[[bool, bool], Artifact]) -> None:
    artifact = converted(True, True)
    clip = encode(speech_like(9.0), 16_000, "wav")
    one, four = (
        EmotionScorer(artifact, start_engine(artifact, OPENVINO, n_threads)) for n_threads in (1, 4)
    )
    assert (one._engine.n_parallel, four._engine.n_parallel) == (1, 4)
    for engine in (one._engine, four._engine):
        engine.max_padded_tokens, engine.max_images = 64, 2
    items = [one.preprocess(text, clip) for text in TEXTS]
    for alone, together in zip(one.score(items), four.score(items), strict=True):
        np.testing.assert_allclose(together.scores, alone.scores, atol=1e-6)


@pytest.mark.tensorflow
def test_more_threads_than_it_was_made_for_wait_their_turn(
    converted: Callable[[bool, bool], Artifact],
) -> None:
    engine = start_engine(converted(True, True), OPENVINO, n_threads=2)
    inputs = [
        (np.full((rows, 5), rows, np.int32), np.ones((rows, 5), bool)) for rows in range(1, 33)
    ]
    alone = [engine.sum_windows(*each) for each in inputs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda each: engine.sum_windows(*each), inputs))
    for ours, theirs in zip(together, alone, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


FIRST_CALLS = """
import sys, threading
import numpy as np
from model.scoring.artifact import Artifact
from model.scoring.engine import EngineChoice, start_engine
engine = start_engine(Artifact.load(sys.argv[1]), EngineChoice("openvino", "float32"), 4)
sys.setswitchinterval(1e-6)
together = threading.Barrier(4)
def run():
    together.wait()
    engine.sum_windows(np.array([[2, 5, 3]], np.int32), np.ones((1, 3), bool))
threads = [threading.Thread(target=run) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_the_first_runs_of_several_threads_do_not_lock_up() -> None:
    """OpenVINO 2026.4 does, for good, where it is not asked for its types beforehand."""
    command = [sys.executable, "-c", FIRST_CALLS, str(TINY_ARTIFACT)]
    subprocess.run(command, check=True, timeout=120, cwd=ROOT)


def replace_file(artifact: Artifact, file: str, content: bytes) -> Artifact:
    """Writes a file of an artifact anew, with the hash that makes it a whole one."""
    (artifact.path / file).write_bytes(content)
    hashes = artifact.hashes | {file: hashlib.sha256(content).hexdigest()}
    return write_config(replace(artifact, hashes=hashes))


@pytest.fixture
def copy(tmp_path: Path) -> Artifact:
    return Artifact.load(shutil.copytree(TINY_ARTIFACT, tmp_path / "copy"))


@pytest.mark.parametrize("content", [b"", b"no graph", b"<net></net>"])
def test_an_unreadable_graph_is_one_line(copy: Artifact, content: bytes) -> None:
    structure, _ = graph_files(TEXT_GRAPH)
    damaged = replace_file(copy, structure, content)
    told = rf"^{re.escape(str(copy.path / structure))} is not readable: .+$"
    with pytest.raises(ArtifactError, match=told):
        OpenVinoEngine.load(damaged, n_threads=1)


def test_a_graph_of_another_network_is_one_line(copy: Artifact) -> None:
    """Its hashes are right: who made it has made it wrong."""
    for file, other in zip(graph_files(HEADS_GRAPH), graph_files(AUDIO_GRAPH), strict=True):
        copy = replace_file(copy, file, (copy.path / other).read_bytes())
    with pytest.raises(ArtifactError, match=r"^the graph heads is of another network: it has .+$"):
        OpenVinoEngine.load(copy, n_threads=1)


def test_a_graph_without_names_is_one_line(copy: Artifact) -> None:
    structure, _ = graph_files(TEXT_GRAPH)
    content = (copy.path / structure).read_text(encoding="utf-8")
    assert ' names="token_ids"' in content
    copy = replace_file(copy, structure, content.replace(' names="token_ids"', "").encode())
    with pytest.raises(ArtifactError, match=r"^the graph \S+ (does not run here|is of another)"):
        OpenVinoEngine.load(copy, n_threads=1)


OUT_OF_MEMORY = """
import resource, sys
import numpy as np
from model.scoring.artifact import Artifact
from model.scoring.engine import EngineChoice, start_engine
engine = start_engine(Artifact.load("default"), EngineChoice("openvino"), int(sys.argv[1]))
def run(rows, length):
    return engine.sum_windows(np.full((rows, length), 7, np.int32), np.ones((rows, length), bool))
before = run(4, 8)
status = open("/proc/self/status").read()
size = 1024 * int(status.partition("VmSize:")[2].split()[0])
resource.setrlimit(resource.RLIMIT_AS, (size + 500 * 2**20, -1))
for _ in range(2):
    try:
        run(9000, 32)
    except RuntimeError as error:
        assert engine.is_out_of_memory(error), error
    else:
        raise SystemExit("9000 windows fit")
    assert np.abs(run(4, 8) - before).max() < 1e-5
"""


@pytest.mark.parametrize("n_threads", [1, 2])
def test_after_an_error_the_next_run_is_right(n_threads: int) -> None:
    engine = start_engine(Artifact.load(TINY_ARTIFACT), OPENVINO, n_threads)
    rng = np.random.default_rng(1)
    batches = [(rng.integers(5, 100, (3, 8), np.int32), np.ones((3, 8), bool)) for _ in range(4)]
    before = [engine.sum_windows(*batch) for batch in batches]
    for batch, expected in zip(batches, before, strict=True):
        with pytest.raises(RuntimeError, match=r"^.+$"):
            engine.sum_windows(batch[0], np.ones((3, 7), bool))
        np.testing.assert_allclose(engine.sum_windows(*batch), expected, atol=1e-6)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_batch_that_memory_does_not_hold_fails_and_the_next_is_right(n_threads: int) -> None:
    """OpenVINO 2026.4 then gives the last outputs again, or errors that nothing causes."""
    command = [sys.executable, "-c", OUT_OF_MEMORY, str(n_threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.tensorflow
def test_the_files_are_those_of_the_modalities(
    converted: Callable[[bool, bool], Artifact],
) -> None:
    for text, audio in ((True, False), (False, True), (True, True)):
        artifact = converted(text, audio)
        graphs = [HEADS_GRAPH, *[TEXT_GRAPH] * text, *[AUDIO_GRAPH] * audio]
        assert set(graphs_of(artifact.config)) == set(graphs)
        assert (artifact.has_graphs, artifact.has_int8) == (True, False)
        files = {file for graph in graphs for file in graph_files(graph)}
        found = (path.name for path in artifact.path.iterdir())
        assert {name for name in found if name.endswith((".xml", ".bin"))} == files


@pytest.mark.parametrize("batch_size", [1, 7, 256])
@pytest.mark.parametrize("choice", [INT8, OPENVINO, BFLOAT16])
def test_a_text_s_scores_depend_on_nothing_beside_it(choice: EngineChoice, batch_size: int) -> None:
    """With the model in the package, in each precision that this processor has.

    The last bits of float32 differ with a batch's shape; where an input is rounded to int8, they
    may decide for the next of its 256 steps.
    """
    if choice == BFLOAT16 and not cpu_flags() & BFLOAT16_FLAGS:
        pytest.skip("this processor does not multiply in bfloat16")
    scorer = EmotionScorer.load("default", choice)
    texts = [f"{text} {number}" for number in range(8) for text in TEXTS]
    items = [scorer.preprocess(text, None) for text in texts]
    alone = np.stack([scorer.score([item])[0].scores for item in items])
    scorer.forget_texts()
    batches = [items[start : start + batch_size] for start in range(0, len(items), batch_size)]
    beside = np.stack([each.scores for batch in batches for each in scorer.score(batch)])
    np.testing.assert_allclose(beside, alone, atol=ATOL[choice.precision])


@pytest.mark.parametrize("has_vnni", [True, False])
def test_int8_labels_as_float32_does(has_vnni: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a processor without VNNI would cut sums of products at 16 bits."""
    if has_vnni and not cpu_flags() & INT8_FLAGS:
        pytest.skip("this processor has no VNNI")
    if not has_vnni:
        monkeypatch.setattr("model.scoring.openvino_engine.cpu_flags", frozenset)
    exact, quick = (EmotionScorer.load("default", choice) for choice in (OPENVINO, INT8))
    texts = [f"{text}{mark}" for text in TEXTS for mark in ("", "!", " again", " and you?")]
    items = [exact.preprocess(text, None) for text in texts]
    for ours, theirs in zip(quick.score(items), exact.score(items), strict=True):
        assert ours.scores.argmax() == theirs.scores.argmax()
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=0.1)


MANY_SHAPES = """
import numpy as np
from model.scoring.artifact import Artifact
from model.scoring.engine import EngineChoice, start_engine
engine = start_engine(Artifact.load("default"), EngineChoice("openvino"), 2)
def memory():
    return 1024 * int(open("/proc/self/status").read().partition("VmRSS:")[2].split()[0])
def run(lengths, rows):
    for length in lengths:
        for n in range(1, 20):
            engine.sum_windows(np.full((n, length), 7, np.int32), np.ones((n, length), bool))
    for n in rows:
        features = np.zeros((n, 384), np.float32)
        engine.classify(features, None)
run((8, 16, 24) * 2, (2**power for power in range(9)))
before = memory()
run((8, 16, 24), range(1, 257))
assert memory() - before < 10e6, (before, memory())
before = memory()
run((32,), ())
print((memory() - before) / 19)
"""


def test_memory_stays_flat_over_many_shapes() -> None:
    """OpenVINO compiles each new shape, and keeps what it compiled: so shapes are few."""
    done = subprocess.run(
        [sys.executable, "-c", MANY_SHAPES], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    # Else the limit above says nothing.
    assert float(done.stdout) > 0.1e6


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("Check 'ptr' failed: Failed to allocate 9 bytes of memory"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("Can't set the input tensor with index: 0"), False),
        (ValueError("Required inputs (['token_ids']) are missing"), False),
    ],
)
def test_what_a_smaller_batch_could_mend(
    converted: Callable[[bool, bool], Artifact], error: Exception, expected: bool
) -> None:
    engine = start_engine(converted(True, True), OPENVINO, 1)
    assert engine.is_out_of_memory(error) is expected


def test_the_int8_graph_is_the_text_encoder_s_alone() -> None:
    artifact = Artifact.load("default")
    assert set(graph_files(TEXT_INT8_GRAPH)) < artifact.hashes.keys()
    assert artifact.has_int8
