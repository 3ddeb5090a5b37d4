"""Measure how far bids are from best responses: near an equilibrium nobody gains much by bidding otherwise alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.analysis.economics.clearing import profit_at, sums_by

Array = NDArray[np.float64]

MULTIPLES = arithmetic.powers_of_two(-6, 6, 3)
"""The multiples of an advertiser's own bids that are tried."""
SHARES = np.linspace(0.02, 1.0, 50)
"""The shares of its values, from the reserve upwards, that are tried as bids."""
MOST_ADVERTISERS = 40
"""At most so many advertisers are asked: those with the most clicks at stake."""


def best_response_gains(auctions: Auctions) -> tuple[Array, Array]:
    """Return what each advertiser earns now and what it could gain alone, currency, `[advertisers]` each.

    Two families of bids are tried against frozen rivals: multiples of its own bids, and shares of its values. The gains are
    lower bounds. A deviation must fit the advertiser's budget: what costs more is scaled down to it. Advertisers beyond
    `MOST_ADVERTISERS` gain 0 here.
    """
    n, who = len(auctions.names), auctions.who
    now = auctions.outcome().profits(who, auctions.value, n)
    gain = np.zeros(n)
    score = np.where(auctions.is_in & (auctions.bid >= auctions.rules.reserve), auctions.quality * auctions.bid, 0.0)
    score = np.hstack([score, auctions.external[:, None]])
    worth = np.where(auctions.could_bid, auctions.value * auctions.clicks, 0.0)
    stake = sums_by(who, worth, n)
    n_days = len(np.unique(auctions.day))
    for i in np.argsort(-stake, kind="stable")[:MOST_ADVERTISERS]:
        # Whoever makes no bid could make one.
        row, column = np.nonzero((who == i) & auctions.could_bid)
        if not len(row):
            continue
        rivals = score[row]
        rivals[np.arange(len(row)), column] = 0.0
        rivals = -np.sort(-rivals, axis=1)[:, : len(auctions.rules.slot_effect)]
        if rivals.shape[1] < len(auctions.rules.slot_effect):
            rivals = np.pad(rivals, ((0, 0), (0, len(auctions.rules.slot_effect) - rivals.shape[1])))
        own = [array[row, column] for array in (auctions.bid, auctions.quality, auctions.value, auctions.clicks)]
        bid, quality, value, clicks = own
        above = np.maximum(value - auctions.rules.reserve, 0.0)
        by_share = np.where(above[:, None] > 0, auctions.rules.reserve + above[:, None] * SHARES, 0.0)
        tries = np.hstack([bid[:, None] * MULTIPLES, by_share])
        profit, cost = profit_at(tries, quality, value, clicks, rivals, auctions.rules)
        # A budget caps the deviation too; one that costs twice the budget earns about half.
        limit = auctions.budgets[i] * n_days
        profit *= np.divide(limit, cost, out=np.ones_like(cost), where=cost > limit)
        gain[i] = max(0.0, float(profit.max()) - now[i])
    return now, gain
