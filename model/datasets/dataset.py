"""The interface of every data set: examples, in splits, with named classes."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from model.errors import DatasetError


@dataclass(frozen=True)
class Example:
    """One labelled item.

    Attributes:
        emotion: the class, by name.
        text: as posted or transcribed; None without text.
        clip: the audio file; None without audio.
        group: what folds must not split: a speaker or a session; empty where there is none.
    """

    emotion: str
    text: str | None = None
    clip: Path | None = None
    group: str = ""


@dataclass(frozen=True)
class Dataset:
    """A corpus in its splits.

    Attributes:
        name: as `mm-emor evaluate --dataset` takes it.
        emotions: the classes, in their published or alphabetical order.
        splits: examples of `train`, `validation` and `test`.
    """

    name: str
    emotions: tuple[str, ...]
    splits: dict[str, list[Example]]

    def split(self, name: str) -> list[Example]:
        """Returns the examples of a split.

        Raises:
            DatasetError: the data set has no such split, or it is empty.
        """
        if not self.splits.get(name):
            known = ", ".join(split for split, examples in self.splits.items() if examples)
            raise DatasetError(f"{self.name} has no split {name!r}; it has {known}")
        return self.splits[name]

    def counts(self, split: str) -> dict[str, int]:
        """Returns the number of examples of each class."""
        counted = Counter(example.emotion for example in self.split(split))
        return {emotion: counted[emotion] for emotion in self.emotions}

    def fold_of_group(self, n_folds: int) -> dict[str, int]:
        """Returns a fold for each group, so that no speaker is both trained and tested on.

        Groups go, largest first, to the fold that is smallest so far.

        Raises:
            DatasetError: there are fewer groups than folds.
        """
        sizes = Counter(example.group for split in self.splits.values() for example in split)
        if len(sizes) < n_folds:
            raise DatasetError(f"{self.name} has {len(sizes)} groups; {n_folds} folds need as many")
        fold_sizes = [0] * n_folds
        folds = {}
        for group, size in sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0])):
            fold = fold_sizes.index(min(fold_sizes))
            folds[group] = fold
            fold_sizes[fold] += size
        return folds


def read_lines(path: Path) -> list[str]:
    r"""Returns a text file's lines, split on `\n` only: tweets hold other line separators.

    Raises:
        DatasetError: the file is missing or not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is not readable: {error}") from error
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines
