"""Equal cost: bids of each method are scaled until a day costs what it costs under keyword bids (docs/ss-rtb.md).

The only thing taken from the day that is measured is what it cost. The scale multiplies all bids of an advertiser (or,
`pooled`, of all controlled advertisers alike) all day, and the policy sees its own spending as it would have come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import Policy, Scaled
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day

Array = NDArray[np.float64]

_ROUNDS = 30
_TOLERANCE = 0.008
# Cost moves by about the square of the scale: more auctions are won, at higher prices.
_ELASTICITY, _ELASTICITY_RANGE = 2.5, (0.5, 20.0)
_MORE, _LESS = 1.6, 0.92
_LARGEST_STEP = 0.5


@dataclass(frozen=True, eq=False)
class Match:
    """A policy at equal cost."""

    policy: Scaled
    error: Array
    """|cost / wanted - 1| of each controlled advertiser; with `pooled`, of all together, the same for each."""


def match_cost(market: Market, day: int, policy: Policy, wanted: Array, *, pooled: bool = False) -> Match:
    """Scale a policy's bids until the day costs `wanted`.

    Rounds of replays move all scales at once, each by its gap in log cost over an elasticity, which grows when the gap changes
    sign and shrinks while it does not: no slope is asked for, since advertisers that meet move each other's costs, and a
    policy's discrete actions make cost jump a little. The best round counts: of each advertiser where they never meet, of
    all together where they do.

    Args:
        market: The market; its budgets are not applied.
        day: The day that is measured.
        policy: What bids.
        wanted: Cost of each controlled advertiser, currency `[learners]`.
        pooled: One scale for all, and their summed cost.

    Returns:
        The scaled policy and how closely its cost is met.
    """
    free, learners = market.without_budgets(), market.learners
    is_joint = pooled or market.learners_meet
    goal = np.log(np.maximum(wanted.sum() if pooled else wanted, 1e-12)) * np.ones(len(learners))
    log_scale, elasticity = np.zeros(len(learners)), np.full(len(learners), _ELASTICITY)
    best, best_error = log_scale, np.full(len(learners), np.inf)
    gap_before: Array | None = None
    for _ in range(_ROUNDS):
        outcome = simulate_day(free, day, Scaled(policy, _factor(market, log_scale))).outcome
        cost = outcome.cost[:, learners, 0].sum(axis=0)
        gap = goal - np.log(np.maximum(cost.sum() if pooled else cost, 1e-12))
        error = np.abs(np.expm1(-gap))
        is_better = np.full(len(gap), error.max() < best_error.max()) if is_joint else error < best_error
        best, best_error = np.where(is_better, log_scale, best), np.where(is_better, error, best_error)
        if best_error.max() < _TOLERANCE:
            break
        if gap_before is not None:
            elasticity = np.clip(elasticity * np.where(gap * gap_before < 0, _MORE, _LESS), *_ELASTICITY_RANGE)
        gap_before = gap
        log_scale = log_scale + np.clip(gap / elasticity, -_LARGEST_STEP, _LARGEST_STEP)
    return Match(Scaled(policy, _factor(market, best)), best_error)


def _factor(market: Market, log_scale: Array) -> Array:
    factor = np.ones(len(market.advertisers))
    factor[market.learners] = np.exp(log_scale)
    return factor
