"""One arm of the SS-RTB study: trained on the training day, measured on both days at the cost of keyword bids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Arrays, iterate
from auctionsim.agents.learners.ss_rtb.rmdp import Rmdp
from auctionsim.agents.policies.base import Policy
from auctionsim.agents.policies.cost_matched import match_cost
from auctionsim.agents.policies.keyword_bids import keyword_bids, keyword_cost, linear, linear_alpha
from auctionsim.auction.outcome import Outcome
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Scenario

Array = NDArray[np.float64]
Row = tuple[str, str, float]
Point = tuple[str, float, float]

PolicyOn = Callable[[Market], Policy]
"""What bids on the days of a market: the same training, the day seen with its luck or in expectation."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A market and what bids on it."""

    market: Market
    policy_on: PolicyOn
    curves: list[Point]


def train_linear(scenario: Scenario, seed: int) -> Trained:
    """The constant alpha, fitted on the first training day with its luck."""
    market = build_market(scenario, seed)
    policy = linear(market, linear_alpha(market.with_fixed_draws(), scenario.traffic.train_days[0]))
    return Trained(market, lambda _: policy, [])


def train_q(scenario: Scenario, seed: int) -> Trained:
    """A Q-learner, serial; curves are the loss and what the greedy copy brings on the training day."""
    market = build_market(scenario, seed)
    learner = Rmdp(scenario)
    state: Arrays = learner.start(market)
    curves: list[Point] = []
    for iteration in range(scenario.train.iterations):
        state, logged = iterate(learner, market, state)
        curves += [
            ("loss", iteration + 1.0, logged["loss"]),
            ("gain", iteration + 1.0, logged["greedy_gmv_ratio"] / logged["greedy_cost_ratio"] - 1),
        ]
    return Trained(market, lambda measured: learner.policy(market, state, measured), curves)


def gains(trained: Trained, *, pooled: bool = False) -> Iterator[Row]:
    """Gains over keyword bids on the first training and test day, at equal cost; fractions of 1.

    Purchases count with their expectation; in metrics with `_realised` as luck had it.

    - `gain`: PUR_AMT / COST over keyword bids' less 1, mean over ads; `gain NAME` of one; `gain_all` of all ads' sums.
    - `cost_ratio`: COST / COST_KB of all ads; `cost_unscaled`: before bids are scaled.
    - `cost_error`: largest |COST / COST_KB - 1| of an ad, with `pooled` of their sum.
    """
    section = trained.market.scenario.traffic
    for split, day in (("train", section.train_days[0]), ("test", section.test_days[0])):
        for suffix, market in (("", trained.market.in_expectation()), ("_realised", trained.market.with_fixed_draws())):
            yield from _gains_of_day(market, day, trained.policy_on(market), split, suffix, pooled=pooled)


def _gains_of_day(market: Market, day: int, policy: Policy, split: str, suffix: str, *, pooled: bool) -> Iterator[Row]:
    free = market.without_budgets()
    base = _sums(market, free.outcome(day, keyword_bids(market).theta))
    unscaled = _sums(market, simulate_day(free, day, policy).outcome)
    match = match_cost(market, day, policy, keyword_cost(market, day), pooled=pooled)
    own = _sums(market, simulate_day(free, day, match.policy).outcome)
    # Undefined for an ad that wins nothing.
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
    """GMV and cost of the controlled advertisers over the day, `[2, learners]`."""
    return np.stack([amount[:, market.learners, 0].sum(axis=0) for amount in (outcome.gmv, outcome.cost)])
