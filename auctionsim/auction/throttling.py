"""Throttling: advertisers that participate in only a share of their auctions, chosen at random.

The kernel knows nothing of it. A candidate that does not participate gets NaN bid features in a copy of the hour's candidates,
so that its bid is NaN and not eligible, as if its budget were exhausted. One draw per (seed, day, hour, row) decides: a
candidate participates where its draw is below its advertiser's share. So a policy with a share of 0.7 participates in all
auctions of one with 0.2 and in others, whatever policies are beside it. Policies with the same seed and shares are replayed
together, the others one group after the other: an hour costs up to as much as its policies one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import (
    N_FEATURES,
    Accounts,
    Auction,
    AuctionBuckets,
    AuctionRules,
    Bids,
    Workspace,
    aligned,
    make_accounts,
)
from auctionsim.auction.kernel.engine import make_workspace, padded, replay_buckets
from auctionsim.auction.kernel.rank import make_bids
from auctionsim.auction.sources import Chunk
from auctionsim.streams import stream

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Group:
    """Policies that participate in the same auctions."""

    members: NDArray[np.int64]
    """Indexes of the policies."""
    seed: int
    share: Array
    """Share of its auctions in which each advertiser participates, `[advertisers]`."""
    bids: Bids
    accounts: Accounts
    rng_keys: NDArray[np.uint64]
    workspace: Workspace


def replay_throttled(
    chunks: Iterable[Chunk],
    stream_key: tuple[int, int],
    seeds: list[int],
    share: Array,
    coefficients: Array,
    is_in_play: NDArray[np.bool_],
    rng_keys: NDArray[np.uint64],
    rules: AuctionRules,
    accounts: Accounts,
    *,
    is_clipped: bool,
    max_candidates: int,
) -> None:
    """Replay an hour in which advertisers participate in a share of their auctions; updates `accounts`.

    Args:
        chunks: The hour's traffic, in order.
        stream_key: Day and hour.
        seeds: Seed of each policy's draws, `[P]`.
        share: Share of its auctions in which each advertiser participates, in [0, 1], `[advertisers, P]`.
        coefficients: theta over `bid_formula.FEATURES`, `[advertisers, 4, P]`.
        is_in_play: Whether each advertiser has budget left, `[advertisers, P]`.
        rng_keys: The hour's RNG key for each policy, `[P]`.
        rules: The auction's rules.
        accounts: The accounts of all policies.
        is_clipped: Whether bids are clipped.
        max_candidates: Candidates in the largest bucket.
    """
    groups = []
    for members in _groups(seeds, share):
        workspace = make_workspace(len(members), len(rules.slot_effect), max_candidates)
        bids = make_bids(coefficients[:, :, members], is_in_play[:, members], workspace, is_clipped=is_clipped)
        own = _accounts_of(accounts, members)
        groups.append(_Group(members, seeds[members[0]], share[:, members[0]], bids, own, rng_keys[members], workspace))
    streams = {seed: stream(seed, "throttle", *stream_key) for seed in set(seeds)}
    for chunk in chunks:
        start = chunk.buckets.start[chunk.first_bucket : chunk.last_bucket + 1]
        n_rows = int(start[-1]) - int(start[0])
        draws = {seed: rng.random(n_rows) for seed, rng in streams.items()}
        for group in groups:
            part = participating(chunk, start, group.share, draws[group.seed])
            auction = Auction(part.buckets, part.candidates, group.bids, rules, group.accounts, group.workspace)
            replay_buckets(part.first_bucket, part.last_bucket, part.first_index, group.rng_keys, auction)
    for group in groups:
        n = len(group.members)
        accounts.ledger[:, group.members] = group.accounts.ledger
        accounts.details[:, group.members] = group.accounts.details
        accounts.local_credit[:, :, group.members] = group.accounts.local_credit[:, :, :n]


def _groups(seeds: list[int], share: Array) -> Iterator[NDArray[np.int64]]:
    """Group the policies by seed and shares, in the order of each group's first policy."""
    groups: dict[tuple[int, bytes], list[int]] = {}
    for p, seed in enumerate(seeds):
        groups.setdefault((seed, share[:, p].tobytes()), []).append(p)
    return (np.array(members) for members in groups.values())


def _accounts_of(accounts: Accounts, members: NDArray[np.int64]) -> Accounts:
    """Copy the accounts of some policies."""
    ledger = aligned((accounts.ledger.shape[0], len(members), accounts.ledger.shape[2]), np.int64)
    ledger[...] = accounts.ledger[:, members]
    local_credit = np.zeros((*accounts.local_credit.shape[:2], padded(len(members))))
    local_credit[:, :, : len(members)] = accounts.local_credit[:, :, members]
    return make_accounts(
        ledger, accounts.outcome_scale, accounts.is_wide, np.ascontiguousarray(accounts.details[:, members]), local_credit
    )


def participating(chunk: Chunk, start: NDArray[np.int64], share: Array, draws: Array) -> Chunk:
    """Copy a chunk with NaN bid features for the candidates that do not participate."""
    first_row, last_row = int(start[0]), int(start[-1])
    rows, buckets = slice(first_row, last_row), slice(chunk.first_bucket, chunk.last_bucket)
    advertiser, features = chunk.candidates.advertiser[rows], chunk.candidates.features[rows].copy()
    # One share more, for the candidates that the pre-ranker dropped.
    features[draws >= np.append(share, 0.0)[advertiser], :N_FEATURES] = np.nan
    own_start = start - first_row
    for array in (features, own_start):
        # Read-only like a table's own arrays, so that the kernel is compiled for one array type.
        array.setflags(write=False)
    own_buckets = AuctionBuckets(own_start, chunk.buckets.weight[buckets], chunk.buckets.external_score[buckets])
    candidates = chunk.candidates._replace(advertiser=advertiser, features=features)
    return Chunk(own_buckets, candidates, 0, chunk.last_bucket - chunk.first_bucket, chunk.first_index)
