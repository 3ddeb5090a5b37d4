"""Count constraints as costs, for learners with constraints of their own: Lagrangian and other methods of safe learning.

A constraint is a row of a linear program (`base.LinearRow`): what an hour adds to its left side, less an even share of its
right side, is the hour's cost. Costs of hours add up to those of the day, so a day keeps the constraint where its costs add up
to 0 or less: the constrained decision process of Altman (1999), with a limit of 0. A cost of 1 is a whole limit missed.

For example, a revenue floor of 120: an hour with a revenue of 3 costs 1/24 - 3/120 = 0.017, one with a revenue of 5 costs 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV
from auctionsim.objectives import constraints
from auctionsim.objectives.base import NO_CONSTRAINT, Constraint
from auctionsim.objectives.fitness import Violations
from auctionsim.objectives.goals import Goals, of_all

Array = NDArray[np.float64]

_AMOUNTS = (CLICKS, CONVERSIONS, GMV, COST)

COSTS: tuple[str, ...] = tuple(one.key for one in constraints.CONSTRAINTS)
"""Keys of all constraints, C, in the order of the last axis of costs, violations and limits."""


@dataclass(frozen=True, eq=False)
class CostRates:
    """Costs of an hour, per unit of its totals, in a market of n advertisers; D is 1 or the number of policies."""

    rates: Array
    """Cost per click, conversion, unit of GMV and unit of cost, `[C, 4, n, D]`; 0 where there is no constraint."""
    allowed: Array
    """Cost that an hour is allowed, which is taken off, `[C, n, D]`."""
    rated: Mapping[int, tuple[int, ...]]
    """Amounts that are rated, by the number of each constraint that there is: a step takes no time for others."""

    @classmethod
    def of(cls, goals: Goals, hours: int) -> CostRates:
        """Return the rates of one day's goals.

        Args:
            goals: The goals, D = 1.
            hours: Number of hours among which a day's allowance is split evenly.
        """
        n, table = len(goals.is_self_bidding), constraints.CONSTRAINTS
        rates, allowed = np.zeros((len(table), 4, n, 1)), np.zeros((len(table), n, 1))
        for i, one in enumerate(table):
            if one.key in goals.limits:
                rates[i, :, :, 0], day = _of_constraint(one, goals)
                allowed[i, :, 0] = day / hours
        rated = {i: tuple(np.flatnonzero(each.any(axis=(1, 2))).tolist()) for i, each in enumerate(rates)}
        return cls(rates, allowed, {i: amounts for i, amounts in rated.items() if amounts})

    @classmethod
    def of_policies(cls, found: Sequence[CostRates], day: NDArray[np.int64]) -> CostRates:
        """Return the rates of policies on days of their own: those of `found[day[p]]` for policy p."""
        rates, allowed = (np.concatenate(arrays, axis=-1)[..., day] for arrays in _columns(found))
        numbers = sorted({i for one in found for i in one.rated})
        rated = {i: tuple(sorted({amount for one in found for amount in one.rated.get(i, ())})) for i in numbers}
        return cls(rates, allowed, rated)

    def costs(self, totals: Array, advertisers: NDArray[np.int64]) -> Array:
        """Return the costs of an hour.

        Args:
            totals: The hour's totals of all advertisers, `[n, 5, P]`.
            advertisers: Indices of the advertisers whose costs are asked for, A.

        Returns:
            Costs by agent, `[P, A, C]`; those of a limit on several advertisers together are the same for all of them.
        """
        found = np.zeros((totals.shape[2], len(advertisers), len(self.rates)), like=totals)
        for i, rated in self.rated.items():
            one = constraints.CONSTRAINTS[i]
            chosen = advertisers if one.is_each else slice(None)
            added = reduce(np.add, (self.rates[i, amount][chosen] * totals[chosen, _AMOUNTS[amount]] for amount in rated))
            each = added if one.is_each else of_all(added)
            found[:, :, i] = (each - self.allowed[i][advertisers]).T
        return found


def binding(goals: Goals) -> tuple[str, ...]:
    """Return the keys of the constraints that bind anybody."""
    asked = constraints.constraints_in(goals.limits)
    return tuple(one.key for one in asked if one.is_set(goals.limits[one.key]).any())


def limits_of(goals: Goals, advertisers: NDArray[np.int64], n_policies: int) -> Array:
    """Return limits by agent, each in its own unit, `[P, A, C]`; infinite where there is none (see `Constraint.absent`)."""
    shape = (len(advertisers), n_policies)
    return _by_agent(lambda one: goals.limits.get(one.key, one.absent), advertisers, shape)


def violations_of(found: Violations, advertisers: NDArray[np.int64], n_policies: int) -> Array:
    """Return violations by agent, `[P, A, C]`; `NO_CONSTRAINT` where there is none.

    Args:
        found: Violations by key, of `fitness.violations`.
        advertisers: Indices of the advertisers whose violations are asked for, A.
        n_policies: P.
    """
    shape = (len(advertisers), n_policies)
    return _by_agent(lambda one: found.get(one.key, NO_CONSTRAINT), advertisers, shape)


def _of_constraint(one: Constraint, goals: Goals) -> tuple[Array, Array]:
    """Return one constraint's rates `[4, n]` and what a day is allowed `[n]`, over the unit in which it is relative."""
    n, limit = len(goals.is_self_bidding), goals.limits[one.key]
    limit = limit[:, 0] if one.is_each else limit
    is_set, unit = one.is_set(limit), one.unit(limit, goals)
    row = one.row(np.where(is_set, limit, 0.0), goals.is_self_bidding)
    unit = np.where(is_set & (unit > 0), unit, np.inf)
    return row.coefficients(n) / unit, np.broadcast_to(row.right / unit, n)


def _by_agent(values: Callable[[Constraint], Array | float], advertisers: NDArray[np.int64], shape: tuple[int, int]) -> Array:
    """Lay the constraints' numbers side by side, `[P, A, C]`, of `[n, D]` or `[D]` each."""
    laid_out = np.empty((shape[1], shape[0], len(constraints.CONSTRAINTS)), like=advertisers)
    for i, one in enumerate(constraints.CONSTRAINTS):
        numbers = values(one)
        chosen = numbers[advertisers] if one.is_each and not isinstance(numbers, float) else numbers
        # Numbers are `[A, D]` or `[D]`, so that the transpose has the policies first.
        laid_out[:, :, i] = chosen if isinstance(chosen, float) else chosen.T if one.is_each else chosen[:, None]
    return laid_out


def _columns(found: Sequence[CostRates]) -> tuple[list[Array], list[Array]]:
    return [one.rates for one in found], [one.allowed for one in found]
