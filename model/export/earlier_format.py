"""Artifacts of the version before, which ran on ONNX Runtime."""

import json
from dataclasses import replace
from pathlib import Path

from model.scoring.artifact import CONFIG, EXPORT_METRICS, ONNX_FORMAT, Artifact
from model.scoring.saving import write_config

ONNX_FILES = ("text.int8.onnx", "audio.onnx", "heads.onnx")


def load_of_any_format(path: Path) -> Artifact:
    """Reads an artifact; one of the earlier version is rewritten first, without ONNX's files.

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
    kept = {file: each for file, each in artifact.hashes.items() if file not in ONNX_FILES}
    rewritten = write_config(replace(artifact, hashes=kept))
    for file in (*ONNX_FILES, EXPORT_METRICS):
        (path / file).unlink(missing_ok=True)
    return rewritten
