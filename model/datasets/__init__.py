"""Labelled data sets behind one small interface: a name and a directory in, a `Dataset` out."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from model.datasets.brighter import LANGUAGES, load_brighter
from model.datasets.dataset import (
    Dataset,
    Example,
    label_indices,
    read_lines,
    target_matrix,
    texts_of,
)
from model.datasets.emodb import load_emodb
from model.datasets.emoevent import LANGUAGES as EMOEVENT_LANGUAGES
from model.datasets.emoevent import load_emoevent
from model.datasets.emogator import load_emogator
from model.datasets.goemotions import load_goemotions_28, load_goemotions_ekman
from model.datasets.iemocap import load_iemocap
from model.datasets.labelled_table import load_manifest
from model.datasets.meld import load_meld
from model.datasets.tweeteval import TASKS, load_tweeteval
from model.datasets.xed import LANGUAGES as XED_LANGUAGES
from model.datasets.xed import load_xed
from model.errors import DatasetError

__all__ = [
    "DATASETS",
    "Dataset",
    "Example",
    "label_indices",
    "load_dataset",
    "read_lines",
    "target_matrix",
    "texts_of",
]

DATASETS: dict[str, tuple[str, Callable[[Path], Dataset]]] = {
    **{
        f"brighter-{language}": ("brighter", partial(load_brighter, language=language))
        for language in LANGUAGES
    },
    "emodb": ("emodb", load_emodb),
    **{
        f"emoevent-{language}": ("emoevent", partial(load_emoevent, language=language))
        for language in EMOEVENT_LANGUAGES
    },
    "emogator": ("emogator", load_emogator),
    "goemotions-28": ("goemotions", load_goemotions_28),
    "goemotions-ekman": ("goemotions", load_goemotions_ekman),
    "iemocap4": ("iemocap", partial(load_iemocap, merge_excited=False)),
    "iemocap4-excited": ("iemocap", partial(load_iemocap, merge_excited=True)),
    "manifest": ("", load_manifest),
    "meld": ("meld", load_meld),
    **{f"tweeteval/{task}": ("tweeteval", partial(load_tweeteval, task=task)) for task in TASKS},
    **{
        f"xed-{language}": ("xed", partial(load_xed, language=language))
        for language in XED_LANGUAGES
    },
}
"""By name: the folder that usually holds the corpus, and what reads it."""


def load_dataset(name: str, data_dir: Path) -> Dataset:
    """Returns a data set by its name, read from the corpus's own layout.

    Args:
        name: a key of DATASETS.
        data_dir: the corpus's directory, or the one that holds it under its usual name; for
            `manifest`, the file.

    Raises:
        DatasetError: the name is unknown, or the directory does not hold the data set.
    """
    if name not in DATASETS:
        of_languages = {"brighter": LANGUAGES, "xed": XED_LANGUAGES}
        families = tuple(f"{family}-" for family in of_languages)
        known = ", ".join(sorted(each for each in DATASETS if not each.startswith(families)))
        others = "; ".join(
            f"{family}-LANGUAGE of {', '.join(sorted(languages))}"
            for family, languages in of_languages.items()
        )
        raise DatasetError(f"dataset is {name!r}; known are {known}; {others}")
    folder, load = DATASETS[name]
    if not folder:
        return load(data_dir)
    if (data_dir / folder).is_dir():
        return load(data_dir / folder)
    try:
        return load(data_dir)
    except DatasetError as error:
        if data_dir.resolve().name == folder:
            raise
        raise DatasetError(f"{error} (nor does {data_dir} hold {folder}/)") from error
