"""The tuples of arrays and numbers on which the device's kernels work.

Shapes: A advertisers, P policies, K slots, W buckets of a window, S blocks of a window. The policy axis is innermost, as
neighbouring threads have neighbouring policies and read neighbouring words. All arrays lie on the device. There are few of
them: to pass one more to a kernel takes about a hundredth of a millisecond.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from auctionsim.auction.outcome import COST

NOBODY, EXTERNAL = -1, -2
"""Entries of `Window.positions`: no candidate is left; the competitor outside the simulation."""

LIMIT, SPENDABLE, IS_OUT = COST + 1, COST + 2, COST + 3
LEDGER_ROWS = 8
"""Rows of `Book.ledger`: the sums of `OUTCOMES`, `LIMIT`, `SPENDABLE` and `IS_OUT`."""

SETTLED = 2
"""Last entry of `Window.positions` for a bucket that was settled in order, as somebody ran out in it."""

PROFIT, PAID = range(2)
"""Rows of `CreditWindow.gained`."""

DONE, STOP, NEXT, RIGHT, ROUNDS, RANKED_AGAIN = range(6)
PROGRESS_ROWS = 6
"""Rows of `Window.progress`."""


class DeviceRows(NamedTuple):
    """Buckets and candidates, `kernel.arguments.AuctionBuckets` and `.Candidates` on the device."""

    start: Any
    """First row of each bucket, `[buckets + 1]`, int64."""
    weight: Any
    """Identical auctions of each bucket, `[buckets]`, int64."""
    external_score: Any
    """Best rank score of competitors outside the simulation, `[buckets]`."""
    advertiser: Any
    """`[rows]`, uint32: an index that cannot count from the end needs no check of it."""
    features: Any
    """`Candidates.features`, `[rows, CANDIDATE_COLUMNS]`."""
    screen: Any
    """Figures of each row that screening reads, `[rows * 8]`, float32: features x quality, the least score that is kept, and as
    bits of a float the advertiser."""


class DeviceRules(NamedTuple):
    """`kernel.arguments.AuctionRules` on the device."""

    slot_effect: Any
    pricing: int
    reserve: float
    bid_floor: float
    bid_cap: float
    is_sampled: bool


class DeviceBids(NamedTuple):
    """Coefficients of a step."""

    theta: Any
    """For exact bids, `[A, P, 4]`."""
    theta_f32: Any
    """For screening, `[(A * features + 1) * L]`, float32, L being P rounded up to a multiple of 4; NaN beyond P, and for
    whoever has no budget left. The last L are 1 for policies all of whose coefficients are in the range of screening, and 0 for
    others."""
    first_feature: int
    """The feature that is used, where it is the only one; 0 where all are."""
    can_screen: bool
    """Whether no bids are clipped, so that screening is possible."""


class Book(NamedTuple):
    """Sums and budgets, in units (`auction/units.py`)."""

    ledger: Any
    """`[LEDGER_ROWS, A, P]`, int64: the sums of `OUTCOMES`, cost over the whole day and the others over the step; the day's
    budget; the cost from which on it counts as exhausted; and 1 for whoever has no budget left."""
    scale: Any
    """Units of a unit of currency charged, `[A, P]`."""
    outcome_scale: Any
    """Units of an impression, a click, a conversion and a unit of GMV, `[4]`."""


class Window(NamedTuple):
    """Buckets that are ranked side by side, and how far each policy is settled."""

    positions: Any
    """Candidate of each slot and next below, counted from the bucket's first row, or one of the constants above; and last, 1
    where scores tie or almost do, so that others decide as well, or `SETTLED`, `[K + 2, W, P]`, int32."""
    cost: Any
    """Charge of all auctions of the bucket to the winner of each slot, in units of its account, `[K, W, P]`, int64."""
    codes: Any
    """Largest scores of the screening with candidates' indices in their last bits, `[K + 2, W, P]`, float32."""
    block_cost: Any
    """Sum of `cost` over the buckets of each block that are not settled yet, `[S, A, P]`, int64."""
    progress: Any
    """Blocks that are settled; the first block in which somebody runs out, as far as rankings are right; the first bucket that
    is not settled; the bucket up to which rankings are right; and, since the day began, rounds, and rankings made again:
    `[PROGRESS_ROWS, P]`, int64."""
    todo: Any
    """Rankings that a block of threads is to make again, bucket x policies of the block + policy, `[thread blocks, policies of
    one x W]`, int32."""
    block_size: int
    """Buckets of a block."""


class CreditWindow(NamedTuple):
    """A `Window` that also keeps what the winners of each bucket gain, where local credit is summed."""

    positions: Any
    cost: Any
    codes: Any
    block_cost: Any
    progress: Any
    todo: Any
    block_size: int
    """The fields of `Window`."""
    gained: Any
    """The winners' profit and cost in all auctions of the bucket, currency, `[2, W, P]`."""
