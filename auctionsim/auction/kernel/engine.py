"""The engine: one numba kernel that clears an hour of auctions for P policies at once.

The policy axis is innermost and contiguous, so that bidding and ranking are vector instructions over policies (`sieve.py`,
`ranking.py`): the traffic is read once for all of them. Ineligible advertisers have NaN coefficients: every comparison with
NaN is false, which costs no branch. `mechanism.py` says in plain Python what this computes; tests hold the two equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import (
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
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.details import DETAILS
from auctionsim.auction.kernel.lanes import NARROW, RANKED, share_narrow
from auctionsim.auction.kernel.one_slot import clear_one_slot, fetch_ahead
from auctionsim.auction.kernel.pricing import PRICINGS
from auctionsim.auction.kernel.ranking import can_sift, place_bits_of, rank_block, rank_sifted, sift, write_figures
from auctionsim.auction.kernel.settle import clear_by_luck, clear_to_the_end, settle_if_paid
from auctionsim.auction.kernel.sieve import ROW_STEP

__all__ = [
    "CLICKS", "CONVERSIONS", "COST", "DETAILS", "GMV", "IMPRESSIONS", "OUTCOMES", "PRICINGS", "make_room", "padded",
    "replay_cells",
]  # fmt: skip


_RUN_ROWS = 1024
"""Rows of a run of cells: what the sieve reads of them, 40 bytes each, stays in the second-level cache."""


def padded(n_policies: int) -> int:
    """The number of lanes that holds `n_policies`: whole blocks."""
    return -(-n_policies // NARROW) * NARROW


def make_room(n_policies: int, n_slots: int, most_rows: int) -> Room:
    """Room for `replay_cells` to work in, for cells of up to `most_rows` rows."""
    lanes = padded(n_policies)
    depth = 2 if n_slots == 1 else 4 if n_slots <= 3 else 8
    n_rows = max(most_rows, _RUN_ROWS)
    figures = np.zeros((n_rows, ROW_STEP), dtype=np.float32)
    return Room(
        figures=figures,
        bits=figures.view(np.int32),
        offset=np.zeros(n_rows, dtype=np.int64),
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
    n_policies, n_lanes, width = books.ledger.shape[1], bids.lanes.shape[2], bids.coarse.shape[3]
    begin = first_cell
    while begin < last_cell:
        end, first_row = begin + 1, cells.start[begin]
        while end < last_cell and cells.start[end + 1] - first_row <= room.offset.shape[0]:
            end += 1
        if bids.coarse.shape[1] > 0:
            write_figures(first_row, cells.start[end], rows, bids, terms, room)
        # Policies know nothing of each other, so a block of them can go through a run of cells before the next block does.
        for lane in range(0, n_lanes, width):
            for cell in range(begin, end):
                at = place + cell - first_cell
                clear_cell(
                    cell, first_row, lane, min(lane + width, n_policies), at, luck, cells, rows, bids, terms, books, room
                )
        begin = end


@inlined
def clear_cell(
    cell: int, first_row: int, lane: int, end: int, place: int, luck: NDArray[np.uint64], cells: Cells, rows: Rows, bids: Bids,
    terms: Terms, books: Books, room: Room,
) -> None:  # fmt: skip
    """Clear a cell for policies `lane:end`, a block of the sieve; `first_row` is that of the run of cells."""
    first, last, weight, outside = cells.start[cell], cells.start[cell + 1], cells.weight[cell], cells.outside[cell]
    place_bits, is_detailed = place_bits_of(last - first), books.details.shape[0] > 0
    # Of a cell without candidates, which a table may not have but stored traffic might, there is no row to look at.
    is_sifted = last > first and can_sift(place_bits, bids)
    if is_sifted:
        sift(first - first_row, last - first, place_bits, lane, bids, room)
    if is_sifted and terms.slot_effect.shape[0] == 1 and not terms.is_sampled and not is_detailed:
        fetch_ahead(first, lane, end, place_bits, rows, bids, books, room)
        for p in range(lane, end):
            if not clear_one_slot(first, first - first_row, p, place_bits, weight, outside, rows, bids, terms, books, room):
                rank_block(first, last, p // NARROW * NARROW, outside, rows, bids, terms, room)
                clear_to_the_end(first, last, p, weight, outside, rows, bids, terms, books, room)
    else:
        if is_sifted:
            rank_sifted(first, last, place_bits, lane, end, outside, rows, bids, terms, room)
        else:
            for block in range(lane, end, NARROW):
                rank_block(first, last, block, outside, rows, bids, terms, room)
        for p in range(lane, end):
            if terms.is_sampled:
                clear_by_luck(first, last, p, weight, outside, place, luck[p], rows, bids, terms, books, room)
            elif is_detailed or not settle_if_paid(p, weight, rows, terms, books, room):
                clear_to_the_end(first, last, p, weight, outside, rows, bids, terms, books, room)
    if books.shared.shape[0] > 0:
        for block in range(lane, end, NARROW):
            share_narrow(books.shared, rows.advertiser, first, last, books.shared.shape[2], block, room.profit, room.cost)
