"""EmoEvent (Plaza-del-Arco et al. 2020): tweets about events, in English and in Spanish."""

from collections.abc import Iterator
from pathlib import Path

from model.datasets.dataset import Dataset, Example, read_lines
from model.errors import DatasetError
from schemas.emotions import EKMAN_AND_NEUTRAL

LANGUAGES = ("en", "es")
SPLIT_FILES = {
    "train": ("train.tsv",),
    "validation": ("dev.tsv",),
    # The Spanish test file was published with scrambled labels; this one has the full table's.
    "test": ("test.relabelled.tsv", "test.tsv"),
}
COLUMNS = ("id", "event", "tweet", "offensive", "emotion")
OTHERS = "others"
"""Its name for tweets with none of Ekman's six emotions, or with another: read as neutral."""


def load_emoevent(data_dir: Path, language: str) -> Dataset:
    """Reads `splits/<language>/{train,dev,test}.tsv`.

    Raises:
        DatasetError: a file is missing, has other columns, or an emotion is unknown.
    """
    folder = data_dir / "splits" / language
    splits = {}
    for split, names in SPLIT_FILES.items():
        paths = [folder / name for name in names]
        path = next((each for each in paths if each.is_file()), paths[-1])
        splits[split] = list(_read_tweets(path))
    return Dataset(f"emoevent-{language}", EKMAN_AND_NEUTRAL, splits)


def _read_tweets(path: Path) -> Iterator[Example]:
    header, *lines = read_lines(path) or [""]
    if tuple(header.split("\t")) != COLUMNS:
        raise DatasetError(f"{path} has the columns {header!r:.80}; they must be {COLUMNS}")
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")  # nothing is quoted
        emotion = "neutral" if cells[-1] == OTHERS else cells[-1]
        if len(cells) != len(COLUMNS) or emotion not in EKMAN_AND_NEUTRAL:
            raise DatasetError(f"{path}:{number} is {line!r:.80}; it must be {COLUMNS}")
        yield Example(emotion, text=cells[2], part=cells[1])
