"""Find the bid landscape of an hour: the rank scores that each candidate had to beat, and what any bid would have met.

It takes the bids of the hour as they were made. Who has a budget when the hour begins counts in all of its auctions, and who
enters a share of the auctions counts in all of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import N_FEATURES, QUALITY
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.ties import CLEAR_RATIO, tie_key
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TrafficSource

Array = NDArray[np.float64]


class Landscape(NamedTuple):
    """The candidates of an hour, one row each, and the rank scores beside them under P policies."""

    advertiser: NDArray[np.int64]
    """Index of the advertiser, `[rows]`; the number of advertisers where the pre-ranker dropped the candidate."""
    bucket: NDArray[np.int64]
    """Index of the candidate's bucket in the hour, `[rows]`."""
    weight: Array
    """Identical auctions of the bucket, `[rows]`."""
    quality: Array
    """Factor from a bid to its rank score, `[rows]`."""
    is_in_play: NDArray[np.bool_]
    """Whether the advertiser has money for the hour, `[rows, P]`."""
    score: Array
    """Rank score of the candidate's own bid, 0 where it is not eligible, `[rows, P]`."""
    rivals: Array
    """Largest rank scores of the others in the auction, falling, 0 for none, `[rows, slots, P]`."""
    slot: NDArray[np.int64]
    """Slot that the candidate's own bid wins, from 0, by the auction's rule of ties; the number of slots where it wins none,
    `[rows, P]`."""


def hour_landscape(
    source: TrafficSource, rules: Rules, day: int, hour: int, theta: Array, is_in_play: NDArray[np.bool_]
) -> Landscape:
    """Return the landscape of an hour.

    Args:
        source: The traffic.
        rules: The auction's rules.
        day: A day of the traffic.
        hour: Hour, 0 to 23.
        theta: Coefficients of everybody over `bid_formula.FEATURES`, `[advertisers, 4, P]`.
        is_in_play: Whether each advertiser has money left when the hour begins, `[advertisers, P]`.
    """
    nobody = np.zeros((1, *theta.shape[1:]))
    # One advertiser more, who does not bid: candidates that the pre-ranker dropped.
    known, in_play = np.concatenate([theta, nobody]), np.concatenate([is_in_play, np.zeros((1, theta.shape[2]), dtype=bool)])
    parts = []
    for chunk in source.chunks(day, hour):
        start = chunk.buckets.start[chunk.first_bucket : chunk.last_bucket + 1]
        rows, sizes = slice(int(start[0]), int(start[-1])), np.diff(start)
        who, features = chunk.candidates.advertiser[rows], chunk.candidates.features[rows]
        index = chunk.first_index + np.arange(len(sizes))
        weight = chunk.buckets.weight[chunk.first_bucket : chunk.last_bucket].astype(np.float64)
        external = np.ascontiguousarray(chunk.buckets.external_score[chunk.first_bucket : chunk.last_bucket])
        bid = sum((known[who, f] * features[:, f, None] for f in range(N_FEATURES)), np.zeros((len(who), theta.shape[2])))
        bid = np.clip(bid, rules.bid_floor, rules.bid_cap)
        is_eligible = in_play[who] & (bid >= rules.reserve)
        score = np.where(is_eligible, bid * features[:, QUALITY, None], 0.0)
        rivals = np.zeros((len(who), len(rules.slot_effect), theta.shape[2]))
        slot = np.zeros(score.shape, dtype=np.int64)
        _compare_others(start - start[0], score, is_eligible, external, rivals, slot)
        parts.append(
            Landscape(
                np.array(who), np.repeat(index, sizes), np.repeat(weight, sizes), np.array(features[:, QUALITY]), in_play[who],
                score, rivals, slot,
            )
        )  # fmt: skip
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Landscape(*columns)


def of_rows(found: Landscape, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Landscape:
    """Return some rows of a landscape."""
    columns: list[Any] = [column[rows] for column in found]
    return Landscape(*columns)


def least_winning_costs(found: Landscape, rules: Rules) -> Array:
    """Return the least bid that would have won a slot in each auction, currency per click, `[rows, P]`."""
    return np.maximum(found.rivals[:, -1] / found.quality[:, None], max(rules.reserve, rules.bid_floor))


def slots_won(score: Array, rivals: Array) -> NDArray[np.int64]:
    """Return the slot that a score would win among rivals, from 0; the number of slots where it wins none. A tie is lost.

    What a candidate's own bid won is `Landscape.slot`, which keeps the auction's rule of ties.

    Args:
        score: Rank scores, `[rows, ...]`, 0 where not eligible.
        rivals: The rivals' largest ones, `[rows, slots, ...]`.
    """
    slot: NDArray[np.int64] = (rivals >= score[:, None]).sum(axis=1)
    return np.where(score > 0, slot, rivals.shape[1])


def prices_at(slot: NDArray[np.int64], bid: Array, rivals: Array, quality: Array, rules: Rules) -> Array:
    """Return the price per click of a bid in the slot that it wins, currency; 0 where it wins none.

    Args:
        slot: Slots, as from `slots_won`, `[rows, ...]`.
        bid: Bids, currency per click, `[rows, ...]`.
        rivals: The rivals' largest rank scores, `[rows, slots, ...]`.
        quality: Factor from a bid to its rank score, `[rows]`.
        rules: The auction's rules.
    """
    n_slots, effect = rivals.shape[1], rules.slot_effect
    asked = np.maximum(rivals / quality.reshape(-1, *(1,) * (rivals.ndim - 1)), rules.reserve)
    price = np.zeros(np.broadcast_shapes(slot.shape, bid.shape))
    for k in range(n_slots):
        if rules.pricing == "first":
            at_slot = np.broadcast_to(bid, price.shape)
        elif rules.pricing == "gsp":
            at_slot = np.broadcast_to(asked[:, k], price.shape)
        else:
            below = [*effect[k + 1 :], 0.0]
            at_slot = np.broadcast_to(
                sum((effect[j] - below[j - k]) * asked[:, j] for j in range(k, n_slots)) / effect[k], price.shape
            )
        price = np.where(slot == k, at_slot, price)
    return price


@compiled
def _compare_others(
    start: NDArray[np.int64],
    score: Array,
    is_eligible: NDArray[np.bool_],
    external: Array,
    rivals: Array,
    slot: NDArray[np.int64],
) -> None:
    """Write the largest scores of the others in each candidate's auction, in falling order, and the slot that it wins.

    Of scores that tie the lower row goes before, and the external competitor comes last (`auction/kernel/ties.py`).
    """
    n_slots = rivals.shape[1]
    for bucket in range(start.shape[0] - 1):
        for row in range(start[bucket], start[bucket + 1]):
            for p in range(score.shape[1]):
                own = score[row, p]
                rivals[row, 0, p] = external[bucket]
                above = 1 if external[bucket] > 0.0 and _is_above(external[bucket], own, False) else 0
                for other in range(start[bucket], start[bucket + 1]):
                    if other == row or not is_eligible[other, p]:
                        continue
                    passed = score[other, p]
                    if _is_above(passed, own, other < row):
                        above += 1
                    for k in range(n_slots):
                        if passed > rivals[row, k, p]:
                            held = rivals[row, k, p]
                            rivals[row, k, p] = passed
                            passed = held
                slot[row, p] = min(above, n_slots) if is_eligible[row, p] else n_slots


@inlined
def _is_above(score: float, own: float, wins_ties: bool) -> bool:
    """Return whether a score ranks above one's own; few are so near that their digits have to be compared."""
    if score > own * CLEAR_RATIO:
        return True
    if score * CLEAR_RATIO < own:
        return False
    key, own_key = tie_key(score), tie_key(own)
    return key > own_key or (key == own_key and wins_ties)
