"""Tests of shares, against SciPy's."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from beam_jobs.reports.statistics.intervals import (
    Floats,
    Integers,
)
from beam_jobs.reports.statistics.p_values import exact_p_value, holm


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
