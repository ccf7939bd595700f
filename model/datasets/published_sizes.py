"""How many items each data set has in the paper (its section 4), and how ours compare.

Adel, Fathalla, Abo ElFarag: MM-EMOR, Big Data Cogn. Comput. 2023, 7, 164 (CC BY 4.0): the numbers
are theirs, the words ours.
"""

from collections import Counter
from collections.abc import Mapping

from model.datasets.dataset import Dataset
from schemas.emotions import EKMAN_AND_NEUTRAL

SPLITS = ("train", "validation", "test")

# fmt: off
TWEETEVAL_SIZES = {  # classes, train, validation, test
    "emotion": (4, 3257, 374, 1421), "hate": (2, 9000, 1000, 2970), "irony": (2, 2862, 955, 784),
    "offensive": (2, 11_916, 1324, 860), "sentiment": (3, 45_389, 2000, 11_906),
    "stance": (3, 2620, 294, 1249), "emoji": (20, 45_000, 5000, 50_000),
}
MELD_COUNTS = {  # in the order of EKMAN_AND_NEUTRAL
    "train": (1109, 271, 268, 1743, 4710, 683, 1205),
    "validation": (153, 22, 40, 163, 470, 111, 150),
    "test": (345, 68, 50, 402, 1256, 208, 281),
}
IEMOCAP_COUNTS = {
    "iemocap4": {"happiness": 595, "anger": 1103, "sadness": 1084, "neutral": 1708},
    "iemocap4-excited": {"happiness": 1636, "anger": 1103, "sadness": 1084, "neutral": 1708},
}
# fmt: on
COUNTS: dict[str, Mapping[str, int | Mapping[str, int]]] = {
    **{
        f"tweeteval/{task}": dict(zip(SPLITS, sizes, strict=True))
        for task, (_, *sizes) in TWEETEVAL_SIZES.items()
    },
    **{dataset: {"all": counts} for dataset, counts in IEMOCAP_COUNTS.items()},
    "meld": {
        split: dict(zip(EKMAN_AND_NEUTRAL, counts, strict=True))
        for split, counts in MELD_COUNTS.items()
    },
}
"""Items by data set, split (`all` for all splits together) and, where the paper has it, class."""


def count_remarks(dataset: Dataset) -> list[str]:
    """Returns a line a split on a data set's size, and whether it is the paper's.

    >>> count_remarks(Dataset("tweeteval/hate", ("hate",), {"test": []}))
    ['tweeteval/hate, test: 0 items; the paper has 2970']
    """
    counts = {
        split: Counter(each.emotion for each in items) for split, items in dataset.splits.items()
    }
    expected = COUNTS.get(dataset.name, {})
    if "all" in expected:
        counts["all"] = sum(counts.values(), Counter())
    remarks = {split: _count_remark(each, expected.get(split)) for split, each in counts.items()}
    return [
        f"{dataset.name}, {split}: {counts[split].total()} items{remark}"
        for split, remark in remarks.items()
    ]


def _count_remark(counted: Counter[str], expected: int | Mapping[str, int] | None) -> str:
    if expected is None:
        return ""
    if isinstance(expected, int):
        same = counted.total() == expected
        return ", as in the paper" if same else f"; the paper has {expected}"
    other = [
        f"{name} {counted[name]} (the paper has {paper})"
        for name, paper in expected.items()
        if counted[name] != paper
    ]
    return f"; {', '.join(other)}" if other else "; each class as in the paper"
