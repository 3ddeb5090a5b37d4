"""Settling a ranked cell for one policy: prices, budgets, and what is counted. In expectation, or auction by auction by luck.

The formulas and their sources stand in `mechanism.py`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.compiled import compiled, inlined
from auctionsim.market.lanes import NARROW, rank_8
from auctionsim.market.luck import CLICK, CONVERSION, uniform

IMPRESSIONS, CLICKS, CONVERSIONS, GMV, COST = range(5)
OUTCOMES = ("impressions", "clicks", "conversions", "gmv", "cost")
GSP, FIRST, VCG = range(3)
PRICINGS = ("gsp", "first", "vcg")
"""Names of the pricing rules, in the order of their numbers."""


@inlined
def price(
    slot: int,
    p: int,
    quality: float,
    reserve: float,
    pricing: int,
    slot_effect: NDArray[np.float64],
    best: NDArray[np.float64],
) -> float:
    """Price per click of the winner of a slot; the formulas and their sources stand in `mechanism.py`."""
    if pricing == GSP:
        return max(best[slot + 1, p] / quality, reserve)
    if pricing == FIRST:
        return best[slot, p] / quality
    payment = 0.0
    for k in range(slot, slot_effect.shape[0]):
        effect_below = slot_effect[k + 1] if k + 1 < slot_effect.shape[0] else 0.0
        payment += (slot_effect[k] - effect_below) * max(best[k + 1, p] / quality, reserve)
    return payment / slot_effect[slot]


@inlined
def expected_charge(
    slot: int,
    p: int,
    row: int,
    quality: NDArray[np.float64],
    ctr: NDArray[np.float64],
    reserve: float,
    pricing: int,
    slot_effect: NDArray[np.float64],
    best: NDArray[np.float64],
) -> float:
    """What one auction costs the winner of a slot in expectation."""
    return price(slot, p, quality[row], reserve, pricing, slot_effect, best) * (ctr[row] * slot_effect[slot])


@inlined
def can_pay(
    p: int,
    auctions: int,
    advertiser: NDArray[np.int64],
    quality: NDArray[np.float64],
    ctr: NDArray[np.float64],
    reserve: float,
    pricing: int,
    slot_effect: NDArray[np.float64],
    best: NDArray[np.float64],
    winner: NDArray[np.int64],
    budget_left: NDArray[np.float64],
    spent_below: NDArray[np.float64],
) -> bool:
    """Whether every shown advertiser has more left than all auctions of the cell cost it."""
    for slot in range(slot_effect.shape[0]):
        row = winner[slot, p]
        if row >= 0:
            who = advertiser[row]
            charge = expected_charge(slot, p, row, quality, ctr, reserve, pricing, slot_effect, best)
            if not auctions * charge < budget_left[who, p] - spent_below[who, p]:
                return False
    return True


@inlined
def settle(
    p: int,
    auctions: int,
    advertiser: NDArray[np.int64],
    quality: NDArray[np.float64],
    ctr: NDArray[np.float64],
    cvr: NDArray[np.float64],
    item_price: NDArray[np.float64],
    reserve: float,
    pricing: int,
    slot_effect: NDArray[np.float64],
    best: NDArray[np.float64],
    winner: NDArray[np.int64],
    budget_left: NDArray[np.float64],
    totals: NDArray[np.float64],
) -> tuple[float, float]:
    """Charge and count `auctions` identical auctions, no charge above what is left; returns the winners' profit and cost."""
    profit, total_cost = 0.0, 0.0
    for slot in range(slot_effect.shape[0]):
        row = winner[slot, p]
        if row >= 0:
            who = advertiser[row]
            charge = expected_charge(slot, p, row, quality, ctr, reserve, pricing, slot_effect, best)
            cost = min(auctions * charge, budget_left[who, p])
            budget_left[who, p] -= cost
            clicks = auctions * (ctr[row] * slot_effect[slot])
            conversions = clicks * cvr[row]
            gmv = conversions * item_price[row]
            totals[who, p, IMPRESSIONS] += auctions
            totals[who, p, CLICKS] += clicks
            totals[who, p, CONVERSIONS] += conversions
            totals[who, p, GMV] += gmv
            totals[who, p, COST] += cost
            profit += gmv - cost
            total_cost += cost
    return profit, total_cost


@compiled
def clear_to_the_end(
    first: int,
    last: int,
    p: int,
    weight: int,
    outside: float,
    advertiser: NDArray[np.int64],
    quality: NDArray[np.float64],
    ctr: NDArray[np.float64],
    cvr: NDArray[np.float64],
    item_price: NDArray[np.float64],
    phi: NDArray[np.float64],
    theta: NDArray[np.float64],
    reserve: float,
    pricing: int,
    slot_effect: NDArray[np.float64],
    budget_left: NDArray[np.float64],
    spent_below: NDArray[np.float64],
    totals: NDArray[np.float64],
) -> tuple[float, float]:
    """Clear one cell for one policy, splitting it where budgets run out.

    As many whole auctions are taken as everybody shown can pay, then one whose charges are capped at what is left; whoever has
    nothing left leaves, and the rest of the cell is ranked again. Equal to clearing the auctions one by one. Returns the
    winners' profit and cost.
    """
    block = p // NARROW * NARROW
    best = np.empty((8, theta.shape[2]))
    winner = np.empty((8, theta.shape[2]), dtype=np.int64)
    profit, cost = 0.0, 0.0
    while weight > 0:
        rank_8(theta, phi, quality, advertiser, first, last, theta.shape[2], block, reserve, outside, best, winner)
        payable = weight
        anybody = False
        for slot in range(slot_effect.shape[0]):
            row = winner[slot, p]
            if row >= 0:
                anybody = True
                who = advertiser[row]
                charge = expected_charge(slot, p, row, quality, ctr, reserve, pricing, slot_effect, best)
                funds = budget_left[who, p] + spent_below[who, p]
                if payable * charge > funds:
                    payable = math.floor(funds / charge)
        if not anybody:
            break
        # Nobody leaves within the whole auctions but at their end; where nobody leaves there either, one more is capped.
        taken = max(payable, 1)
        earned, charged = settle(
            p,
            taken,
            advertiser,
            quality,
            ctr,
            cvr,
            item_price,
            reserve,
            pricing,
            slot_effect,
            best,
            winner,
            budget_left,
            totals,
        )
        profit += earned
        cost += charged
        weight -= taken
        for slot in range(slot_effect.shape[0]):
            row = winner[slot, p]
            if row >= 0 and budget_left[advertiser[row], p] <= spent_below[advertiser[row], p]:
                theta[advertiser[row], :, p] = np.nan
    return profit, cost


@compiled
def clear_by_luck(
    first: int,
    last: int,
    p: int,
    weight: int,
    outside: float,
    place: int,
    luck: np.uint64,
    advertiser: NDArray[np.int64],
    quality: NDArray[np.float64],
    ctr: NDArray[np.float64],
    cvr: NDArray[np.float64],
    item_price: NDArray[np.float64],
    phi: NDArray[np.float64],
    theta: NDArray[np.float64],
    reserve: float,
    pricing: int,
    slot_effect: NDArray[np.float64],
    best: NDArray[np.float64],
    winner: NDArray[np.int64],
    budget_left: NDArray[np.float64],
    spent_below: NDArray[np.float64],
    totals: NDArray[np.float64],
) -> tuple[float, float]:
    """Clear one ranked cell for one policy auction by auction: clicks and conversions happen or do not, by `luck.py`.

    Whoever has nothing left leaves from the next auction on, and the rest of the cell is ranked again. `place` is the cell's in
    the hour, `luck` the hour's key. Returns the winners' profit and cost.
    """
    profit, cost = 0.0, 0.0
    for auction in range(weight):
        is_shown, has_left = False, False
        for slot in range(slot_effect.shape[0]):
            row = winner[slot, p]
            if row < 0:
                continue
            is_shown = True
            who = advertiser[row]
            totals[who, p, IMPRESSIONS] += 1
            if uniform(luck, place, auction, row - first, CLICK) < ctr[row] * slot_effect[slot]:
                charge = min(price(slot, p, quality[row], reserve, pricing, slot_effect, best), budget_left[who, p])
                budget_left[who, p] -= charge
                totals[who, p, CLICKS] += 1
                totals[who, p, COST] += charge
                cost += charge
                profit -= charge
                if uniform(luck, place, auction, row - first, CONVERSION) < cvr[row]:
                    totals[who, p, CONVERSIONS] += 1
                    totals[who, p, GMV] += item_price[row]
                    profit += item_price[row]
                if budget_left[who, p] <= spent_below[who, p]:
                    theta[who, :, p] = np.nan
                    has_left = True
        if not is_shown:
            break
        if has_left and auction + 1 < weight:
            best = np.empty((8, theta.shape[2]))
            winner = np.empty((8, theta.shape[2]), dtype=np.int64)
            block = p // NARROW * NARROW
            rank_8(theta, phi, quality, advertiser, first, last, theta.shape[2], block, reserve, outside, best, winner)
    return profit, cost
