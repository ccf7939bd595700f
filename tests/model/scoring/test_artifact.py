"""Artifacts: what is saved is what is loaded, and what was changed is refused."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.errors import ArtifactError, ConfigError
from model.scoring.artifact import CONFIG, TOKENIZER, WEIGHTS, Artifact
from model.scoring.engine import FLOAT32
from model.scoring.scorer import EmotionScorer
from tests.support.tiny_models import save_tiny_artifact, tiny_classifier_config


@pytest.fixture
def copy(tiny_artifact: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_artifact, tmp_path / "copy"))


def edit(path: Path, **changes: object) -> None:
    file = path / CONFIG
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes))


def test_settings_come_back(tiny_artifact: Path) -> None:
    artifact = Artifact.load(tiny_artifact)
    assert artifact.config == tiny_classifier_config()
    assert artifact.temperatures == {"text": 1.5, "audio": 1.5, "text+audio": 1.5}
    assert len(artifact.model_version) == 16


def test_the_version_depends_on_content_alone(tiny_artifact: Path, copy: Path) -> None:
    assert Artifact.load(copy).model_version == Artifact.load(tiny_artifact).model_version


@pytest.mark.tensorflow
def test_weights_come_back_as_float16(copy: Path) -> None:
    artifact = Artifact.load(copy)
    weights = load_file(copy / WEIGHTS)
    for variable in artifact.classifier().weights:
        assert weights[variable.path].dtype == np.float16
        np.testing.assert_array_equal(np.asarray(variable), weights[variable.path])


@pytest.mark.tensorflow
@pytest.mark.parametrize(("text", "audio"), [(True, False), (False, True)])
def test_artifacts_of_one_modality(tmp_path: Path, text: bool, audio: bool) -> None:
    artifact = save_tiny_artifact(tmp_path / "one", text=text, audio=audio)
    assert set(artifact.temperatures) == {"text" if text else "audio"}
    preprocess = EmotionScorer.load(artifact.path, FLOAT32).preprocess
    assert (preprocess.text is not None, preprocess.audio is not None) == (
        text,
        audio,
    )


@pytest.mark.parametrize("file", [WEIGHTS, TOKENIZER, "filter_banks.safetensors"])
def test_a_flipped_bit_is_found(copy: Path, file: str) -> None:
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(ArtifactError, match=f"{file} is damaged: its hash differs"):
        Artifact.load(copy)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("file", "read"),
    [
        (TOKENIZER, Artifact.preprocessor),
        ("filter_banks.safetensors", Artifact.preprocessor),
        (WEIGHTS, Artifact.classifier),
    ],
)
def test_a_file_that_is_replaced_after_loading_is_found(
    copy: Path, file: str, read: Callable[[Artifact], object]
) -> None:
    artifact = Artifact.load(copy)
    read(artifact)
    (copy / file).write_bytes((copy / file).read_bytes() + b" ")
    with pytest.raises(ArtifactError, match=f"{file} is damaged: its hash differs"):
        read(artifact)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / WEIGHTS).unlink()
    with pytest.raises(ArtifactError, match=f"{WEIGHTS} is missing"):
        Artifact.load(copy)


def test_a_directory_without_a_config_is_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"has no readable config\.json"):
        Artifact.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 3}, "format is 3; this version reads 2"),
        ({"temperatures": {"text": 9.0, "audio": 1, "text+audio": 1}}, "differ from its hash"),
        ({"temperatures": {"text": 9.0}}, "temperatures are for .*; the heads are"),
        (
            {"temperatures": {"text": 0.0, "audio": 1, "text+audio": 1}},
            r"the text temperature is 0\.0; it must be > 0",
        ),
        ({"hashes": {}}, r"hashes are of \[\]; the files are"),
        ({"model_version": "0" * 16}, "its settings differ from its hash"),
    ],
)
def test_changed_settings_are_refused(copy: Path, changes: dict[str, object], message: str) -> None:
    edit(copy, **changes)
    with pytest.raises(ArtifactError, match=message):
        Artifact.load(copy)


@pytest.mark.parametrize(
    ("content", "message"),
    [("[]", "is not a JSON object"), ("{", "is not JSON"), ('{"format": 2}', "it is None")],
)
def test_a_broken_config_is_named(copy: Path, content: str, message: str) -> None:
    (copy / CONFIG).write_text(content, encoding="utf-8")
    with pytest.raises((ArtifactError, ConfigError), match=message):
        Artifact.load(copy)


@pytest.mark.tensorflow
def test_weights_of_another_network_are_refused(copy: Path) -> None:
    weights = load_file(copy / WEIGHTS)
    name = min(weights)
    for changes, message in (
        ({name: np.zeros((1, 2), np.float16)}, rf"{name} is \(1, 2\)"),
        ({"stray": np.zeros(1, np.float16)}, "holds an unknown weight stray"),
    ):
        save_file({**weights, **changes}, copy / WEIGHTS)
        hashes = {WEIGHTS: hashlib.sha256((copy / WEIGHTS).read_bytes()).hexdigest()}
        with pytest.raises(ArtifactError, match=message):
            Artifact(copy, tiny_classifier_config(), {}, hashes=hashes).classifier()
