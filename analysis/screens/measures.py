"""Measure traces of collusion in a log of bids: one number each, or the reason why there is none.

The numbers take the log alone. What competition would show of each is for `screen`, which simulates it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.screens.by_auction import kurtosis, variation
from auctionsim.analysis.screens.competition import fitted
from auctionsim.analysis.screens.log import BidLog
from auctionsim.ratios import NotDefined

Array = NDArray[np.float64]

_BLOCKS = 8
_NEAR = 8.0
"""A gap counts as near if it is this many times smaller than the median gap."""
_FEW = 30
"""Fewer auctions than these say nothing."""
_TOGETHER = 10
"""Auctions that two bidders share, from which on their bids are compared."""

Tail = Literal["low", "high", "both"]


@dataclass(frozen=True)
class Measure:
    """One measure of a log."""

    name: str
    meaning: str
    tail: Tail
    """The side on which collusion is."""
    of: Callable[[BidLog], float | NotDefined]


def quiet_block(log: BidLog) -> float | NotDefined:
    """Return how far the quietest eighth of the log is below the rest in the spread of its bids, in standard deviations.

    Auctions are ranked by the coefficient of variation of their bids among those with as many bids. Ranks do not depend on how
    much auctions differ, only on when they were (Abrantes-Metz et al. 2006 compare before and after).
    """
    spread = variation(log)
    known = np.flatnonzero(np.isfinite(spread))
    if len(known) < _FEW:
        return NotDefined(f"{len(known)} auctions have two bids or more, and {_FEW} are needed")
    share = np.zeros(len(known))
    counts = log.counts[known]
    for size in np.unique(counts):
        own = np.flatnonzero(counts == size)
        share[own] = (_ranks(spread[known[own]]) - 0.5) / len(own) - 0.5
    blocks = np.array_split(share, _BLOCKS)
    # A share of the ranks is even on [-0.5, 0.5], with variance 1/12.
    return float(min(block.mean() * np.sqrt(12.0 * len(block)) for block in blocks))


def mean_kurtosis(log: BidLog) -> float | NotDefined:
    """Return the mean excess kurtosis of an auction's bids, over auctions of four bids or more (Huber and Imhof 2019)."""
    found = kurtosis(log)
    found = found[np.isfinite(found)]
    if len(found) < _FEW:
        return NotDefined(f"{len(found)} auctions have four bids or more that are not all equal, and {_FEW} are needed")
    return float(found.mean())


def near_wins(log: BidLog) -> float | NotDefined:
    """Return the share of auctions whose two best bids are near one another: within an eighth of the median gap.

    Of gaps that fall evenly or exponentially, 6 to 8 % are. Bidders that arrange who wins leave a hole (Chassang et al. 2022).
    """
    gaps = gaps_of(log)
    if len(gaps) < _FEW:
        return NotDefined(f"{len(gaps)} auctions have two bids or more, and {_FEW} are needed")
    return float((gaps <= np.median(gaps) / _NEAR).mean())


def winner_entropy(log: BidLog) -> float | NotDefined:
    """Return the entropy of wins over bidders as a share of its largest, 0 to 1."""
    winner = winners(log)
    n = len(np.unique(log.who[log.exists]))
    if n < 2 or len(winner) < _FEW:
        return NotDefined(f"{len(winner)} contested auctions of {n} bidders; {_FEW} auctions of two bidders are needed")
    share = np.bincount(winner, minlength=n) / len(winner)
    share = share[share > 0]
    # 0 added, so that one winner alone has an entropy of 0 and not of -0.
    return float(-(share * arithmetic.log(share)).sum() / arithmetic.log(np.array(float(n)))) + 0.0


def repeat_wins(log: BidLog) -> float | NotDefined:
    """Return how often a bidder wins again, of the next contested auctions that it bids in after a win.

    Turns make it rare. So does a bidder that is busy with what it has won.
    """
    contested = np.flatnonzero(log.counts >= 2)
    if len(contested) < _FEW:
        return NotDefined(f"{len(contested)} auctions have two bids or more, and {_FEW} are needed")
    who = log.who[contested]
    is_win = np.zeros(who.shape, dtype=bool)
    is_win[np.arange(len(who)), _best(log.level[contested])] = True
    row, column = np.nonzero(who >= 0)
    order = np.argsort(who[row, column] * len(who) + row, kind="stable")
    bidder, won = who[row, column][order], is_win[row, column][order]
    follows = (bidder[1:] == bidder[:-1]) & won[:-1]
    if follows.sum() < _FEW:
        return NotDefined(f"{int(follows.sum())} wins are followed by another bid of the winner, and {_FEW} are needed")
    return float(won[1:][follows].mean())


def pair_correlation(log: BidLog) -> float | NotDefined:
    """Return the largest z of two bidders' correlation, once the auction's common level and their own are taken out.

    After Bajari and Ye's test of conditional independence (2003). Each auction's errors are taken over their own spread.
    """
    many = log.counts >= 3
    rest = np.where(log.exists, fitted(log).residuals(), 0.0)[many]
    rest = rest - np.where(log.exists[many], rest.sum(axis=1, keepdims=True) / log.counts[many, None], 0.0)
    scale = np.sqrt((rest * rest).sum(axis=1, keepdims=True) / np.maximum(log.counts[many, None], 1))
    rest = np.divide(rest, scale, out=np.zeros_like(rest), where=scale > 1e-12)
    n, who = len(log.bidders), log.who[many]
    first, second = np.triu_indices(who.shape[1], 1)
    one, other = who[:, first], who[:, second]
    both = (one >= 0) & (other >= 0) & (one != other)
    key = np.minimum(one, other)[both] * n + np.maximum(one, other)[both]
    pairs, where, together = np.unique(key, return_inverse=True, return_counts=True)
    enough = together >= _TOGETHER
    if not enough.any():
        return NotDefined(f"no two bidders meet in {_TOGETHER} auctions of three bids or more")
    a, b = rest[:, first][both], rest[:, second][both]
    sums = [np.bincount(where, values, minlength=len(pairs)) for values in (a * b, a * a, b * b)]
    z = np.sqrt(together) * sums[0] / np.maximum(np.sqrt(sums[1] * sums[2]), 1e-12)
    return float(z[enough].max())


MEASURES: tuple[Measure, ...] = (
    Measure(
        "variance", "quietest eighth of the log: spread of bids below the rest, in standard deviations", "low", quiet_block
    ),
    Measure("kurtosis", "mean excess kurtosis of an auction's bids", "high", mean_kurtosis),
    Measure("missing bids", "share of auctions whose two best bids are near one another", "low", near_wins),
    Measure("winner entropy", "entropy of wins over bidders, 1 if all win alike", "both", winner_entropy),
    Measure("rotation", "share of wins after which the winner's next bid wins too", "low", repeat_wins),
    Measure("correlation", "largest z of two bidders' errors", "high", pair_correlation),
)
"""The measures that simulated competition judges."""


def gaps_of(log: BidLog) -> Array:
    """Return the gap between the two best levels of each auction with two bids or more."""
    level = np.where(log.exists, log.level, np.inf)
    best = np.sort(level, axis=1)[log.counts >= 2]
    return np.asarray(best[:, 1] - best[:, 0]) if best.shape[0] else np.zeros(0)


def winners(log: BidLog) -> NDArray[np.int64]:
    """Return the winner of each auction with two bids or more, numbered by those who bid at all."""
    contested = log.counts >= 2
    who = log.who[contested]
    won = who[np.arange(len(who)), _best(log.level[contested])]
    _, number = np.unique(won, return_inverse=True)
    return np.asarray(number, dtype=np.int64)


def _best(level: Array) -> NDArray[np.int64]:
    return np.asarray(np.where(np.isnan(level), np.inf, level).argmin(axis=1), dtype=np.int64)


def _ranks(values: Array) -> Array:
    """Return ranks from 1 on; equal values share their mean."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2.0)[where], dtype=np.float64)
