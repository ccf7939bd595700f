"""Data sets by their names."""

from pathlib import Path

import pytest

from model.datasets import (
    DATASETS,
    Dataset,
    load_dataset,
)
from model.errors import DatasetError
from tests.support.tiny_corpora import write_emodb, write_goemotions


def emodb(tmp_path: Path, *names: str) -> Dataset:
    """What is read of empty files of these names."""
    folder = tmp_path / "emodb" / "wav"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return load_dataset("emodb", tmp_path)


def test_an_unknown_name_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        load_dataset("emo-db", tmp_path)
    assert str(caught.value).startswith(
        "dataset is 'emo-db'; known are emodb, emoevent-en, emoevent-es, emogator, goemotions-28, "
    )


@pytest.mark.parametrize("name", ["emodb", "goemotions-28", "goemotions-ekman"])
def test_the_directory_is_the_corpus_own_or_its_parent(tmp_path: Path, name: str) -> None:
    write_goemotions(tmp_path)
    write_emodb(tmp_path, copies=1)
    folder, _ = DATASETS[name]
    dataset = load_dataset(name, tmp_path)
    assert dataset.name == name
    assert load_dataset(name, tmp_path / folder) == dataset
