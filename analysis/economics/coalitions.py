"""Search for coalitions: advertisers that are never in earnest at the same time, more than chance and their values explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.analysis.economics.clearing import sums_by
from auctionsim.analysis.economics.engagement import SHUFFLES, Engagement, engagement_of
from auctionsim.names.display import short_repr
from auctionsim.streams import stream

Array = NDArray[np.float64]

MOST_AUCTIONS = 6000
"""The search looks at no more auctions than this, one of each of as many stretches of the days."""
FURTHER, STRIKING = 300, 0.01
"""Further shuffles for a coalition that is at least as striking as that of any of the first ones: p-values down to 0.25 %."""
MOST_PLAYERS = 40
"""The search looks at no more advertisers than this: those on whose account the most revenue is missing."""


@dataclass(frozen=True, eq=False)
class Coalition:
    """Advertisers whose bids give way to one another."""

    members: NDArray[np.int64]
    """Their indices, ascending, `[members]`; none if no two advertisers ever meet."""
    avoided: float
    """Share of the joint engagement expected by chance that is missing; 0 by chance, 1 if no two are ever in earnest."""
    z: float
    """The same in standard deviations of chance."""
    p: float
    """Share of shuffles in which the best coalition found is at least as striking."""
    unit: str
    """Unit that was shuffled: auctions, hours, queries or days."""
    n_blocks: int
    """Number of such units."""

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class Chance:
    """Engagement as recorded, and as it would be if nobody knew of the others."""

    auctions: Auctions
    """The auctions that were looked at, a sample."""
    engaged: Engagement
    shuffled: tuple[Array, ...]
    """Shuffled tables of engagement, `[auctions or blocks, players]` each."""

    __repr__ = short_repr


def chance_of(auctions: Auctions, missing: Array) -> Chance:
    """Measure engagement on a sample of the auctions, and shuffle it.

    Args:
        auctions: The auctions, with bids.
        missing: Revenue that is missing on each advertiser's account, currency `[advertisers]`.
    """
    players = np.sort(np.argsort(-missing, kind="stable")[:MOST_PLAYERS])
    if len(missing) > MOST_PLAYERS:
        # Of 500 advertisers, 40 seldom meet: their meetings are what the search needs to see.
        auctions = auctions.rows(np.isin(auctions.who, players).sum(axis=1) >= 2)
    sampled = auctions.sample(MOST_AUCTIONS)
    engaged = engagement_of(sampled, players)
    rng = stream(0, "shuffled engagement")
    return Chance(sampled, engaged, tuple(engaged.shuffled(rng) for _ in range(SHUFFLES)))


def give_way(chance: Chance) -> Coalition:
    """Return the coalition whose members give way to one another most strikingly.

    A pair's joint engagement is the sum over auctions of the product of both engagements. Pairs first, then greedy growth: the
    advertiser joins that makes the whole most striking, as long as it gets more so. The search costs
    O(shuffles x auctions x players^2) and is bounded by `MOST_AUCTIONS` and `MOST_PLAYERS`; the same search on every shuffle
    gives the p-value, so that the choice among many coalitions is paid for.
    """
    engaged = chance.engaged
    joint = np.array([_joint(table) for table in chance.shuffled])
    mean, variance = joint.mean(axis=0), joint.var(axis=0)
    actual = _joint(engaged.table)
    members, z = _grown(mean - actual, variance)
    if len(members) < 2:
        return Coalition(np.zeros(0, dtype=np.int64), 0.0, 0.0, 1.0, engaged.unit, engaged.n_blocks)
    by_chance = [_grown(mean - one, variance)[1] for one in joint]
    p = (1 + sum(other >= z for other in by_chance)) / (1 + SHUFFLES)
    if p <= STRIKING:
        # In a hundred innocent outcomes one gets as far as this, so whoever would be named is compared with more of them.
        rng = stream(0, "further shuffled engagement")
        by_chance += [_grown(mean - _joint(engaged.shuffled(rng)), variance)[1] for _ in range(FURTHER)]
        p = (1 + sum(other >= z for other in by_chance)) / (1 + SHUFFLES + FURTHER)
    members = _without_hangers_on(members, mean, actual)
    within = np.ix_(members, members)
    avoided = 1 - float(actual[within].sum()) / max(float(mean[within].sum()), 1e-300)
    return Coalition(np.sort(engaged.players[members]), avoided, z, p, engaged.unit, engaged.n_blocks)


def blame(auctions: Auctions) -> Array:
    """Return the revenue that is missing on each advertiser's account, currency `[advertisers]`.

    In an auction that brings less than competition would, whoever bids less than its value is to blame, in proportion to the
    rank score that it holds back.
    """
    lost = np.maximum(auctions.competition().revenue - auctions.outcome().revenue, 0.0)
    held = np.where(auctions.exists, auctions.quality * np.maximum(auctions.value - auctions.bid, 0.0), 0.0)
    total = held.sum(axis=1, keepdims=True)
    part = lost[:, None] * np.divide(held, total, out=np.zeros_like(held), where=total > 0)
    return sums_by(auctions.who, part, len(auctions.names))


def _joint(share: Array) -> Array:
    """Return the joint engagement of every pair, `[players, players]`, 0 on the diagonal."""
    found = arithmetic.matmul(share.T, share)
    np.fill_diagonal(found, 0.0)
    return np.asarray(found)


def _grown(deficit: Array, variance: Array) -> tuple[NDArray[np.int64], float]:
    """Return the members and z of the most striking coalition, grown greedily from the most striking pair."""
    n = len(deficit)
    if n < 2:
        return np.zeros(0, dtype=np.int64), 0.0
    pair_z = np.where(variance > 1e-12, deficit / np.sqrt(np.maximum(variance, 1e-12)), 0.0)
    first, second = np.unravel_index(int(pair_z.argmax()), pair_z.shape)
    z = float(pair_z[first, second])
    if z <= 0:
        return np.zeros(0, dtype=np.int64), 0.0
    members = [int(first), int(second)]
    missing, spread = float(deficit[first, second]), float(variance[first, second])
    while len(members) < n:
        more, noise = deficit[members].sum(axis=0), variance[members].sum(axis=0)
        candidate = (missing + more) / np.sqrt(np.maximum(spread + noise, 1e-12))
        candidate[members] = -np.inf
        k = int(candidate.argmax())
        if candidate[k] <= z:
            break
        z, missing, spread = float(candidate[k]), missing + float(more[k]), spread + float(noise[k])
        members.append(k)
    return np.array(members), z


def _without_hangers_on(members: NDArray[np.int64], mean: Array, actual: Array) -> NDArray[np.int64]:
    """Return the members without those that give way to the others by less than half of what chance expects."""
    while len(members) > 2:
        within = np.ix_(members, members)
        expected, found = mean[within].sum(axis=0), actual[within].sum(axis=0)
        avoided = 1 - found / np.maximum(expected, 1e-300)
        if avoided.min() >= 0.5:
            break
        members = np.delete(members, int(avoided.argmin()))
    return members
