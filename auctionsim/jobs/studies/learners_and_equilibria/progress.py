"""Follow a learner through its training: the policy it has learned at several points, by the replays it took."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import iterate
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.traffic.given import with_traffic
from auctionsim.traffic.table import Traffic

POINTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the training after which bids are measured."""

Measure = Callable[[Market, Policy], dict[str, float]]
Rows = list[tuple[str, str, float]]
Curves = list[tuple[str, float, float]]


def measured(scenario: Scenario, traffic: Traffic, seed: int, measure: Measure) -> tuple[Rows, Curves]:
    """Train a learner, or take a rule, and measure its bids at every point.

    Returns:
        Rows (split, metric, value), a metric's name followed by `@` and the per cent of the training; and curves (metric,
        replays of the training day, value). A rule has one point, the end.
    """
    rows: Rows = []
    curves: Curves = []
    for share, replays, market, policy in _policies(scenario, traffic, seed):
        for name, value in measure(market, policy).items():
            rows.append(("test", f"{name}@{round(100 * share)}", value))
            curves.append((name, float(replays), value))
    return rows, curves


def _policies(scenario: Scenario, traffic: Traffic, seed: int) -> Iterator[tuple[float, int, Market, Policy]]:
    """Yield the share of the training that is done, replays of the training day, the market and the policy."""
    market = build_market(with_traffic(scenario, traffic), seed)
    if not len(market.learners):
        yield 1.0, 0, market, Constant(market.fixed[:, :, np.newaxis])
        return
    learner = make_learner(market.scenario)
    state, last, done = learner.start(market), scenario.train.iterations, 0
    for share in POINTS:
        while done < round(share * last):
            state, _ = iterate(learner, market, state)
            done += 1
        yield share, done * learner.replays_per_iteration(market), market, learner.policy(market, state)
