"""One slot in expectation, by far the commonest case, from the sieve to the books without a stop in memory.

The same operations as in `ranking.py` and `settle.py`, in the same order; whatever is not plain is left to them.
"""

from __future__ import annotations

from auctionsim.market.arguments import Bids, Books, Room, Rows, Terms
from auctionsim.market.compiled import inlined
from auctionsim.market.memory import book, spendable, take
from auctionsim.market.pricing import FIRST
from auctionsim.market.ranking import is_clear
from auctionsim.market.sieve import exact_bid


@inlined
def clear_one_slot(
    first: int,
    p: int,
    place_bits: int,
    weight: int,
    outside: float,
    rows: Rows,
    bids: Bids,
    terms: Terms,
    books: Books,
    room: Room,
) -> bool:
    """Clear a sifted cell for policy p; False, and nothing done, where the sieve or the budget leaves a question."""
    n_lanes = bids.theta.shape[1]
    code, next_code, last_code = (
        take(room.found, p), take(room.found, n_lanes + p), take(room.found, 2 * n_lanes + p),
    )  # fmt: skip
    is_plain = is_clear(code, next_code, place_bits) and (next_code < 0 or is_clear(next_code, last_code, place_bits))
    room.profit[p] = 0.0
    room.cost[p] = 0.0
    if is_plain:
        mask = (1 << place_bits) - 1
        row = first + (code & mask)
        who = take(rows.advertiser, row)
        quality = take(rows.quality, row)
        bid = exact_bid(bids.theta, rows.phi, who * n_lanes + p, row)
        score = quality * bid
        is_plain = bid >= terms.reserve and not outside > score
        next_score = outside
        if next_code >= 0:
            next_row = first + (next_code & mask)
            next_bid = exact_bid(bids.theta, rows.phi, take(rows.advertiser, next_row) * n_lanes + p, next_row)
            is_plain &= next_bid >= terms.reserve
            next_score = max(take(rows.quality, next_row) * next_bid, outside)
        per_click = score / quality if terms.pricing == FIRST else max(next_score / quality, terms.reserve)
        clicks = weight * take(rows.ctr, row)
        cost = weight * (per_click * take(rows.ctr, row))
        place = who * books.ledger.shape[1] + p
        is_plain &= cost < spendable(books.ledger, place)
        if is_plain:
            conversions = clicks * take(rows.cvr, row)
            gmv = conversions * take(rows.item_price, row)
            book(books.ledger, place, float(weight), clicks, conversions, gmv, cost)
            room.profit[p] = gmv - cost
            room.cost[p] = cost
    return is_plain or code < 0
