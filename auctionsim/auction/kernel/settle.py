"""Settling a ranked cell for one policy: prices, budgets, and what is counted. In expectation, or auction by auction by luck.

The formulas and their sources stand in `mechanism.py`; `arguments.py` says what the functions are given.
"""

from __future__ import annotations

import math

import numpy as np

from auctionsim.auction.kernel.arguments import (
    CLICKS,
    CONVERSIONS,
    COST,
    CTR,
    CVR,
    GMV,
    IMPRESSIONS,
    ITEM_PRICE,
    LEFT,
    QUALITY,
    SPENT_BELOW,
    Bids,
    Books,
    Room,
    Rows,
    Terms,
)
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.kernel.details import note_details
from auctionsim.auction.kernel.lanes import N_FEATURES, NARROW
from auctionsim.auction.kernel.memory import book, of_row, spendable, take
from auctionsim.auction.kernel.noise import CLICK, CONVERSION, uniform
from auctionsim.auction.kernel.pricing import expected_charge, price
from auctionsim.auction.kernel.ranking import rank_block


@inlined
def settle_if_paid(p: int, auctions: int, rows: Rows, terms: Terms, books: Books, room: Room) -> bool:
    """`settle` where every shown advertiser has more left than all auctions cost it; else nothing, and False."""
    n_policies, n_slots = books.ledger.shape[1], terms.slot_effect.shape[0]
    can_all_pay = True
    for slot in range(n_slots):
        row = room.winner[slot, p]
        if row >= 0:
            cost = auctions * expected_charge(slot, p, row, rows, terms, room)
            can_all_pay &= cost < spendable(books.ledger, take(rows.advertiser, row) * n_policies + p)
            room.charges[slot] = cost
    room.profit[p] = 0.0
    room.cost[p] = 0.0
    if can_all_pay:
        for slot in range(n_slots):
            row = room.winner[slot, p]
            if row >= 0:
                _book(slot, p, row, auctions, room.charges[slot], rows, terms, books, room)
    return can_all_pay


@inlined
def settle(p: int, auctions: int, rows: Rows, terms: Terms, books: Books, room: Room) -> None:
    """Charge and count `auctions` identical auctions, no charge above what is left; adds the winners' profit and cost."""
    for slot in range(terms.slot_effect.shape[0]):
        row = room.winner[slot, p]
        if row >= 0:
            left = books.ledger[rows.advertiser[row], p, LEFT]
            cost = min(auctions * expected_charge(slot, p, row, rows, terms, room), left)
            _book(slot, p, row, auctions, cost, rows, terms, books, room)


@inlined
def _book(slot: int, p: int, row: int, auctions: int, cost: float, rows: Rows, terms: Terms, books: Books, room: Room) -> None:
    """Book what `auctions` identical auctions bring the winner of a slot."""
    clicks = auctions * (of_row(rows.figures, row, CTR) * terms.slot_effect[slot])
    conversions = clicks * of_row(rows.figures, row, CVR)
    gmv = conversions * of_row(rows.figures, row, ITEM_PRICE)
    place = take(rows.advertiser, row) * books.ledger.shape[1] + p
    book(books.ledger, place, float(auctions), clicks, conversions, gmv, cost)
    room.profit[p] += gmv - cost
    room.cost[p] += cost


@compiled
def clear_to_the_end(
    first: int, last: int, p: int, weight: int, outside: float, rows: Rows, bids: Bids, terms: Terms, books: Books,
    room: Room,
) -> None:  # fmt: skip
    """Clear one ranked cell for one policy, splitting it where budgets run out.

    As many whole auctions are taken as everybody shown can pay, then one whose charges are capped at what is left; whoever has
    nothing left leaves, and the rest of the cell is ranked again. Equal to clearing the auctions one by one.
    """
    room.profit[p] = 0.0
    room.cost[p] = 0.0
    is_shown = True
    while weight > 0 and is_shown:
        payable = weight
        is_shown = False
        for slot in range(terms.slot_effect.shape[0]):
            row = room.winner[slot, p]
            if row >= 0:
                is_shown = True
                who = rows.advertiser[row]
                charge = expected_charge(slot, p, row, rows, terms, room)
                left = books.ledger[who, p, LEFT] + books.ledger[who, p, SPENT_BELOW]
                if payable * charge > left:
                    payable = math.floor(left / charge)
        # Nobody leaves within the whole auctions but at their end; where nobody leaves there either, one more is capped.
        taken = max(payable, 1) if is_shown else weight
        if books.details.shape[0] > 0:
            note_details(first, last, p, taken, rows, bids.theta, terms, books, room)
        settle(p, taken, rows, terms, books, room)
        weight -= taken
        if _leave_if_spent(p, rows, bids, terms, books, room) and weight > 0:
            rank_block(first, last, p // NARROW * NARROW, outside, rows, bids, terms, room)


@compiled
def clear_by_luck(
    first: int, last: int, p: int, weight: int, outside: float, place: int, luck: np.uint64, rows: Rows, bids: Bids,
    terms: Terms, books: Books, room: Room,
) -> None:  # fmt: skip
    """Clear one ranked cell for one policy auction by auction: clicks and conversions happen or do not, by `luck.py`.

    Whoever has nothing left leaves from the next auction on, and the rest of the cell is ranked again. `place` is the cell's in
    the hour, `luck` the hour's key.
    """
    room.profit[p] = 0.0
    room.cost[p] = 0.0
    auction = 0
    is_shown = True
    while auction < weight and is_shown:
        is_shown, has_paid = False, False
        for slot in range(terms.slot_effect.shape[0]):
            row = room.winner[slot, p]
            if row >= 0:
                is_shown = True
                who = rows.advertiser[row]
                books.ledger[who, p, IMPRESSIONS] += 1
                if uniform(luck, place, auction, row - first, CLICK) < of_row(rows.figures, row, CTR) * terms.slot_effect[slot]:
                    has_paid = True
                    charge = min(price(slot, p, of_row(rows.figures, row, QUALITY), terms, room), books.ledger[who, p, LEFT])
                    books.ledger[who, p, LEFT] -= charge
                    books.ledger[who, p, CLICKS] += 1
                    books.ledger[who, p, COST] += charge
                    room.cost[p] += charge
                    room.profit[p] -= charge
                    if uniform(luck, place, auction, row - first, CONVERSION) < of_row(rows.figures, row, CVR):
                        books.ledger[who, p, CONVERSIONS] += 1
                        books.ledger[who, p, GMV] += of_row(rows.figures, row, ITEM_PRICE)
                        room.profit[p] += of_row(rows.figures, row, ITEM_PRICE)
        taken = 1 if is_shown else weight - auction
        if books.details.shape[0] > 0:
            note_details(first, last, p, taken, rows, bids.theta, terms, books, room)
        auction += taken
        if has_paid and _leave_if_spent(p, rows, bids, terms, books, room) and auction < weight:
            rank_block(first, last, p // NARROW * NARROW, outside, rows, bids, terms, room)


@inlined
def _leave_if_spent(p: int, rows: Rows, bids: Bids, terms: Terms, books: Books, room: Room) -> bool:
    """No more bids of whoever was shown and has nothing left; whether anybody leaves."""
    has_left = False
    for slot in range(terms.slot_effect.shape[0]):
        row = room.winner[slot, p]
        if row >= 0:
            who = rows.advertiser[row]
            if books.ledger[who, p, LEFT] <= books.ledger[who, p, SPENT_BELOW]:
                has_left = True
                width = bids.coarse.shape[3]
                for f in range(N_FEATURES):
                    bids.theta[who, p, f] = np.nan
                    bids.lanes[who, f, p] = np.nan
                    if bids.coarse.shape[1] > 0:
                        bids.coarse[p // width, who, f, p % width] = np.nan
    return has_left
