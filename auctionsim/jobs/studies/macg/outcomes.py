"""Measure outcomes of the MACG study: ratios to the baseline, amounts in currency, and bounds on what can be reached."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import CLICKS, COST, GMV
from auctionsim.bounds.oracle import lp_bound
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.objectives.goals import Goals, day_totals, global_profit, objective_vector, own_score
from auctionsim.objectives.relative import mean_of_defined, relative_objectives
from auctionsim.scenario import Scenario

Array = NDArray[np.float64]

DAY_REVENUE = "revenue on day "
"""The beginning of the name of a day's revenue; the day follows."""
WITHOUT_RATIO = "learners without a ratio"
"""The number of learners whose baseline brings nothing of what they ask for, or less; left out where it is 0."""
_SLACK = 0.02
"""A CPC cap counts as exceeded if the cost per click is more than this share above it."""


def measures(market: Market, days: Sequence[int], by_day: Array, judged: Scenario) -> dict[str, float]:
    """Measure an outcome, as ratios to the baseline unless said otherwise.

    `revenue`, `profit` and `gmv` are of the whole market, `self_profit` of the self-bidders; `objective` is the mean over
    learners of the weighted objective as a ratio to the baseline, `objective: GROUP` that of a group, and `worst` the smallest,
    all over learners that have such a ratio (`relative_objectives`; `learners without a ratio` counts the others);
    `total_objective` is of sums over learners (`total_objective`), and `weighted` the mean over days of what the bound bounds.
    `caps_exceeded` is the share of learners with a CPC cap that pay more than 2 % above it, and `cpc_excess` how far the worst
    is above its cap. `revenue on day D` is that of one day; `profit a day` and `revenue a day` are in currency.

    Args:
        market: The market.
        days: The days of the outcome.
        by_day: The totals of each day, `[days, advertisers, 5]`.
        judged: The scenario whose weights of own objectives and of total profit count in `weighted`.
    """
    totals, baseline = by_day.sum(axis=0), sum(day_totals(market.baseline[day])[:, :, 0] for day in days)
    assert isinstance(baseline, np.ndarray)
    own, usual = (objective_vector(sums[:, :, None])[:, :, 0] for sums in (totals, baseline))
    goals = [goals_of(market, day) for day in days]
    weights = goals[0].weights[:, :, 0]
    objective = relative_objectives(totals, baseline, weights)
    learners, bystanders = market.learners, np.flatnonzero(~market.is_controlled)
    profit, usual_profit = own[:, 3], usual[:, 3]
    found = {
        "revenue": totals[:, COST].sum() / baseline[:, COST].sum(),
        "profit": profit.sum() / usual_profit.sum(),
        "gmv": totals[:, GMV].sum() / baseline[:, GMV].sum(),
        "objective": mean_of_defined(objective[learners]),
        "total_objective": total_objective(own[learners], usual[learners], weights[learners]),
        "weighted": weighted_objective(goals, by_day, learners, judged),
        "worst": np.fmin.reduce(objective[learners]),
        "profit a day": profit.sum() / len(days),
        "revenue a day": totals[:, COST].sum() / len(days),
    }
    for day, sums in zip(days, by_day, strict=True):
        found[f"{DAY_REVENUE}{day}"] = sums[:, COST].sum() / day_totals(market.baseline[day])[:, COST, 0].sum()
    for name in dict.fromkeys(market.groups[i].group for i in learners):
        found[f"objective: {name}"] = mean_of_defined(objective[[i for i in learners if market.groups[i].group == name]])
    without = int(np.isnan(objective[learners]).sum())
    if without:
        found[WITHOUT_RATIO] = float(without)
    if len(bystanders):
        found["self_profit"] = profit[bystanders].sum() / usual_profit[bystanders].sum()
    caps = np.stack([day.limits["cpc_cap"][:, 0] for day in goals])
    capped = learners[np.isfinite(caps[:, learners]).all(axis=0)]
    if len(capped):
        # Caps differ by day, so the allowed cost is summed by day: caps of 0.2 and 0.3 on days of 10 and 20 clicks allow 8.
        allowed = sum(day_caps[capped] * sums[capped, CLICKS] for day_caps, sums in zip(caps, by_day, strict=True))
        over = totals[capped, COST] / np.maximum(allowed, 1e-12) - 1
        found |= {"caps_exceeded": float((over > _SLACK).mean()), "cpc_excess": float(over.max())}
    return found


def total_objective(own: Array, usual: Array, weights: Array) -> float:
    """Return the learners' objectives in sum as a ratio to the baseline's sum, NaN where that is not above 0.

    Clicks, conversions, GMV and profit have units of their own, so each has its ratio of sums, and the ratios are averaged by
    the learners' weights. With two learners of equal weight for clicks, of 30 and 10 clicks over a baseline of 10 and 10, it is
    40 / 20 = 2, as is the mean of their ratios; with 30 and 10 over 20 and 10 it is 1.33, the mean of the ratios 1.25.

    Args:
        own: Objectives of the learners, `[learners, 4]`.
        usual: The baseline's.
        weights: Weights of each learner's objectives.
    """
    asked = weights.sum(axis=0) > 0
    reached, before = ((weights * one).sum(axis=0)[asked] for one in (own, usual))
    if not (before > 0).all():
        return float("nan")
    share = weights.sum(axis=0)[asked] / weights.sum()
    return float((share * reached / before).sum())


def weighted_objective(goals: Sequence[Goals], by_day: Array, learners: NDArray[np.int64], judged: Scenario) -> float:
    """Return the mean over days of own_weight / n x own objectives + global_weight x total profit, which `lp_bound` bounds."""
    of_days = []
    for day, sums in zip(goals, by_day, strict=True):
        own = own_score(sums[:, :, None], day, judged.learner)[learners].sum()
        of_days.append(own + judged.learner.global_weight * float(global_profit(sums[:, :, None], day)[0]))
    return float(np.mean(of_days))


def bound_measures(market: Market, days: Sequence[int]) -> dict[str, float]:
    """Return upper bounds on `weighted` and, by a program of its own, on `profit` under the scenario's constraints.

    Nothing where no bids keep the constraints on one of the days.
    """
    found = {}
    weighted = [lp_bound(market, day) for day in days]
    if all(bound.status == "optimal" for bound in weighted):
        found["weighted"] = float(np.mean([bound.value for bound in weighted]))
    bounds = [lp_bound(market, day, own_weight=0.0, global_weight=1.0) for day in days]
    baseline = [day_totals(market.baseline[day])[:, :, 0] for day in days]
    profits = [float((sums[:, GMV] - sums[:, COST]).sum()) for sums in baseline]
    if all(bound.status == "optimal" for bound in bounds):
        # A bound's value is the total profit as a ratio to the baseline's of that day.
        found["profit"] = sum(b.value * p for b, p in zip(bounds, profits, strict=True)) / sum(profits)
    return found
