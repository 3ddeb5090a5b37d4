"""Price soft constraints by Lagrange multipliers: the method of multipliers (Nocedal and Wright 2006, ch. 17).

A constraint with violation v and multiplier m costs `(max(0, m + k v)^2 - m^2) / 2k`: at the constraint its slope is m, which
grows while the constraint is violated and falls while there is slack. The quadratic part damps what a bare multiplier
would overshoot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError
from auctionsim.objectives.base import Constraint
from auctionsim.objectives.constraints import constraints_in, constraints_of
from auctionsim.scenario import Scenario

Array = NDArray[np.float64]

STIFFNESS = 20.0
"""k, fitness per relative violation squared: a violation of 0.1 costs 0.1, and one more in a hundred 0.02 more."""


@dataclass(frozen=True, eq=False)
class Multipliers:
    """One multiplier for each constraint of a scenario, >= 0."""

    by_key: Mapping[str, Array]
    """By the constraint's key: `[advertisers]`, or `[1]` where it is on several advertisers together."""

    @classmethod
    def start(cls, scenario: Scenario) -> Multipliers:
        """Return multipliers of 0, before anything is learned."""
        n = _advertisers(scenario)
        return cls({one.key: np.zeros(one.size(n)) for one in constraints_of(scenario)})

    @classmethod
    def of(cls, vector: Array, scenario: Scenario) -> Multipliers:
        """Return the multipliers that `vector` gave."""
        return cls(unflatten(vector, constraints_of(scenario), _advertisers(scenario)))

    @property
    def vector(self) -> Array:
        """All in one array, as a learner's state holds them."""
        return flatten(self.by_key)

    def price(self, constraint: Constraint, violation: Array) -> Array:
        """Return what violations of a constraint cost; see `fitness.Price`."""
        multiplier = self.by_key[constraint.key]
        return cost(violation, multiplier[:, None] if constraint.is_each else multiplier)

    def after(self, violation: Mapping[str, Array], rate: float) -> Multipliers:
        """Return the multipliers after a generation with these mean violations, in the multipliers' shapes."""
        step = rate * STIFFNESS
        return Multipliers({key: np.maximum(one + step * violation[key], 0.0) for key, one in self.by_key.items()})


def cost(violation: Array, multiplier: Array) -> Array:
    """Return what a violation costs; below 0, down to minus m^2 / 2k, where there is slack."""
    return (np.square(np.maximum(multiplier + STIFFNESS * violation, 0.0)) - np.square(multiplier)) / (2 * STIFFNESS)


def flatten(by_key: Mapping[str, Array]) -> Array:
    """Lay the constraints' arrays one after the other, in the table's order."""
    return np.concatenate([by_key[one.key] for one in constraints_in(by_key)])


def unflatten(vector: Array, constraints: tuple[Constraint, ...], n_advertisers: int) -> dict[str, Array]:
    """Cut a vector into the arrays that `flatten` laid one after the other.

    With 2 advertisers, a CPC cap and a revenue floor, `[1, 2, 3]` becomes `{"cpc_cap": [1, 2], "revenue_floor": [3]}`.

    Raises:
        InputError: The vector has another length.
    """
    ends = np.cumsum([one.size(n_advertisers) for one in constraints])
    if len(vector) != ends[-1]:
        raise InputError(f"multipliers: expected {ends[-1]} numbers, got {len(vector)}")
    return {one.key: part for one, part in zip(constraints, np.split(vector, ends[:-1]), strict=True)}


def _advertisers(scenario: Scenario) -> int:
    return sum(group.count for group in scenario.advertisers)
