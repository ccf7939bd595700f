"""A data set's labels as the emotions of a model that learned from other labels."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from model.datasets.dataset import Dataset, Example
from model.errors import ConfigError, DatasetError
from model.label_pairs import parse_label_pairs
from model.nearest_name import known_names


@dataclass(frozen=True)
class LabelMap:
    """What `--map` and `--ignore` say.

    Attributes:
        emotion_of: the emotion that a label is read as.
        ignored: labels whose examples are left out, whichever others they have.
    """

    emotion_of: dict[str, str]
    ignored: tuple[str, ...]

    @classmethod
    def of_flags(cls, pairs: Sequence[str], ignored: Sequence[str]) -> "LabelMap":
        """Reads the values of the flags.

        >>> LabelMap.of_flags(["optimism=joy"], ["trust"])
        LabelMap(emotion_of={'optimism': 'joy'}, ignored=('trust',))

        Raises:
            ConfigError: a value is no pair, or a label has two.
        """
        emotion_of = parse_label_pairs(pairs)
        for label in ignored:
            if label in emotion_of:
                raise ConfigError(f"--map and --ignore both name the label {label!r}")
        return cls(emotion_of, tuple(ignored))

    def apply(self, dataset: Dataset, emotions: Sequence[str]) -> Dataset:
        """Returns the data set with the model's emotions for labels.

        Args:
            dataset: whose labels are named.
            emotions: the model's.

        Raises:
            ConfigError: a name is unknown.
            DatasetError: a label is left that the model does not know.
        """
        for flag, labels in (("--map", self.emotion_of), ("--ignore", self.ignored)):
            for label in labels:
                if label not in dataset.emotions:
                    near = known_names(label, dataset.emotions, "it has")
                    raise ConfigError(f"{flag}: {dataset.name} has no label {label!r}; {near}")
        for emotion in self.emotion_of.values():
            if emotion not in emotions:
                near = known_names(emotion, emotions, "it tells")
                raise ConfigError(f"--map: the model has no emotion {emotion!r}; {near}")
        read_as = {
            label: self.emotion_of.get(label, label)
            for label in dataset.emotions
            if label not in self.ignored
        }
        if unknown := [label for label, emotion in read_as.items() if emotion not in emotions]:
            raise DatasetError(
                f"{dataset.name} has labels that the model does not know, {', '.join(unknown)}; it "
                f"tells {', '.join(emotions)}; --map {unknown[0]}=EMOTION reads a label as one of "
                f"them, --ignore {unknown[0]} leaves it out"
            )
        if not (self.emotion_of or self.ignored):
            return dataset
        splits = {
            name: [
                _read_as(example, read_as)
                for example in examples
                if not set(example.labels) & set(self.ignored)
            ]
            for name, examples in dataset.splits.items()
        }
        return replace(
            dataset,
            emotions=tuple(dict.fromkeys(read_as.values())),
            splits=splits,
            is_relabelled=True,
        )

    def lines(self, dataset: Dataset) -> list[str]:
        """Returns a line for each label that is named, with its number of items.

        >>> from model.datasets.dataset import Example
        >>> dataset = Dataset("mine", ("trust",), {"test": [Example("trust"), Example("trust")]})
        >>> LabelMap({}, ("trust",)).lines(dataset)
        ['mine: items of trust, left out: 2']
        """
        counted = Counter(label for example in dataset.examples() for label in example.labels)
        read_as = {label: f"read as {emotion}" for label, emotion in self.emotion_of.items()}
        return [
            f"{dataset.name}: items of {label}, {what}: {counted[label]}"
            for label, what in (read_as | dict.fromkeys(self.ignored, "left out")).items()
        ]


def _read_as(example: Example, emotion_of: Mapping[str, str]) -> Example:
    """Returns an example with other names of its labels; those that are then alike count once.

    >>> both = Example.of_several(["optimism", "joy"], "oh!")
    >>> _read_as(both, {"optimism": "joy", "joy": "joy"}).emotions
    ('joy',)
    """
    names = tuple(dict.fromkeys(emotion_of[label] for label in example.labels))
    return replace(
        example, emotion=next(iter(names), ""), emotions=names if example.emotions else ()
    )
