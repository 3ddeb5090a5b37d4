"""Clear an hour of auctions for P policies at once: the compiled kernel's entry points.

The policy axis is innermost and contiguous, so that bidding and ranking are vector instructions over policies (`simd.py`,
`rank.py`) and the traffic is read once for all of them. `auction/reference.py` states in plain Python what this computes;
tests hold the two equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import Auction, Workspace
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.prices import LAST_FAST_PRICING
from auctionsim.auction.kernel.rank import (
    SCREEN_COLUMNS,
    can_screen,
    count_index_bits,
    rank_block,
    rank_screened,
    screen,
    write_screen_features,
)
from auctionsim.auction.kernel.settle import (
    prefetch_accounts,
    settle_if_affordable,
    settle_one_slot,
    settle_sampled,
    settle_with_budgets,
)
from auctionsim.auction.kernel.simd import BLOCK, MAX_RANKS, add_local_credit

_RUN_ROWS = 1024
"""Rows of a run of buckets. The prefilter reads 40 bytes of each, 40 KB in all, which stay in the second-level cache."""


def padded(n_policies: int) -> int:
    """Return the number of SIMD lanes that hold `n_policies`, in whole blocks: 8 for 1 policy, 16 for 9."""
    return -(-n_policies // BLOCK) * BLOCK


def make_workspace(n_policies: int, n_slots: int, max_candidates: int) -> Workspace:
    """Make the workspace of `replay_buckets` for buckets of up to `max_candidates` candidates."""
    lanes = padded(n_policies)
    depth = 2 if n_slots == 1 else 4 if n_slots <= 3 else 8
    n_rows = max(max_candidates, _RUN_ROWS)
    screen_features = np.zeros((n_rows, SCREEN_COLUMNS), dtype=np.float32)
    return Workspace(
        screen_features=screen_features,
        screen_bits=screen_features.view(np.int32),
        theta_offset=np.zeros(n_rows, dtype=np.int64),
        screened=np.zeros((depth + 1, lanes), dtype=np.int32),
        scores=np.zeros((MAX_RANKS, lanes)),
        winners=np.zeros((MAX_RANKS, lanes), dtype=np.int64),
        profit=np.zeros(lanes),
        cost=np.zeros(lanes),
        charges=np.zeros(n_slots, dtype=np.int64),
    )


@compiled
def replay_buckets(first_bucket: int, last_bucket: int, index: int, rng_keys: NDArray[np.uint64], auction: Auction) -> None:
    """Clear buckets `first_bucket:last_bucket` of one hour in order, for all policies.

    Policies do not interact. So a block of 16 policies goes through a run of buckets, about 1,000 candidate rows, before the
    next block does: its coefficients stay in the first-level cache and the rows in the second-level one.

    Args:
        first_bucket: The first bucket.
        last_bucket: The bucket after the last.
        index: Index of the first bucket in the hour, part of the key of every draw.
        rng_keys: The hour's RNG key for each policy, `[P]`, from `noise.hour_rng_key`; not read where outcomes are expected.
        auction: Traffic, bids, rules, accounts (updated), and a workspace for as many slots, policies and candidates.
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
            if auction.rules.is_sampled:
                _clear_run_sampled(begin, end, lane, lane_end, index + begin - first_bucket, rng_keys, auction)
            else:
                for bucket in range(begin, end):
                    _clear_bucket(bucket, first_row, lane, lane_end, auction)
        begin = end


@compiled
def end_of_run(begin: int, last_bucket: int, start: NDArray[np.int64], n_rows: int) -> int:
    """Return the bucket after a run of buckets that begins at `begin` and has at most `n_rows` rows, or is one bucket.

    Called, not compiled into its callers: that changed the layout of their code, and three slots took two fifths longer.
    """
    end = begin + 1
    while end < last_bucket and start[end + 1] - start[begin] <= n_rows:
        end += 1
    return end


@inlined
def _clear_bucket(bucket: int, first_row: int, lane: int, end: int, auction: Auction) -> None:
    """Clear a bucket in expectation for policies `lane:end`, a block of the prefilter.

    `first_row` is the first row of the run of buckets.
    """
    buckets, rules, workspace = auction.buckets, auction.rules, auction.workspace
    first, last, weight = buckets.start[bucket], buckets.start[bucket + 1], buckets.weight[bucket]
    external_score = buckets.external_score[bucket]
    index_bits, has_details = count_index_bits(last - first), auction.accounts.details.shape[0] > 0
    # A bucket without candidates, which stored traffic may hold, has no row to prefetch.
    is_screened = last > first and can_screen(index_bits, auction.bids)
    if is_screened:
        screen(first - first_row, last - first, index_bits, lane, auction.bids, workspace)
    is_fast = rules.slot_effect.shape[0] == 1 and rules.pricing <= LAST_FAST_PRICING and not auction.accounts.is_wide
    if is_screened and is_fast and not has_details:
        prefetch_accounts(first, lane, end, index_bits, auction)
        for p in range(lane, end):
            if not settle_one_slot(first, first - first_row, p, index_bits, weight, external_score, auction):
                rank_block(first, last, p // BLOCK * BLOCK, external_score, auction)
                settle_with_budgets(first, last, p, weight, external_score, auction)
    else:
        if is_screened:
            rank_screened(first, last, index_bits, lane, end, external_score, auction)
        else:
            _rank_exactly(first, last, lane, end, external_score, auction)
        for p in range(lane, end):
            if has_details or auction.accounts.is_wide or not settle_if_affordable(p, weight, auction):
                settle_with_budgets(first, last, p, weight, external_score, auction)
    _credit_candidates(first, last, lane, end, auction)


@compiled
def _clear_run_sampled(
    begin: int, end: int, lane: int, lane_end: int, index: int, rng_keys: NDArray[np.uint64], auction: Auction
) -> None:
    """Clear a run of buckets with sampled outcomes for policies `lane:lane_end`; `index` is that of the first bucket.

    A function of its own, called once for a run and a block: a call passes `auction` as some 190 words, which takes as long as
    settling an auction. Compiled into its caller it would slow down expected outcomes, which then run short of registers.
    """
    buckets, first_row = auction.buckets, auction.buckets.start[begin]
    for bucket in range(begin, end):
        first, last, weight = buckets.start[bucket], buckets.start[bucket + 1], buckets.weight[bucket]
        external_score, bucket_index = buckets.external_score[bucket], index + bucket - begin
        rank_bucket(bucket, first_row, lane, lane_end, auction)
        for p in range(lane, lane_end):
            settle_sampled(first, last, p, weight, external_score, bucket_index, rng_keys[p], auction)
        _credit_candidates(first, last, lane, lane_end, auction)


@inlined
def rank_bucket(bucket: int, first_row: int, lane: int, end: int, auction: Auction) -> None:
    """Rank a bucket for policies `lane:end`, a block of the prefilter; `first_row` is the first row of the run of buckets."""
    first, last = auction.buckets.start[bucket], auction.buckets.start[bucket + 1]
    external_score, index_bits = auction.buckets.external_score[bucket], count_index_bits(last - first)
    if last > first and can_screen(index_bits, auction.bids):
        screen(first - first_row, last - first, index_bits, lane, auction.bids, auction.workspace)
        rank_screened(first, last, index_bits, lane, end, external_score, auction)
    else:
        _rank_exactly(first, last, lane, end, external_score, auction)


@inlined
def _rank_exactly(first: int, last: int, lane: int, end: int, external_score: float, auction: Auction) -> None:
    """Rank a bucket that cannot be screened."""
    for block in range(lane, end, BLOCK):
        rank_block(first, last, block, external_score, auction)


@inlined
def _credit_candidates(first: int, last: int, lane: int, end: int, auction: Auction) -> None:
    """Add the winners' profit and cost to the local credit of every candidate, if it is summed."""
    credit, workspace = auction.accounts.local_credit, auction.workspace
    if credit.shape[0] > 0:
        advertiser, n_lanes = auction.candidates.advertiser, credit.shape[2]
        for block in range(lane, end, BLOCK):
            add_local_credit(credit, advertiser, first, last, n_lanes, block, workspace.profit, workspace.cost)
