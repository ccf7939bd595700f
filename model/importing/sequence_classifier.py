"""What a fine-tuned sequence classifier's own files say of it, as Transformers saves them."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.config import EncoderConfig, ProblemType
from model.errors import ArtifactError
from model.network.hugging_face import load_encoder_config, locate_checkpoint, read_settings

ARCHITECTURE = "ForSequenceClassification"
NO_LIMIT = 10**6
"""Tokens of a text, where the tokenizer names no limit: past any table of positions."""
PROBLEM_TYPES: dict[str, ProblemType] = {
    "single_label_classification": "single_label",
    "multi_label_classification": "multi_label",
}
"""Transformers' names, and ours."""


@dataclass(frozen=True)
class SequenceClassifier:
    """A checkpoint's settings.

    Attributes:
        name: the directory or hub id, as given.
        path: the directory.
        family: `model_type` of its `config.json`.
        encoder: the encoder's shape.
        labels: their names, by number.
        problem_type: one label an item, or several.
        window_tokens: the longest text that it reads, special tokens included.
    """

    name: str
    path: Path
    family: str
    encoder: EncoderConfig
    labels: tuple[str, ...]
    problem_type: ProblemType
    window_tokens: int

    @classmethod
    def read(cls, name: str) -> "SequenceClassifier":
        """Reads a checkpoint's settings; of a hub id, its files are fetched first.

        Raises:
            ArtifactError: it is no sequence classifier of a family that is supported, it is a
                regression, or its weights are there as pickle only.
            ConfigError: a setting is missing or breaks a rule.
        """
        path = locate_checkpoint(name)
        encoder = load_encoder_config(path)
        settings = read_settings(path / "config.json")
        architectures = settings.get("architectures") or []
        if architectures and not str(architectures[0]).endswith(ARCHITECTURE):
            raise ArtifactError(
                f"{name} is a {architectures[0]}; mm-emor import takes a …{ARCHITECTURE}"
            )
        if not any(path.glob("*.safetensors")):
            raise ArtifactError(_how_to_convert(name))
        labels = _labels_of(settings, name)
        problem_type = _problem_type_of(settings, name)
        if len(labels) < 2:
            raise ArtifactError(
                f"{name} has one label, {labels[0]}: a regression or a yes and no; at least two "
                "are needed"
            )
        return cls(
            name=name,
            path=path,
            family=settings["model_type"],
            encoder=encoder,
            labels=labels,
            problem_type=problem_type,
            window_tokens=min(_longest_text(path), encoder.max_window_tokens),
        )


def _labels_of(settings: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Returns the labels' names; Transformers' own where the file has none."""
    named = settings.get("id2label")
    if named is None:
        return tuple(f"LABEL_{number}" for number in range(settings.get("num_labels", 2)))
    numbers = [str(number) for number in range(len(named))] if isinstance(named, dict) else []
    if not numbers or named.keys() != set(numbers):
        raise ArtifactError(f"{name}: id2label is {named!r:.80}; it must name labels 0, 1, 2 …")
    names = tuple(str(named[number]).strip() for number in numbers)
    if "" in names:
        raise ArtifactError(f"{name}: id2label gives label {names.index('')} no name")
    return names


def _problem_type_of(settings: Mapping[str, Any], name: str) -> ProblemType:
    told = settings.get("problem_type") or "single_label_classification"
    if told not in PROBLEM_TYPES:
        raise ArtifactError(
            f"{name}: problem_type is {told!r}; supported are {', '.join(PROBLEM_TYPES)}"
        )
    return PROBLEM_TYPES[told]


def _longest_text(path: Path) -> int:
    """Returns the tokenizer's limit; past any position where it has none."""
    file = path / "tokenizer_config.json"
    limit = read_settings(file).get("model_max_length") if file.is_file() else None
    return int(min(limit, NO_LIMIT)) if isinstance(limit, int | float) else NO_LIMIT


def _how_to_convert(name: str) -> str:
    safe = f"{Path(name).name}-safe"
    code = (
        "from transformers import pipeline; "
        f'pipeline("text-classification", {json.dumps(name)}).save_pretrained({json.dumps(safe)})'
    )
    return (
        f"{name} has no *.safetensors file; weights as pickle are never loaded. If you trust them, "
        f"convert them where PyTorch is, and import {safe}: python -c {shlex.quote(code)}"
    )
