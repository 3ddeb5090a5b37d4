"""Let a ring bid in simulated competition of a log's own shape: what a screen would see of it says how much it can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.screens.competition import Competition, with_levels
from auctionsim.analysis.screens.log import BidLog

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_LEAST_GAP, _OWN_SHARE = 0.3, 0.15
_SHARE = 0.8
"""Share of bids that are members', about that of the cartel in `labeled`."""


def ring_of(log: BidLog) -> Mask:
    """Return the busiest bidders that together place four fifths of the bids, two or more, `[bidders]`."""
    bids = np.bincount(log.who[log.exists], minlength=len(log.bidders))
    order = np.argsort(-bids, kind="stable")
    ring = np.zeros(len(bids), dtype=bool)
    enough = int(np.searchsorted(np.cumsum(bids[order]), _SHARE * int(bids.sum()))) + 1
    ring[order[: max(2, enough)]] = True
    return ring


def cover_bids(fit: Competition, rng: np.random.Generator) -> BidLog:
    """Let the best member of an auction bid as it would alone; the others stay clear of it by a third of the spread or more."""
    level, member = fit.levels(rng), _members(fit.log)
    best = np.where(member, level, np.inf).min(axis=1, keepdims=True)
    is_best = member & (level == best)
    clear = best + fit.spread * (_LEAST_GAP + rng.random(level.shape))
    return with_levels(fit.log, np.where(member & ~is_best, np.fmax(level, clear), level))


def taking_turns(fit: Competition, rng: np.random.Generator) -> BidLog:
    """Let the member that has waited longest have the best level of the members present; the others stay clear of it."""
    level, member = fit.levels(rng), _members(fit.log)
    since = np.full(len(fit.log.bidders), -1)
    turn = np.zeros(len(level), dtype=np.int64)
    for k in range(len(level)):
        present = np.flatnonzero(member[k])
        if len(present):
            turn[k] = present[int(since[fit.log.who[k, present]].argmin())]
            since[fit.log.who[k, turn[k]]] = k
    is_on = member & (np.arange(level.shape[1]) == turn[:, None])
    best = np.where(member, level, np.inf).min(axis=1, keepdims=True)
    clear = best + fit.spread * (_LEAST_GAP + rng.random(level.shape))
    return with_levels(fit.log, np.where(is_on, best, np.where(member, clear, level)))


def bidding_alike(fit: Competition, rng: np.random.Generator) -> BidLog:
    """Let members share one error in each auction of the log's second half, and keep little of their own."""
    level, member, middle = fit.levels(rng), _members(fit.log), fit.middle
    shared = fit.errors[rng.integers(len(fit.errors), size=(len(level), 1))]
    late = (np.arange(len(level)) >= len(level) // 2)[:, None]
    return with_levels(fit.log, np.where(member & late, middle + shared + _OWN_SHARE * (level - middle), level))


RINGS: Mapping[str, Callable[[Competition, np.random.Generator], BidLog]] = {
    "cover bids": cover_bids,
    "taking turns": taking_turns,
    "bidding alike": bidding_alike,
}
"""Ways in which a ring of the busiest bidders may bid together."""


def _members(log: BidLog) -> Mask:
    return np.append(ring_of(log), False)[log.who] & log.exists
