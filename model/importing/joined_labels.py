"""Which labels of a checkpoint become which emotion, as `--map LABEL=EMOTION` says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model.errors import ConfigError
from schemas.labels import RESERVED_EMOTIONS

NAMELESS = re.compile(r"LABEL_\d+")
"""What Transformers calls a label that nobody has named."""


@dataclass(frozen=True)
class JoinedLabels:
    """The emotions that a checkpoint's labels make.

    Attributes:
        emotions: in the order of their first labels.
        labels: for each emotion, the numbers of the labels that it joins.
        dropped: the numbers of those that no emotion has.
    """

    emotions: tuple[str, ...]
    labels: tuple[tuple[int, ...], ...]
    dropped: tuple[int, ...]

    @property
    def joined(self) -> tuple[int, ...]:
        """How many labels each emotion joins; empty where each is a label of its own."""
        sizes = tuple(len(numbers) for numbers in self.labels)
        return sizes if max(sizes) > 1 else ()


def join_labels(labels: Sequence[str], emotion_of: Mapping[str, str]) -> JoinedLabels:
    """Returns the emotions of a checkpoint's labels; a label without one is its own emotion.

    Args:
        labels: by their numbers.
        emotion_of: the emotion of each label that `--map` names; empty for one that is dropped.

    Raises:
        ConfigError: the checkpoint has no such label, fewer than two emotions are left, or one
            has a name that means something else.

    >>> join_labels(["joy", "love", "anger", "other"], {"love": "joy", "other": ""})
    JoinedLabels(emotions=('joy', 'anger'), labels=((0, 1), (2,)), dropped=(3,))
    """
    for label in emotion_of:
        if label not in labels:
            raise ConfigError(
                f"--map names the label {label!r}; the checkpoint's are {', '.join(labels)}"
            )
    numbers: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        numbers.setdefault(emotion_of.get(label, label), []).append(number)
    dropped = numbers.pop("", [])
    if len(numbers) < 2:
        raise ConfigError(
            f"the emotions left are {', '.join(numbers) or 'none'}; at least two are needed"
        )
    for name, what in RESERVED_EMOTIONS.items():
        if name in numbers:
            raise ConfigError(
                f"an emotion is called {name!r}, as {what} are; --map gives it another name"
            )
    return JoinedLabels(tuple(numbers), tuple(map(tuple, numbers.values())), tuple(dropped))


def nameless_labels(labels: Sequence[str], emotion_of: Mapping[str, str]) -> list[str]:
    """Returns the labels that neither the checkpoint nor `--map` has named.

    >>> nameless_labels(["LABEL_0", "LABEL_1"], {"LABEL_1": "joy"})
    ['LABEL_0']
    """
    return [each for each in labels if NAMELESS.fullmatch(each) and each not in emotion_of]
