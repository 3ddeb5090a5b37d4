"""Clear auctions of two arms in the order in which they happen, with the compiled kernel: exact budgets across the arms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import CHARGE_SCALE, SPENDABLE, Auction
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.engine import replay_buckets
from auctionsim.auction.kernel.rank import withdraw
from auctionsim.auction.outcome import COST, OUTCOMES

_N_OUTCOMES = len(OUTCOMES)


class Visits(NamedTuple):
    """Auctions in the order in which they happen: a bucket is visited once for each block of its auctions."""

    bucket: NDArray[np.int64]
    """Bucket of each visit, not decreasing, `[visits]`."""
    weight: NDArray[np.int64]
    """Identical auctions of the bucket that are cleared now, >= 1, `[visits]`."""
    arm: NDArray[np.int64]
    """0 for control, 1 for treatment, `[visits]`."""
    unit: NDArray[np.int64]
    """Index of the unit that the auctions are counted for, `[visits]`."""


class Tally(NamedTuple):
    """Sums of `OUTCOMES` beside the ledger, in currency and counts, and the memory that summing needs."""

    by_unit: NDArray[np.float64]
    """Sums over all advertisers, `[units, 5]`."""
    by_arm: NDArray[np.float64]
    """Sums over all auctions of an arm, `[2, advertisers, 5]`."""
    before: NDArray[np.int64]
    """Accounts of a bucket's candidates before it is cleared, `[candidates of the largest bucket, 5]`."""
    seen: NDArray[np.int64]
    """Last visit in which each advertiser was counted, -1 at first, `[advertisers]`."""


@compiled
def clear_visits(
    visits: Visits,
    weight: NDArray[np.int64],
    rng_keys: NDArray[np.uint64],
    control: Auction,
    treatment: Auction,
    tally: Tally,
) -> None:
    """Clear the visits of an hour, each under the rules and bids of its arm.

    Args:
        visits: The visits of the hour, buckets counted from the hour's first.
        weight: The memory of the weights in both auctions' buckets, which each visit writes; the kernel only reads it.
        rng_keys: The hour's RNG key, `[1]`. The index of a visit in the hour is part of the key of its draws.
        control: Traffic, bids, rules, accounts and workspace of control, for one policy.
        treatment: Those of treatment; with shared budgets the accounts have the same ledger.
        tally: Updated.
    """
    for k in range(visits.bucket.shape[0]):
        weight[visits.bucket[k]] = visits.weight[k]
        if visits.arm[k] == 0:
            _clear_visit(k, visits, rng_keys, control, treatment, tally)
        else:
            _clear_visit(k, visits, rng_keys, treatment, control, tally)


@inlined
def _clear_visit(k: int, visits: Visits, rng_keys: NDArray[np.uint64], auction: Auction, other: Auction, tally: Tally) -> None:
    """Clear one visit, and withdraw from the other arm's auctions whoever has no budget left for them."""
    bucket, arm, unit = visits.bucket[k], visits.arm[k], visits.unit[k]
    advertiser, ledger, accounts = auction.candidates.advertiser, auction.accounts.ledger, auction.accounts
    first, last = auction.buckets.start[bucket], auction.buckets.start[bucket + 1]
    for row in range(first, last):
        if advertiser[row] < ledger.shape[0]:
            for outcome in range(_N_OUTCOMES):
                tally.before[row - first, outcome] = ledger[advertiser[row], 0, outcome]
    replay_buckets(bucket, bucket + 1, k, rng_keys, auction)
    for row in range(first, last):
        who = advertiser[row]
        # A candidate twice in one auction has one account, and one that the pre-ranker dropped has none.
        if who >= ledger.shape[0] or tally.seen[who] == k:
            continue
        tally.seen[who] = k
        for outcome in range(_N_OUTCOMES):
            units = ledger[who, 0, outcome] - tally.before[row - first, outcome]
            if units != 0:
                scale = accounts.charge_scale[who, 0, CHARGE_SCALE] if outcome == COST else accounts.outcome_scale[outcome]
                tally.by_unit[unit, outcome] += units / scale
                tally.by_arm[arm, who, outcome] += units / scale
        theirs = other.accounts.ledger
        if theirs[who, 0, COST] >= theirs[who, 0, SPENDABLE] and not np.isnan(other.bids.theta[who, 0, 0]):
            withdraw(who, 0, other.bids)
