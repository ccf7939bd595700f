"""GoEmotions (Demszky et al. 2020), in its own grouping into Ekman's emotions and neutral."""

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
    names = read_lines(data_dir / "emotions.txt")
    unknown = [name for name in names if name not in GROUP_OF]
    if unknown:
        raise DatasetError(f"{data_dir / 'emotions.txt'} names an unknown emotion {unknown[0]!r}")
    splits = {split: _read_split(data_dir / file, names) for split, file in SPLIT_FILES.items()}
    return Dataset("goemotions-ekman", EKMAN_AND_NEUTRAL, splits)


def _read_split(path: Path, names: list[str]) -> list[Example]:
    index_name = dict(enumerate(names))
    examples = []
    for number, line in enumerate(read_lines(path), start=1):
        cells = line.split("\t")
        try:
            text, indices, _ = cells
            # An index below 0 would count from the end of the list.
            groups = {GROUP_OF[index_name[int(index)]] for index in indices.split(",")}
        except (ValueError, KeyError) as error:
            raise DatasetError(f"{path}:{number} is not text, label indices and id") from error
        if len(groups) == 1:
            examples.append(Example(groups.pop(), text=text))
    return examples
