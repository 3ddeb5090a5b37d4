"""Prices of a ranked cell; the formulas and their sources stand in `mechanism.py`."""

from __future__ import annotations

from auctionsim.auction.kernel.arguments import CTR, QUALITY, Room, Rows, Terms
from auctionsim.auction.kernel.compiled import inlined
from auctionsim.auction.kernel.memory import of_row

GSP, FIRST, VCG = range(3)
PRICINGS = ("gsp", "first", "vcg")
"""Names of the pricing rules, in the order of their numbers."""


@inlined
def price(slot: int, p: int, quality: float, terms: Terms, room: Room) -> float:
    """Price per click of the winner of a slot under policy p, currency."""
    if terms.pricing == GSP:
        per_click = max(room.best[slot + 1, p] / quality, terms.reserve)
    elif terms.pricing == FIRST:
        per_click = room.best[slot, p] / quality
    else:
        effect = terms.slot_effect
        n_slots = effect.shape[0]
        payment = effect[n_slots - 1] * max(room.best[n_slots, p] / quality, terms.reserve)
        for k in range(slot, n_slots - 1):
            payment += (effect[k] - effect[k + 1]) * max(room.best[k + 1, p] / quality, terms.reserve)
        per_click = payment / effect[slot]
    return per_click


@inlined
def expected_charge(slot: int, p: int, row: int, rows: Rows, terms: Terms, room: Room) -> float:
    """What one auction costs the winner of a slot in expectation, currency."""
    per_click = price(slot, p, of_row(rows.figures, row, QUALITY), terms, room)
    return per_click * (of_row(rows.figures, row, CTR) * terms.slot_effect[slot])
