"""The rows that training has drawn to validate on, known by their content."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from model.config import STRICT
from model.datasets.dataset import Dataset, Example


@dataclass(frozen=True, config=STRICT)
class HeldOut:
    """Which rows of a data set were drawn, where it had none of its own to validate on.

    They are known by what they hold, not by their place: rows may be added, or stand in another
    order or kind of file. A row whose text, label or clip was changed is another.

    Attributes:
        split: the split that they were drawn from.
        rows: a digest of each; of rows that are alike, as many as were drawn.
    """

    split: Literal["train", "validation"]
    rows: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")], ...]

    @classmethod
    def of(cls, dataset: Dataset, split: str, examples: Sequence[Example]) -> "HeldOut":
        """Returns what is to be remembered of a draw.

        Args:
            dataset: that was drawn from.
            split: of it, likewise.
            examples: that were drawn.
        """
        rows = tuple(sorted(_digest(example, dataset) for example in examples))
        return cls("validation" if split == "validation" else "train", rows)

    def part(self, dataset: Dataset) -> Dataset:
        """Returns the data set with the rows as its `validation`, and without them where they were.

        A data set that has now rows of its own to validate on stays as it is.
        """
        if self.split == "train" and dataset.splits.get("validation"):
            return dataset
        left = Counter(self.rows)
        held_out: list[Example] = []
        others: list[Example] = []
        for example in dataset.splits.get(self.split, []):
            digest = _digest(example, dataset)
            (held_out if left[digest] > 0 else others).append(example)
            left[digest] -= 1
        return replace(
            dataset, splits=dataset.splits | {self.split: others} | {"validation": held_out}
        )


def _digest(example: Example, dataset: Dataset) -> str:
    """Returns 16 hex digits of a row's content."""
    # Training has left out those of them that cannot be decoded.
    clip = None if dataset.broken_clips else example.hash_clip()
    content = json.dumps([dataset.label_of(example), example.text, clip])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
