"""Charge violated constraints, and score a whole day: the fitness that learners climb and that rewards add up to.

A price says what a violation costs: `penalty` with `learner.constraint = "penalty"`, learned multipliers (`multipliers.py`)
with `"lagrangian"`, and in an environment's rewards a shape that is finite (`penalties.py`). Who pays is the constraint's own:
its owner, or everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.objectives.base import Constraint
from auctionsim.objectives.constraints import constraints_in
from auctionsim.objectives.goals import Goals, of_all, pooled, running_score
from auctionsim.scenario import LearnerSection

Array = NDArray[np.float64]
Violations = Mapping[str, Array]
"""Relative violation of each constraint, by key: `[advertisers, P]`, or `[P]` for one on several advertisers together."""
Price = Callable[[Constraint, Array], Array]
"""Function of a constraint and its violations: their cost, fitness units, in the violations' shape."""
REWARD_LIMIT = 1e12
"""The most that `reward_charge` charges for one day, fitness units; its square is still a number in 32 bits."""


def violations(totals: Array, goals: Goals, keys: Iterable[str] | None = None) -> dict[str, Array]:
    """Measure how far a day's totals violate constraints.

    Args:
        totals: The day's totals, `[advertisers, 5, P]`.
        goals: The goals.
        keys: Keys of the constraints; None for all that the goals have a limit for.
    """
    asked = constraints_in(goals.limits if keys is None else keys)
    return {one.key: one.violation(totals, goals.limits[one.key], goals) for one in asked}


def penalty(violation: Array, base: float) -> Array:
    """Return `base^violation - 1` for a violation above 0, else 0 (the shape of USCB, KDD 2021, section 4)."""
    with np.errstate(over="ignore"):
        # Beyond the largest number it is infinite, which ranks last as it should.
        return arithmetic.power(base, np.maximum(violation, 0.0)) - 1.0


def penalty_price(settings: LearnerSection) -> Price:
    """Return the price of `learner.penalty`: the same for all constraints."""
    return lambda _, violation: penalty(violation, settings.penalty)


def own_charge(found: Violations, price: Price) -> Array:
    """Add up what each advertiser pays alone for its own constraints, `[advertisers, P]`."""
    return _added(price(one, found[one.key]) for one in constraints_in(found) if one.charged == "owner")


def common_charge(found: Violations, price: Price) -> Array:
    """Add up what everybody pays alike, `[P]`: of a constraint on each advertiser, the mean over advertisers."""
    return _added(
        of_all(price(one, found[one.key])) / len(found[one.key]) if one.is_each else price(one, found[one.key])
        for one in constraints_in(found)
        if one.charged == "all"
    )


def movable_charge(found: Violations, price: Price, payers: NDArray[np.int64], share: float) -> Array:
    """Return the part of the common charge that each payer can move, `[payers, P]`: the local credit of constraints.

    Of the mean over advertisers it is one's own violation in full, that of another payer by the share of the other's auctions
    in which one takes part, and that of an advertiser who pays nothing in full, since nobody else answers for it. With 500
    advertisers of whom 8 meet in an auction, a floor of another costs 7/499 of what it costs its owner: what one cannot move
    is noise. Where everybody is in every auction the share is 1, and this is the common charge.

    Args:
        found: The violations.
        price: Price of a violation.
        payers: Indices of the advertisers that are charged, the learners.
        share: Share of an advertiser's auctions in which another one takes part, on average, in [0, 1].
    """
    return _added(
        _movable_mean(price(one, found[one.key]), payers, share) if one.is_each else price(one, found[one.key])
        for one in constraints_in(found)
        if one.charged == "all"
    )


def charge(found: Violations, price: Price, goals: Goals) -> Array:
    """Return all that violations cost, `[advertisers, P]`: each advertiser's own and, alike for all, the common ones.

    A member of an agency answers for the constraints of all members.
    """
    return pooled(own_charge(found, price), goals) + common_charge(found, price)


def day_charge(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Return all penalties of a whole day, `[advertisers, P]`."""
    return charge(violations(totals, goals), penalty_price(settings), goals)


def reward_charge(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Return the penalties that the policy gradients inside charge, `[advertisers, P]`: `day_charge`, but no more than a limit.

    A violation is relative, and `base^violation` has no bound. On a day with sampled outcomes the baseline's profit may be next
    to nothing: an advertiser that loses 12 where the baseline earned 0.01 misses its floor by 1,200 times, and 20^1200 is no
    number. Up to `REWARD_LIMIT` the rewards of a day add up to its fitness; beyond it they stay numbers that a network of 32
    bits can hold and square. Ranks, as evolution strategies use them, need no limit.
    """
    return np.minimum(day_charge(totals, goals, settings), REWARD_LIMIT)


def day_score(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Return the fitness of every advertiser for a whole day, `[advertisers, P]` (docs/macg.md, our reconstruction).

    With the goals of training and `learner.constraint = "penalty"` it is what `macg-es` climbs.
    """
    return running_score(totals, goals, settings) - day_charge(totals, goals, settings)


def _movable_mean(cost: Array, payers: NDArray[np.int64], share: float) -> Array:
    """Average what violations cost `[advertisers, P]`, each weighted by how far a payer can move it: `[payers, P]`."""
    is_payer = np.zeros((len(cost), 1), dtype=bool)
    is_payer[payers] = True
    of_payers, of_others = of_all(np.where(is_payer, cost, 0.0)), of_all(np.where(is_payer, 0.0, cost))
    # Sums alone, and no 0 times what a penalty without bound may be: infinity less infinity is no number.
    alike = of_others + share * of_payers if share > 0 else of_others
    total: Array = (1 - share) * cost[payers] + alike if share < 1 else np.tile(alike, (len(payers), 1))
    return total / len(cost)


def _added(charges: Iterable[Array]) -> Array:
    """Sum charges in the order of the table of constraints."""
    total: Array = reduce(np.add, charges)
    return total
