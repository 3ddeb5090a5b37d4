"""The engine: one numba kernel that clears an hour of auctions for P policies at once.

The policy axis is innermost and contiguous, so that bidding and ranking are vector instructions over policies (`sieve.py`,
`ranking.py`): the traffic is read once for all of them. Ineligible advertisers have NaN coefficients: every comparison with
NaN is false, which costs no branch. `mechanism.py` says in plain Python what this computes; tests hold the two equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.arguments import (
    CLICKS,
    CONVERSIONS,
    COST,
    GMV,
    IMPRESSIONS,
    OUTCOMES,
    Bids,
    Books,
    Cells,
    Room,
    Rows,
    Terms,
)
from auctionsim.market.compiled import compiled
from auctionsim.market.details import DETAILS
from auctionsim.market.lanes import NARROW, RANKED, share_narrow
from auctionsim.market.one_slot import clear_one_slot
from auctionsim.market.pricing import PRICINGS
from auctionsim.market.ranking import UNDECIDED, can_sift, place_bits_of, rank, rank_block, sift
from auctionsim.market.settle import (
    clear_by_luck,
    clear_to_the_end,
    settle_if_paid,
)
from auctionsim.market.sieve import ROW_STEP

__all__ = [
    "CLICKS", "CONVERSIONS", "COST", "DETAILS", "GMV", "IMPRESSIONS", "OUTCOMES", "PRICINGS", "make_room", "padded",
    "replay_cells",
]  # fmt: skip


def padded(n_policies: int) -> int:
    """The number of lanes that holds `n_policies`: whole blocks."""
    return -(-n_policies // NARROW) * NARROW


def make_room(n_policies: int, n_slots: int, most_rows: int) -> Room:
    """Room for `replay_cells` to work in, for cells of up to `most_rows` rows."""
    lanes = padded(n_policies)
    depth = 2 if n_slots == 1 else 4 if n_slots <= 3 else 8
    return Room(
        figures=np.zeros((most_rows, ROW_STEP), dtype=np.float32),
        offset=np.zeros(most_rows, dtype=np.int64),
        found=np.zeros((depth + 1, lanes), dtype=np.int32),
        best=np.zeros((RANKED, lanes)),
        winner=np.zeros((RANKED, lanes), dtype=np.int64),
        profit=np.zeros(lanes),
        cost=np.zeros(lanes),
        charges=np.zeros(n_slots),
    )


@compiled
def replay_cells(
    first_cell: int, last_cell: int, place: int, luck: NDArray[np.uint64], cells: Cells, rows: Rows, bids: Bids, terms: Terms,
    books: Books, room: Room,
) -> None:  # fmt: skip
    """Clear cells `first_cell:last_cell` of one hour in order.

    Args:
        first_cell, last_cell: Which cells.
        place: The first one's place in the hour.
        luck: The hour's key for each policy, `[P]`, see `luck.py`.
        cells, rows: The traffic.
        bids: Who bids what.
        terms: The auction's rules.
        books: What advertisers have left, and what is added to.
        room: Room to work in, made for as many slots, policies and rows by `make_room`.
    """
    n_policies, n_slots, n_lanes = books.ledger.shape[1], terms.slot_effect.shape[0], bids.lanes.shape[2]
    is_detailed = books.details.shape[0] > 0
    for cell in range(first_cell, last_cell):
        first, last, weight, outside = cells.start[cell], cells.start[cell + 1], cells.weight[cell], cells.outside[cell]
        place_bits = place_bits_of(last - first)
        if n_slots == 1 and not terms.is_sampled and not is_detailed and can_sift(place_bits, bids):
            sift(first, last, place_bits, rows, bids, terms, room)
            n_pending = 0
            for p in range(n_policies):
                if not clear_one_slot(first, p, place_bits, weight, outside, rows, bids, terms, books, room):
                    room.found[0, p] = UNDECIDED
                    n_pending += 1
            if n_pending > 0:
                for p in range(n_policies):
                    if room.found[0, p] == UNDECIDED:
                        rank_block(first, last, p // NARROW * NARROW, outside, rows, bids, terms, room)
                        clear_to_the_end(first, last, p, weight, outside, rows, bids, terms, books, room)
        else:
            rank(first, last, outside, rows, bids, terms, n_policies, room)
            for p in range(n_policies):
                if terms.is_sampled:
                    at = place + cell - first_cell
                    clear_by_luck(first, last, p, weight, outside, at, luck[p], rows, bids, terms, books, room)
                elif is_detailed or not settle_if_paid(p, weight, rows, terms, books, room):
                    clear_to_the_end(first, last, p, weight, outside, rows, bids, terms, books, room)
        if books.shared.shape[0] > 0:
            for lane in range(0, n_lanes, NARROW):
                share_narrow(books.shared, rows.advertiser, first, last, n_lanes, lane, room.profit, room.cost)
