"""Make a market with budgets whose first-price pacing equilibrium is known, and measure bids on it.

Every hour each good is sold once to the bidders, at first price and without a reserve. A bidder knows its values of all
goods, and its budget of the day is 24 times the one that the equilibrium is solved for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import DayPolicy, DayState, Policy
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.equilibria import FirstPricePacing, fppe
from auctionsim.jobs.studies.learners_and_equilibria.auctions import START, TEST_DAY
from auctionsim.market.market import Market
from auctionsim.market.simulate import Trajectory, simulate_day
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS, Traffic

Array = NDArray[np.float64]

BIDDERS, GOODS = 6, 10
GRID = 40
"""Multipliers that a best response is looked for among, evenly from 1 / GRID up to 1."""
_VALUE = FEATURES.index("value")


def pacing_equilibrium(seed: int) -> FirstPricePacing:
    """Return the equilibrium of values from U[0, 1] and budgets of a sixth of each bidder's value of everything."""
    values = stream(seed, "learners-and-equilibria-goods").random((BIDDERS, GOODS))
    return fppe(values, values.sum(axis=1) / BIDDERS)


def pacing_traffic(equilibrium: FirstPricePacing, *, are_bids: bool = False) -> Traffic:
    """Return a training and a test day, which are alike.

    Args:
        equilibrium: The equilibrium of the market.
        are_bids: Whether the keyword bids are the equilibrium's; else they are where learners start.
    """
    n, goods = equilibrium.values.shape
    cells = 2 * HOURS * goods
    value = np.tile(equilibrium.values.T, (2 * HOURS, 1))
    keyword_bid = value * (equilibrium.multipliers if are_bids else START)
    ones = np.ones(cells * n)
    return Traffic(
        advertisers=tuple(f"bidder_{k}" for k in range(n)),
        queries=tuple(f"good_{k}" for k in range(goods)),
        day=np.repeat([0, TEST_DAY], HOURS * goods),
        hour=np.tile(np.repeat(np.arange(HOURS), goods), 2),
        weight=np.ones(cells, dtype=np.int64),
        query=np.tile(np.arange(goods), 2 * HOURS),
        cell_start=np.arange(cells + 1) * n,
        advertiser=np.tile(np.arange(n), cells),
        pctr=ones,
        pcvr=value.ravel(),
        item_price=ones,
        keyword_bid=keyword_bid.ravel(),
        ctr=ones,
        cvr=value.ravel(),
        market_ecpm=np.zeros(cells),
        budgets=HOURS * equilibrium.budgets,
    )


def pacing_figures(equilibrium: FirstPricePacing, market: Market, policy: Policy) -> dict[str, float]:
    """Return how far a policy's bids are from the equilibrium's on the test day, and what they leave to gain.

    Returns:
        `l2`, the root mean squared difference of bids over goods and hours, mean over bidders; `revenue`, over the
        equilibrium's; `loss` and `worst`, the mean and the largest of `best_multiplier_gains`.
    """
    day = simulate_day(market, TEST_DAY, policy)
    rows = market.traffic.cell_slice(TEST_DAY)
    first = market.traffic.cell_start[rows.start]
    n, goods = equilibrium.values.shape
    # The goods of an hour are the same in every hour.
    phi = market.phi[first : first + n * goods].reshape(goods, n, -1)
    bids = (phi[np.newaxis] * day.coefficients[:, np.newaxis, :, :, 0]).sum(axis=-1)
    wanted = (equilibrium.multipliers[:, np.newaxis] * equilibrium.values).T
    squares = (bids - wanted) * (bids - wanted)
    gains = best_multiplier_gains(market, day)
    return {
        "l2": float(np.sqrt(squares.mean(axis=(0, 1))).mean()),
        "revenue": float(day.outcome.cost.sum() / HOURS / equilibrium.revenue),
        "loss": float(gains.mean()),
        "worst": float(gains.max()),
    }


def best_multiplier_gains(market: Market, day: Trajectory) -> Array:
    """Return what each bidder's best multiplier of a grid earns more than its own bids, `[bidders]`.

    The multiplier is held all day while the others repeat their bids. The gain is a share of the bidder's value of everything.
    """
    grid = np.arange(1, GRID + 1) / GRID
    gains = np.zeros(len(market.advertisers))
    usual = day.outcome.profit[:, :, 0].sum(axis=0)
    worth = (market.hourly_features(TEST_DAY)[:, :, _VALUE] * market.hourly_auctions(TEST_DAY)).sum(axis=0)
    for bidder in range(len(gains)):
        earned = simulate_day(market, TEST_DAY, _Deviating(day, bidder, grid), n_policies=GRID).outcome.profit
        best = max(float(earned[:, bidder].sum(axis=0).max()), float(usual[bidder]))
        gains[bidder] = (best - usual[bidder]) / worth[bidder]
    return gains


class _Deviating:
    """Repeat the bids of a day, but for one bidder, who bids multiples of its values: one per copy."""

    def __init__(self, day: Trajectory, bidder: int, grid: Array) -> None:
        self._bids, self._bidder, self._grid = day.coefficients, bidder, grid

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (as many as multipliers)
        """Begin the day."""

        def act(state: DayState) -> Array:
            theta = np.repeat(self._bids[state.hour], len(self._grid), axis=2)
            theta[self._bidder] = 0.0
            theta[self._bidder, _VALUE] = self._grid
            return theta

        return DayPolicy(act)
