"""The record of a training: it is the model's or none, and its key is of all that decides."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from model.config import HeadConfig
from model.datasets import Dataset, Example
from model.datasets.held_out import HeldOut
from model.errors import ArtifactError
from model.scoring.artifact import WEIGHTS, Artifact
from model.training.training_data import TrainingData
from model.training.training_record import RECORD, FittedPart, TrainingRecord, key_of_run
from tests.support.tiny_corpora import own_training, tiny_training

KEY = "0" * 64


@pytest.fixture
def artifact(tiny_artifact: Path, tmp_path: Path) -> Artifact:
    return Artifact.load(shutil.copytree(tiny_artifact, tmp_path / "model"))


@pytest.fixture
def record(artifact: Artifact) -> TrainingRecord:
    parts = {"text": FittedPart(1, 2, "best", 0.25, 3, "text-0123456789ab")}
    held_out = {"manifest": HeldOut("train", ("0123456789abcdef", "0123456789abcdef"))}
    return TrainingRecord(KEY, artifact.hashes[WEIGHTS], parts, held_out)


def test_a_record_comes_back_and_changes_no_version(
    artifact: Artifact, record: TrainingRecord
) -> None:
    assert TrainingRecord.read(artifact) is None
    record.write(artifact.path)
    loaded = Artifact.load(artifact.path)
    assert TrainingRecord.read(loaded) == record
    assert loaded == artifact


def test_a_record_of_other_weights_is_none(artifact: Artifact, record: TrainingRecord) -> None:
    """As where another model was written over it."""
    replace(record, weights="f" * 64).write(artifact.path)
    assert TrainingRecord.read(artifact) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not readable: Expecting property name"),
        ("[]", ": Input should be a dictionary or an instance of TrainingRecord"),
        ('{"key": "x"}', "key: String should match pattern"),
    ],
)
def test_a_damaged_record_is_one_line_and_the_model_still_loads(
    artifact: Artifact, content: str, message: str
) -> None:
    (artifact.path / RECORD).write_text(content, encoding="utf-8")
    assert Artifact.load(artifact.path) == artifact
    with pytest.raises(ArtifactError, match=message) as caught:
        TrainingRecord.read(artifact)
    assert str(caught.value).startswith(str(artifact.path / RECORD))
    assert "\n" not in str(caught.value)
    assert TrainingRecord.of_finished_run(artifact.path, KEY) is None


def test_a_run_is_finished_where_its_whole_model_is(
    artifact: Artifact, record: TrainingRecord
) -> None:
    record.write(artifact.path)
    assert TrainingRecord.of_finished_run(artifact.path, KEY) == record
    assert TrainingRecord.of_finished_run(artifact.path, "f" * 64) is None
    (artifact.path / WEIGHTS).write_bytes(b"of a run that was killed")
    assert TrainingRecord.of_finished_run(artifact.path, KEY) is None
    assert TrainingRecord.of_finished_run(artifact.path / "none", KEY) is None


# The key


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    path.mkdir()
    (path / "config.json").write_text("{}", encoding="utf-8")
    (path / "vocab.txt").write_text("the\n", encoding="utf-8")
    return path


def data_of(*examples: Example) -> TrainingData:
    dataset = Dataset("manifest", ("anger", "joy"), {"train": [*examples], "validation": []})
    return TrainingData.of_parts(dataset, dataset)


def test_the_key_is_of_settings_data_and_first_weights(tmp_path: Path, checkpoint: Path) -> None:
    clip = tmp_path / "a.wav"
    clip.write_bytes(b"la")
    examples = (Example("joy", text="so good", clip=clip), Example("anger", text="no"))
    config = own_training()
    assert config.audio
    mobilenet = tmp_path / "mobilenet.h5"
    mobilenet.write_bytes(b"first")
    config = replace(config, audio=replace(config.audio, mobilenet_weights=str(mobilenet)))
    key = key_of_run(config, data_of(*examples), str(checkpoint))
    moved = Path(shutil.copytree(checkpoint, tmp_path / "moved"))
    assert key_of_run(config, data_of(*examples), str(moved)) == key

    others = [
        key_of_run(
            replace(config, head=HeadConfig(hidden_units=17)), data_of(*examples), str(moved)
        ),
        key_of_run(config, data_of(*examples[::-1]), str(moved)),
        key_of_run(config, data_of(replace(examples[0], emotion="anger")), str(moved)),
        key_of_run(config, data_of(*examples), "roberta-base"),
    ]
    (moved / "vocab.txt").write_text("a\n", encoding="utf-8")
    others.append(key_of_run(config, data_of(*examples), str(moved)))
    clip.write_bytes(b"lala")
    others.append(key_of_run(config, data_of(*examples), str(checkpoint)))
    clip.write_bytes(b"la")
    mobilenet.write_bytes(b"other")
    others.append(key_of_run(config, data_of(*examples), str(checkpoint)))
    assert len({key, *others}) == 1 + len(others)


def test_rows_that_are_moved_from_training_to_validation_are_other_data() -> None:
    one, other = Example("joy", text="so good"), Example("anger", text="no")
    keys = set()
    for train, validation in (([one, other], []), ([one], [other])):
        dataset = Dataset("x", ("anger", "joy"), {"train": train, "validation": validation})
        keys.add(key_of_run(tiny_training(), TrainingData(dataset, None), None))
    assert len(keys) == 2


def test_the_record_is_plain_json(artifact: Artifact, record: TrainingRecord) -> None:
    record.write(artifact.path)
    assert json.loads((artifact.path / RECORD).read_text(encoding="utf-8")) == {
        "key": KEY,
        "weights": artifact.hashes[WEIGHTS],
        "parts": {
            "text": {
                "kept_epoch": 1,
                "n_epochs": 2,
                "keep": "best",
                "macro_f1": 0.25,
                "n_held_out": 3,
                "folder": "text-0123456789ab",
            }
        },
        "held_out": {
            "manifest": {"split": "train", "rows": ["0123456789abcdef", "0123456789abcdef"]}
        },
    }
