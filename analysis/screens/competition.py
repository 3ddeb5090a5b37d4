"""Simulate competition at a log's own shape: the same auctions and bidders, and bids that know nothing of one another.

A bid's level is the auction's common level, plus the bidder's own, plus an independent error. The first two are estimated, the
bidder's shrunk by how little it is known (James and Stein 1961); errors are drawn from all that the log shows. Where auctions
have segments, such as queries, a bidder has a level in each: what it wants of a query is no trace of anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.screens.log import BidLog
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]

_ROUNDS = 8
_MOST_POWER, _HALVINGS = 3.0, 12
_BIDS_OF_A_CELL = 3
"""Bids that a bidder places in a segment on average, for levels by segment to be known."""
_ENOUGH = 100
"""Errors of auctions with three bids or more that suffice; with two bids they are one number and its negative."""


@dataclass(frozen=True, eq=False)
class Competition:
    """A fitted model of independent bids."""

    log: BidLog
    common: Array
    """Common level of each auction, `[auctions]`."""
    cell: NDArray[np.int64]
    """Index in `own` of each bid's bidder, or of its bidder in its segment; -1 where there is no bid, `[auctions, width]`."""
    own: Array
    """Own levels, shrunk where there are no segments."""
    errors: Array
    """Errors to draw from, mean 0."""

    __repr__ = short_repr

    @property
    def spread(self) -> float:
        """Return the standard deviation of errors, a share of the bid."""
        return float(self.errors.std())

    @property
    def middle(self) -> Array:
        """Return each bid's level without its error, `[auctions, width]`; anything where there is no bid."""
        return self.common[:, None] + np.append(self.own, 0.0)[self.cell]

    def residuals(self) -> Array:
        """Return what the common and own levels leave of each level, NaN where there is no bid, `[auctions, width]`."""
        return self.log.level - self.middle

    def levels(self, rng: np.random.Generator) -> Array:
        """Draw levels, NaN where there is no bid, `[auctions, width]`."""
        drawn = self.errors[rng.integers(len(self.errors), size=self.cell.shape)]
        return np.where(self.cell >= 0, self.middle + drawn, np.nan)

    def simulated(self, rng: np.random.Generator) -> BidLog:
        """Draw a log of competition."""
        return with_levels(self.log, self.levels(rng))


def fitted(log: BidLog) -> Competition:
    """Fit the model to a log by least squares."""
    level, exists = log.level, log.exists
    cell, n, is_by_segment = _cells(log)
    filled = np.where(exists, level, 0.0)
    counts, who = np.maximum(log.counts, 1), np.where(exists, cell, n)
    bids = np.bincount(who.ravel(), minlength=n + 1)[:n]
    own = np.zeros(n + 1)
    for _ in range(_ROUNDS):
        common = (filled - np.where(exists, own[who], 0.0)).sum(axis=1) / counts
        rest = np.where(exists, filled - common[:, None], 0.0)
        own[:n] = np.bincount(who.ravel(), rest.ravel(), minlength=n + 1)[:n] / np.maximum(bids, 1)
        own[:n] -= float((own[:n] * bids).sum()) / max(int(bids.sum()), 1)
    error = np.where(exists, filled - common[:, None] - own[who], 0.0)
    freedom = max(int(exists.sum()) - len(log) - int((bids > 0).sum()), 1)
    variance = float((error * error).sum()) / freedom
    if not is_by_segment:
        own[:n] *= _known_share(own[:n], bids, variance)
    common = (filled - np.where(exists, own[who], 0.0)).sum(axis=1) / counts
    error = filled - common[:, None] - own[who]
    return Competition(log, common, cell, own[:n], _pool(error, exists, log.counts, variance))


def with_levels(log: BidLog, level: Array) -> BidLog:
    """Return a log with other levels: rounded to the log's unit, and turned back at the reserve, which no bid exceeds."""
    bid = arithmetic.exp(np.where(log.exists, level if log.lowest_wins else -level, 0.0))
    if log.lowest_wins:
        limit = log.reserve[:, None]
        bid = np.where(bid > limit, limit * (limit / np.maximum(bid, 1e-300)), bid)
    if log.unit:
        bid = np.maximum(np.rint(bid / log.unit), 1.0) * log.unit
    return replace(log, bid=np.where(log.exists, bid, np.nan))


def _cells(log: BidLog) -> tuple[NDArray[np.int64], int, bool]:
    """Return the index of each bid's bidder, or of its bidder in its segment where most of these bid often enough."""
    if log.segment is not None:
        key = np.where(log.exists, log.who + log.segment[:, None] * len(log.bidders), -1)
        found, where = np.unique(key, return_inverse=True)
        is_padded = int(found[0] == -1)
        n = len(found) - is_padded
        if int(log.exists.sum()) >= _BIDS_OF_A_CELL * n:
            return where.reshape(key.shape).astype(np.int64) - is_padded, n, True
    return log.who, len(log.bidders), False


def _known_share(own: Array, bids: NDArray[np.int64], variance: float) -> Array:
    """Return the share of each bidder's estimated level that is its own, and not the errors' of its bids."""
    seen = bids > 0
    if seen.sum() < 3:
        return np.ones(len(own))
    noise = variance / np.maximum(bids, 1)
    between = max(float(own[seen].var()) - float(noise[seen].mean()), 0.0)
    return np.where(seen, between / np.maximum(between + noise, 1e-300), 0.0)


def _pool(error: Array, exists: NDArray[np.bool_], counts: NDArray[np.int64], variance: float) -> Array:
    """Return the errors to draw from, with the variance that the fit leaves."""
    for least in (3, 2):
        chosen = exists & (counts >= least)[:, None]
        found = error[chosen]
        if len(found) >= _ENOUGH or least == 2:
            break
    if len(found) == 0 or not float(found.std()) > 0:
        return np.zeros(1)
    found = found - found.mean()
    found = _with_tails(found, np.broadcast_to(counts[:, None], exists.shape)[chosen])
    return np.asarray(found * (np.sqrt(variance) / float(found.std())))


def _with_tails(error: Array, counts: NDArray[np.int64]) -> Array:
    """Return residuals with the tails that errors had before their auction's mean was taken out, which mixes them.

    Of the excess kurtosis of n independent errors a residual keeps ((1 - 1/n)^4 + (n - 1) / n^4) / (1 - 1/n)^2: a half with
    three bids. A power of the residuals restores it.
    """
    n = counts.astype(np.float64)
    rest = 1.0 - 1.0 / n
    kept = float(((rest * rest * rest * rest + (n - 1.0) / (n * n * n * n)) / (rest * rest)).mean())
    wanted = _excess(error) / kept
    low, high = 1.0, _MOST_POWER
    if wanted <= 0:
        return error
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _excess(_powered(error, middle)) < wanted else (low, middle)
    return _powered(error, low)


def _powered(error: Array, power: float) -> Array:
    size = np.abs(error) / float(error.std())
    found = np.sign(error) * np.where(size > 0, arithmetic.power(np.where(size > 0, size, 1.0), power), 0.0)
    return np.asarray(found - found.mean())


def _excess(error: Array) -> float:
    square = error * error
    return float((square * square).mean()) / (float(square.mean()) * float(square.mean())) - 3.0
