"""The engine: one numba kernel that clears an hour of auctions for P policies at once.

The policy axis is innermost and contiguous, so that bidding and ranking are vector instructions over policies (`lanes.py`):
the traffic is read once for all of them. Ineligible advertisers have NaN coefficients: every comparison with NaN is
false, which costs no branch. `mechanism.py` says in plain Python what this computes; tests hold the two equal.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from auctionsim.market.lanes import make_rank, make_share

IMPRESSIONS, CLICKS, CONVERSIONS, GMV, COST = range(5)
OUTCOMES = ("impressions", "clicks", "conversions", "gmv", "cost")

NARROW, WIDE = 8, 32
"""Lanes of the two vector widths: one register's worth for a few policies, and the fastest measured for many."""

_compiled = njit(cache=True, nogil=True, error_model="numpy")
_rank_narrow, _rank_wide = make_rank(NARROW), make_rank(WIDE)
_share_narrow, _share_wide = make_share(NARROW), make_share(WIDE)


def padded(n_policies: int) -> int:
    """The number of lanes that holds `n_policies`: a multiple of the width they are replayed with."""
    width = WIDE if n_policies >= WIDE else NARROW
    return -(-n_policies // width) * width


@_compiled
def replay_cells(
    cells: tuple[int, int],
    cell_start: NDArray[np.int64],
    weight: NDArray[np.int64],
    advertiser: NDArray[np.int64],
    pctr: NDArray[np.float64],
    ctr: NDArray[np.float64],
    cvr: NDArray[np.float64],
    item_price: NDArray[np.float64],
    phi: NDArray[np.float64],
    theta: NDArray[np.float64],
    budget_left: NDArray[np.float64],
    spent_below: NDArray[np.float64],
    reserve: float,
    totals: NDArray[np.float64],
    shared: NDArray[np.float64],
) -> None:
    """Clear cells `cells[0]:cells[1]` in order: one slot, generalised second price, outcomes in expectation.

    L is `padded(P)`; all arrays are C-contiguous.

    Args:
        cells: First cell and the cell after the last.
        cell_start, weight, advertiser, pctr, ctr, cvr, item_price: Columns of the traffic table.
        phi: Bid features `[rows, 4]`, in the order of `bids.FEATURES`.
        theta: Coefficients `[advertisers, 4, L]`; NaN beyond P and where budget is spent. Written to when a budget runs out.
        budget_left: Currency left `[advertisers, P]`; written to.
        spent_below: What is left counts as nothing at or below this, `[advertisers, P]`.
        reserve: Lowest bid and lowest price, currency per click.
        totals: Sums to add to, `[advertisers, P, 5]`, in the order of `OUTCOMES`.
        shared: Sums to add to, `[advertisers, 2, L]`: profit and cost of the winners of all auctions in which the advertiser
            is a candidate. `[0, 2, L]` leaves them out.
    """
    n_lanes = theta.shape[2]
    best = np.empty(n_lanes)
    second = np.empty(n_lanes)
    winner = np.empty(n_lanes, dtype=np.int64)
    cell_profit = np.zeros(n_lanes)
    cell_cost = np.zeros(n_lanes)
    for cell in range(cells[0], cells[1]):
        first, last = cell_start[cell], cell_start[cell + 1]
        if n_lanes % WIDE == 0:
            for lane in range(0, n_lanes, WIDE):
                _rank_wide(theta, phi, pctr, advertiser, first, last, n_lanes, lane, reserve, best, second, winner)
        else:
            for lane in range(0, n_lanes, NARROW):
                _rank_narrow(theta, phi, pctr, advertiser, first, last, n_lanes, lane, reserve, best, second, winner)
        for p in range(budget_left.shape[1]):
            row = winner[p]
            cell_profit[p] = 0.0
            cell_cost[p] = 0.0
            if row < 0:
                continue
            who = advertiser[row]
            cost = weight[cell] * max(max(second[p], 0.0) / pctr[row], reserve) * ctr[row]
            if cost < budget_left[who, p] - spent_below[who, p]:
                budget_left[who, p] -= cost
                cell_cost[p] = cost
                cell_profit[p] = _count(totals, who, p, weight[cell], ctr[row], cvr[row], item_price[row], cost)
            else:
                cell_profit[p], cell_cost[p] = _clear_to_the_end(
                    first, last, weight[cell], p, advertiser, pctr, ctr, cvr, item_price, phi, theta,
                    budget_left, spent_below, reserve, totals,
                )  # fmt: skip
        if shared.shape[0] > 0:
            if n_lanes % WIDE == 0:
                for lane in range(0, n_lanes, WIDE):
                    _share_wide(shared, advertiser, first, last, n_lanes, lane, cell_profit, cell_cost)
            else:
                for lane in range(0, n_lanes, NARROW):
                    _share_narrow(shared, advertiser, first, last, n_lanes, lane, cell_profit, cell_cost)


@_compiled
def _rank_one(
    first: int,
    last: int,
    p: int,
    advertiser: NDArray[np.int64],
    pctr: NDArray[np.float64],
    phi: NDArray[np.float64],
    theta: NDArray[np.float64],
    reserve: float,
) -> tuple[int, float]:
    """The winning row (-1 where nobody is eligible) and the rank score below it, for one policy; as `lanes.make_rank`."""
    best, second, winner = -1.0, -1.0, -1
    for row in range(first, last):
        who = advertiser[row]
        bid = (
            theta[who, 0, p] * phi[row, 0]
            + theta[who, 1, p] * phi[row, 1]
            + theta[who, 2, p] * phi[row, 2]
            + theta[who, 3, p] * phi[row, 3]
        )
        score = pctr[row] * bid if bid >= reserve else -1.0
        # Strictly greater: of equal scores the lower index ranks higher.
        if score > best:
            best, second, winner = score, best, row
        elif score > second:
            second = score
    return winner, max(second, 0.0)


@_compiled
def _clear_to_the_end(
    first: int,
    last: int,
    weight: int,
    p: int,
    advertiser: NDArray[np.int64],
    pctr: NDArray[np.float64],
    ctr: NDArray[np.float64],
    cvr: NDArray[np.float64],
    item_price: NDArray[np.float64],
    phi: NDArray[np.float64],
    theta: NDArray[np.float64],
    budget_left: NDArray[np.float64],
    spent_below: NDArray[np.float64],
    reserve: float,
    totals: NDArray[np.float64],
) -> tuple[float, float]:
    """Clear one cell for one policy, splitting it where a budget runs out.

    The winner takes as many whole auctions as it can pay, then one whose charge is capped at what is left; the rest of the
    cell is ranked again without it. Equal to clearing the auctions one by one. Returns the winners' profit and cost.
    """
    open_auctions = weight
    cell_profit, cell_cost = 0.0, 0.0
    while open_auctions > 0:
        row, second = _rank_one(first, last, p, advertiser, pctr, phi, theta, reserve)
        if row < 0:
            break
        who = advertiser[row]
        charge = max(second / pctr[row], reserve) * ctr[row]
        left = budget_left[who, p]
        nothing = spent_below[who, p]
        taken = open_auctions
        if open_auctions * charge > left + nothing:
            taken = math.floor((left + nothing) / charge)
        cost = min(taken * charge, left)
        if left - cost > nothing and taken < open_auctions:
            taken += 1
            cost = left
        budget_left[who, p] = left - cost
        cell_profit += _count(totals, who, p, taken, ctr[row], cvr[row], item_price[row], cost)
        cell_cost += cost
        if budget_left[who, p] <= nothing:
            theta[who, :, p] = np.nan
        open_auctions -= taken
    return cell_profit, cell_cost


@_compiled
def _count(
    totals: NDArray[np.float64],
    who: int,
    p: int,
    auctions: int,
    ctr: float,
    cvr: float,
    item_price: float,
    cost: float,
) -> float:
    """Add the outcome of `auctions` won auctions of one cell; returns the winner's profit."""
    clicks = auctions * ctr
    conversions = clicks * cvr
    gmv = conversions * item_price
    totals[who, p, IMPRESSIONS] += auctions
    totals[who, p, CLICKS] += clicks
    totals[who, p, CONVERSIONS] += conversions
    totals[who, p, GMV] += gmv
    totals[who, p, COST] += cost
    return gmv - cost
