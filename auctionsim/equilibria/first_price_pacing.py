"""Solve first-price pacing equilibria: every bidder scales its values by one multiplier, and goods go to the highest bids.

In a first-price pacing equilibrium (FPPE) each good is sold at the highest bid `multiplier x value` to bidders who make it, no
budget is exceeded, and a multiplier is 1 unless its budget is spent. It exists, and its prices are unique (Conitzer, Kroer,
Panigrahi, Schrijvers, Sodomka, Stier-Moses and Wilkens, arXiv 1811.07166). The multipliers minimize the dual of a quasi-linear
Eisenberg-Gale program, `sum_j max_i multiplier_i v_ij - sum_i budget_i log multiplier_i` over multipliers in (0, 1]; the primal
is `sum_i budget_i log u_i - d_i` with `u_i = sum_j v_ij x_ij + d_i`. An interior point method finds both, and the distance of
the two values is a proof of how far any figure can be from the equilibrium: no figure rests on the method having converged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arithmetic.linear import solve_positive_definite, symmetric_product
from auctionsim.equilibria.inputs import checked_market

Array = NDArray[np.float64]

_STEPS = 200
"""Newton steps at most; markets of 500 bidders take about 40."""
_SHRINK = 0.1
"""Factor of the barrier's weight from one step to the next, where the step before was a long one."""
_ENOUGH = 1e-15
"""Gap at which the method ends, in units of the market's size."""
_LONG = 0.99
"""Share of the way to the boundary that a step may go."""


@dataclass(frozen=True, eq=False)
class FirstPricePacing:
    """A first-price pacing equilibrium, with the proof of its precision."""

    prices: Array
    """Price of each good, `[goods]`, in currency: the highest bid."""
    multipliers: Array
    """Pacing multiplier of each bidder, in (0, 1], `[bidders]`."""
    allocation: Array
    """Share of each good that each bidder gets, in [0, 1], `[bidders, goods]`."""
    values: Array
    """Value of each good to each bidder, `[bidders, goods]`, in currency."""
    budgets: Array
    """Budget of each bidder, `[bidders]`, in currency; infinity for none."""
    gap: float
    """Upper bound on the distance of the program's value from its optimum, >= 0, in currency."""

    @property
    def revenue(self) -> float:
        """Return the sum of all prices, in currency."""
        return float(self.prices.sum())

    @property
    def spend(self) -> Array:
        """Return what each bidder pays, `[bidders]`, in currency."""
        return np.asarray(arithmetic.dot(self.allocation, self.prices))

    @property
    def utilities(self) -> Array:
        """Return the value that each bidder gets less what it pays, `[bidders]`, in currency."""
        return np.asarray(arithmetic.dot(self.allocation, self.values)) - self.spend

    @property
    def welfare(self) -> float:
        """Return the value that all bidders get, in currency."""
        return float((self.allocation * self.values).sum())

    @property
    def multiplier_error(self) -> Array:
        """Return how far each multiplier can be from the equilibrium's, `[bidders]`.

        The program's curvature in a multiplier is >= the budget, so its distance from the optimum is <= sqrt(2 gap / budget).
        """
        return np.minimum(1.0, np.sqrt(2 * self.gap / _effective(self.values, self.budgets)))


def fppe(values: Any, budgets: Any) -> FirstPricePacing:
    """Return the first-price pacing equilibrium of a market.

    Args:
        values: The value of each good to each bidder, finite and >= 0, `[bidders, goods]`, in currency.
        budgets: The budget of each bidder, > 0, `[bidders]`, in currency; infinity for none.

    Raises:
        InputError: Values or budgets are of another shape or out of range.
    """
    values, budgets = checked_market(values, budgets)
    size = float(values.max(axis=0).sum())
    multipliers, allocation = np.ones(len(values)), np.zeros(values.shape)
    wanted = values.max(axis=0) > 0
    takes_part = values.max(axis=1) > 0
    if size > 0:
        inside = np.ix_(takes_part, wanted)
        # Beyond the value of everything a budget means nothing; so every one is finite, and the program well scaled.
        scaled, money = values[inside] / size, _effective(values, budgets)[takes_part] / size
        found, shares = _interior_point(scaled, money)
        multipliers[takes_part], allocation[inside] = found, shares
    prices = (multipliers[:, np.newaxis] * values).max(axis=0)
    gap = duality_gap(values, budgets, multipliers, allocation)
    return FirstPricePacing(prices, multipliers, allocation, values, budgets, gap)


def duality_gap(values: Array, budgets: Array, multipliers: Array, allocation: Array) -> float:
    """Return how far the program's value at some multipliers can be from its optimum, >= 0, in currency.

    Any multipliers in (0, 1] bound the optimum from one side, any allocation from the other.

    Args:
        values: The value of each good to each bidder, `[bidders, goods]`.
        budgets: The budget of each bidder, > 0, `[bidders]`.
        multipliers: The multipliers, in (0, 1], `[bidders]`.
        allocation: The shares of each good that each bidder gets, >= 0, `[bidders, goods]`, with sums over bidders <= 1.
    """
    money = _effective(values, budgets)
    got = np.asarray(arithmetic.dot(allocation, values))
    # What is left over of a budget is worth itself: it enters as utility and leaves as cost.
    utility = np.maximum(got, money)
    prices = (multipliers[:, np.newaxis] * values).max(axis=0)
    # Of each bidder: budget x (t - 1 - log t) with t = multiplier x utility / budget, which loses no digit where t is near 1.
    ratio = multipliers * utility / money
    curved = money * np.asarray(_log_excess(ratio))
    linear = float(prices.sum()) - float((multipliers * got).sum()) + float(((1 - multipliers) * (utility - got)).sum())
    return max(0.0, linear + float(curved.sum()))


def _log_excess(ratio: Array) -> Array:
    """Return t - 1 - log t, >= 0, elementwise."""
    t = ratio - 1
    return np.maximum(0.0, t - np.asarray(arithmetic.log1p(t)))


def _effective(values: Array, budgets: Array) -> Array:
    """Return budgets cut to what a bidder could ever spend: the value to it of all goods; a token 1 where that is 0."""
    everything = values.sum(axis=1)
    return np.where(everything > 0, np.minimum(budgets, 2 * everything), np.minimum(budgets, 1.0))


def _interior_point(values: Array, budgets: Array) -> tuple[Array, Array]:
    """Return multipliers `[bidders]` and an allocation `[bidders, goods]`; every bidder and every good has a value > 0.

    The dual's constraints are `price_j >= multiplier_i v_ij`, with the shares x_ij as multipliers of their own, and
    `multiplier_i <= 1`, with the unspent money d_i. Newton's steps go along the central path x s = d t = weight; goods are
    eliminated, so that a step solves one system of the size of the bidders.
    """
    n, m = values.shape
    pays = values > 0
    multiplier = np.full(n, 0.5)
    price = (multiplier[:, np.newaxis] * values).max(axis=0) * 1.5
    share = np.where(pays, 1 / (n + 1), 0.0)
    slack = np.where(pays, price - multiplier[:, np.newaxis] * values, 1.0)
    left, room = budgets.copy(), 1 - multiplier
    weight = 1 / (n * m)
    best, best_gap = (multiplier, share), np.inf
    for _ in range(_STEPS):
        try:
            d_multiplier, d_price = _newton(values, budgets, pays, multiplier, slack, share, room, left, weight)
        except ValueError:
            # Rounding has used up the matrix's digits: the best so far is as near as doubles come, and its gap says how near.
            break
        d_slack = np.where(pays, d_price - values * d_multiplier[:, np.newaxis], 0.0)
        d_share = np.where(pays, (weight - share * d_slack) / slack - share, 0.0)
        d_left = (weight + left * d_multiplier) / room - left
        dual = min(_reach(slack, d_slack), _reach(room, -d_multiplier), _reach(multiplier, d_multiplier))
        primal = min(_reach(share, d_share), _reach(left, d_left))
        # Slack and room go along by themselves: as differences of numbers nearly equal they would lose all digits.
        multiplier, slack, room = multiplier + dual * d_multiplier, slack + dual * d_slack, room - dual * d_multiplier
        share, left = share + primal * d_share, left + primal * d_left
        # Every good has a price, so all of it is sold; rounding alone leaves the shares' sum beside 1.
        feasible = share / share.sum(axis=0)
        gap = duality_gap(values, budgets, np.minimum(multiplier, 1.0), feasible)
        if gap < best_gap:
            best, best_gap = (np.minimum(multiplier, 1.0), feasible), gap
        if best_gap < _ENOUGH or weight < 1e-22:
            break
        step = min(dual, primal)
        weight *= _SHRINK if step > 0.5 else 1 - 0.5 * step
    return best


def _newton(
    values: Array, budgets: Array, pays: NDArray[np.bool_], multiplier: Array, slack: Array, share: Array, room: Array,
    left: Array, weight: float,
) -> tuple[Array, Array]:  # fmt: skip
    """Return the step of multipliers and of prices towards the point of the central path with a weight."""
    stiff, pull = np.where(pays, share / slack, 0.0), np.where(pays, weight / slack, 0.0)
    of_good, total = stiff.sum(axis=0), pull.sum(axis=0)
    cross = values * stiff
    part = cross / of_good
    # Where one bidder holds a good, its own terms are equal but for the others': these are added up, not subtracted.
    rest, rest_pull = _of_others(stiff), _of_others(pull)
    matrix = -symmetric_product(part, cross.T)
    own = budgets / (multiplier * multiplier) + left / room + (values * part * rest).sum(axis=1)
    matrix[np.diag_indices(len(own))] = own
    drawn = (values * pull * (rest / of_good) - part * rest_pull).sum(axis=1)
    right = budgets / multiplier - weight / room - drawn - part.sum(axis=1)
    d_multiplier = solve_positive_definite(matrix, right)
    d_price = (total - 1 + (cross * d_multiplier[:, np.newaxis]).sum(axis=0)) / of_good
    return d_multiplier, d_price


def _of_others(numbers: Array) -> Array:
    """Return the sum over all other rows, `[rows, columns]`, of numbers >= 0, without subtracting a large one from its like."""
    largest = numbers.argmax(axis=0)[np.newaxis]
    small = numbers.copy()
    np.put_along_axis(small, largest, 0.0, axis=0)
    rest = numbers.sum(axis=0) - small
    np.put_along_axis(rest, largest, small.sum(axis=0)[np.newaxis], axis=0)
    return rest


def _reach(now: Array, step: Array) -> float:
    """Return the length <= 1 of a step after which every number is still > 0."""
    shrinks = step < 0
    return min(1.0, _LONG * float((-now[shrinks] / step[shrinks]).min())) if shrinks.any() else 1.0
