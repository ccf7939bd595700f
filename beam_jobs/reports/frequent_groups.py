"""Which groups have most items, in bounded memory: for groupings with too many groups to count."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

MAX_GROUPS = 50_000
"""Groups of one table that are counted: with 8 emotions some 30 MB."""


@dataclass(frozen=True)
class FrequentGroups:
    """Every group that has more than one in `capacity` of the items, and maybe others.

    The summary of J. Misra and D. Gries (Sci. Comput. Program. 2, 1982), merged as P. K. Agarwal
    et al. do (ACM Trans. Database Syst. 38, 2013). While there are at most `capacity` groups it
    holds them all.

    Attributes:
        groups: columns `group` and `n`, a lower bound of the group's items.
        is_cut: whether any group may be missing.
    """

    groups: pa.Table
    capacity: int = MAX_GROUPS
    is_cut: bool = False

    @classmethod
    def of(cls, values: pa.ChunkedArray, capacity: int = MAX_GROUPS) -> "FrequentGroups":
        """Returns the summary of the groups that items are of, one value an item.

        >>> summary = FrequentGroups.of(pa.chunked_array([["a", "b", "a", "c", "a"]]), capacity=2)
        >>> summary.groups.to_pylist(), summary.is_cut
        ([{'group': 'a', 'n': 2}], True)
        """
        counts = values.value_counts()
        groups = pa.table({"group": counts.field("values"), "n": counts.field("counts")})
        return cls(groups, capacity)._cut()

    def _cut(self) -> "FrequentGroups":
        """Drops all but the `capacity` largest, and lowers these by the largest that is dropped."""
        if self.groups.num_rows <= self.capacity:
            return self
        counts = self.groups["n"]
        order = pc.sort_indices(counts, sort_keys=[("n", "descending")])
        dropped = counts[order[self.capacity].as_py()]
        lowered = self.groups.set_column(1, "n", pc.subtract(counts, dropped))
        return FrequentGroups(lowered.filter(pc.greater(lowered["n"], 0)), self.capacity, True)


def merge_frequent_groups(summaries: Iterable[FrequentGroups]) -> FrequentGroups:
    """Returns the summary of all items of some summaries (at least one) of the same capacity."""
    parts = list(summaries)
    rows = pa.concat_tables([part.groups for part in parts])
    summed = rows.group_by("group", use_threads=False).aggregate([("n", "sum")])
    groups = summed.rename_columns({"n_sum": "n"})
    is_cut = any(part.is_cut for part in parts)
    return FrequentGroups(groups, parts[0].capacity, is_cut)._cut()


def least_kept(n_counted: int, capacity: int = MAX_GROUPS) -> int:
    """Returns the fewest items of a group that no summary of n items can have dropped.

    >>> least_kept(1_000_000)
    21
    """
    return n_counted // capacity + 1
