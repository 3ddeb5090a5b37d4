"""Outcomes of collusion: cartels, rings, and the ways in which they share the market."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.economics.auctions import Auctions

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rng = np.random.Generator


def best_member(auctions: Auctions, ring: Mask, where: Mask | None = None) -> Array:
    """Let only the best member of each auction compete; the others bid the reserve at most.

    In a first-price auction the best member bids just above the best outsider, or the reserve.

    Args:
        auctions: The auctions.
        ring: True for members, `[advertisers]`; outsiders bid their values, in the first price what wins at complete
            information.
        where: True for the auctions in which the ring is at work, `[auctions]`; everywhere if None.
    """
    is_member = np.append(ring, False)[auctions.who] & auctions.exists
    score = np.where(auctions.exists, auctions.quality * auctions.value, 0.0)
    best = np.where(is_member, score, -1.0).argmax(axis=1)
    return _one_bids(auctions, is_member, best, where)


def taking_turns(auctions: Auctions, ring: Mask, turn: NDArray[np.int64], others: float = 0.0) -> Array:
    """Let the member bid whose turn it is; the others bid a small share of their values.

    Args:
        auctions: The auctions.
        ring: True for members, `[advertisers]`.
        turn: Number of each auction's turn, `[auctions]`; member k of the ring has the turns k, k + size, ...
        others: Share of their values that the others bid.
    """
    members = np.flatnonzero(ring)
    of_turn = members[turn % len(members)]
    is_member = np.append(ring, False)[auctions.who] & auctions.exists
    is_on = auctions.who == of_turn[:, None]
    bid = _outside(auctions, ring)
    return np.where(is_member, auctions.value * np.where(is_on, _peak(auctions, ring), others), bid)


def all_low(auctions: Auctions, ring: Mask, share: Array, where: Mask | None = None) -> Array:
    """Shade all members' values alike, where the ring is at work.

    Args:
        auctions: The auctions.
        ring: True for members, `[advertisers]`.
        share: Share of the value that each member bids, `[advertisers]`.
        where: True for the auctions in which the ring is at work, `[auctions]`; everywhere if None.
    """
    is_member = np.append(ring, False)[auctions.who] & auctions.exists
    at_work = is_member if where is None else is_member & where[:, None]
    return np.where(at_work, auctions.value * share[auctions.who], _outside(auctions, np.zeros_like(ring)))


def by_candidates(auctions: Auctions, ring: Mask, rng: Rng) -> NDArray[np.int64]:
    """Return a turn for each auction that falls to a member among its candidates, by its query: a division by queries."""
    n = int(auctions.query.max()) + 1
    position = np.cumsum(ring) - 1
    turn = np.zeros(n, dtype=np.int64)
    for query in np.unique(auctions.query):
        there = np.unique(auctions.who[auctions.query == query])
        members = [i for i in there if i >= 0 and ring[i]]
        turn[query] = position[rng.choice(members)] if members else 0
    return turn[auctions.query]


def in_auction_turns(auctions: Auctions, ring: Mask) -> NDArray[np.int64]:
    """Return a turn for each auction that goes round among the members that are its candidates."""
    position, turn = np.append(np.cumsum(ring) - 1, -1), np.zeros(len(auctions), dtype=np.int64)
    is_member = np.append(ring, False)[auctions.who] & auctions.exists
    for k in range(len(auctions)):
        members = auctions.who[k, is_member[k]]
        if len(members):
            turn[k] = position[members[k % len(members)]]
    return turn


def some(n: int, size: int, rng: Rng) -> Mask:
    """Return a ring of some size, chosen at random."""
    ring = np.zeros(n, dtype=bool)
    ring[rng.choice(n, size, replace=False)] = True
    return ring


def tenth_of_queries(auctions: Auctions, rng: Rng) -> Mask:
    """Return the auctions of a random tenth of the queries."""
    queries = np.unique(auctions.query)
    return np.isin(auctions.query, rng.choice(queries, max(2, len(queries) // 10), replace=False))


def _peak(auctions: Auctions, ring: Mask) -> float:
    """Return the share of its value that a member bids in its turn: half in a first-price ring without outsiders to beat."""
    return 1.0 if auctions.rules.pricing != "first" else (0.05 if ring.all() else 0.9)


def _outside(auctions: Auctions, ring: Mask) -> Array:
    """Return the bids of outsiders: their values, in the first price what wins among them at complete information."""
    if auctions.rules.pricing != "first":
        return auctions.value
    is_outside = auctions.exists & ~np.append(ring, False)[auctions.who]
    score = np.where(is_outside, auctions.quality * auctions.value, 0.0)
    ranked = -np.sort(-np.hstack([score, np.zeros((len(score), 1))]), axis=1)
    second = np.where(score >= ranked[:, :1], ranked[:, 1:2], score)
    return np.asarray(np.maximum(second / auctions.quality, np.minimum(auctions.value, auctions.rules.reserve)))


def _one_bids(auctions: Auctions, is_member: Mask, best: NDArray[np.int64], where: Mask | None) -> Array:
    reserve = auctions.rules.reserve
    everywhere = np.ones(len(auctions), dtype=bool) if where is None else where
    usual = _outside(auctions, np.zeros(len(auctions.names), dtype=bool))
    bid = usual.copy()
    row = np.arange(len(auctions))
    if auctions.rules.pricing == "first":
        rivals = np.where(is_member, 0.0, auctions.quality * usual).max(axis=1) / auctions.quality[row, best]
        own = np.minimum(auctions.value[row, best], np.maximum(rivals * 1.01, reserve * 1.01 + 1e-9))
    else:
        own = auctions.value[row, best]
    low = np.minimum(auctions.value, reserve)
    at_work = is_member & everywhere[:, None]
    bid = np.where(at_work, low, bid)
    has_member = is_member.any(axis=1) & everywhere
    bid[row[has_member], best[has_member]] = own[has_member]
    return bid
