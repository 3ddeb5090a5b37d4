"""Measure objectives of advertisers and platform as functions of a day's totals.

Arrays have the policy axis last, so a whole population is scored at once. A day's totals are
`[advertisers, 5, P]`: impressions, clicks, conversions, gmv, cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV, Outcome
from auctionsim.scenario import LearnerSection, Objective

Array = NDArray[np.float64]

OBJECTIVES: tuple[Objective, ...] = ("clicks", "conversions", "gmv", "profit")
"""The components of the reward vector, in this order."""


def day_totals(outcome: Outcome) -> Array:
    """Add up a day's hours to totals `[advertisers, 5, P]`."""
    hourly = (outcome.impressions, outcome.clicks, outcome.conversions, outcome.gmv, outcome.cost)
    return np.stack([array.sum(axis=0) for array in hourly], axis=1)


def objective_vector(totals: Array) -> Array:
    """Return clicks, conversions, GMV and profit (GMV less cost), `[advertisers, 4, P]`."""
    profit = totals[:, GMV] - totals[:, COST]
    return np.stack([totals[:, CLICKS], totals[:, CONVERSIONS], totals[:, GMV], profit], axis=1)


def of_all(amounts: Array) -> Array:
    """Sum `[advertisers, P]` over advertisers in their order, to `[P]`.

    numpy sums a single column in another order than one of several, so that the last bit would depend on the policies beside.
    """
    total: Array = np.add.accumulate(amounts, axis=0)[-1]
    return total


@dataclass(frozen=True, eq=False)
class Goals:
    """What a market asks for on a day: weights, scales and limits, resolved to numbers.

    D is 1 where all policies are scored by the same day, else the number of policies, each with a day of its own.
    """

    weights: Array
    """Objective weights `[advertisers, 4, 1]`."""
    scales: Array
    """The baseline's objectives `[advertisers, 4, D]`, by which objectives are divided; never 0."""
    profit_scale: Array
    """The baseline's total profit, currency `[D]`."""
    revenue_scale: Array
    """The baseline's revenue, currency `[D]`."""
    is_self_bidding: NDArray[np.bool_]
    """Whether no learner controls the advertiser, `[advertisers]`."""
    self_bidder_profit: Array
    """The baseline's profit of all self-bidding advertisers, currency `[D]`."""
    limits: Mapping[str, Array]
    """Limit of each constraint by its key: `[advertisers, D]`, or `[D]` where it is on several advertisers together."""
    agencies: tuple[NDArray[np.int64], ...] = ()
    """Indices of the members of each agency, `[members]`."""

    def with_limits(self, **limits: Array) -> Goals:
        """Return the same goals with other limits of some constraints, by key."""
        return replace(self, limits={**self.limits, **limits})


def goals_of_policies(goals: Sequence[Goals], day: NDArray[np.int64]) -> Goals:
    """Return the goals of policies on days of their own: of `goals[day[p]]` for policy p."""

    def by_policy(arrays: Iterable[Array]) -> Array:
        return np.concatenate(list(arrays), axis=-1)[..., day]

    return replace(
        goals[0],
        scales=by_policy(one.scales for one in goals),
        profit_scale=by_policy(one.profit_scale for one in goals),
        revenue_scale=by_policy(one.revenue_scale for one in goals),
        self_bidder_profit=by_policy(one.self_bidder_profit for one in goals),
        limits={key: by_policy(one.limits[key] for one in goals) for key in goals[0].limits},
    )


def own_objective(totals: Array, goals: Goals) -> Array:
    """Return each advertiser's weighted objectives over the baseline's, `[advertisers, P]`; at the baseline, its weights.

    A member of an agency has the agency's: the sum over members, each over the members' mean at the baseline, so that a unit of
    currency is worth as much whoever earns it.
    """
    if not goals.agencies:
        return (goals.weights * objective_vector(totals) / goals.scales).sum(axis=1)
    return pooled((goals.weights * objective_vector(totals) / common_scales(goals)).sum(axis=1), goals)


def common_scales(goals: Goals) -> Array:
    """Return the scales of objectives, `[advertisers, 4, D]`, those of an agency's members being their mean."""
    scales = goals.scales.copy()
    for members in goals.agencies:
        scales[members] = of_all(scales[members]) / len(members)
    return scales


def pooled(amounts: Array, goals: Goals) -> Array:
    """Return amounts `[advertisers, P]` with an agency's sum in the place of each of its members."""
    if not goals.agencies:
        return amounts
    found = amounts.copy()
    for members in goals.agencies:
        found[members] = of_all(amounts[members])
    return found


def summed_rates(goals: Goals, counted: NDArray[np.bool_]) -> Array:
    """Return how much a unit of each objective adds to the sum of some advertisers' own objectives, `[advertisers, 4, D]`.

    Args:
        goals: The goals.
        counted: Whether an advertiser's own objective is in the sum, `[advertisers]`.
    """
    times = counted.astype(np.float64)
    for members in goals.agencies:
        times[members] = counted[members].sum()
    scales = common_scales(goals) if goals.agencies else goals.scales
    return np.where(times[:, None, None] > 0, times[:, None, None] * goals.weights / scales, 0.0)


def global_profit(totals: Array, goals: Goals) -> Array:
    """Return the profit of all advertisers, self-bidding ones too, over the baseline's: `[P]`, 1 at the baseline."""
    return of_all(totals[:, GMV] - totals[:, COST]) / goals.profit_scale


def own_score(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Return the own term of the fitness, `[advertisers, P]`.

    Divided by the number of advertisers, so that with own_weight = global_weight = 1 a unit of an average advertiser's own
    profit counts twice as much as one of another's.
    """
    return settings.own_weight / totals.shape[0] * own_objective(totals, goals)


def running_score(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Return own and global terms of the fitness, `[advertisers, P]`; those of hours add up to those of the day."""
    return own_score(totals, goals, settings) + settings.global_weight * global_profit(totals, goals)
