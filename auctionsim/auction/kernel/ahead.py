"""Rank auctions ahead of their time, and settle them in order afterwards.

Which ads win depends on the past only through who still has budget, and ranking takes most of the time. So buckets are ranked
side by side under the budgets of an earlier moment, a superset of who is left later. A ranking is still right for an auction if
nobody who mattered to it has run out since: neither a winner nor the next below, who sets the last price. Otherwise that
bucket alone is ranked again, on the way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import NOBODY, SPENDABLE, Auction, Bids
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.engine import end_of_run, rank_bucket
from auctionsim.auction.kernel.rank import rank_block, withdraw, write_screen_features
from auctionsim.auction.kernel.settle import settle_sampled, settle_with_budgets, write_amounts
from auctionsim.auction.kernel.simd import BLOCK, MAX_RANKS, element_at
from auctionsim.auction.kernel.ties import CLEAR_RATIO
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV, IMPRESSIONS


class Rankings(NamedTuple):
    """The rankings of consecutive buckets, and all that settling them reads: the candidates are not in the cache by then."""

    who: NDArray[np.int32]
    """Advertiser in each slot and next below, `NOBODY` or `EXTERNAL`, `[buckets, slots + 1, P]`."""
    has_ties: NDArray[np.bool_]
    """Whether scores tie or almost do, so that others decide as well, `[buckets, P]`."""
    amounts: NDArray[np.int64]
    """Expected clicks, conversions, GMV and charge of one auction in each slot, in units, `[buckets, slots, P, 4]`; without
    buckets where outcomes are sampled."""
    scores: NDArray[np.float64]
    """Largest rank scores in falling order, `[buckets, slots + 1, P]`; without buckets where outcomes are expected."""
    rows: NDArray[np.int32]
    """Candidates of these scores, counted from the bucket's first row, or as in `who`; like `scores`."""


def make_rankings(n_buckets: int, n_slots: int, n_policies: int, *, is_sampled: bool) -> Rankings:
    """Make room for the rankings of `n_buckets` buckets."""
    n_sampled = n_buckets if is_sampled else 0
    return Rankings(
        who=np.empty((n_buckets, n_slots + 1, n_policies), dtype=np.int32),
        has_ties=np.empty((n_buckets, n_policies), dtype=np.bool_),
        amounts=np.empty((n_buckets - n_sampled, n_slots, n_policies, 4), dtype=np.int64),
        scores=np.empty((n_sampled, n_slots + 1, n_policies)),
        rows=np.empty((n_sampled, n_slots + 1, n_policies), dtype=np.int32),
    )


def first_of(rankings: Rankings, n: int) -> Rankings:
    """Return a view of the rankings of the first `n` buckets."""
    return Rankings(rankings.who[:n], rankings.has_ties[:n], rankings.amounts[:n], rankings.scores[:n], rankings.rows[:n])


@compiled
def rank_ahead(first_bucket: int, last_bucket: int, rankings: Rankings, auction: Auction) -> None:
    """Rank buckets `first_bucket:last_bucket` for all policies, and write the result to `rankings`.

    Runs of buckets and blocks of policies follow each other as in `engine.replay_buckets`, for the same reason.
    """
    bids, start = auction.bids, auction.buckets.start
    n_policies, n_lanes, width = auction.accounts.ledger.shape[1], bids.theta_simd.shape[2], bids.theta_f32.shape[3]
    begin = first_bucket
    while begin < last_bucket:
        first_row = start[begin]
        end = end_of_run(begin, last_bucket, start, auction.workspace.theta_offset.shape[0])
        if bids.theta_f32.shape[1] > 0:
            write_screen_features(first_row, start[end], auction)
        for lane in range(0, n_lanes, width):
            lane_end = min(lane + width, n_policies)
            for bucket in range(begin, end):
                rank_bucket(bucket, first_row, lane, lane_end, auction)
                for p in range(lane, lane_end):
                    _keep(bucket - first_bucket, start[bucket], p, rankings, auction)
        begin = end


@inlined
def _keep(number: int, first: int, p: int, rankings: Rankings, auction: Auction) -> None:
    """Copy the ranking of policy p from the workspace to that of bucket `number`, whose first row is `first`."""
    scores, winners, n_slots = auction.workspace.scores, auction.workspace.winners, auction.rules.slot_effect.shape[0]
    # The exact ranking does not tell the last of `MAX_RANKS` candidates.
    has_ties = n_slots == MAX_RANKS - 1
    for level in range(n_slots + 1):
        row = winners[level, p] if level < MAX_RANKS - 1 else NOBODY
        rankings.who[number, level, p] = element_at(auction.candidates.advertiser, row) if row >= 0 else row
        if level > 0 and scores[level - 1, p] > 0.0:
            has_ties |= not scores[level - 1, p] > scores[level, p] * CLEAR_RATIO
        if auction.rules.is_sampled:
            rankings.scores[number, level, p] = scores[level, p]
            rankings.rows[number, level, p] = row - first if row >= 0 else row
        elif level < n_slots and row >= 0:
            write_amounts(level, p, row, rankings.amounts[number, level, p], auction)
    rankings.has_ties[number, p] = has_ties


@compiled
def settle_ranked(
    first_bucket: int,
    last_bucket: int,
    index: int,
    rng_keys: NDArray[np.uint64],
    rankings: Rankings,
    auction: Auction,
) -> int:
    """Settle ranked buckets in order, and return how often one was ranked again for a policy.

    Args:
        first_bucket: The first bucket.
        last_bucket: The bucket after the last.
        index: Index of the first bucket in the hour, part of the key of every draw.
        rng_keys: The hour's RNG key for each policy, `[P]`; not read where outcomes are expected.
        rankings: Rankings of these buckets, made when nobody had run out who takes part now.
        auction: Argument of `engine.replay_buckets`, with coefficients that are NaN where there is no budget left.
    """
    if auction.rules.is_sampled:
        return _settle_sampled(first_bucket, last_bucket, index, rng_keys, rankings, auction)
    buckets, n_ranked = auction.buckets, 0
    for bucket in range(first_bucket, last_bucket):
        number, first, last = bucket - first_bucket, buckets.start[bucket], buckets.start[bucket + 1]
        weight = buckets.weight[bucket]
        for p in range(auction.accounts.ledger.shape[1]):
            is_right = _is_still_right(number, first, last, p, rankings, auction)
            if not (is_right and _settle_amounts(number, p, weight, rankings, auction)):
                _clear_again(first, last, p, weight, buckets.external_score[bucket], auction)
                n_ranked += 1
    return n_ranked


@compiled
def _clear_again(first: int, last: int, p: int, weight: int, external_score: float, auction: Auction) -> None:
    """Rank a bucket for policy p and settle it where budgets run out.

    A function of its own: compiled into the loop around it, it took that loop's registers, and settling three times as long.
    """
    rank_block(first, last, p // BLOCK * BLOCK, external_score, auction)
    settle_with_budgets(first, last, p, weight, external_score, auction)


@compiled
def _settle_sampled(
    first_bucket: int, last_bucket: int, index: int, rng_keys: NDArray[np.uint64], rankings: Rankings, auction: Auction
) -> int:
    """Settle ranked buckets with sampled outcomes; see `settle_ranked`."""
    buckets, n_ranked = auction.buckets, 0
    for bucket in range(first_bucket, last_bucket):
        number, first, last = bucket - first_bucket, buckets.start[bucket], buckets.start[bucket + 1]
        weight, external_score = buckets.weight[bucket], buckets.external_score[bucket]
        for p in range(auction.accounts.ledger.shape[1]):
            if _is_still_right(number, first, last, p, rankings, auction):
                _restore(number, first, p, rankings, auction)
            else:
                rank_block(first, last, p // BLOCK * BLOCK, external_score, auction)
                n_ranked += 1
            settle_sampled(first, last, p, weight, external_score, index + number, rng_keys[p], auction)
    return n_ranked


@inlined
def _settle_amounts(number: int, p: int, weight: int, rankings: Rankings, auction: Auction) -> bool:
    """Settle a bucket for policy p if every winner can pay for all its auctions; otherwise record nothing and return False."""
    ledger, who, amounts = auction.accounts.ledger, rankings.who, rankings.amounts
    n_slots = amounts.shape[1]
    can_all_pay = True
    for slot in range(n_slots):
        a = who[number, slot, p]
        if a >= 0:
            can_all_pay &= weight * amounts[number, slot, p, 3] < ledger[a, p, SPENDABLE] - ledger[a, p, COST]
    if can_all_pay:
        for slot in range(n_slots):
            a = who[number, slot, p]
            if a >= 0:
                ledger[a, p, IMPRESSIONS] += weight
                ledger[a, p, CLICKS] += weight * amounts[number, slot, p, 0]
                ledger[a, p, CONVERSIONS] += weight * amounts[number, slot, p, 1]
                ledger[a, p, GMV] += weight * amounts[number, slot, p, 2]
                ledger[a, p, COST] += weight * amounts[number, slot, p, 3]
    return can_all_pay


@inlined
def _restore(number: int, first: int, p: int, rankings: Rankings, auction: Auction) -> None:
    """Copy the ranking of bucket `number` under policy p back to the workspace."""
    for level in range(rankings.scores.shape[1]):
        row = rankings.rows[number, level, p]
        auction.workspace.scores[level, p] = rankings.scores[number, level, p]
        auction.workspace.winners[level, p] = first + row if row >= 0 else row


@inlined
def _is_still_right(number: int, first: int, last: int, p: int, rankings: Rankings, auction: Auction) -> bool:
    """Return whether everybody who mattered to a bucket's ranking under policy p still has budget."""
    theta, advertiser = auction.bids.theta_simd, auction.candidates.advertiser
    is_right = True
    for level in range(rankings.who.shape[1]):
        a = rankings.who[number, level, p]
        if a >= 0:
            is_right &= not np.isnan(theta[a, 0, p])
    if is_right and rankings.has_ties[number, p]:
        for row in range(first, last):
            is_right &= not np.isnan(theta[element_at(advertiser, row), 0, p])
    return is_right


@compiled
def withdraw_exhausted(ledger: NDArray[np.int64], bids: Bids) -> None:
    """Withdraw whoever has no budget left."""
    for a in range(ledger.shape[0]):
        for p in range(ledger.shape[1]):
            if ledger[a, p, COST] >= ledger[a, p, SPENDABLE]:
                withdraw(a, p, bids)
