"""How unequally something is shared."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def gini(values: ArrayLike) -> float:
    """Gini coefficient: half the mean absolute difference of two values over the mean; 0 for all alike.

    With values below 0 it can exceed 1; where the mean is not above 0 it is undefined, NaN.
    """
    sample = np.sort(np.asarray(values, dtype=np.float64))
    n, total = len(sample), float(sample.sum())
    if n == 0 or not total > 0:
        return float("nan")
    return float(2 * (np.arange(1, n + 1) * sample).sum() / (n * total) - (n + 1) / n)
