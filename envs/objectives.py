"""Objectives and soft constraints of advertisers and platform, as functions of a day's totals.

Arrays have the policy axis last, so a whole population is scored at once. A day's totals are
`[advertisers, 5, P]`: impressions, clicks, conversions, gmv, cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.engine import CLICKS, CONVERSIONS, COST, GMV
from auctionsim.market.replay import Outcome
from auctionsim.market.setup import Market
from auctionsim.scenario import LearnerSection, Objective, reference_share

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


def penalty(violation: Array, base: float) -> Array:
    """`base^violation - 1` for a relative violation at least 0 (the shape of USCB, KDD 2021, section 4)."""
    return np.power(base, np.maximum(violation, 0.0)) - 1.0


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
    ppc_cap: Array
    """Currency per click `[advertisers, D]`, infinite where there is none."""
    roi_floor: Array
    """`[advertisers, D]`, minus infinity where there is none."""
    profit_floor: Array
    """Currency `[advertisers, D]`, minus infinity where there is none."""


_OF_THE_DAY = ("scales", "profit_scale", "revenue_scale", "revenue_floor", "ppc_cap", "roi_floor", "profit_floor")


def goals_of(market: Market, day: int) -> Goals:
    """The goals of a day, relative to the reference policy on the same day."""
    reference = day_totals(market.reference[day])
    objectives = objective_vector(reference)[:, :, 0]
    cost, clicks, gmv = reference[:, COST, 0], reference[:, CLICKS, 0], reference[:, GMV, 0]
    groups = market.groups
    floors = np.array([group.profit_floor for group in groups])
    return Goals(
        weights=np.array([[[group.objectives.get(name, 0.0)] for name in OBJECTIVES] for group in groups]),
        scales=_scales(objectives)[:, :, None],
        profit_scale=np.maximum(np.abs(objectives[:, 3].sum(keepdims=True)), 1e-12),
        revenue_scale=np.maximum(cost.sum(keepdims=True), 1e-12),
        revenue_floor=market.scenario.platform.revenue_floor * cost.sum(keepdims=True),
        ppc_cap=np.array(
            [[_level(group.ppc_cap, ppc, np.inf)] for group, ppc in zip(groups, _ratio(cost, clicks), strict=True)]
        ),
        roi_floor=np.array(
            [[_level(group.roi_floor, roi, -np.inf)] for group, roi in zip(groups, _ratio(gmv - cost, cost), strict=True)]
        ),
        profit_floor=np.where(floors > 0, floors * objectives[:, 3], -np.inf)[:, None],
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


def revenue_shortfall(totals: Array, goals: Goals) -> Array:
    """How far revenue stays under the platform's floor, relative to it: `[P]`, 0 where it is kept."""
    floor = goals.revenue_floor
    return np.where(floor > 0, np.maximum(1.0 - of_all(totals[:, COST]) / np.where(floor > 0, floor, 1.0), 0.0), 0.0)


def ppc_excess(totals: Array, goals: Goals) -> Array:
    """How far the price per click is over its cap, relative to it: `[advertisers, P]`."""
    ppc = _ratio(totals[:, COST], totals[:, CLICKS])
    return np.maximum(ppc / goals.ppc_cap - 1.0, 0.0)


def roi_shortfall(totals: Array, goals: Goals) -> Array:
    """How far gmv / cost stays under 1 + the ROI floor, relative to it: `[advertisers, P]`."""
    asked = np.maximum(1.0 + goals.roi_floor, 0.0) * totals[:, COST]
    return np.where(asked > 0, np.maximum(1.0 - totals[:, GMV] / np.where(asked > 0, asked, 1.0), 0.0), 0.0)


def profit_shortfall(totals: Array, goals: Goals) -> Array:
    """How far profit stays under its floor, relative to the reference's profit: `[advertisers, P]`."""
    floor = goals.profit_floor
    profit = totals[:, GMV] - totals[:, COST]
    short = np.where(np.isfinite(floor), floor - profit, 0.0) / np.abs(goals.scales[:, 3])
    return np.maximum(short, 0.0)


def own_score(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """The own term of the fitness, `[advertisers, P]`.

    Divided by the number of advertisers, so that with own_weight = global_weight = 1 a unit of an average advertiser's own
    profit counts twice as much as one of another's.
    """
    return settings.own_weight / totals.shape[0] * own_objective(totals, goals)


def own_penalty(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Penalties of each advertiser's own soft constraints for a whole day, `[advertisers, P]`."""
    violations = (ppc_excess(totals, goals), roi_shortfall(totals, goals))
    return sum((penalty(violation, settings.penalty) for violation in violations), np.zeros_like(totals[:, 0]))


def common_penalty(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Penalties of the floors on advertisers' profits for a whole day, mean over advertisers, `[P]`.

    Everybody is charged for everybody's shortfall. Charged to its own advertiser alone, a shortfall is answered by a higher
    bid, which takes profit from the rivals, who answer likewise: training ends in the competitive outcome.
    """
    return of_all(penalty(profit_shortfall(totals, goals), settings.penalty)) / totals.shape[0]


def running_score(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Own and global terms so far, `[advertisers, P]`; they add up over hours."""
    return own_score(totals, goals, settings) + settings.global_weight * global_profit(totals, goals)


def day_penalty(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """All penalties of a whole day, `[advertisers, P]`: each advertiser's own and, alike for all, the common ones."""
    common = common_penalty(totals, goals, settings) + penalty(revenue_shortfall(totals, goals), settings.penalty)
    return own_penalty(totals, goals, settings) + common


def day_score(totals: Array, goals: Goals, settings: LearnerSection) -> Array:
    """Fitness of every advertiser for a whole day, `[advertisers, P]` (docs/macg.md, our reconstruction)."""
    return running_score(totals, goals, settings) - day_penalty(totals, goals, settings)


def _scales(objectives: Array) -> Array:
    """The reference's objectives; an advertiser that won nothing is measured by the mean of the others."""
    size = np.abs(objectives)
    return np.where(size > 0, size, np.maximum(size.mean(axis=0), 1e-12))


def _ratio(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _level(level: float | str | None, reference: float, absent: float) -> float:
    share = reference_share(level)
    if share is not None:
        return share * reference
    return absent if level is None else float(level)
