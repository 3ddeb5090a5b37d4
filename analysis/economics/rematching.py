"""Put advertisers that learned in different trainings into one market."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def rematched(policies: list[Array], controlled: NDArray[np.bool_]) -> list[Array]:
    """Mix the policies of independent trainings, so that neighbouring learners come from different ones.

    Args:
        policies: Learned coefficients of the same market from independent trainings, `[advertisers, 4, 1]` each, at least 2.
        controlled: Which advertisers are learners, `[advertisers]`; the others keep their bids.

    Returns:
        As many coefficients: in the k-th, neighbouring learners come from different trainings, and each comes from each once.
    """
    if len(policies) < 2:
        raise ValueError(f"policies: expected at least 2 trainings, got {len(policies)}")
    position = np.cumsum(controlled) - 1
    mixed = []
    for k, own in enumerate(policies):
        theta = own.copy()
        for i in np.flatnonzero(controlled):
            theta[i] = policies[(k + int(position[i])) % len(policies)][i]
        mixed.append(theta)
    return mixed
