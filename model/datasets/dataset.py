"""The interface of every data set: examples, in splits, with named classes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.config import ClassifierConfig
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

    def read_text(self) -> str:
        """Returns the text.

        Raises:
            DatasetError: there is none.
        """
        if self.text is None:
            raise DatasetError(f"an example of class {self.emotion!r} has no text")
        return self.text

    def read_clip(self) -> bytes:
        """Returns the bytes of the clip.

        Raises:
            DatasetError: there is none, or it cannot be read.
        """
        if self.clip is None:
            raise DatasetError(f"an example of class {self.emotion!r} has no clip")
        try:
            return self.clip.read_bytes()
        except OSError as error:
            raise DatasetError(f"{self.clip} is not readable: {error.strerror}") from error


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


def label_indices(examples: Sequence[Example], emotions: Sequence[str]) -> npt.NDArray[np.int64]:
    """Returns the index of each example's emotion.

    >>> label_indices([Example("joy"), Example("anger")], ["anger", "joy"]).tolist()
    [1, 0]
    """
    index = {emotion: position for position, emotion in enumerate(emotions)}
    return np.array([index[example.emotion] for example in examples], np.int64)


def one_hot(labels: npt.NDArray[np.int64], config: ClassifierConfig) -> npt.NDArray[np.float32]:
    """Returns float32 `[examples, emotions]` of 0 and 1."""
    return np.eye(len(config.emotions), dtype=np.float32)[labels]


def texts_of(examples: Sequence[Example]) -> list[str]:
    """Returns the text of each example.

    Raises:
        DatasetError: one has none.
    """
    return [example.read_text() for example in examples]


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
