"""EmoDB as it was published."""

import re
from pathlib import Path

import pytest

from model.datasets import (
    Dataset,
    Example,
    load_dataset,
)
from model.datasets.emodb import SHARED_EMOTIONS
from model.errors import DatasetError


def emodb(tmp_path: Path, *names: str) -> Dataset:
    """What is read of empty files of these names."""
    folder = tmp_path / "emodb" / "wav"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return load_dataset("emodb", tmp_path)


def test_splits_are_by_speaker(tmp_path: Path) -> None:
    names = ("03a01Fa.wav", "09b10Wb.wav", "10a05Nd.wav", "16a02E.wav", "08a04Ac.wav")
    dataset = emodb(tmp_path, *names)
    wav = tmp_path / "emodb" / "wav"
    assert dataset.emotions == SHARED_EMOTIONS
    assert dataset.splits == {
        "train": [
            Example("joy", clip=wav / "03a01Fa.wav", group="03"),
            Example("fear", clip=wav / "08a04Ac.wav", group="08"),
            Example("disgust", clip=wav / "16a02E.wav", group="16"),
        ],
        "validation": [Example("anger", clip=wav / "09b10Wb.wav", group="09")],
        "test": [Example("neutral", clip=wav / "10a05Nd.wav", group="10")],
    }


def test_boredom_is_left_out(tmp_path: Path) -> None:
    dataset = emodb(tmp_path, "03a01La.wav", "03a01Ta.wav")
    assert [example.emotion for example in dataset.split("train")] == ["sadness"]


def test_other_files_are_no_clips(tmp_path: Path) -> None:
    dataset = emodb(tmp_path, "03a01Ta.wav", "03a01Ta.txt", "erkennung.doc")
    assert len(dataset.split("train")) == 1


@pytest.mark.parametrize(
    "name", ["03a01Xa.wav", "03a01.wav", "03a01Fab.wav", "xxa01Fa.wav", "03F01aa.wav", "happy1.wav"]
)
def test_a_bad_name_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=f"{name} is not named like 03a01Fa.wav$"):
        emodb(tmp_path, "03a01Fa.wav", name)


def test_a_directory_without_clips(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=re.escape(f"{tmp_path} has no wav/*.wav; ")):
        load_dataset("emodb", tmp_path)


def test_real_emodb(real_data: Path) -> None:
    dataset = load_dataset("emodb", real_data)
    counts = {split: list(dataset.counts(split).values()) for split in dataset.splits}
    assert counts == {
        "train": [77, 21, 45, 46, 50, 42],
        "validation": [13, 8, 1, 4, 9, 4],
        "test": [10, 1, 8, 4, 4, 3],
    }
    folds = dataset.fold_of_group(5)
    assert folds == {"14": 0, "13": 1, "08": 2, "11": 3, "03": 4, "09": 4, "10": 3, "12": 2}
