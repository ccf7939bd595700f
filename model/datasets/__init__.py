"""Labelled data sets behind one small interface: a name and a directory in, a `Dataset` out."""

from collections.abc import Callable
from pathlib import Path

from model.datasets.dataset import Dataset, Example
from model.datasets.emodb import load_emodb
from model.datasets.goemotions import load_goemotions_ekman
from model.errors import DatasetError

__all__ = ["DATASETS", "Dataset", "Example", "load_dataset"]

DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "emodb": load_emodb,
    "goemotions-ekman": load_goemotions_ekman,
}


def load_dataset(name: str, data_dir: Path) -> Dataset:
    """Returns a data set by its name, read from the corpus's own layout in `data_dir`.

    Raises:
        DatasetError: the name is unknown, or the directory does not hold the data set.
    """
    if name not in DATASETS:
        raise DatasetError(f"dataset is {name!r}; known are {', '.join(sorted(DATASETS))}")
    return DATASETS[name](data_dir)
