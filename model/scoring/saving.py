"""Writes artifacts: whole ones, and what is added to one or fitted anew."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from model.errors import ArtifactError, ConfigError
from model.files import write_whole
from model.network.backend import start_openvino
from model.preprocessing.emotion_preprocessor import EmotionPreprocessor
from model.scoring.artifact import (
    CONFIG,
    EXPORT_METRICS,
    FILTER_BANKS,
    ONNX_FILES,
    TOKENIZER,
    WEIGHTS,
    Artifact,
    hash_artifact_file,
    settings_of,
    version_of,
)
from model.scoring.graph_files import GRAPHS, TEXT_GRAPH, TEXT_INT8_GRAPH, graph_files

if TYPE_CHECKING:
    import openvino as ov

    from model.network.emotion_classifier import EmotionClassifier


def save_artifact(
    path: Path,
    classifier: "EmotionClassifier",
    preprocessor: EmotionPreprocessor,
    temperatures: dict[str, float],
    weights_dtype: npt.DTypeLike = np.float16,
    languages: tuple[str, ...] = (),
    calibrated: bool = True,
    thresholds: Mapping[str, Sequence[float]] | None = None,
) -> Artifact:
    """Writes an artifact and returns it as loaded; `config.json` comes last.

    It has no graphs yet; those of an earlier model in the same directory are removed.

    Args:
        path: the directory; made where it is missing.
        classifier: the trained network.
        preprocessor: what fed it.
        temperatures: by modality, one for each head.
        weights_dtype: float16 halves the size; float32 keeps every digit.
        languages: of the texts that it learned from.
        calibrated: whether the temperatures were fitted on labelled data.
        thresholds: of a multi-label network, see `Artifact`.
    """
    path.mkdir(parents=True, exist_ok=True)
    graphs = (file for graph in GRAPHS for file in graph_files(graph))
    for file in (CONFIG, EXPORT_METRICS, *ONNX_FILES, *graphs):
        (path / file).unlink(missing_ok=True)
    hashes = {}
    weights = {
        variable.path: np.ascontiguousarray(variable.numpy().astype(weights_dtype))
        for variable in classifier.weights
    }
    save_file(weights, path / WEIGHTS)
    hashes[WEIGHTS] = hash_artifact_file(path / WEIGHTS, path)
    if preprocessor.text:
        preprocessor.text.tokenizer.save(str(path / TOKENIZER), pretty=False)
        hashes[TOKENIZER] = hash_artifact_file(path / TOKENIZER, path)
    if preprocessor.audio:
        banks = preprocessor.audio.filter_banks
        save_file({"mel": banks.mel, "chroma": banks.chroma}, path / FILTER_BANKS)
        hashes[FILTER_BANKS] = hash_artifact_file(path / FILTER_BANKS, path)
    for file in hashes:
        (path / file).chmod(0o644)  # safetensors writes for the owner alone
    libraries = {name: version(name) for name in ("keras", "librosa", "tensorflow", "tokenizers")}
    return write_config(
        Artifact(
            path,
            classifier.config,
            temperatures,
            thresholds={head: tuple(map(float, each)) for head, each in (thresholds or {}).items()},
            hashes=hashes,
            libraries=libraries,
            languages=languages,
            calibrated=calibrated,
        )
    )


def check_no_checkpoint(path: Path) -> None:
    """Checks that a model may be written to a directory: its files would replace a checkpoint's.

    Raises:
        ConfigError: it holds a checkpoint of Transformers.
    """
    try:
        settings = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(settings, dict) and "model_type" in settings:
        raise ConfigError(f"--out is {path}, which holds a checkpoint; name another directory")


def recalibrate(
    artifact: Artifact,
    temperatures: Mapping[str, float],
    thresholds: Mapping[str, tuple[float, ...]],
) -> Artifact:
    """Writes an artifact's new temperatures and thresholds, fitted on labelled data.

    Args:
        artifact: the model; its `model_version` changes, since its scores do.
        temperatures: of some heads, by modality; the others keep theirs.
        thresholds: likewise, of a multi-label model.
    """
    fitted = replace(
        artifact,
        temperatures=artifact.temperatures | dict(temperatures),
        thresholds=artifact.thresholds | dict(thresholds),
        calibrated=True,
    )
    return write_config(fitted)


def add_graphs(artifact: Artifact, graphs: "Mapping[str, ov.Model]") -> Artifact:
    """Adds graphs to an artifact, in place of earlier ones of the same names.

    The directory is a whole artifact at any time: while the files are written, one without them.

    Args:
        artifact: the model; its `model_version` changes.
        graphs: models, by names of GRAPHS.

    Raises:
        ArtifactError: a file cannot be written.
    """
    openvino = start_openvino()
    written = [file for graph in graphs for file in graph_files(graph)]
    hashes = {file: each for file, each in artifact.hashes.items() if file not in written}
    if len(hashes) < len(artifact.hashes):
        write_config(replace(artifact, hashes=_without_graphs(artifact.hashes)))
    # An encoder is as exact as in WEIGHTS, and what int8 leaves of it has 16 bits; logits keep all
    # digits.
    halved = {TEXT_INT8_GRAPH} | ({TEXT_GRAPH} if has_half_weights(artifact) else set())
    for graph, content in graphs.items():
        path = artifact.path / graph_files(graph)[0]
        try:
            openvino.save_model(content, path, compress_to_fp16=graph in halved)
        except RuntimeError as error:
            raise ArtifactError(f"{path} cannot be written") from error
    hashes |= {file: hash_artifact_file(artifact.path / file, artifact.path) for file in written}
    libraries = artifact.libraries | {"openvino": version("openvino")}
    return write_config(replace(artifact, hashes=hashes, libraries=libraries))


def has_half_weights(artifact: Artifact) -> bool:
    """Says whether an artifact's weights are of 16 bits, as those of `mm-emor train` are."""
    with safe_open(artifact.path / WEIGHTS, "np") as file:
        return all(file.get_slice(name).get_dtype() == "F16" for name in file.keys())  # noqa: SIM118


def _without_graphs(hashes: Mapping[str, str]) -> dict[str, str]:
    graphs = {file for graph in GRAPHS for file in graph_files(graph)}
    return {file: each for file, each in hashes.items() if file not in graphs}


def write_config(artifact: Artifact) -> Artifact:
    """Writes `config.json`, whole or not at all, and returns the artifact as loaded."""
    artifact = replace(artifact, model_version=version_of(artifact))
    settings = settings_of(artifact) | {
        "model_version": artifact.model_version,
        "libraries": artifact.libraries,
        "languages": artifact.languages,
    }
    if not artifact.calibrated:
        settings["calibrated"] = False
    write_whole(artifact.path / CONFIG, json.dumps(settings, indent=2) + "\n")
    return Artifact.load(artifact.path)
