"""What the engine's functions are given, in groups: each group is a tuple of C-contiguous arrays and numbers.

L is `engine.padded(P)`, the lanes that P policies take.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_LINE = 64

QUALITY, CTR, CVR, ITEM_PRICE = range(4, 8)
ROW_COLUMNS = 8


class Cells(NamedTuple):
    """Per cell."""

    start: NDArray[np.int64]
    """First row, and the number of rows at the end: `[cells + 1]`."""
    weight: NDArray[np.int64]
    """Identical auctions."""
    outside: NDArray[np.float64]
    """Best rank score of bidders outside the simulation, 0 for none."""


class Rows(NamedTuple):
    """Per candidate."""

    advertiser: NDArray[np.int64]
    figures: NDArray[np.float64]
    """`[rows, ROW_COLUMNS]`, a cache line each: bid features in the order of `bids.FEATURES`, then `QUALITY`, what a bid is
    multiplied with to rank (pctr^squash), `CTR`, `CVR` and `ITEM_PRICE`."""


class Bids(NamedTuple):
    """Who bids what, three times: each in the order in which it is read. Written to where a budget runs out."""

    theta: NDArray[np.float64]
    """Coefficients for one policy's exact bid, `[advertisers, L, 4]`; NaN beyond P and where budget is spent."""
    lanes: NDArray[np.float64]
    """The same for ranking blocks of policies exactly, `[advertisers, 4, L]`."""
    coarse: NDArray[np.float32]
    """The same for the sieve, `[L / width, advertisers, 4, width]`, or of no advertisers where it cannot be used. A block of
    policies lies together, so that it stays in the first-level cache while a run of cells is ranked for it."""


class Terms(NamedTuple):
    """The auction's rules."""

    slot_effect: NDArray[np.float64]
    """Click decay `[slots]`, 1 to `scenario.MAX_SLOTS` of them."""
    pricing: int
    """Index into `settle.PRICINGS`."""
    reserve: float
    """Lowest bid and lowest price, currency per click."""
    bid_floor: float
    bid_cap: float
    """Bids are clipped to `[bid_floor, bid_cap]`, currency per click."""
    is_sampled: bool
    """Whether clicks and conversions happen by luck instead of counting with their expectation."""


IMPRESSIONS, CLICKS, CONVERSIONS, GMV, COST, LEFT, SPENT_BELOW = range(7)
LEDGER_COLUMNS = 8
OUTCOMES = ("impressions", "clicks", "conversions", "gmv", "cost")


class Books(NamedTuple):
    """What is added to."""

    ledger: NDArray[np.float64]
    """`[advertisers, P, LEDGER_COLUMNS]`, a cache line each: sums in the order of `OUTCOMES`, currency left, and what counts as
    nothing left."""
    details: NDArray[np.float64]
    """`[advertisers, P, 3]`, in the order of `details.DETAILS`; `[0, P, 3]` leaves them out."""
    shared: NDArray[np.float64]
    """`[advertisers, 2, L]`: profit and cost of the winners of all auctions in which the advertiser is a candidate; `[0, 2, L]`
    leaves them out."""


class Room(NamedTuple):
    """Room to work in; what the ranking of a cell leaves for its settling."""

    figures: NDArray[np.float32]
    """`[rows of a run of cells, sieve.ROW_STEP]`."""
    bits: NDArray[np.int32]
    """The bits of `figures`."""
    offset: NDArray[np.int64]
    """`[rows of a run of cells]`."""
    found: NDArray[np.int32]
    """`[depth + 1, L]`, depth 2, 4 or 8: the fewest that holds one more than the slots."""
    best: NDArray[np.float64]
    """Largest scores in falling order, -1 where nobody is eligible: `[lanes.RANKED, L]`, the first `depth` of use."""
    winner: NDArray[np.int64]
    """Their rows, -1 where nobody, -2 for the bidder outside."""
    profit: NDArray[np.float64]
    """The winners' profit and cost of a cell, `[L]`."""
    cost: NDArray[np.float64]
    charges: NDArray[np.float64]
    """What the winner of each slot is charged, `[slots]`."""


def aligned(shape: tuple[int, ...], dtype: Any = np.float64) -> NDArray[Any]:
    """Zeros that begin at a cache line."""
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    buffer = np.zeros(size + _LINE, dtype=np.uint8)
    start = -buffer.ctypes.data % _LINE
    return buffer[start : start + size].view(kind).reshape(shape)
