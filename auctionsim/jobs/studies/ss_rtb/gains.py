"""Measure one arm of the SS-RTB study: train it, and evaluate it on both days, cost-matched to keyword bids.

PUR_AMT and COST are the paper's names: the purchase amount (GMV) and the cost; KB are the keyword bids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Arrays, iterate
from auctionsim.agents.learners.ss_rtb.rmdp import Rmdp
from auctionsim.agents.policies.base import Policy
from auctionsim.agents.policies.cost_matched import cost_matched
from auctionsim.agents.policies.keyword_bids import keyword_bids, keyword_cost
from auctionsim.auction.outcome import Outcome
from auctionsim.jobs.studies.ss_rtb.rules import RULES
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Scenario

Array = NDArray[np.float64]
Row = tuple[str, str, float]
Point = tuple[str, float, float]

GRADIENT_STEPS, TARGET_COPIES = "gradient_steps", "target_copies"
_LAST: dict[tuple[str, int], Market] = {}

PolicyOn = Callable[[Market], Policy]
"""The trained policy for a market that is measured: the same training, the day with realised or with expected rates."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained arm: its market, its policy, and its learning curves."""

    market: Market
    policy_on: PolicyOn
    curves: list[Point] = field(default_factory=list)
    counts: list[Row] = field(default_factory=list)
    """Rows of what the training took: gradient steps and target copies."""


def fit_rule(scenario: Scenario, seed: int, arm: str) -> Trained:
    """Fit a rule of `rules.RULES` to the first training day, as its purchases were drawn."""
    market = market_of(scenario, seed)
    policy = RULES[arm](market, scenario.traffic.train_days[0])
    return Trained(market, lambda _: policy)


def train_q(scenario: Scenario, seed: int) -> Trained:
    """Train a Q-learner in this process.

    Its curves are the loss, and the greedy policy's gain on the training day. Counted are the gradient steps of each agent's
    network, and the iterations in which its target network changed.
    """
    market = market_of(scenario, seed)
    learner = Rmdp(scenario, scenario.learner.dqn)
    state: Arrays = learner.start(market)
    curves: list[Point] = []
    copies = 0
    for iteration in range(scenario.train.iterations):
        before = state["target-weight-0"]
        state, logged = iterate(learner, market, state)
        copies += not np.array_equal(before, state["target-weight-0"])
        curves += [
            ("loss", iteration + 1.0, logged["loss"]),
            ("gain", iteration + 1.0, logged["greedy_gmv_ratio"] / logged["greedy_cost_ratio"] - 1),
        ]
    steps = scenario.train.iterations * scenario.learner.dqn.gradient_steps
    counts = [("train", GRADIENT_STEPS, float(steps)), ("train", TARGET_COPIES, float(copies))]
    return Trained(market, lambda measured: learner.policy(market, state, measured), curves, counts)


def market_of(scenario: Scenario, seed: int) -> Market:
    """Return the market of a scenario and a seed; the last one is kept, since arms follow each other in the same market."""
    key = (scenario.model_dump_json(), seed)
    if key not in _LAST:
        _LAST.clear()
        _LAST[key] = build_market(scenario, seed)
    return _LAST[key]


def gains(trained: Trained, *, pooled: bool = False) -> Iterator[Row]:
    """Yield the gains over keyword bids on the first training and the first test day, at the cost of keyword bids.

    Gains are fractions of 1. Purchases count with their expectation; in metrics with `_realised`, as they were drawn.

    - `gain`: PUR_AMT / COST divided by that of keyword bids, minus 1, mean over ads; `gain NAME`: of one ad; `gain_all`: of
      the sums over ads.
    - `cost_ratio`: COST / COST_KB of all ads together; `cost_unscaled`: the same before bids are scaled to match the cost.
    - `cost_error`: the largest |COST / COST_KB - 1| of an ad; if pooled, that of the sum over ads.

    Args:
        trained: The trained arm.
        pooled: True to match the cost of all ads together by one factor, False to match each ad's cost.
    """
    section = trained.market.scenario.traffic
    for split, day in (("train", section.train_days[0]), ("test", section.test_days[0])):
        for suffix, market in (("", trained.market.in_expectation()), ("_realised", trained.market.with_realized_rates())):
            yield from _gains_of_day(market, day, trained.policy_on(market), split, suffix, pooled=pooled)


def _gains_of_day(market: Market, day: int, policy: Policy, split: str, suffix: str, *, pooled: bool) -> Iterator[Row]:
    free = market.without_budgets()
    base = _sums(market, free.outcome(day, keyword_bids(market).theta))
    unscaled = _sums(market, simulate_day(free, day, policy).outcome)
    match = cost_matched(market, day, policy, keyword_cost(market, day), pooled=pooled)
    own = _sums(market, simulate_day(free, day, match.policy).outcome)
    # The ratio is undefined for an ad that wins nothing.
    is_defined = (own > 0).all(axis=0) & (base > 0).all(axis=0)
    ratio = (own[0, is_defined] / own[1, is_defined]) / (base[0, is_defined] / base[1, is_defined]) - 1
    together = own.sum(axis=1) / base.sum(axis=1)
    if len(ratio):
        yield split, f"gain{suffix}", float(ratio.mean())
    yield split, f"gain_all{suffix}", float(together[0] / together[1] - 1)
    yield split, f"cost_ratio{suffix}", float(together[1])
    yield split, f"cost_error{suffix}", float(match.error.max())
    yield split, f"cost_unscaled{suffix}", float(unscaled[1].sum() / base[1].sum())
    if not pooled:
        for who, gain in zip(market.learners[is_defined], ratio, strict=True):
            yield split, f"gain{suffix} {market.advertisers[who]}", float(gain)


def _sums(market: Market, outcome: Outcome) -> Array:
    """Return the GMV and cost of the controlled advertisers over the day, `[2, learners]`."""
    return np.stack([amount[:, market.learners, 0].sum(axis=0) for amount in (outcome.gmv, outcome.cost)])
