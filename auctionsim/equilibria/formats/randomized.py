"""Find equilibria of two autobidders in auctions that draw the winner where bids are near each other.

At a ratio z of the own bid to the rival's the chance to win is 0 up to `1 / alpha`, 1 from alpha on, and between them
`(1 + log z / log alpha) / 2`. The winner pays its bid (rFPA), or each pays what makes truth the best reply (rTruth): with
rival bid y, `y (z - 1 / alpha) / (2 log alpha)` in expectation. Bidders maximize value under payments <= value. The price of
anarchy of rFPA(1.4) is at most 1.8; that of rTruth(alpha) is at least `1 + 2 log alpha / (alpha - 1 / alpha)`, 1.981 at 1.4
(Liaw, Mehta and Perlroth, Efficiency of non-truthful auctions under auto-bidding, 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic

Array = NDArray[np.float64]

_HALVINGS, _NEWTON_STEPS = 40, 5
_KEPT = 1e-5
"""Breach of a target that counts as none, relative to the best welfare: replies settle to about this."""
_LARGEST = 1e6
"""Largest factor on values that is tried."""


@dataclass(frozen=True, eq=False)
class RandomizedPair:
    """Two autobidders that meet in randomized auctions, one query each."""

    values: Array
    """Value of each query to each bidder in units of its target, >= 0, `[2, queries]`."""
    alpha: float
    """Ratio of bids from which the higher one wins for certain, > 1."""
    is_truthful: bool = False
    """True for rTruth, False for rFPA."""

    def chances(self, own: Array, rival: Array) -> Array:
        """Return a bidder's chance to win each query, in [0, 1]; two bids of 0 have half a chance each.

        Args:
            own: Its bids, >= 0, `[queries]`.
            rival: The other's bids, >= 0, `[queries]`.
        """
        both = (own > 0) & (rival > 0)
        ratio = np.where(both, own, 1.0) / np.where(both, rival, 1.0)
        inside = (1 + np.asarray(arithmetic.log(ratio)) / self._log_alpha) / 2
        alone = np.where(own > rival, 1.0, np.where(own < rival, 0.0, 0.5))
        return np.where(both, np.clip(inside, 0.0, 1.0), alone)

    def payments(self, own: Array, rival: Array) -> Array:
        """Return a bidder's expected payment for each query, `[queries]`; arguments as those of `chances`."""
        if not self.is_truthful:
            return own * self.chances(own, rival)
        above = np.clip(own, rival / self.alpha, rival * self.alpha) - rival / self.alpha
        return above / (2 * self._log_alpha)

    def slack(self, bids: Array, bidder: int) -> float:
        """Return a bidder's expected value less its expected payments; below 0 its target is broken.

        Args:
            bids: All bids, `[2, queries]`.
            bidder: The bidder, 0 or 1.
        """
        own, rival = bids[bidder], bids[1 - bidder]
        return self._value(bids, bidder) - float(self.payments(own, rival).sum())

    def reply(self, bids: Array, bidder: int) -> Array:
        """Return the bids of most value within a bidder's target while the other's stay, `[queries]`.

        They are those of the largest factor k at which the target is kept: in each query they maximize k times value less
        payment. With truthful payments that is the bid k x value.
        """
        low, high = 1.0, _LARGEST
        if self._slack_at(bids, bidder, high) >= 0:
            return self._bids_at(high, bids, bidder)
        for _ in range(_HALVINGS):
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if self._slack_at(bids, bidder, middle) >= 0 else (low, middle)
        return self._bids_at(low, bids, bidder)

    def exploitability(self, bids: Array) -> float:
        """Return the most that a bidder gains by other bids, >= 0, in value; infinity if a target is broken.

        Args:
            bids: All bids, `[2, queries]`.
        """
        close = _KEPT * self.optimum
        if min(self.slack(bids, bidder) for bidder in (0, 1)) < -close:
            return float(np.inf)
        replies = [_with(bids, bidder, self.reply(bids, bidder)) for bidder in (0, 1)]
        return max(0.0, *(self._value(reply, bidder) - self._value(bids, bidder) for bidder, reply in enumerate(replies)))

    def price_of_anarchy(self, bids: Array) -> float:
        """Return the best welfare over the expected one at some bids, >= 1."""
        return self.optimum / sum(self._value(bids, bidder) for bidder in (0, 1))

    @property
    def optimum(self) -> float:
        """Return the largest value that any allocation gives."""
        return float(self.values.max(axis=0).sum())

    @property
    def _log_alpha(self) -> float:
        return float(arithmetic.log(self.alpha))

    def _value(self, bids: Array, bidder: int) -> float:
        return float((self.chances(bids[bidder], bids[1 - bidder]) * self.values[bidder]).sum())

    def _slack_at(self, bids: Array, bidder: int, factor: float) -> float:
        return self.slack(_with(bids, bidder, self._bids_at(factor, bids, bidder)), bidder)

    def _bids_at(self, factor: float, bids: Array, bidder: int) -> Array:
        """Return the bids that maximize `factor x value - payment` query by query.

        With first prices, `(c - b) (1 + log(b / y) / log alpha)` with c the value times the factor is largest where
        `c / b = 1 + log(alpha b / y)`: the left side falls and the right one rises. Where c is too small to win, c is the bid.
        """
        worth, rival = factor * self.values[bidder], bids[1 - bidder]
        if self.is_truthful:
            return worth
        safe = np.maximum(rival, 1e-300)
        # With u = 1 + log(alpha b / y) it is u exp(u - 1) = alpha c / y; Newton's steps on its logarithm, from above.
        level = np.asarray(arithmetic.log(np.maximum(self.alpha * worth / safe, 1.0)))
        most = 1 + 2 * self._log_alpha
        u = np.minimum(1 + level, most)
        for _ in range(_NEWTON_STEPS):
            u = np.clip(u - (np.asarray(arithmetic.log(u)) + u - 1 - level) * u / (1 + u), 1.0, most)
        best = rival / self.alpha * np.asarray(arithmetic.exp(u - 1))
        wins = self.alpha * worth > rival
        # Against no bid at all the least one wins for nothing.
        return np.where(rival <= 0, np.where(worth > 0, 1e-12 * worth / factor, 0.0), np.where(wins, best, worth))


def settle(pair: RandomizedPair, first: Array, rounds: int = 40) -> Array:
    """Let both reply in turn, each halfway towards its reply in logarithms, and return the bids they end with, `[2, queries]`.

    Args:
        pair: The bidders.
        first: The first bids, > 0, `[2, queries]`.
        rounds: The number of rounds.
    """
    bids = first.copy()
    for _ in range(rounds):
        for bidder in (0, 1):
            bids[bidder] = np.sqrt(bids[bidder] * pair.reply(bids, bidder))
    return bids


def lower_bound_instance(alpha: float) -> tuple[RandomizedPair, Array]:
    """Return the instance of rTruth whose price of anarchy is `1 + 2 log alpha / (alpha - 1 / alpha)`, with its equilibrium.

    Bidder 0 wins a query of value 1 for nothing, and buys with it the only query that bidder 1 wants, which is worth next to
    nothing to itself. What bidder 1 would have to pay for a first part of it is just above its value.

    Args:
        alpha: The ratio from which the higher bid wins for certain.

    Returns:
        The bidders, and their bids `[2, queries]`.
    """
    worth = float(2 * arithmetic.log(alpha) / (alpha - 1 / alpha))
    tiny = 1e-7
    pair = RandomizedPair(np.array([(1.0, tiny), (0.0, worth)]), alpha, is_truthful=True)
    factor = alpha * worth / tiny
    return pair, np.array([(factor, alpha * worth), (0.0, worth)])


def _with(bids: Array, bidder: int, own: Array) -> Array:
    changed = bids.copy()
    changed[bidder] = own
    return changed
