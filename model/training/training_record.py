"""How a model was trained, in a file beside it: to say it again, and to find what was held out."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, TypeAdapter
from pydantic.dataclasses import dataclass

from model.config import STRICT, parse_config
from model.datasets import Dataset
from model.datasets.held_out import HeldOut
from model.errors import ArtifactError, ConfigError
from model.files import hash_file_once, write_whole
from model.scoring.artifact import WEIGHTS, Artifact
from model.training.training_config import TrainingConfig
from model.training.training_data import TrainingData
from schemas.emotions import Modality

RECORD = "training.json"
"""In an artifact's directory. No score depends on it, so `model_version` does not either."""
CHECKPOINT_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, config=STRICT)
class FittedPart:
    """How the fit of a part ended.

    Attributes:
        kept_epoch: whose weights are kept, from 1.
        n_epochs: that were run.
        keep: whether it is the best one or on purpose the last.
        macro_f1: of the kept epoch on the validation examples; None where there are none. Of
            several labels an item, at each emotion's best threshold.
        n_held_out: validation examples.
        folder: the name of the part's folder.
    """

    kept_epoch: PositiveInt
    n_epochs: PositiveInt
    keep: Literal["best", "last"]
    macro_f1: float | None
    n_held_out: NonNegativeInt
    folder: str


@dataclass(frozen=True, config=STRICT)
class TrainingRecord:
    """What is remembered of the training of a model.

    Attributes:
        key: of the settings, the data and the first weights, see `key_of_run`.
        weights: SHA-256 of the artifact's weights: of others this is no record.
        parts: by modality of the head.
        held_out: by data set, the rows that were drawn to validate on.
    """

    key: Digest
    weights: Digest
    parts: dict[str, FittedPart]
    held_out: dict[str, HeldOut]

    @classmethod
    def read(cls, artifact: Artifact) -> "TrainingRecord | None":
        """Returns the record of an artifact; None where it has none.

        Raises:
            ArtifactError: the file is damaged.
        """
        path = artifact.path / RECORD
        if not path.is_file():
            return None
        try:
            record = parse_config(cls, json.loads(path.read_text(encoding="utf-8")), str(path))
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{path} is not readable: {error}") from error
        except ConfigError as error:
            raise ArtifactError(f"{error}; without the file the model still scores") from error
        return record if record.weights == artifact.hashes[WEIGHTS] else None

    @classmethod
    def held_out_of(cls, artifact: Artifact, dataset: Dataset) -> HeldOut | None:
        """Returns what the training of an artifact has held out of a data set.

        Raises:
            ArtifactError: the record is damaged.
        """
        record = cls.read(artifact)
        return record.held_out.get(dataset.name) if record else None

    @classmethod
    def of_finished_run(cls, out: Path, key: str) -> "TrainingRecord | None":
        """Returns the record of a model in `out`, if it is whole and the run of this key's."""
        try:
            record = cls.read(Artifact.load(out))
        except (ArtifactError, ConfigError):
            return None
        return record if record and record.key == key else None

    def write(self, path: Path) -> None:
        """Writes the record to an artifact's directory, after the artifact."""
        content = TypeAdapter(TrainingRecord).dump_json(self, indent=2) + b"\n"
        write_whole(path / RECORD, content)


def key_of_run(config: TrainingConfig, data: TrainingData, text_encoder: str | None) -> str:
    """Returns a hash of what a run's model depends on: settings, data and first weights.

    A checkpoint's directory counts by its files, and a hub id by its name.
    """
    files: dict[str, Any] = {}
    if data.text and text_encoder:
        files["text_encoder"] = text_encoder
        if Path(text_encoder).is_dir():
            found = [path for each in CHECKPOINT_FILES for path in Path(text_encoder).glob(each)]
            files["text_encoder"] = {path.name: hash_file_once(path) for path in sorted(found)}
    if config.audio and config.audio.mobilenet_weights:
        mobilenet = Path(config.audio.mobilenet_weights)
        files["mobilenet"] = hash_file_once(mobilenet) if mobilenet.is_file() else None
    decisive = {
        "settings": TypeAdapter(TrainingConfig).dump_python(config, mode="json"),
        "data": [
            hash_examples(dataset, Modality.TEXT_AUDIO) if dataset else None
            for dataset in (data.text, data.audio)
        ],
        "files": files,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def hash_examples(dataset: Dataset, modality: Modality) -> str:
    """Returns a hash of the examples to train and to validate on, as far as a part reads them."""
    digest = hashlib.sha256()
    for split in ("train", "validation"):
        for example in dataset.splits[split]:
            text = None if modality == Modality.AUDIO else example.text
            clip = None if modality == Modality.TEXT else example.hash_clip()
            digest.update(json.dumps([split, dataset.label_of(example), text, clip]).encode())
    return digest.hexdigest()
