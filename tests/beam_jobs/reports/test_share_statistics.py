"""Intervals and tests of shares: published examples, and SciPy's own."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from beam_jobs.reports.statistics.intervals import (
    Floats,
    Integers,
    newcombe_interval,
    wilson_interval,
)
from beam_jobs.reports.statistics.p_values import exact_p_value, holm


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


def by_scipy(k: Integers, n: Integers, k_all: Integers, n_all: Integers) -> Floats:
    few = stats.hypergeom.cdf(k, n_all, k_all, n)
    many = stats.hypergeom.sf(k - 1, n_all, k_all, n)
    return np.minimum(2 * np.minimum(few, many), 1)


def test_p_values_of_all_small_groups() -> None:
    tables = [
        (k, n, k_all, n_all)
        for n_all in (1, 2, 3, 7, 12)
        for n, k_all in product(range(n_all + 1), repeat=2)
        for k in range(max(0, n + k_all - n_all), min(n, k_all) + 1)
    ]
    k, n, k_all, n_all = np.array(tables).T
    np.testing.assert_allclose(
        exact_p_value(k, n, k_all, n_all), by_scipy(k, n, k_all, n_all), rtol=1e-12
    )


@pytest.mark.parametrize("n_all", [1_000, 60_000, 2_000_000])
def test_p_values_of_large_groups(n_all: int) -> None:
    rng = np.random.default_rng(0)
    n = np.minimum(rng.zipf(1.3, 300), n_all)
    k_all = rng.integers(n_all, size=300)
    k = rng.hypergeometric(k_all, n_all - k_all, n)
    k = np.clip(
        k + rng.integers(-20, 20, 300), np.maximum(0, n + k_all - n_all), np.minimum(n, k_all)
    )
    everything = np.full(300, n_all)
    np.testing.assert_allclose(
        exact_p_value(k, n, k_all, everything),
        by_scipy(k, n, k_all, everything),
        rtol=1e-7,
        atol=1e-300,
    )


def test_holm_of_no_p_values() -> None:
    assert holm(np.array([])).tolist() == []
