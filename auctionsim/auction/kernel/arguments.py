"""The tuples of arrays and numbers that the compiled kernel works on.

Shapes: A advertisers, P policies, L = `engine.padded(P)` SIMD lanes. All arrays are C-contiguous.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import OUTCOMES

_CACHE_LINE = 64
"""Bytes."""

N_FEATURES = 4
"""Features of the bid formula, `bid_formula.FEATURES`."""

QUALITY, CTR, CVR, ITEM_PRICE = range(N_FEATURES, N_FEATURES + 4)
CANDIDATE_COLUMNS = 8
"""Columns of `Candidates.features`: the features of the bid formula, `QUALITY`, `CTR`, `CVR` and `ITEM_PRICE`."""

LIMIT, SPENDABLE, CHARGE_SCALE = range(len(OUTCOMES), len(OUTCOMES) + 3)
LEDGER_COLUMNS = 8
"""Columns of `Accounts.ledger`: the sums of `OUTCOMES`, `LIMIT`, `SPENDABLE` and `CHARGE_SCALE`."""


class AuctionBuckets(NamedTuple):
    """Weighted auction buckets: each is a cell of the traffic table and stands for `weight` identical auctions."""

    start: NDArray[np.int64]
    """First candidate row of each bucket, and the number of rows at the end: `[buckets + 1]`."""
    weight: NDArray[np.int64]
    """Identical auctions in each bucket, `[buckets]`."""
    external_score: NDArray[np.float64]
    """Best rank score of competitors outside the simulation, 0 for none, `[buckets]`."""


class Candidates(NamedTuple):
    """The candidate ads of all buckets, one row each."""

    advertiser: NDArray[np.int64]
    """Index of the advertiser, `[rows]`; A, which stands for none, where the pre-ranker dropped the candidate."""
    features: NDArray[np.float64]
    """`[rows, CANDIDATE_COLUMNS]`: what the bid is computed from, `QUALITY` = pctr^squash, which turns a bid into a rank score,
    the true rates `CTR` and `CVR`, and `ITEM_PRICE`. Eight doubles are one cache line: whoever reads a candidate's quality has
    its features and rates at hand as well."""


class Bids(NamedTuple):
    """Coefficients of the bid formula, three times, each in the order in which one step of the kernel reads them.

    A coefficient is NaN beyond P, where the advertiser has no budget left, and for the last of A + 1 advertisers, which stands
    for none. `NaN x feature` is NaN, and every comparison with NaN is false, so such a candidate fails `bid >= reserve` without
    a branch of its own. The kernel writes NaN where a budget runs out.
    """

    theta: NDArray[np.float64]
    """For the exact bid of one candidate under one policy, `[A + 1, L, 4]`."""
    theta_simd: NDArray[np.float64]
    """For the exact ranking of a block of policies, `[A + 1, 4, L]`."""
    theta_f32: NDArray[np.float32]
    """For the float32 prefilter, `[L / width, A + 1, 4, width]`, or with 0 in place of A + 1 where it cannot be used. The
    coefficients of a block of policies lie together: 48 advertisers x 4 features x 16 policies x 4 bytes = 12 KB stay in the
    first-level cache while the block goes through a run of buckets."""


class AuctionRules(NamedTuple):
    """The rules of the auction as numbers; `auction.rules.Rules` makes them."""

    slot_effect: NDArray[np.float64]
    """Click decay by slot, `[slots]`, 1 to `slots.MAX_SLOTS` of them."""
    pricing: int
    """Index into `prices.PRICINGS`."""
    reserve: float
    """Lowest bid and lowest price, currency per click."""
    bid_floor: float
    bid_cap: float
    """Bids are clipped to `[bid_floor, bid_cap]`, currency per click."""
    is_sampled: bool
    """Whether clicks and conversions are drawn; otherwise they count in expectation."""


class Accounts(NamedTuple):
    """Sums and budgets, which the kernel updates."""

    ledger: NDArray[np.int64]
    """`[A, P, LEDGER_COLUMNS]`, in units (`auction/units.py`): the sums of `OUTCOMES`, cost over the whole day and the others
    over the step; the day's budget; and the cost from which on it counts as exhausted. Eight integers are one cache line, so
    recording an auction touches one line per advertiser and policy."""
    charge_scale: NDArray[np.float64]
    """The ledger's memory, read as doubles, of which column `CHARGE_SCALE` is one: units of a unit of currency charged."""
    outcome_scale: NDArray[np.float64]
    """Units of an impression, a click, a conversion and a unit of GMV, `[4]`."""
    is_wide: bool
    """Whether an auction may add 2^51 units or more to an account, as on a day of few auctions."""
    details: NDArray[np.float64]
    """Sums of `outcome.DETAILS`, `[A, P, 3]`; `[0, P, 3]` where they are not counted."""
    local_credit: NDArray[np.float64]
    """Profit and cost of the winners of all auctions in which the advertiser is a candidate, `[A + 1, 2, L]`; `[0, 2, L]`
    where they are not summed."""


class ChargeBounds(NamedTuple):
    """What bounds a charge besides the bids, of a day; `auction.units.Largest` and `auction.rules.Rules` have it."""

    bid_floor: float
    bid_cap: float
    """Bids are clipped to `[bid_floor, bid_cap]`, currency per click."""
    most_clicks: float
    """Largest number of clicks that an auction charges at once."""
    is_set_by_rivals: bool
    """Whether a price is at most what another's rank score asks for."""
    quality: float
    external_score: float
    clicks_per_quality: float
    """Largest figures of the day, those of `auction.units.Largest`."""
    reserve_charge: float
    """Largest charge at the reserve, currency."""
    bits: int
    """A day has less than 2^bits auctions x slots."""


class Workspace(NamedTuple):
    """Memory for intermediate results, since compiled code cannot allocate; the ranking writes it and settling reads it."""

    screen_features: NDArray[np.float32]
    """The figures that the prefilter reads of each candidate, `[rows of a run of buckets, rank.SCREEN_COLUMNS]`."""
    screen_bits: NDArray[np.int32]
    """The same memory, read as the bits of the floats."""
    theta_offset: NDArray[np.int64]
    """Offset of each candidate's coefficients in a block of `Bids.theta_f32`, `[rows of a run of buckets]`."""
    screened: NDArray[np.int32]
    """Codes of the best candidates that the prefilter found, `[depth + 1, L]`, see `rank.make_prefilter`. The depth is 2, 4 or
    8: the smallest that is more than the number of slots."""
    scores: NDArray[np.float64]
    """Largest rank scores in falling order, -1 where no candidate is eligible: `[simd.MAX_RANKS, L]`, `depth` rows are used."""
    winners: NDArray[np.int64]
    """Candidate rows of these scores, -1 for none, `EXTERNAL` for the external competitor; `[simd.MAX_RANKS, L]`."""
    profit: NDArray[np.float64]
    cost: NDArray[np.float64]
    """The winners' total profit and cost in the current bucket, `[L]` each."""
    charges: NDArray[np.int64]
    """Charge of one auction to the winner of each slot, in units of its account, `[slots]`."""


def make_accounts(
    ledger: NDArray[np.int64],
    outcome_scale: NDArray[np.float64],
    is_wide: bool,
    details: NDArray[np.float64],
    local_credit: NDArray[np.float64],
) -> Accounts:
    """Return the accounts of a ledger; see `Accounts` for the arguments."""
    return Accounts(ledger, ledger.view(np.float64), outcome_scale, is_wide, details, local_credit)


NOBODY, EXTERNAL = -1, -2
"""Entries of `Workspace.winners` that are no candidate rows."""


class Auction(NamedTuple):
    """Everything that clearing a bucket reads and writes."""

    buckets: AuctionBuckets
    candidates: Candidates
    bids: Bids
    rules: AuctionRules
    accounts: Accounts
    workspace: Workspace


def aligned(shape: tuple[int, ...], dtype: Any = np.float64) -> NDArray[Any]:
    """Return zeros that begin at a cache line, so that a row of 64 bytes never straddles two lines."""
    element = np.dtype(dtype)
    size = math.prod(shape) * element.itemsize
    buffer = np.zeros(size + _CACHE_LINE, dtype=np.uint8)
    start = -buffer.ctypes.data % _CACHE_LINE
    return buffer[start : start + size].view(element).reshape(shape)
