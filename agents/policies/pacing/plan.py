"""What several controllers share: how a budget is to be spent over the day, and bids that hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market

Array = NDArray[np.float64]


def hourly_share(market: Market, who: NDArray[np.int64]) -> Array:
    """Each hour's share of what is left of a day, `[24, n]`: its auctions over those from it to midnight, on training days."""
    days = market.scenario.traffic.train_days
    auctions = sum((market.hourly_auctions(day)[:, who] for day in days), np.zeros((24, len(who))))
    to_come = np.cumsum(auctions[::-1], axis=0)[::-1]
    return np.divide(auctions, to_come, out=np.ones_like(auctions), where=to_come > 0)


def overspent(cost: Array, planned: Array) -> Array:
    """What an hour cost over what was planned, less 1, `[n, P]`; 0 without a budget, and where nothing was planned."""
    planned = np.broadcast_to(planned, cost.shape)
    is_planned = np.isfinite(planned) & (planned > 0)
    return np.divide(cost, planned, out=np.ones_like(cost), where=is_planned) - 1.0


def bid_by(**coefficients: Array) -> Array:
    """Coefficients over all features, `[n, 4, P]`, from those of some, each `[n, P]`; 0 elsewhere."""
    theta = np.zeros((*next(iter(coefficients.values())).shape, len(FEATURES)))
    for name, values in coefficients.items():
        theta[:, :, FEATURES.index(name)] = values
    return theta.transpose(0, 2, 1)
