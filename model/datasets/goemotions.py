"""GoEmotions (Demszky et al. 2020): all classes, or its own grouping into Ekman's and neutral."""

from collections.abc import Iterator
from pathlib import Path

from model.datasets.dataset import Dataset, Example, read_lines
from model.errors import DatasetError
from schemas.emotions import EKMAN_AND_NEUTRAL

EKMAN_GROUPS = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "joy": (
        "joy",
        "amusement",
        "approval",
        "excitement",
        "gratitude",
        "love",
        "optimism",
        "relief",
        "pride",
        "admiration",
        "desire",
        "caring",
    ),
    "sadness": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization", "confusion", "curiosity"),
    "neutral": ("neutral",),
}
GROUP_OF = {name: group for group, names in EKMAN_GROUPS.items() for name in names}
SPLIT_FILES = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}


def load_goemotions_ekman(data_dir: Path) -> Dataset:
    """Reads `{train,dev,test}.tsv` and `emotions.txt`; keeps comments of a single group.

    Raises:
        DatasetError: a file is missing, or a line is not text, label indices and id.
    """
    names = _read_names(data_dir)
    splits: dict[str, list[Example]] = {}
    for split, file in SPLIT_FILES.items():
        splits[split] = []
        for text, emotions in _read_comments(data_dir / file, names):
            groups = {GROUP_OF[emotion] for emotion in emotions}
            if len(groups) == 1:
                splits[split].append(Example(groups.pop(), text=text))
    return Dataset("goemotions-ekman", EKMAN_AND_NEUTRAL, splits)


def load_goemotions_28(data_dir: Path) -> Dataset:
    """Reads the same files; keeps all comments, each with all of its 27 emotions and neutral.

    Raises:
        DatasetError: a file is missing, or a line is not text, label indices and id.
    """
    names = _read_names(data_dir)
    splits = {
        split: [
            Example.of_several(emotions, text)
            for text, emotions in _read_comments(data_dir / file, names)
        ]
        for split, file in SPLIT_FILES.items()
    }
    return Dataset("goemotions-28", tuple(names), splits, problem_type="multi_label")


def _read_names(data_dir: Path) -> list[str]:
    names = read_lines(data_dir / "emotions.txt")
    unknown = [name for name in names if name not in GROUP_OF]
    if unknown:
        raise DatasetError(f"{data_dir / 'emotions.txt'} names an unknown emotion {unknown[0]!r}")
    return names


def _read_comments(path: Path, names: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yields the text and the emotions of each comment, in the order of the file's indices."""
    index_name = dict(enumerate(names))
    for number, line in enumerate(read_lines(path), start=1):
        cells = line.split("\t")
        try:
            text, indices, _ = cells
            # An index below 0 would count from the end of the list.
            emotions = [index_name[int(index)] for index in indices.split(",")]
        except (ValueError, KeyError) as error:
            raise DatasetError(f"{path}:{number} is not text, label indices and id") from error
        yield text, emotions
