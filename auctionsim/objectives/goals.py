"""Objectives of advertisers and platform, as functions of a day's totals.

Arrays have the policy axis last, so a whole population is scored at once. A day's totals are
`[advertisers, 5, P]`: impressions, clicks, conversions, gmv, cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.engine import CLICKS, CONVERSIONS, COST, GMV
from auctionsim.auction.outcome import Outcome
from auctionsim.scenario import LearnerSection, Objective

Array = NDArray[np.float64]

OBJECTIVES: tuple[Objective, ...] = ("clicks", "conversions", "gmv", "profit")
"""The components of the reward vector, in this order."""


def day_totals(outcome: Outcome) -> Array:
    """A day's totals `[advertisers, 5, P]` from its hours."""
    hourly = (outcome.impressions, outcome.clicks, outcome.conversions, outcome.gmv, outcome.cost)
    return np.stack([array.sum(axis=0) for array in hourly], axis=1)


def objective_vector(totals: Array) -> Array:
    """Clicks, conversions, GMV and profit (GMV less cost): `[advertisers, 4, P]`."""
    profit = totals[:, GMV] - totals[:, COST]
    return np.stack([totals[:, CLICKS], totals[:, CONVERSIONS], totals[:, GMV], profit], axis=1)


def of_all(amounts: Array) -> Array:
    """The sum over advertisers, `[P]` of `[advertisers, P]`, in their order.

    numpy sums a single column in another order than one of several, so that the last bit would depend on the policies beside.
    """
    total: Array = np.add.accumulate(amounts, axis=0)[-1]
    return total


@dataclass(frozen=True, eq=False)
class Goals:
    """What a market asks for: weights, scales and limits, resolved to numbers.

    D is 1 where all policies are scored by the same day, else the number of policies, each with a day of its own.
    """

    weights: Array
    """Objective weights `[advertisers, 4, 1]`."""
    scales: Array
    """The reference's objectives `[advertisers, 4, D]`, by which objectives are divided; never 0."""
    profit_scale: Array
    """The reference's total profit, currency `[D]`."""
    revenue_scale: Array
    """The reference's revenue, currency `[D]`."""
    revenue_floor: Array
    """Currency `[D]`; 0 turns it off."""
    cpc_cap: Array
    """Currency per click `[advertisers, D]`, infinite where there is none."""
    roi_floor: Array
    """`[advertisers, D]`, minus infinity where there is none."""
    profit_floor: Array
    """Currency `[advertisers, D]`, minus infinity where there is none."""
    is_self_bidding: NDArray[np.bool_]
    """Whether nobody here controls the advertiser, `[advertisers]`."""
    self_bidder_profit: Array
    """The reference's profit of all self-bidding advertisers, currency `[D]`."""
    self_bidder_floor: Array
    """On their profit together, currency `[D]`, minus infinity where there is none."""


_OF_THE_DAY = (
    "scales",
    "profit_scale",
    "revenue_scale",
    "revenue_floor",
    "cpc_cap",
    "roi_floor",
    "profit_floor",
    "self_bidder_profit",
    "self_bidder_floor",
)


def goals_of_policies(goals: Sequence[Goals], day: NDArray[np.int64]) -> Goals:
    """The goals of policies on days of their own: of `goals[day[p]]` for policy p."""
    by_day = {name: [getattr(one, name) for one in goals] for name in _OF_THE_DAY}
    return replace(goals[0], **{name: np.concatenate(arrays, axis=-1)[..., day] for name, arrays in by_day.items()})


def own_objective(totals: Array, goals: Goals) -> Array:
    """Each advertiser's weighted objectives over the reference's: `[advertisers, P]`, weight at the reference."""
    return (goals.weights * objective_vector(totals) / goals.scales).sum(axis=1)


def global_profit(totals: Array, goals: Goals) -> Array:
    """Profit of all advertisers, self-bidding ones too, over the reference's: `[P]`, 1 at the reference."""
    return of_all(totals[:, GMV] - totals[:, COST]) / goals.profit_scale


def own_score(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """The own term of the fitness, `[advertisers, P]`.

    Divided by the number of advertisers, so that with own_weight = global_weight = 1 a unit of an average advertiser's own
    profit counts twice as much as one of another's.
    """
    return settings.own_weight / totals.shape[0] * own_objective(totals, goals)


def running_score(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Own and global terms so far, `[advertisers, P]`; they add up over hours."""
    return own_score(totals, goals, settings) + settings.global_weight * global_profit(totals, goals)


def ratio(above: Array, below: Array) -> Array:
    """Above over below, 0 where below is 0."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
