"""The trained model on disk: JSON, safetensors, OpenVINO's graphs, all with a content hash."""

import hashlib
import json
import math
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from model.config import ClassifierConfig, LanguageCode, Share, dump_config, parse_config
from model.errors import ArtifactError
from model.files import hash_file
from model.network.backend import start_keras
from model.preprocessing.audio_preprocessor import AudioPreprocessor, FilterBanks
from model.preprocessing.emotion_preprocessor import EmotionPreprocessor
from model.preprocessing.text_preprocessor import TextPreprocessor
from model.scoring.graph_files import (
    HEADS_GRAPH,
    TEXT_INT8_GRAPH,
    graph_files,
    graphs_of,
)
from model.storage import fetch_directory, is_cloud
from schemas.emotions import Modality

if TYPE_CHECKING:
    from model.network.emotion_classifier import EmotionClassifier

FloatArray = npt.NDArray[np.float32]
PROJECTIONS = ("query", "key", "value")
FORMAT = 2
ONNX_FORMAT = 1
"""Of an earlier version, whose engine was ONNX Runtime."""
ONNX_FILES = ("text.int8.onnx", "audio.onnx", "heads.onnx")
DEFAULT_MODEL = Path(__file__).parents[1] / "default_model"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
FILTER_BANKS = "filter_banks.safetensors"
WEIGHTS = "weights.safetensors"
EXPORT_METRICS = "metrics-int8.json"


@dataclass(frozen=True)
class Artifact:
    """What scoring needs of a trained model; the weights are read when the network is built.

    Attributes:
        path: the directory.
        config: the network and its preprocessing.
        temperatures: what each head's logits are divided by, by modality.
        thresholds: of a multi-label model, the calibrated probability from which on each emotion
            applies, in head order, by modality of the head; else empty.
        model_version: 16 hex digits that change when anything that affects a score does.
        hashes: SHA-256 of each file that scoring reads.
        libraries: the versions that trained it.
        languages: of the texts that it learned from; empty where nobody has said. No score depends
            on them.
        calibrated: whether the temperatures were fitted on labelled data. No score depends on it.
    """

    path: Path
    config: ClassifierConfig
    temperatures: dict[str, float]
    thresholds: dict[str, tuple[Share, ...]] = field(default_factory=dict)
    model_version: str = ""
    hashes: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    languages: tuple[LanguageCode, ...] = ()
    calibrated: bool = True

    @classmethod
    def load(cls, name: str | Path) -> "Artifact":
        """Reads and checks an artifact; `default` names the one in the package.

        Args:
            name: a directory, a `gs://` prefix, which is copied to this machine, or `default`.

        Raises:
            ArtifactError: a file is missing, damaged, or of another format.
            ConfigError: a setting breaks a rule.
            UserError: cloud storage cannot be used.
        """
        if is_cloud(name):
            path = fetch_directory(str(name))
        else:
            path = DEFAULT_MODEL if str(name) == "default" else Path(name)
        settings = _read_json(path / CONFIG, name)
        if settings.get("format") == ONNX_FORMAT:
            where = "this line makes it anew"
            if is_cloud(name):
                where = "copy it to this machine, where this line makes it anew"
            line = shlex.join(["mm-emor", "export", "--model", str(name), "--precision", "float32"])
            raise ArtifactError(
                f"{name} is of an earlier version, made for ONNX Runtime; {where}: {line}"
            )
        if settings.get("format") != FORMAT:
            raise ArtifactError(
                f"{name}: format is {settings.get('format')!r}; this version reads {FORMAT}"
            )
        artifact = cls.of_settings(path, settings, name)
        check_parts(artifact, name)
        artifact.check_files(artifact.hashes, name)
        if artifact.model_version != version_of(artifact):
            raise ArtifactError(f"{name}/{CONFIG} was changed: its settings differ from its hash")
        return artifact

    @classmethod
    def of_settings(
        cls, path: Path, settings: Mapping[str, Any], name: str | Path | None = None
    ) -> "Artifact":
        """Returns what `config.json` says, before it is compared with the files.

        Args:
            path: the directory.
            settings: the file's content.
            name: what to call the artifact; its directory where None.

        Raises:
            ConfigError: a setting breaks a rule.
        """
        source = f"{name or path}/{CONFIG}"
        return cls(
            path=path,
            config=parse_config(ClassifierConfig, settings.get("classifier"), source),
            temperatures=parse_config(dict[str, float], settings.get("temperatures"), source),
            thresholds=parse_config(
                dict[str, tuple[Share, ...]], settings.get("thresholds", {}), source
            ),
            model_version=str(settings.get("model_version", "")),
            hashes=parse_config(dict[str, str], settings.get("hashes"), source),
            libraries=parse_config(dict[str, str], settings.get("libraries", {}), source),
            languages=parse_config(tuple[LanguageCode, ...], settings.get("languages", []), source),
            calibrated=parse_config(bool, settings.get("calibrated", True), source),
        )

    def check_files(self, files: Iterable[str], name: str | Path | None = None) -> None:
        """Checks that files are those that `config.json` was written for, before they are read.

        Args:
            files: of `hashes`.
            name: what to call the artifact; its directory where None.

        Raises:
            ArtifactError: one is missing, or another.
        """
        name = name or self.path
        for file in files:
            self._check_hash(file, hash_artifact_file(self.path / file, name), name)

    def read_file(self, file: str) -> bytes:
        """Returns the content of a file; what is returned is what was checked.

        Args:
            file: of `hashes`.

        Raises:
            ArtifactError: it is missing, or another than `config.json` was written for.
        """
        try:
            content = (self.path / file).read_bytes()
        except OSError as error:
            raise ArtifactError(f"{self.path / file} is not readable: {error.strerror}") from error
        self._check_hash(file, hashlib.sha256(content).hexdigest(), self.path)
        return content

    def _check_hash(self, file: str, found: str, name: str | Path) -> None:
        if found != self.hashes[file]:
            raise ArtifactError(f"{name}/{file} is damaged: its hash differs from config.json's")

    def preprocessor(self) -> EmotionPreprocessor:
        """Returns the preprocessor with the artifact's settings; it needs no TensorFlow.

        Raises:
            ArtifactError: the tokenizer has tokens that the encoder does not know, or a file was
                replaced since the artifact was loaded.
        """
        self.check_files({TOKENIZER, FILTER_BANKS} & self.hashes.keys())
        text = audio = None
        if self.config.text:
            tokenizer = Tokenizer.from_file(str(self.path / TOKENIZER))
            highest = max(tokenizer.get_vocab(with_added_tokens=True).values())
            if self.config.encoder and highest >= self.config.encoder.vocab_size:
                raise ArtifactError(
                    f"{self.path / TOKENIZER} has the token id {highest}; config.json's encoder "
                    f"knows {self.config.encoder.vocab_size} tokens"
                )
            text = TextPreprocessor(self.config.text, tokenizer)
        if self.config.audio:
            banks = load_file(self.path / FILTER_BANKS)
            audio = AudioPreprocessor(
                self.config.audio, FilterBanks(mel=banks["mel"], chroma=banks["chroma"])
            )
        return EmotionPreprocessor(text, audio)

    @property
    def has_graphs(self) -> bool:
        """Whether OpenVINO can run the model, in float32 and bfloat16."""
        return graph_files(HEADS_GRAPH)[0] in self.hashes

    @property
    def has_int8(self) -> bool:
        """Whether the model was exported in int8, too."""
        return graph_files(TEXT_INT8_GRAPH)[0] in self.hashes

    def classifier(self, text_precision: str = "float32") -> "EmotionClassifier":
        """Builds the network and fills it with the artifact's weights.

        Args:
            text_precision: Keras's dtype policy of the text encoder.

        Raises:
            ArtifactError: a weight is missing or of another shape, or the file was replaced since
                the artifact was loaded.
        """
        self.check_files([WEIGHTS])
        start_keras()
        from model.network.emotion_classifier import EmotionClassifier  # noqa: PLC0415  (TensorFlow)

        classifier = EmotionClassifier(self.config, text_precision)
        try:
            weights = _split_projections(load_file(self.path / WEIGHTS))
        except (OSError, SafetensorError) as error:
            raise ArtifactError(f"{self.path / WEIGHTS} is not readable: {error}") from error
        for variable in classifier.weights:
            value = weights.pop(variable.path, None)
            if value is None or value.shape != tuple(variable.shape):
                found = "missing" if value is None else f"{value.shape}"
                raise ArtifactError(
                    f"{self.path / WEIGHTS}: {variable.path} is {found}; "
                    f"config.json asks for {tuple(variable.shape)}"
                )
            variable.assign(value.astype(np.float32))
        if weights:
            raise ArtifactError(f"{self.path / WEIGHTS} holds an unknown weight {min(weights)}")
        return classifier


def _split_projections(weights: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Returns weights with queries, keys and values apart, which ONNX_FORMAT had in one layer."""
    apart = {}
    for name, value in weights.items():
        if "/qkv/" in name:
            for part, columns in zip(PROJECTIONS, np.split(value, 3, axis=-1), strict=True):
                apart[name.replace("qkv", part)] = columns
        else:
            apart[name] = value
    return apart


def heads_of(config: ClassifierConfig) -> tuple[Modality, ...]:
    """Returns the heads that a network of these parts has."""
    if config.text and config.audio:
        return tuple(Modality)
    return (Modality.TEXT,) if config.text else (Modality.AUDIO,)


def check_parts(artifact: Artifact, name: str | Path) -> None:
    """Raises ArtifactError unless what is given for heads and files is what the settings imply."""
    heads = set(heads_of(artifact.config))
    if artifact.temperatures.keys() != heads:
        raise ArtifactError(
            f"{name}: temperatures are for {sorted(artifact.temperatures)}; "
            f"the heads are {sorted(heads)}"
        )
    for head, temperature in artifact.temperatures.items():
        if not (math.isfinite(temperature) and temperature > 0):
            raise ArtifactError(f"{name}: the {head} temperature is {temperature}; it must be > 0")
    _check_thresholds(artifact, name)
    files = {WEIGHTS}
    files |= {TOKENIZER} if artifact.config.text else set()
    files |= {FILTER_BANKS} if artifact.config.audio else set()
    graphs = list(graphs_of(artifact.config)) if artifact.has_graphs else []
    graphs += [TEXT_INT8_GRAPH] if artifact.has_int8 and artifact.config.text else []
    files |= {file for graph in graphs for file in graph_files(graph)}
    if artifact.hashes.keys() != files:
        raise ArtifactError(
            f"{name}: hashes are of {sorted(artifact.hashes)}; the files are {sorted(files)}"
        )


def _check_thresholds(artifact: Artifact, name: str | Path) -> None:
    heads = set(map(str, heads_of(artifact.config))) if artifact.config.is_multi_label else set()
    if artifact.thresholds.keys() != heads:
        raise ArtifactError(
            f"{name}: thresholds are for {sorted(artifact.thresholds)}; a model that is "
            f"{artifact.config.problem_type} needs them for {sorted(heads)}"
        )
    n_emotions = len(artifact.config.emotions)
    for head, thresholds in artifact.thresholds.items():
        if len(thresholds) != n_emotions:
            raise ArtifactError(
                f"{name}: the {head} head has {len(thresholds)} thresholds; it needs one for each "
                f"of {n_emotions} emotions"
            )


def settings_of(artifact: Artifact) -> dict[str, Any]:
    """Returns what `config.json` says of all that a score depends on."""
    settings = {
        "format": FORMAT,
        "classifier": dump_config(artifact.config),
        "temperatures": artifact.temperatures,
        "hashes": artifact.hashes,
    }
    if artifact.config.is_multi_label:
        settings["thresholds"] = artifact.thresholds
    return settings


def version_of(artifact: Artifact, format_: int = FORMAT) -> str:
    """Returns the `model_version` of what an artifact holds now, in a format."""
    settings = settings_of(artifact) | {"format": format_}
    canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def hash_artifact_file(path: Path, name: str | Path) -> str:
    """Returns the SHA-256 of a file of the artifact of this name.

    Raises:
        ArtifactError: the file cannot be read.
    """
    try:
        return hash_file(path)
    except OSError as error:
        raise ArtifactError(f"{name} is no complete artifact: {path.name} is missing") from error


def _read_json(path: Path, name: str | Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"{name} is no artifact: it has no readable {path.name}") from error
    except ValueError as error:
        raise ArtifactError(f"{name}/{path.name} is not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ArtifactError(f"{name}/{path.name} is not a JSON object")
    return settings
