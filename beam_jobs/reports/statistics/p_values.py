"""How likely counts are by chance alone: exact tests, and p-values adjusted for many of them."""

import numpy as np
from scipy import special, stats

from beam_jobs.reports.statistics.intervals import Counts, Floats, Integers

SMALLEST_TERM = 1e-12
"""Of a sum; what follows is smaller still."""


def exact_p_value(k: Integers, n: Counts, k_all: Integers, n_all: Counts) -> Floats:
    """Returns how likely a group of n out of n_all items is to hold so few or so many of the k_all.

    Twice the smaller tail of Fisher's exact test: exact for small groups, where a normal
    approximation is not. It agrees with `scipy.stats.hypergeom` to 1e-8, which takes 50 times as
    long: half a minute for the hashtags of a report.

    Args:
        k: items of the group with the property.
        n: items of the group.
        k_all: items with the property, in the group or not.
        n_all: items, in the group or not.

    >>> exact_p_value(*(np.array([x]) for x in (5, 6, 8, 20))).round(5).tolist()
    [0.03612]
    """
    cell, group, row, whole = (
        each.astype(np.float64) for each in np.broadcast_arrays(k, n, k_all, n_all)
    )
    start = np.exp(
        _log_choose(row, cell) + _log_choose(whole - row, group - cell) - _log_choose(whole, group)
    )
    # The tail away from the expected count is the smaller one, but for `start`, which is in both.
    is_few = cell * whole < group * row
    # Its terms are summed until they no longer count; the mirror image has few become many.
    cell, row = np.where(is_few, group - cell, cell), np.where(is_few, whole - row, row)
    tail, term = start.copy(), start.copy()
    going = np.flatnonzero(term)
    while len(going):
        x, size, total = cell[going], group[going], row[going]
        term[going] *= (total - x) * (size - x)
        term[going] /= (x + 1) * (whole[going] - total - size + x + 1)
        tail[going] += term[going]
        cell[going] += 1
        going = going[term[going] > SMALLEST_TERM * tail[going]]
    p_value: Floats = np.minimum(2 * np.minimum(tail, 1 - tail + start), 1.0)
    return p_value


def _log_choose(n: Floats, k: Floats) -> Floats:
    """Returns the logarithm of the number of ways to choose k of n."""
    ways: Floats = -special.betaln(n - k + 1, k + 1) - np.log1p(n)
    return ways


def holm(p_values: Floats) -> Floats:
    """Returns p-values adjusted so that the chance of one false alarm among all is held.

    S. Holm, Scand. J. Statist. 6, 1979.

    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted


def false_discovery_rate(p_values: Floats) -> Floats:
    """Returns p-values adjusted to the share of false ones among those at most as high.

    Benjamini and Hochberg, J. R. Stat. Soc. B 57, 1995, as in SciPy; of no p-values, none.

    >>> false_discovery_rate(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    if not len(p_values):
        return p_values
    adjusted: Floats = stats.false_discovery_control(p_values)
    return adjusted
