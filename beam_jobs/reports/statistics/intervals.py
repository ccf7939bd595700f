"""Intervals of shares: k of n items, for whole columns of groups at once."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Counts = Integers | np.int64
"""A count for each group, or one for all."""

Z_95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def wilson_interval(k: Integers, n: Counts) -> tuple[Floats, Floats]:
    """Returns the ends of the 95 % intervals of shares seen in k of n items.

    Wilson's score interval (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927) stays within 0 and 1 and
    holds for small groups, where the usual `p ± 1.96 √(p (1 − p) / n)` does not.

    Args:
        k: items with the property, 0 to n.
        n: items, at least 1.

    >>> low, high = wilson_interval(np.array([0, 1, 10]), np.array([10, 10, 10]))
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0, 0.0179, 0.7225], [0.2775, 0.4042, 1.0])
    """
    share, z2 = k / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # The ends of k = 0 and k = n are 0 and 1 but for rounding.
    return np.where(k == 0, 0.0, centre - half), np.where(k == n, 1.0, centre + half)


def newcombe_interval(
    k: Integers, n: Counts, k_before: Integers, n_before: Counts
) -> tuple[Floats, Floats]:
    """Returns the ends of the 95 % intervals of `k / n - k_before / n_before`.

    Method 10 of R. G. Newcombe, Statist. Med. 17, 1998: the two Wilson intervals, put together.

    Newcombe's table II, for 56 of 70 against 48 of 80:

    >>> low, high = newcombe_interval(*(np.array([x]) for x in (56, 70, 48, 80)))
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0524], [0.3339])
    """
    share, share_before = k / n, k_before / n_before
    low, high = wilson_interval(k, n)
    low_before, high_before = wilson_interval(k_before, n_before)
    shift = share - share_before
    below = np.sqrt((share - low) ** 2 + (high_before - share_before) ** 2)
    above = np.sqrt((high - share) ** 2 + (share_before - low_before) ** 2)
    return shift - below, shift + above
