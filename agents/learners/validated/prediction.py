"""Bound from below what a further day will bring, by a few days that were seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

CONFIDENCE = 0.95
"""Probability that a further day lies above the bound."""

# Student's t at 0.95, one-sided, for 1 to 30 degrees of freedom. A table, since this room has no library of distributions, and
# since a library's last digits differ between processors.
_T = (
    6.3138, 2.9200, 2.3534, 2.1318, 2.0150, 1.9432, 1.8946, 1.8595, 1.8331, 1.8125, 1.7959, 1.7823, 1.7709, 1.7613, 1.7531,
    1.7459, 1.7396, 1.7341, 1.7291, 1.7247, 1.7207, 1.7171, 1.7139, 1.7109, 1.7081, 1.7056, 1.7033, 1.7011, 1.6991, 1.6973,
)  # fmt: skip
# The normal quantile z, (z^3 + z) / 4, and (5 z^5 + 16 z^3 + 3 z) / 96.
_NORMAL, _FIRST, _SECOND = 1.644854, 1.523770, 1.420216


def one_sided_t(freedom: int) -> float:
    """Return the 95 % quantile of a t distribution: 6.3138 for 1 degree of freedom, 1.8125 for 10.

    Beyond 30 the first terms of its expansion in 1 / freedom, right to 1e-4 (Abramowitz and Stegun 1964, 26.7.5).
    """
    if freedom <= len(_T):
        return _T[freedom - 1]
    return _NORMAL + _FIRST / freedom + _SECOND / (freedom * freedom)


def lower_prediction_bound(values: Sequence[float]) -> float:
    """Return the number that a further value exceeds with a probability of 95 %, for independent normal values.

    mean - t(0.95, n - 1) sd sqrt(1 + 1 / n) (Hahn and Meeker 1991, section 4.8). For example, the values 0.01, 0.02 and 0.03
    have the bound 0.02 - 2.92 x 0.01 x 1.155 = -0.0137.

    Args:
        values: Two or more values that were seen.
    """
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    return float(sample.mean()) - one_sided_t(n - 1) * float(sample.std(ddof=1)) * math.sqrt(1 + 1 / n)
