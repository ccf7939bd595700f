"""The interface of every data set: examples, in splits, with named classes."""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.config import ProblemType
from model.errors import DatasetError
from model.files import hash_file_once
from model.preprocessing.text_preprocessor import clean_text

INVISIBLE = ("Cc", "Cf", "Co", "Me", "Mn", "Zl", "Zp", "Zs")
"""Unicode's categories of control, format and private characters, of marks and of separators."""
ALSO_INVISIBLE = "\ufffd\u1734"
"""What stands where a character was lost, and a mark of another category before Unicode 14: BERT's
tokenizers leave nothing of them, either."""


@dataclass(frozen=True)
class Example:
    """One labelled item.

    Attributes:
        emotion: the class, by name.
        text: as posted or transcribed; None without text.
        clip: the audio file; None without audio.
        group: what folds must not split: a speaker or a session; empty where there is none.
        part: a part of the corpus that is also measured apart: a topic, or scripted speech.
        emotions: of a multi-label data set, all that the item has, `emotion` being the first; that
            is empty, too, where it has none.
    """

    emotion: str
    text: str | None = None
    clip: Path | None = None
    group: str = ""
    part: str = ""
    emotions: tuple[str, ...] = ()

    @classmethod
    def of_several(cls, emotions: Sequence[str], text: str | None, **others: Any) -> "Example":
        """Returns an item of a multi-label data set, which may have no emotion."""
        return cls(next(iter(emotions), ""), text, emotions=tuple(emotions), **others)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every class that the item has, by name."""
        return self.emotions or tuple(filter(None, [self.emotion]))

    @property
    def has_text(self) -> bool:
        """Whether there is a text, and something to be seen of it when it is cleaned."""
        return self.text is not None and any(
            unicodedata.category(character) not in INVISIBLE and character not in ALSO_INVISIBLE
            for character in clean_text(self.text)
        )

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

    def hash_clip(self) -> str | None:
        """Returns the SHA-256 of the clip; None without one. A file that stays is read once.

        Raises:
            DatasetError: it cannot be read.
        """
        if self.clip is None:
            return None
        try:
            return hash_file_once(self.clip)
        except OSError as error:
            raise DatasetError(f"{self.clip} is not readable: {error.strerror}") from error


@dataclass(frozen=True)
class Dataset:
    """A corpus in its splits.

    Attributes:
        name: as `mm-emor evaluate --dataset` takes it.
        emotions: the classes, in their published or alphabetical order.
        splits: examples of `train`, `validation` and `test`.
        remarks: lines that a user should see of what was read.
        broken_clips: whether it is known to have clips that cannot be decoded, see
            `model.datasets.broken_clips`.
        names_splits: whether it says itself what is to train on and what to measure on; where it
            does not, all stands in `train`.
        is_relabelled: whether its labels are others than it was published with.
        problem_type: whether an example has one class, or any number of them.
    """

    name: str
    emotions: tuple[str, ...]
    splits: dict[str, list[Example]]
    remarks: tuple[str, ...] = ()
    broken_clips: bool = False
    names_splits: bool = True
    is_relabelled: bool = False
    problem_type: ProblemType = "single_label"

    @property
    def is_multi_label(self) -> bool:
        """Whether an example has any number of classes."""
        return self.problem_type == "multi_label"

    def label_of(self, example: Example) -> str | list[str]:
        """Returns what an example is labelled with, as JSON has it: a class, or all that it has."""
        return list(example.labels) if self.is_multi_label else example.emotion

    def split(self, name: str) -> list[Example]:
        """Returns the examples of a split.

        Raises:
            DatasetError: the data set has no such split, or it is empty.
        """
        if not self.splits.get(name):
            present = [split for split, examples in self.splits.items() if examples]
            known = ", ".join(present) or "none"
            raise DatasetError(f"{self.name} has no split {name!r}; it has {known}")
        return self.splits[name]

    def counts(self, split: str) -> dict[str, int]:
        """Returns the number of examples of each class."""
        counted = Counter(label for example in self.split(split) for label in example.labels)
        return {emotion: counted[emotion] for emotion in self.emotions}

    def examples(self) -> list[Example]:
        """Returns the examples of all splits."""
        return [example for examples in self.splits.values() for example in examples]

    def only(self, keep: Callable[[Example], bool]) -> "Dataset":
        """Returns the data set with the examples that `keep` says."""
        splits = {name: list(filter(keep, examples)) for name, examples in self.splits.items()}
        return replace(self, splits=splits)

    def for_training(self, train_split: str, validation_share: float, seed: int) -> "Dataset":
        """Returns the data set with the splits `train` and `validation`, and `test` as it is.

        Where there is nothing to validate on, a share of each class of the examples to train on is
        held out; of its texts, clips and pairs alike, where that is an example of each or more. Of
        a multi-label data set it is a share of all.

        Args:
            train_split: the split to train on.
            validation_share: above 0 and below 1.
            seed: of the draw.

        Raises:
            DatasetError: the split is empty, or there are too few examples to hold some out: a
                class has one only, or the share is less than an example for each class.
        """
        from sklearn.model_selection import train_test_split  # noqa: PLC0415

        train = self.split(train_split)
        validation = self.splits.get("validation") if train_split == "train" else None
        if not validation and self.is_multi_label:
            if len(train) < 2:
                raise DatasetError(f"{self.name} has one example to train on; 2 are needed")
            train, validation = train_test_split(
                train, test_size=validation_share, random_state=seed
            )
        elif not validation:
            counted = Counter(example.emotion for example in train)
            rarest = min(counted, key=counted.__getitem__)
            if counted[rarest] < 2:
                raise DatasetError(
                    f"{self.name} has one example of {rarest!r} to train on, and no other split to "
                    "validate on; 2 are needed"
                )
            # "\0" sorts before all else, so that the order of classes is that of their names.
            strata = [
                f"{example.emotion}\0{example.has_text}\0{example.clip is not None}"
                for example in train
            ]
            n_held_out = math.ceil(validation_share * len(train))
            fewest = min(n_held_out, len(train) - n_held_out)
            if fewest < len(counted):
                raise DatasetError(
                    f"{self.name}: validation_share is {validation_share:g}, which of {len(train)} "
                    f"examples holds out {n_held_out} and keeps {len(train) - n_held_out}; each "
                    f"must be at least {len(counted)}, as many as there are classes"
                )
            if min(Counter(strata).values()) * validation_share < 1 or fewest < len(set(strata)):
                strata = [example.emotion for example in train]
            train, validation = train_test_split(
                train, test_size=validation_share, random_state=seed, stratify=strata
            )
        splits = {"train": train, "validation": validation, "test": self.splits.get("test", [])}
        return replace(self, splits=splits)

    def fold_of_group(self, n_folds: int) -> dict[str, int]:
        """Returns a fold for each group, so that no speaker is both trained and tested on.

        scikit-learn's `GroupKFold`: groups go, largest first, to the fold that is smallest so far.

        Raises:
            DatasetError: there are fewer groups than folds.
        """
        from sklearn.model_selection import GroupKFold  # noqa: PLC0415

        groups = [example.group for example in self.examples()]
        if not any(groups):
            raise DatasetError(
                f"{self.name} names no speakers or sessions to part folds by; --fold-by random "
                "does without"
            )
        names = sorted(set(groups), reverse=True)
        if len(names) < n_folds:
            raise DatasetError(
                f"{self.name} has {len(names)} groups (speakers or sessions); {n_folds} folds need "
                "as many"
            )
        # Of groups of one size GroupKFold takes the last first: here, the first by name.
        numbers = [names.index(group) for group in groups]
        splits = GroupKFold(n_folds).split(groups, groups=numbers)
        return {groups[row]: fold for fold, (_, tested) in enumerate(splits) for row in tested}


def label_indices(examples: Sequence[Example], emotions: Sequence[str]) -> npt.NDArray[np.int64]:
    """Returns the index of each example's emotion.

    Raises:
        DatasetError: an example has not one emotion, but any number of them.

    >>> label_indices([Example("joy"), Example("anger")], ["anger", "joy"]).tolist()
    [1, 0]
    """
    index = {emotion: position for position, emotion in enumerate(emotions)}
    if any(example.emotions or not example.emotion for example in examples):
        raise DatasetError("the data set has several emotions an item, or none; one is needed here")
    return np.array([index[example.emotion] for example in examples], np.int64)


def target_matrix(examples: Sequence[Example], emotions: Sequence[str]) -> npt.NDArray[np.float32]:
    """Returns float32 `[examples, emotions]`: 1 for each emotion that an example has, else 0.

    >>> both = Example.of_several(["joy", "fear"], "oh!")
    >>> target_matrix([Example("joy"), both], ["anger", "fear", "joy"]).tolist()
    [[0.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
    """
    index = {emotion: position for position, emotion in enumerate(emotions)}
    targets = np.zeros((len(examples), len(emotions)), np.float32)
    for row, example in enumerate(examples):
        targets[row, [index[label] for label in example.labels]] = 1
    return targets


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
        reason = error.strerror if isinstance(error, OSError) else error
        raise DatasetError(f"{path} is not readable: {reason}") from error
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines
