"""Measure one unit of the MACG study: train an arm on a seed, and compare its days with the baseline's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.base import iterate, trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.agents.policies.parameterization import learned_policy, start_parameters
from auctionsim.auction.outcome import CLICKS, COST, GMV
from auctionsim.bounds.oracle import lp_bound
from auctionsim.jobs.studies.base import Findings
from auctionsim.jobs.studies.macg.arms import Arm
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.goals import day_totals, objective_vector

Array = NDArray[np.float64]

_CURVE_EVERY = 5
"""Generations between points of a learning curve."""
_ALONE_GENERATIONS = 60
_SLACK = 0.02
"""A CPC cap counts as exceeded if the cost per click is more than this share above it."""


def measured(market: Market, arm: Arm) -> Findings:
    """Train an arm, and measure it on training and test days; the bound is measured on test days only."""
    days = {"train": market.scenario.traffic.train_days, "test": market.scenario.traffic.test_days}
    if arm.kind == "oracle-lp":
        return Findings(list(_bound_rows(market, days["test"], "test")))
    curves: list[tuple[str, float, float]] = []
    policy = _policy(market, arm, curves)
    return Findings([row for split, which in days.items() for row in _rows(market, policy, which, split)], curves)


def _policy(market: Market, arm: Arm, curves: list[tuple[str, float, float]]) -> Policy:
    if arm.kind == "static":
        theta = market.fixed[:, :, None].copy()
        theta[market.learners] = market.static(arm.name)[market.learners]
        return Constant(theta)
    if arm.kind == "alone":
        return _each_alone(market)
    learner = make_learner(market.scenario)
    state = learner.start(market)
    for iteration in range(market.scenario.train.iterations):
        state, logged = iterate(learner, market, state)
        if iteration % _CURVE_EVERY == 0:
            names = ("revenue_ratio", "profit_ratio", "revenue_multiplier")
            curves += [(name, float(iteration), logged[name]) for name in names if name in logged]
    return learner.policy(market, state)


def _each_alone(market: Market) -> Policy:
    """Train each learner by itself while all others bid by keyword, and return the policy in which all bid as they learned."""
    settings = market.scenario.learner
    parameters = start_parameters(market, settings)
    for k, who in enumerate(market.learners):
        others = np.setdiff1d(market.learners, [who])
        alone = market.under("manual", others)
        learner = make_learner(market.scenario)
        parameters[k] = trained(learner, alone, _ALONE_GENERATIONS)["mean"][0]
    return learned_policy(market, settings, parameters)


def _rows(market: Market, policy: Policy, days: Sequence[int], split: str) -> Iterator[tuple[str, str, float]]:
    """Yield the measures of a policy over all given days together; those that are not defined are left out."""
    totals = np.stack([day_totals(simulate_day(market, day, policy).outcome)[:, :, 0] for day in days])
    for name, value in measures(market, days, totals).items():
        if np.isfinite(value):
            yield split, name, float(value)


def measures(market: Market, days: Sequence[int], by_day: Array) -> dict[str, float]:
    """Measure an outcome as ratios to the baseline.

    `revenue`, `profit` and `gmv` are of the whole market, `self_profit` of the self-bidders; `objective` is the mean over
    learners of the weighted objective as a ratio to the baseline, `objective: GROUP` that of a group, and `worst` the smallest;
    `caps_exceeded` is the share of learners with a CPC cap that pay more than 2 % above it, and `cpc_excess` how far the worst
    is above its cap.

    Args:
        market: The market.
        days: The days of the outcome.
        by_day: The totals of each day, `[days, advertisers, 5]`.
    """
    totals, baseline = by_day.sum(axis=0), sum(day_totals(market.baseline[day])[:, :, 0] for day in days)
    assert isinstance(baseline, np.ndarray)
    own, usual = (objective_vector(sums[:, :, None])[:, :, 0] for sums in (totals, baseline))
    goals = [goals_of(market, day) for day in days]
    weights = goals[0].weights[:, :, 0]
    ratio = np.divide(own, usual, out=np.ones_like(own), where=usual != 0)
    objective = (weights * ratio).sum(axis=1) / weights.sum(axis=1)
    learners, bystanders = market.learners, np.flatnonzero(~market.is_controlled)
    profit, usual_profit = own[:, 3], usual[:, 3]
    found = {
        "revenue": totals[:, COST].sum() / baseline[:, COST].sum(),
        "profit": profit.sum() / usual_profit.sum(),
        "gmv": totals[:, GMV].sum() / baseline[:, GMV].sum(),
        "objective": objective[learners].mean(),
        "worst": objective[learners].min(),
    }
    for name in dict.fromkeys(market.groups[i].group for i in learners):
        found[f"objective: {name}"] = objective[[i for i in learners if market.groups[i].group == name]].mean()
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


def _bound_rows(market: Market, days: Sequence[int], split: str) -> Iterator[tuple[str, str, float]]:
    """Yield the upper bound on total profit under the scenario's floors, and its revenue, as ratios to the baseline."""
    bounds = [lp_bound(market, day, own_weight=0.0, global_weight=1.0) for day in days]
    baseline = [day_totals(market.baseline[day])[:, :, 0] for day in days]
    profits = [float((sums[:, GMV] - sums[:, COST]).sum()) for sums in baseline]
    if all(bound.status == "optimal" for bound in bounds):
        # A bound's value is the total profit as a ratio to the baseline's of that day.
        yield split, "profit", sum(b.value * p for b, p in zip(bounds, profits, strict=True)) / sum(profits)
        yield split, "revenue", sum(b.revenue for b in bounds) / sum(float(sums[:, COST].sum()) for sums in baseline)
