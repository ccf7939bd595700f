"""BRIGHTER (Muhammad et al. 2025; SemEval-2025 task 11): several emotions a text, by language."""

import csv
from collections.abc import Iterator
from pathlib import Path

from model.datasets.dataset import Dataset, Example
from model.errors import DatasetError
from schemas.emotions import EKMAN_AND_NEUTRAL

# fmt: off
LANGUAGES = {
    "af": "afr", "am": "amh", "arq": "arq", "ary": "ary", "de": "deu", "en": "eng", "es": "esp",
    "ha": "hau", "hi": "hin", "id": "ind", "ig": "ibo", "jv": "jav", "mr": "mar", "om": "orm",
    "pcm": "pcm", "pt-br": "ptbr", "pt-mz": "ptmz", "ro": "ron", "ru": "rus", "rw": "kin",
    "so": "som", "su": "sun", "sv": "swe", "sw": "swa", "ti": "tir", "tt": "tat", "uk": "ukr",
    "vmw": "vmw", "xh": "xho", "yo": "yor", "zh": "chn", "zu": "zul",
}
# fmt: on
"""The name of each language's files, by its code."""
SPLIT_FOLDERS = {
    "train": ("track_a/train",),
    "validation": ("track_a/dev",),
    # English's of track A has no labels; four languages have a test of track C alone.
    "test": ("track_c/test", "track_a/test"),
}


def load_brighter(data_dir: Path, language: str) -> Dataset:
    """Reads `track_a/{train,dev,test}/<lang>.csv` and `track_c/test/<lang>.csv` of a language.

    Its classes are the columns of its files: some of Ekman's six. A text without any is neutral, as
    the corpus has it, and an example without an emotion. A split without a file is empty.

    Raises:
        DatasetError: there is no file of the language, or one has other columns or values.
    """
    name = LANGUAGES[language]
    splits: dict[str, list[Example]] = {}
    columns: dict[Path, tuple[str, ...]] = {}
    for split, folders in SPLIT_FOLDERS.items():
        paths = [data_dir / folder / f"{name}.csv" for folder in folders]
        path = next((each for each in paths if each.is_file()), None)
        splits[split] = []
        if path:
            columns[path] = _read_header(path)
            splits[split] = list(_read_examples(path, columns[path]))
    if not columns:
        raise DatasetError(f"{data_dir} has no track_a/train/{name}.csv and no test file like it")
    (first, emotions), *others = columns.items()
    for path, found in others:
        if found != emotions:
            raise DatasetError(f"{path} has the emotions {found}; {first} has {emotions}")
    return Dataset(f"brighter-{language}", emotions, splits, problem_type="multi_label")


def _read_header(path: Path) -> tuple[str, ...]:
    """Returns the emotions that the columns are of."""
    header = next(_read_rows(path), [])
    emotions = tuple(header[2:])
    if header[:2] != ["id", "text"] or not emotions or not set(emotions) <= {*EKMAN_AND_NEUTRAL}:
        raise DatasetError(f"{path} has the columns {header}; they must be id, text and emotions")
    return emotions


def _read_examples(path: Path, emotions: tuple[str, ...]) -> Iterator[Example]:
    rows = _read_rows(path)
    next(rows)
    for number, row in enumerate(rows, start=1):
        values = row[2:]
        if len(values) != len(emotions) or not set(values) <= {"0", "1"}:
            raise DatasetError(f"{path}, row {number}, has {values}; each must be 0 or 1")
        present = [emotion for emotion, value in zip(emotions, values, strict=True) if value == "1"]
        yield Example.of_several(present, row[1])


def _read_rows(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.reader(file, strict=True)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DatasetError(f"{path} is not readable: {reason}") from error
