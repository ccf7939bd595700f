"""Artifacts of the version before, which ran on ONNX Runtime."""

import json
from dataclasses import replace
from pathlib import Path

from model.errors import ArtifactError
from model.scoring.artifact import (
    CONFIG,
    EXPORT_METRICS,
    ONNX_FILES,
    ONNX_FORMAT,
    Artifact,
    check_parts,
    version_of,
)

ONNX_LIBRARIES = ("onnx", "onnxruntime")


def load_of_any_format(path: Path) -> Artifact:
    """Reads an artifact; of one of the earlier version, what there is without ONNX's files.

    Nothing is written: `add_graphs` writes it in today's format, and `remove_earlier_files` then
    removes what is left of the other.

    Raises:
        ArtifactError: a file is missing, damaged, or of a format that neither version has.
        ConfigError: a setting breaks a rule.
    """
    try:
        settings = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Artifact.load(path)  # which says what is wrong
    if not isinstance(settings, dict) or settings.get("format") != ONNX_FORMAT:
        return Artifact.load(path)
    artifact = Artifact.of_settings(path, settings)
    artifact.check_files(artifact.hashes)
    if artifact.model_version != version_of(artifact, ONNX_FORMAT):
        raise ArtifactError(f"{path / CONFIG} was changed: its settings differ from its hash")
    kept = {file: each for file, each in artifact.hashes.items() if file not in ONNX_FILES}
    versions = {
        name: each for name, each in artifact.libraries.items() if name not in ONNX_LIBRARIES
    }
    artifact = replace(artifact, hashes=kept, libraries=versions)
    check_parts(artifact, path)
    return artifact


def remove_earlier_files(artifact: Artifact) -> None:
    """Removes what the earlier version wrote beside a model that is now of today's format."""
    found = [file for file in ONNX_FILES if (artifact.path / file).is_file()]
    for file in [*found, EXPORT_METRICS] if found else []:
        (artifact.path / file).unlink(missing_ok=True)
