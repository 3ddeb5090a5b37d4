"""The engine: one numba kernel that clears an hour of auctions for P policies at once.

The policy axis is innermost and contiguous, so that bidding and ranking are vector instructions over policies (`lanes.py`):
the traffic is read once for all of them. Ineligible advertisers have NaN coefficients: every comparison with NaN is
false, which costs no branch. `mechanism.py` says in plain Python what this computes; tests hold the two equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from auctionsim.market import lanes
from auctionsim.market.lanes import make_rank, make_share

Function = TypeVar("Function", bound=Callable[..., Any])

IMPRESSIONS, CLICKS, CONVERSIONS, GMV, COST = range(5)
OUTCOMES = ("impressions", "clicks", "conversions", "gmv", "cost")
GSP, FIRST, VCG = range(3)
PRICINGS = ("gsp", "first", "vcg")
"""Names of the pricing rules, in the order of their numbers."""

MAX_SLOTS = 7
NARROW, WIDE = 8, 32
"""Lanes of the two vector widths: one register's worth for a few policies, and the fastest measured for many."""

_SOURCES = blake2b(Path(__file__).read_bytes() + Path(lanes.__file__).read_bytes(), digest_size=6).hexdigest()


def _compiled(function: Function, *, inline: bool = False) -> Function:
    """Compile with numba, cached on disk.

    numba's cache knows a function by name, file and the file's time. The name gets the sources' digest, since code of
    `lanes.py` is part of what is compiled, and a stale engine would be a wrong one.
    """
    function.__qualname__ += f"_{_SOURCES}"
    compile_: Any = njit(cache=True, nogil=True, error_model="numpy", forceinline=inline)
    compiled: Function = compile_(function)
    return compiled


def _inlined(function: Function) -> Function:
    """Compile into its callers: an array argument is seven words, so that calls would cost more than the bodies."""
    return _compiled(function, inline=True)


# By depth, the number of scores that are kept: one slot needs two, K slots K + 1. Deeper lists fill the registers, so that
# only the shallowest is wide.
_rank_2_wide, _rank_2, _rank_4, _rank_8 = make_rank(WIDE, 2), make_rank(NARROW, 2), make_rank(NARROW, 4), make_rank(NARROW, 8)
_share_narrow = make_share(NARROW)


def padded(n_policies: int) -> int:
    """The number of lanes that holds `n_policies`: a multiple of the width they are replayed with."""
    width = WIDE if n_policies >= WIDE else NARROW
    return -(-n_policies // width) * width


@_compiled
def replay_cells(
    cells: tuple[int, int],
    cell_start: NDArray[np.int64],
    weight: NDArray[np.int64],
    outside: NDArray[np.float64],
    advertiser: NDArray[np.int64],
    quality: NDArray[np.float64],
    ctr: NDArray[np.float64],
    cvr: NDArray[np.float64],
    item_price: NDArray[np.float64],
    phi: NDArray[np.float64],
    theta: NDArray[np.float64],
    budget_left: NDArray[np.float64],
    spent_below: NDArray[np.float64],
    reserve: float,
    pricing: int,
    slot_effect: NDArray[np.float64],
    totals: NDArray[np.float64],
    shared: NDArray[np.float64],
) -> None:
    """Clear cells `cells[0]:cells[1]` in order, outcomes in expectation.

    L is `padded(P)`; all arrays are C-contiguous.

    Args:
        cells: First cell and the cell after the last.
        cell_start, weight, outside: Per cell: first row, identical auctions, best rank score outside (0 for none).
        advertiser, quality, ctr, cvr, item_price: Per row; quality is what a bid is multiplied with to rank, pctr^squash.
        phi: Bid features `[rows, 4]`, in the order of `bids.FEATURES`.
        theta: Coefficients `[advertisers, 4, L]`; NaN beyond P and where budget is spent. Written to when a budget runs out.
        budget_left: Currency left `[advertisers, P]`; written to.
        spent_below: What is left counts as nothing at or below this, `[advertisers, P]`.
        reserve: Lowest bid and lowest price, currency per click.
        pricing: Index into `PRICINGS`.
        slot_effect: Click decay `[slots]`, 1 to `MAX_SLOTS` of them.
        totals: Sums to add to, `[advertisers, P, 5]`, in the order of `OUTCOMES`.
        shared: Sums to add to, `[advertisers, 2, L]`: profit and cost of the winners of all auctions in which the advertiser
            is a candidate. `[0, 2, L]` leaves them out.
    """
    n_lanes = theta.shape[2]
    n_slots = slot_effect.shape[0]
    depth = 2 if n_slots == 1 else (4 if n_slots <= 3 else 8)
    best = np.empty((depth, n_lanes))
    winner = np.empty((depth, n_lanes), dtype=np.int64)
    cell_profit = np.zeros(n_lanes)
    cell_cost = np.zeros(n_lanes)
    for cell in range(cells[0], cells[1]):
        first, last = cell_start[cell], cell_start[cell + 1]
        _rank(first, last, outside[cell], advertiser, quality, phi, theta, reserve, best, winner)
        for p in range(budget_left.shape[1]):
            if n_slots == 1 and winner[0, p] < 0:
                cell_profit[p] = 0.0
                cell_cost[p] = 0.0
                continue
            if n_slots == 1:
                # The commonest case once more, written out: a loop over one slot costs as much as ranking a dozen candidates.
                row = winner[0, p]
                who = advertiser[row]
                price = best[0, p] / quality[row] if pricing == FIRST else max(best[1, p] / quality[row], reserve)
                clicks = weight[cell] * ctr[row]
                cost = clicks * price
                if cost < budget_left[who, p] - spent_below[who, p]:
                    conversions = clicks * cvr[row]
                    gmv = conversions * item_price[row]
                    budget_left[who, p] -= cost
                    counted = totals[who, p]
                    counted[IMPRESSIONS] += weight[cell]
                    counted[CLICKS] += clicks
                    counted[CONVERSIONS] += conversions
                    counted[GMV] += gmv
                    counted[COST] += cost
                    cell_profit[p] = gmv - cost
                    cell_cost[p] = cost
                    continue
            if n_slots > 1 and _can_pay(
                p, weight[cell], advertiser, quality, ctr, reserve, pricing, slot_effect, best, winner, budget_left, spent_below
            ):
                cell_profit[p], cell_cost[p] = _settle(
                    p, weight[cell], advertiser, quality, ctr, cvr, item_price, reserve, pricing, slot_effect, best, winner,
                    budget_left, totals,
                )  # fmt: skip
            else:
                cell_profit[p], cell_cost[p] = _clear_to_the_end(
                    first, last, p, weight[cell], outside[cell], advertiser, quality, ctr, cvr, item_price, phi, theta, reserve,
                    pricing, slot_effect, budget_left, spent_below, totals,
                )  # fmt: skip
        if shared.shape[0] > 0:
            for lane in range(0, n_lanes, NARROW):
                _share_narrow(shared, advertiser, first, last, n_lanes, lane, cell_profit, cell_cost)


@_inlined
def _rank(
    first: int,
    last: int,
    outside: float,
    advertiser: NDArray[np.int64],
    quality: NDArray[np.float64],
    phi: NDArray[np.float64],
    theta: NDArray[np.float64],
    reserve: float,
    best: NDArray[np.float64],
    winner: NDArray[np.int64],
) -> None:
    """Largest scores and their rows of one cell, for every policy: see `lanes.make_rank`."""
    n_lanes = theta.shape[2]
    depth = best.shape[0]
    if depth == 2 and n_lanes % WIDE == 0:
        for lane in range(0, n_lanes, WIDE):
            _rank_2_wide(theta, phi, quality, advertiser, first, last, n_lanes, lane, reserve, outside, best, winner)
    elif depth == 2:
        for lane in range(0, n_lanes, NARROW):
            _rank_2(theta, phi, quality, advertiser, first, last, n_lanes, lane, reserve, outside, best, winner)
    elif depth == 4:
        for lane in range(0, n_lanes, NARROW):
            _rank_4(theta, phi, quality, advertiser, first, last, n_lanes, lane, reserve, outside, best, winner)
    else:
        for lane in range(0, n_lanes, NARROW):
            _rank_8(theta, phi, quality, advertiser, first, last, n_lanes, lane, reserve, outside, best, winner)


@_inlined
def _price(
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


@_inlined
def _can_pay(
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
            charge = _price(slot, p, quality[row], reserve, pricing, slot_effect, best) * ctr[row] * slot_effect[slot]
            if not auctions * charge < budget_left[who, p] - spent_below[who, p]:
                return False
    return True


@_inlined
def _settle(
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
            clicks = ctr[row] * slot_effect[slot]
            charge = _price(slot, p, quality[row], reserve, pricing, slot_effect, best) * clicks
            cost = min(auctions * charge, budget_left[who, p])
            budget_left[who, p] -= cost
            clicks *= auctions
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


@_compiled
def _clear_to_the_end(
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
        _rank_8(theta, phi, quality, advertiser, first, last, theta.shape[2], block, reserve, outside, best, winner)
        payable = weight
        anybody = False
        for slot in range(slot_effect.shape[0]):
            row = winner[slot, p]
            if row >= 0:
                anybody = True
                who = advertiser[row]
                charge = _price(slot, p, quality[row], reserve, pricing, slot_effect, best) * ctr[row] * slot_effect[slot]
                funds = budget_left[who, p] + spent_below[who, p]
                if payable * charge > funds:
                    payable = math.floor(funds / charge)
        if not anybody:
            break
        # Nobody leaves within the whole auctions but at their end; where nobody leaves there either, one more is capped.
        taken = max(payable, 1)
        earned, charged = _settle(
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
