"""Measure who bids in earnest where, and what bids would look like if nobody knew of the others.

An advertiser's *level* is the bid over value that it has shown it is ready to pay when it wins. It is *engaged* in an auction
where it bids close to its level, and stands aside where it bids far below it. Whoever bids by its own lights stands aside
independently of its rivals; whoever takes turns, stands aside for a partner, or spares some queries together with the others
does not. Shuffling each advertiser's engagement over its own auctions, hours or queries shows what independence looks like.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.economics.auctions import Auctions

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

SHUFFLES = 99
"""How often engagement is shuffled: the smallest p-value is 1 %."""
LEAST, FULL = 0.25, 0.6
"""Engagement is 0 up to a quarter of an advertiser's level and 1 from this share of it."""
EXPLAINED = 0.8
"""Bids are shuffled by hour, query or day if these explain at least this share of the variance of engagement."""


@dataclass(frozen=True, eq=False)
class Engagement:
    """Engagement of some advertisers in every auction: arrays `[auctions, players]`."""

    players: Integers
    """Indices of the advertisers, `[players]`."""
    is_in: NDArray[np.bool_]
    """Whether the player takes part and could gain from a click."""
    worth: Array
    """Rank score of the player's value above the reserve; 0 where it is not in."""
    share: Array
    """Engagement in [0, 1]; 0 where it is not in."""
    unit: str
    """What bids are shuffled by: `auction`, `hour`, `day and hour`, `query` or `day`."""
    block: Integers
    """Number of each auction's block, `[auctions]`."""

    @property
    def n_blocks(self) -> int:
        """Return the number of blocks; of auctions where bids are shuffled by auction."""
        return int(self.block.max(initial=0)) + 1

    def shuffled(self, rng: np.random.Generator) -> Array:
        """Return engagement shuffled within each player: over blocks, or over auctions of about the same value to it."""
        return _over_auctions(self, rng) if self.unit == "auction" else _over_blocks(self, rng)


def engagement_of(auctions: Auctions, players: Integers) -> Engagement:
    """Measure engagement.

    Args:
        auctions: The auctions, with bids.
        players: Indices of the advertisers to look at, `[players]`.
    """
    reserve = auctions.rules.reserve
    above = np.where(auctions.is_in, np.maximum(auctions.value - reserve, 0.0), 0.0)
    ratio = np.divide(np.maximum(auctions.bid - reserve, 0.0), above, out=np.zeros_like(above), where=above > 0)
    winner = auctions.outcome().column
    is_shown = np.zeros(above.shape, dtype=bool)
    for slot in range(winner.shape[1]):
        shown = np.flatnonzero(winner[:, slot] >= 0)
        is_shown[shown, winner[shown, slot]] = True
    shape = (len(auctions), len(players))
    is_in, worth, share = np.zeros(shape, dtype=bool), np.zeros(shape), np.zeros(shape)
    for k, i in enumerate(players):
        row, column = np.nonzero((auctions.who == i) & (above > 0))
        own = ratio[row, column]
        won = own[is_shown[row, column]]
        shown_level = float(np.quantile(won, 0.9)) if len(won) else 0.0
        level = shown_level if shown_level > 0 else float(own.max(initial=0.0))
        is_in[row, k] = True
        worth[row, k] = auctions.quality[row, column] * above[row, column]
        if level > 0:
            share[row, k] = np.clip((own / level - LEAST) / (FULL - LEAST), 0.0, 1.0)
    unit, block = _unit(auctions, is_in, share)
    return Engagement(players, is_in, worth, share, unit, block)


def _unit(auctions: Auctions, is_in: NDArray[np.bool_], share: Array) -> tuple[str, Integers]:
    """Return the coarsest unit that explains engagement, and each auction's block of it."""
    units = {
        "day": auctions.day,
        "hour": auctions.hour,
        "query": auctions.query,
        "day and hour": auctions.day * 24 + auctions.hour,
    }
    for name, key in units.items():
        block = np.unique(key, return_inverse=True)[1]
        if block.max(initial=0) > 0 and _explained(block, is_in, share) >= EXPLAINED:
            return name, block
    return "auction", np.arange(len(auctions))


def _explained(block: Integers, is_in: NDArray[np.bool_], share: Array) -> float:
    """Return the share of the variance of engagement within players that blocks explain, corrected for their number."""
    within = total = 0.0
    for k in range(share.shape[1]):
        own, group = share[is_in[:, k], k], block[is_in[:, k]]
        if len(own) < 2:
            continue
        count, sums = np.bincount(group), np.bincount(group, own)
        means = np.divide(sums, count, out=np.zeros_like(sums), where=count > 0)
        used = int((count > 0).sum())
        if len(own) > used:
            within += float(((own - means[group]) ** 2).sum()) / (len(own) - used) * len(own)
            total += float(((own - own.mean()) ** 2).sum()) / (len(own) - 1) * len(own)
    return 1 - within / total if total > 0 else 0.0


def _over_blocks(engagement: Engagement, rng: np.random.Generator) -> Array:
    """Return engagement with each player's means by block in another order."""
    found = np.zeros_like(engagement.share)
    for k in range(found.shape[1]):
        own = engagement.is_in[:, k]
        group = engagement.block[own]
        count = np.bincount(group, minlength=engagement.n_blocks)
        means = np.bincount(group, engagement.share[own, k], minlength=engagement.n_blocks) / np.maximum(count, 1)
        present = np.flatnonzero(count)
        means[present] = means[rng.permutation(present)]
        found[own, k] = means[group]
    return found


def _over_auctions(engagement: Engagement, rng: np.random.Generator) -> Array:
    """Return engagement with each player's shuffled among auctions that are worth about the same to it."""
    found = np.zeros_like(engagement.share)
    for k in range(found.shape[1]):
        own = np.flatnonzero(engagement.is_in[:, k])
        order = own[np.argsort(engagement.worth[own, k], kind="stable")]
        stratum = np.arange(len(own)) * 5 // max(len(own), 1)
        mixed = np.argsort(stratum + rng.random(len(own)), kind="stable")
        found[order, k] = engagement.share[order[mixed], k]
    return found
