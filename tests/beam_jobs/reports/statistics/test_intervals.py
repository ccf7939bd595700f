"""Intervals of shares, against published examples."""

import numpy as np

from beam_jobs.reports.statistics.intervals import (
    newcombe_interval,
    wilson_interval,
)


def test_wilson_interval_of_a_published_example() -> None:
    """Newcombe, Stat. Med. 17 (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29."""
    low, high = wilson_interval(np.array([81, 15, 0, 1]), np.array([263, 148, 20, 29]))
    assert low.round(4).tolist() == [0.2553, 0.0624, 0.0, 0.0061]
    assert high.round(4).tolist() == [0.3662, 0.1605, 0.1611, 0.1718]


def test_newcombe_interval_of_published_examples() -> None:
    """Newcombe, Stat. Med. 17 (1998), second paper, table II, method 10, contrasts (a) to (h)."""
    counts = [(56, 70, 48, 80), (9, 10, 3, 10), (6, 7, 2, 7), (5, 56, 0, 29), (0, 10, 0, 20)]
    low, high = newcombe_interval(*np.array(counts).T)
    assert low.round(4).tolist() == [0.0524, 0.1705, 0.0582, -0.0381, -0.1611]
    assert high.round(4).tolist() == [0.3339, 0.8090, 0.8062, 0.1926, 0.2775]
