"""One slot in expectation, by far the commonest case, from the sieve to the books without a stop in memory.

The same operations as in `ranking.py` and `settle.py`, in the same order; whatever is not plain is left to them.
"""

from __future__ import annotations

from auctionsim.auction.kernel.arguments import CTR, CVR, ITEM_PRICE, LEDGER_COLUMNS, QUALITY, Bids, Books, Room, Rows, Terms
from auctionsim.auction.kernel.compiled import inlined
from auctionsim.auction.kernel.lanes import N_FEATURES
from auctionsim.auction.kernel.memory import book, fetch, of_row, spendable, take
from auctionsim.auction.kernel.pricing import FIRST
from auctionsim.auction.kernel.sieve import ROW_STEP, SURELY_ABOVE, exact_bid

_BOTH = 0b11
"""The sieve is sure of the first and of the second."""


@inlined
def fetch_ahead(first: int, lane: int, end: int, place_bits: int, rows: Rows, bids: Bids, books: Books, room: Room) -> None:
    """Have the second's coefficients and the winner's account brought near for policies `lane:end` of a sifted cell."""
    n_lanes, n_policies, mask = bids.theta.shape[1], books.ledger.shape[1], (1 << place_bits) - 1
    for p in range(lane, end):
        # Where nobody is, all bits of the place are set or none: a row of the cell or near it, and nothing is read.
        winner, second = first + (take(room.found, p) & mask), first + (take(room.found, n_lanes + p) & mask)
        fetch(bids.theta, (take(rows.advertiser, second) * n_lanes + p) * N_FEATURES)
        fetch(books.ledger, (take(rows.advertiser, winner) * n_policies + p) * LEDGER_COLUMNS)


@inlined
def clear_one_slot(
    first: int, at: int, p: int, place_bits: int, weight: int, outside: float, rows: Rows, bids: Bids, terms: Terms,
    books: Books, room: Room,
) -> bool:  # fmt: skip
    """Clear a sifted cell for policy p; False, and nothing done, where the sieve or the budget leaves a question.

    `first` is the cell's first row, whose figures begin at `at`.
    """
    n_lanes, is_shared = bids.theta.shape[1], books.shared.shape[0] > 0
    code, next_code, clear = take(room.found, p), take(room.found, n_lanes + p), take(room.found, 2 * n_lanes + p)
    if code < 0:
        if is_shared:
            room.profit[p] = 0.0
            room.cost[p] = 0.0
        return True
    if clear != _BOTH:
        return False
    mask = (1 << place_bits) - 1
    row_place = code & mask
    row = first + row_place
    quality, who = of_row(rows.figures, row, QUALITY), take(rows.advertiser, row)
    next_score = outside
    is_plain = True
    if next_code >= 0:
        next_row = first + (next_code & mask)
        next_bid = exact_bid(bids.theta, rows.figures, take(rows.advertiser, next_row) * n_lanes + p, next_row)
        is_plain = next_bid >= terms.reserve
        next_score = max(of_row(rows.figures, next_row, QUALITY) * next_bid, outside)
    per_click = max(next_score / quality, terms.reserve)
    if terms.pricing == FIRST or outside > 0.0:
        bid = exact_bid(bids.theta, rows.figures, who * n_lanes + p, row)
        score = quality * bid
        is_plain &= bid >= terms.reserve and not outside > score
        if terms.pricing == FIRST:
            per_click = score / quality
    else:
        # The winner's own bid does not matter, so long as it is surely at least the reserve.
        is_plain &= code - row_place >= take(room.bits, (at + row_place) * ROW_STEP + SURELY_ABOVE)
    clicks = weight * of_row(rows.figures, row, CTR)
    cost = weight * (per_click * of_row(rows.figures, row, CTR))
    place = who * books.ledger.shape[1] + p
    if not (is_plain and cost < spendable(books.ledger, place)):
        return False
    conversions = clicks * of_row(rows.figures, row, CVR)
    gmv = conversions * of_row(rows.figures, row, ITEM_PRICE)
    book(books.ledger, place, float(weight), clicks, conversions, gmv, cost)
    if is_shared:
        room.profit[p] = gmv - cost
        room.cost[p] = cost
    return True
