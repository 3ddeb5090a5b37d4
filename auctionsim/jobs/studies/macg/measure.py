"""Measure one unit of the MACG study: train an arm on a seed, and compare its days with the baseline's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from auctionsim.agents.learners.base import iterate
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.jobs.studies.base import Findings
from auctionsim.jobs.studies.macg.arms import Arm
from auctionsim.jobs.studies.macg.outcomes import bound_measures, measures
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.goals import day_totals
from auctionsim.scenario import Scenario

_CURVE_EVERY = 5
"""Generations between points of a learning curve."""
SECONDS = "seconds"
"""The metric of processor seconds of training, of which no two runs have the same."""


def measured(market: Market, arm: Arm, judged: Scenario) -> Findings:
    """Train an arm, and measure it on training and test days; the bound is measured on test days only.

    Args:
        market: The market of the arm's scenario.
        arm: The arm.
        judged: The scenario whose weights all arms are judged by.
    """
    days = {"train": market.scenario.traffic.train_days, "test": market.scenario.traffic.test_days}
    if arm.kind == "oracle-lp":
        return Findings([("test", *row) for row in bound_measures(market, days["test"]).items()])
    curves: list[tuple[str, float, float]] = []
    began = time.process_time()
    policy = _policy(market, arm, curves)
    seconds = time.process_time() - began
    rows = [row for split, which in days.items() for row in _rows(market, policy, which, split, judged)]
    return Findings([*rows, *([("train", SECONDS, seconds)] if arm.kind == "search" else [])], curves)


def _policy(market: Market, arm: Arm, curves: list[tuple[str, float, float]]) -> Policy:
    if arm.kind == "static":
        theta = market.fixed[:, :, None].copy()
        theta[market.learners] = market.static(arm.name)[market.learners]
        return Constant(theta)
    learner = make_learner(market.scenario)
    state = learner.start(market)
    for iteration in range(market.scenario.train.iterations):
        state, logged = iterate(learner, market, state)
        if iteration % _CURVE_EVERY == 0:
            names = ("revenue_ratio", "profit_ratio", "revenue_multiplier")
            curves += [(name, float(iteration), logged[name]) for name in names if name in logged]
    return learner.policy(market, state)


def _rows(
    market: Market, policy: Policy, days: Sequence[int], split: str, judged: Scenario
) -> Iterator[tuple[str, str, float]]:
    """Yield the measures of a policy over all given days together; those that are not defined are left out."""
    totals = np.stack([day_totals(simulate_day(market, day, policy).outcome)[:, :, 0] for day in days])
    for name, value in measures(market, days, totals, judged).items():
        if np.isfinite(value):
            yield split, name, float(value)
