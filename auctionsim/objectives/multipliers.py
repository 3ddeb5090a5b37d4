"""Soft constraints by Lagrange multipliers instead of penalties: the method of multipliers (Nocedal and Wright 2006, ch. 17).

A constraint with violation v and multiplier m costs `(max(0, m + k v)^2 - m^2) / 2k`: at the constraint its slope is m, which
grows while the constraint is violated and falls while there is slack. The quadratic part damps what a bare multiplier
would overshoot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.objectives.constraints import Violations
from auctionsim.objectives.goals import of_all

Array = NDArray[np.float64]

STIFFNESS = 20.0
"""k, fitness per relative violation squared: a violation of 0.1 costs 0.1, and one more in a hundred 0.02 more."""


@dataclass(frozen=True, eq=False)
class Multipliers:
    """One for every constraint, at least 0."""

    cpc: Array
    """`[advertisers]`."""
    roi: Array
    """`[advertisers]`."""
    profit: Array
    """`[advertisers]`."""
    self_bidders: Array
    """`[1]`."""
    revenue: Array
    """`[1]`."""

    @classmethod
    def start(cls, n_advertisers: int) -> Multipliers:
        """All 0."""
        return cls.of(np.zeros(3 * n_advertisers + 2))

    @classmethod
    def of(cls, vector: Array) -> Multipliers:
        """Those that `vector` gave."""
        n = (len(vector) - 2) // 3
        return cls(vector[:n], vector[n : 2 * n], vector[2 * n : 3 * n], vector[3 * n : 3 * n + 1], vector[3 * n + 1 :])

    @property
    def vector(self) -> Array:
        """All in one, `[3 * advertisers + 2]`."""
        return np.concatenate([self.cpc, self.roi, self.profit, self.self_bidders, self.revenue])

    def own_cost(self, found: Violations) -> Array:
        """Cost of each advertiser's own constraints, `[advertisers, P]`."""
        return cost(found.cpc, self.cpc[:, None]) + cost(found.roi, self.roi[:, None])

    def common_cost(self, found: Violations) -> Array:
        """Cost of the floors on advertisers' profits, mean over advertisers, and on the self-bidders' profit: `[P]`."""
        return of_all(cost(found.profit, self.profit[:, None])) / len(found.profit) + cost(
            found.self_bidders, self.self_bidders
        )

    def after(self, violation: Array, rate: float) -> Multipliers:
        """The multipliers after a generation with these mean violations, `[3 * advertisers + 2]` in the order of `vector`."""
        return Multipliers.of(np.maximum(self.vector + rate * STIFFNESS * violation, 0.0))


def cost(violation: Array, multiplier: Array) -> Array:
    """What a violation costs; below 0, down to minus m^2 / 2k, where there is slack."""
    return (np.maximum(multiplier + STIFFNESS * violation, 0.0) ** 2 - multiplier**2) / (2 * STIFFNESS)
