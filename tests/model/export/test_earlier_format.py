"""Models of the version that ran on ONNX Runtime: refused, and made anew by one line."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.errors import ArtifactError
from model.export.earlier_format import load_of_any_format
from model.scoring.artifact import CONFIG, ONNX_FILES, WEIGHTS, Artifact, settings_of
from model.scoring.engine import EngineChoice
from model.scoring.graph_files import GRAPHS, graph_files
from model.scoring.scorer import EmotionScorer
from tests.support.command_line import Run
from tests.support.tiny_models import save_tiny_artifact

ALL_FILES = tuple(file for graph in GRAPHS for file in graph_files(graph))


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def as_earlier_format(artifact: Artifact) -> None:
    """Rewrites an artifact as the version before wrote it, with files for ONNX Runtime."""
    weights = load_file(artifact.path / WEIGHTS)
    for layer in range(2):
        prefix = f"text_encoder/backbone/layer_{layer}"
        for kind in ("kernel", "bias"):
            parts = [weights.pop(f"{prefix}/{part}/{kind}") for part in ("query", "key", "value")]
            weights[f"{prefix}/qkv/{kind}"] = np.concatenate(parts, axis=-1)
    save_file(weights, artifact.path / WEIGHTS)
    for file in ONNX_FILES:
        (artifact.path / file).write_bytes(b"a graph")
    path = artifact.path / CONFIG
    settings = json.loads(path.read_text(encoding="utf-8"))
    files = [file for file in settings["hashes"] if file not in ALL_FILES]
    hashes = {
        file: hashlib.sha256((artifact.path / file).read_bytes()).hexdigest()
        for file in (*files, *ONNX_FILES)
    }
    hashed = settings_of(replace(artifact, hashes=hashes)) | {"format": 1}
    canonical = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    settings |= {
        "format": 1,
        "hashes": hashes,
        "model_version": hashlib.sha256(canonical.encode()).hexdigest()[:16],
        "libraries": settings["libraries"] | {"onnxruntime": "1.32.0"},
    }
    path.write_text(json.dumps(settings), encoding="utf-8")


@pytest.mark.tensorflow
def test_an_artifact_for_onnx_runtime_is_refused_with_the_line_that_mends_it(
    run: Run, tmp_path: Path
) -> None:
    artifact = save_tiny_artifact(tmp_path / "model")
    scorer = EmotionScorer.load(artifact.path, EngineChoice())
    items = [scorer.preprocess(text, None) for text in ("the rain", "happy " * 50)]
    before = scorer.score(items)
    as_earlier_format(artifact)
    line = f"mm-emor export --model {artifact.path} --precision float32"
    told = (
        f"{artifact.path} is of an earlier version, made for ONNX Runtime; this line makes it "
        f"anew: {line}"
    )
    with pytest.raises(ArtifactError) as caught:
        Artifact.load(artifact.path)
    assert str(caught.value) == told
    code, out, err = run(*line.split()[1:])
    made = Artifact.load(artifact.path)
    assert (code, out, err) == (0, f"model {made.model_version} written to {artifact.path}\n", "")
    assert not any((artifact.path / file).exists() for file in ONNX_FILES)
    assert "onnxruntime" not in made.libraries
    after = EmotionScorer.load(artifact.path, EngineChoice("openvino", "float32")).score(items)
    for ours, theirs in zip(after, before, strict=True):
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)


@pytest.mark.tensorflow
def test_a_damaged_artifact_of_the_earlier_version_is_left_as_it_is(tmp_path: Path) -> None:
    artifact = save_tiny_artifact(tmp_path / "model")
    as_earlier_format(artifact)
    path = artifact.path / CONFIG
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(settings | {"temperatures": {"text": 2.0}}), encoding="utf-8")
    with pytest.raises(ArtifactError, match="was changed: its settings differ from its hash"):
        load_of_any_format(artifact.path)
    path.write_text(json.dumps(settings), encoding="utf-8")
    (artifact.path / WEIGHTS).write_bytes(b"other weights")
    before = contents(artifact.path)
    with pytest.raises(ArtifactError, match=f"{WEIGHTS} is damaged: its hash differs"):
        load_of_any_format(artifact.path)
    assert contents(artifact.path) == before


def test_what_cannot_be_converted_stays_of_the_earlier_version(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = save_tiny_artifact(tmp_path / "model")
    as_earlier_format(artifact)
    before = contents(artifact.path)
    monkeypatch.setattr(
        "model.scoring.conversion.start_keras",
        lambda: (_ for _ in ()).throw(ArtifactError("there is no TensorFlow")),
    )
    code, _, err = run("export", "--model", "model", "--precision", "float32")
    assert (code, err) == (2, "mm-emor: there is no TensorFlow\n")
    assert contents(artifact.path) == before
