"""Cost-matched evaluation: scale a method's bids until a day costs what it costs under keyword bids (docs/ss-rtb.md).

The day's cost is all that is taken from the day that is measured. The scale multiplies all bids of an advertiser (or, `pooled`,
of all controlled advertisers alike) all day, and the policy sees the spending that its scaled bids bring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.base import Policy, Scaled
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]

_ROUNDS = 30
_TOLERANCE = 0.008
# Cost grows about with the square of the scale: more auctions are won, at higher prices.
_ELASTICITY, _ELASTICITY_RANGE = 2.5, (0.5, 20.0)
_GROW, _SHRINK = 1.6, 0.92
_LARGEST_STEP = 0.5


@dataclass(frozen=True, eq=False)
class CostMatched:
    """A policy scaled to a given cost."""

    policy: Scaled
    """The policy with its bids scaled."""
    error: Array
    """Relative error |cost / wanted - 1| of each controlled advertiser, `[learners]`; with `pooled`, of all together."""

    __repr__ = short_repr


def cost_matched(market: Market, day: int, policy: Policy, wanted: Array, *, pooled: bool = False) -> CostMatched:
    """Scale a policy's bids until the day costs `wanted`.

    Each round replays the day and moves all scales at once, each by its gap in log cost over an elasticity. The elasticity
    grows when the gap changes sign and shrinks while it does not. For example, an advertiser that costs 20 % too little, with
    the elasticity 2.5, bids exp(0.22 / 2.5) = 1.09 times as much in the next round. No slope is estimated, since advertisers
    that meet change each other's costs, and discrete actions make cost jump a little. The best round counts: of each advertiser
    where they never meet, of all together where they do.

    Args:
        market: The market; its budgets are not applied.
        day: The day that is measured.
        policy: The policy that bids.
        wanted: Wanted cost of each controlled advertiser, currency `[learners]`.
        pooled: Whether all share one scale, matched to the sum of their costs.

    Returns:
        The scaled policy and its relative error in cost.
    """
    free, learners = market.without_budgets(), market.learners
    is_joint = pooled or market.learners_meet
    goal = arithmetic.log(np.maximum(wanted.sum() if pooled else wanted, 1e-12)) * np.ones(len(learners))
    log_scale, elasticity = np.zeros(len(learners)), np.full(len(learners), _ELASTICITY)
    best, best_error = log_scale, np.full(len(learners), np.inf)
    gap_before: Array | None = None
    for _ in range(_ROUNDS):
        outcome = simulate_day(free, day, Scaled(policy, _factor(market, log_scale))).outcome
        cost = outcome.cost[:, learners, 0].sum(axis=0)
        gap = goal - arithmetic.log(np.maximum(cost.sum() if pooled else cost, 1e-12))
        error = np.abs(arithmetic.expm1(-gap))
        is_better = np.full(len(gap), error.max() < best_error.max()) if is_joint else error < best_error
        best, best_error = np.where(is_better, log_scale, best), np.where(is_better, error, best_error)
        if best_error.max() < _TOLERANCE:
            break
        if gap_before is not None:
            elasticity = np.clip(elasticity * np.where(gap * gap_before < 0, _GROW, _SHRINK), *_ELASTICITY_RANGE)
        gap_before = gap
        log_scale = log_scale + np.clip(gap / elasticity, -_LARGEST_STEP, _LARGEST_STEP)
    return CostMatched(Scaled(policy, _factor(market, best)), best_error)


def _factor(market: Market, log_scale: Array) -> Array:
    """Return the factor on each advertiser's bids, 1 for those that nobody controls, `[advertisers]`."""
    factor = np.ones(len(market.advertisers))
    factor[market.learners] = arithmetic.exp(log_scale)
    return factor
