"""Which groups have most items: what a summary holds, in whatever order it was made."""

from collections import Counter
from random import Random

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.reports.frequent_groups import FrequentGroups, least_kept, merge_frequent_groups

VALUES = st.lists(st.lists(st.sampled_from([*"abcdefghij", None])), min_size=1, max_size=6)


def summarise(parts: list[list[str | None]], capacity: int) -> FrequentGroups:
    summaries = [
        FrequentGroups.of(pa.chunked_array([part], pa.string()), capacity) for part in parts
    ]
    return merge_frequent_groups(summaries)


@given(VALUES, st.integers(1, 12), st.randoms(use_true_random=False))
def test_no_group_is_lost_that_has_more_than_its_share(
    parts: list[list[str | None]], capacity: int, random: Random
) -> None:
    counts = Counter(value for part in parts for value in part)
    shuffled = random.sample(parts, len(parts))
    for order in (parts, shuffled):
        summary = summarise(order, capacity)
        held = {row["group"]: row["n"] for row in summary.groups.to_pylist()}
        assert len(held) <= capacity
        assert summary.is_cut == (len(counts) > capacity)
        assert all(0 < n <= counts[value] for value, n in held.items())
        frequent = {
            value for value, n in counts.items() if n >= least_kept(counts.total(), capacity)
        }
        assert frequent <= held.keys()


@given(VALUES)
def test_few_groups_are_counted_exactly(parts: list[list[str | None]]) -> None:
    counts = Counter(value for part in parts for value in part)
    groups = summarise(parts, 11).groups.to_pylist()
    assert {row["group"]: row["n"] for row in groups} == dict(counts)
