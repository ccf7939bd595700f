"""What an item counts for in the tables of shares: each of its emotions, once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.labels import NO_EMOTION, UNCERTAIN


@dataclass(frozen=True)
class CountedEmotions:
    """What label rows count for: a place for each emotion of each item.

    Attributes:
        items: number of the label row, rising.
        emotions: the emotion, `UNCERTAIN` or `NO_EMOTION`.
        is_first: whether it is the item's first place.
        has_highest: for each label row, whether its highest score is of what it counts for first.
    """

    items: npt.NDArray[np.int64]
    emotions: pa.Array
    is_first: pa.Array
    has_highest: pa.Array

    def repeat(self, rows: pa.Table) -> pa.Table:
        """Returns the label rows, or what is made of each, once for each place."""
        if len(self.items) == len(self.has_highest):
            return rows  # as of a single-label model
        return rows.take(pa.array(self.items))


def count_emotions(labels: pa.Table) -> CountedEmotions:
    """Returns what label rows count for.

    An item counts once for each of its `emotions`. Without any it counts once: for `UNCERTAIN` if
    it is that, else for `NO_EMOTION`. Labels of before there was `emotions` count for `emotion`.

    >>> labels = pa.table({"emotion": ["joy", "fear"], "emotions": [["joy", "fear"], []]})
    >>> counted = count_emotions(labels)
    >>> counted.items.tolist(), counted.emotions.to_pylist()
    ([0, 0, 1], ['joy', 'fear', 'no_emotion'])
    """
    emotion, lists = (labels[name].combine_chunks() for name in ("emotion", "emotions"))
    n_emotions = pc.list_value_length(lists).fill_null(0)
    is_none = pc.and_(lists.is_valid(), pc.equal(n_emotions, 0))
    alone = pc.if_else(pc.and_not(is_none, pc.equal(emotion, UNCERTAIN)), NO_EMOTION, emotion)
    sizes = np.maximum(n_emotions.to_numpy(zero_copy_only=False), 1).astype(np.int64)
    items = np.repeat(np.arange(labels.num_rows), sizes)
    starts = np.cumsum(sizes) - sizes
    is_first = np.zeros(len(items), bool)
    is_first[starts] = True
    has_list = pc.greater(n_emotions, 0).to_numpy(zero_copy_only=False)
    # Those in lists come first in what is taken from, in their order; those alone after them.
    flat = pc.list_flatten(lists)
    places = np.zeros(len(items), np.int64)
    of_list = has_list[items]
    places[of_list] = np.arange(len(flat))
    places[~of_list] = len(flat) + np.flatnonzero(~has_list)
    emotions = pa.concat_arrays([flat, alone]).take(pa.array(places))
    has_highest = pc.equal(emotions.take(pa.array(starts)), emotion)
    return CountedEmotions(items, emotions, pa.array(is_first), has_highest)
