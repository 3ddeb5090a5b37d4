"""Let advertisers react: each takes the multiple of its own bids that is best for it, in turn, until nobody moves.

Best-response dynamics need not settle: under first price and GSP they may go round in circles. So what is returned says whether
they did, and what somebody could still gain alone (exploitability, as in `analysis.economics.deviations`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.auction.day import run_day
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
from auctionsim.ratios import safe_ratios

Array = NDArray[np.float64]

STEPS = (2.0, 1.25, 1.06, 1.015)
"""Factors by which advertisers move, one after the other: the last says how finely bids are settled."""
MOST_ROUNDS = 12
"""Rounds with one factor, in each of which everybody may move once."""
_NEIGHBORS = (-3, -2, -1, 0, 1, 2, 3)
_WORTHWHILE = 1e-4
"""Share of its profit that somebody must gain to move."""
SETTLED = 1e-3
"""Exploitability up to which bids count as settled: so little that who goes round in circles gains nothing worth naming."""


@dataclass(frozen=True, eq=False)
class Settled:
    """Bids after everybody reacted, for P markets side by side."""

    multiplier: Array
    """Factor on everybody's own bids, `[advertisers, P]`; 1 for those who do not react."""
    is_settled: bool
    """Whether the exploitability of all P markets is at most `SETTLED`."""
    rounds: int
    """Rounds that were played, in each of which everybody could move once."""
    exploitability: Array
    """Gains of best responses from here, each alone, 1/32 to 32 times its bids, over all absolute profits, `[P]`."""

    __repr__ = short_repr

    def bids(self, own: Array) -> Array:
        """Return coefficients `[advertisers, 4, P]` from everybody's own bids `[advertisers, 4, 1]`."""
        return own * self.multiplier[:, None, :]


def settle(
    market: Market,
    days: Sequence[int],
    own: Array,
    who: NDArray[np.int64],
    *,
    start: Array | None = None,
    budgets: Array | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Settled:
    """Let advertisers react in turn until nobody moves.

    Args:
        market: The market.
        days: Days that they react to, summed over.
        own: Everybody's own bids, `[advertisers, 4, 1]`; NaN where a rule bids.
        who: Indices of the advertisers that react, `[n]`.
        start: Factors on the bids to start from, `[advertisers, P]`; all 1 with P = 1 where None.
        budgets: Daily budgets, currency, `[advertisers, P]`; the market's where None.
        progress: Function that is called after each round.
    """
    multiplier = np.ones((len(market.advertisers), 1)) if start is None else start.copy()
    limits = np.repeat(market.budgets[:, None], multiplier.shape[1], axis=1) if budgets is None else budgets
    rounds = 0
    for step in STEPS:
        factors = np.asarray(arithmetic.power(step, np.array(_NEIGHBORS, dtype=np.float64)))
        for _ in range(MOST_ROUNDS):
            has_moved = _play_round(market, days, own, who, multiplier, limits, factors)
            rounds += 1
            progress()
            if not has_moved:
                break
    left = _exploitability(market, days, own, who, multiplier, limits)
    return Settled(multiplier, bool((left <= SETTLED).all()), rounds, left)


def _play_round(
    market: Market,
    days: Sequence[int],
    own: Array,
    who: NDArray[np.int64],
    multiplier: Array,
    limits: Array,
    factors: Array,
) -> bool:
    """Let each advertiser move once, in place; returns whether anybody did."""
    has_moved, stay = False, int(np.flatnonzero(factors == 1.0)[0])
    for i in who.tolist():
        profit = _profits_at(market, days, own, i, multiplier, limits, factors)
        best = profit.argmax(axis=1)
        now, most = profit[:, stay], profit.max(axis=1)
        best = np.where(most - now > _WORTHWHILE * np.abs(now), best, stay)
        multiplier[i] *= factors[best]
        has_moved |= bool((best != stay).any())
    return has_moved


def _exploitability(
    market: Market, days: Sequence[int], own: Array, who: NDArray[np.int64], multiplier: Array, limits: Array
) -> Array:
    """Return the gains of the best deviation of each, over the sum of absolute profits, `[P]`."""
    factors = np.sort(np.append(arithmetic.powers_of_two(-5, 5, 4), 1.0))
    stay = int(np.flatnonzero(factors == 1.0)[0])
    gain, turnover = np.zeros(multiplier.shape[1]), np.zeros(multiplier.shape[1])
    for i in who.tolist():
        profit = _profits_at(market, days, own, i, multiplier, limits, factors)
        gain += profit.max(axis=1) - profit[:, stay]
        turnover += np.abs(profit[:, stay])
    return np.where(gain > 0, safe_ratios(gain, turnover, otherwise=np.inf), 0.0)


def _profits_at(
    market: Market, days: Sequence[int], own: Array, i: int, multiplier: Array, limits: Array, factors: Array
) -> Array:
    """Return an advertiser's profit at factors on its bids, the others' bids being as they are, `[P, factors]`."""
    n_markets, n_factors = multiplier.shape[1], len(factors)
    tried = np.repeat(multiplier, n_factors, axis=1)
    tried[i] *= np.tile(factors, n_markets)
    bids, budgets = own * tried[:, None, :], np.repeat(limits, n_factors, axis=1)
    profit = np.zeros(n_markets * n_factors)
    for day in days:
        outcome = run_day(market.day(day, len(profit), budgets=budgets), lambda _: bids)
        profit += outcome.profit[:, i].sum(axis=0)
    return profit.reshape(n_markets, n_factors)
