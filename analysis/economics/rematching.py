"""Put advertisers that learned in different trainings into one market: does cooperation survive with strangers?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def rematched(policies: list[Array], controlled: NDArray[np.bool_]) -> list[Array]:
    """Mix the policies of independent trainings so that neighboring learners come from different ones.

    Args:
        policies: Learned coefficients of the same market from >= 2 independent trainings, `[advertisers, 4, 1]` each.
        controlled: True for the learners, `[advertisers]`; the other advertisers keep their bids.

    Returns:
        As many mixtures as trainings. In the k-th, learner i comes from training (k + i) modulo their number; over all
        mixtures, each learner comes from each training once.

    Raises:
        ValueError: There are < 2 trainings.
    """
    if len(policies) < 2:
        raise ValueError(f"policies: expected >= 2 trainings, got {len(policies)}")
    position = np.cumsum(controlled) - 1
    mixed = []
    for k, own in enumerate(policies):
        theta = own.copy()
        for i in np.flatnonzero(controlled):
            theta[i] = policies[(k + int(position[i])) % len(policies)][i]
        mixed.append(theta)
    return mixed
