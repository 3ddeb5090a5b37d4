"""The engine: one numba kernel that clears an hour of auctions for P policies at once.

The policy axis is innermost and contiguous, so that bidding and ranking are SIMD over policies: the traffic is read once for
all of them. Ineligible advertisers have NaN coefficients: every comparison with NaN is false, which costs no branch.
`mechanism.py` says in plain Python what this computes; tests hold the two equal.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

IMPRESSIONS, CLICKS, CONVERSIONS, GMV, COST = range(5)
OUTCOMES = ("impressions", "clicks", "conversions", "gmv", "cost")

_compiled = njit(cache=True, nogil=True, error_model="numpy")


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

    Args:
        cells: First cell and the cell after the last.
        cell_start, weight, advertiser, pctr, ctr, cvr, item_price: Columns of the traffic table.
        phi: Bid features `[rows, 4]`, in the order of `bids.FEATURES`.
        theta: Coefficients `[advertisers, 4, P]`; NaN where budget is spent. Written to when a budget runs out.
        budget_left: Currency left `[advertisers, P]`; written to.
        spent_below: What is left counts as nothing at or below this, `[advertisers, P]`.
        reserve: Lowest bid and lowest price, currency per click.
        totals: Sums to add to, `[advertisers, 5, P]`, in the order of `OUTCOMES`.
        shared: Sums to add to, `[advertisers, 2, P]`: profit and cost of the winners of all auctions in which the advertiser is
            a candidate. `[0, 2, P]` leaves them out.
    """
    n_policies = theta.shape[2]
    best = np.empty(n_policies)
    second = np.empty(n_policies)
    winner = np.empty(n_policies, dtype=np.int64)
    cell_profit = np.empty(n_policies)
    cell_cost = np.empty(n_policies)
    for cell in range(cells[0], cells[1]):
        first, last = cell_start[cell], cell_start[cell + 1]
        _rank(first, last, advertiser, pctr, phi, theta, reserve, best, second, winner)
        for p in range(n_policies):
            row = winner[p]
            cell_profit[p] = 0.0
            cell_cost[p] = 0.0
            if row < 0:
                continue
            who = advertiser[row]
            cost = weight[cell] * max(second[p] / pctr[row], reserve) * ctr[row]
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
            _share(first, last, advertiser, cell_profit, cell_cost, shared)


@_compiled
def _rank(
    first: int,
    last: int,
    advertiser: NDArray[np.int64],
    pctr: NDArray[np.float64],
    phi: NDArray[np.float64],
    theta: NDArray[np.float64],
    reserve: float,
    best: NDArray[np.float64],
    second: NDArray[np.float64],
    winner: NDArray[np.int64],
) -> None:
    """Best and second rank score of one cell and the winning row (-1 where nobody is eligible), for every policy."""
    n_policies = theta.shape[2]
    best[:] = -1.0
    second[:] = -1.0
    winner[:] = -1
    for row in range(first, last):
        coefficients = theta[advertiser[row]]
        quality = pctr[row]
        # The four features are written out: a loop over them inside the loop over policies would keep LLVM from SIMD.
        one, pcvr, value, manual_bid = phi[row, 0], phi[row, 1], phi[row, 2], phi[row, 3]
        for p in range(n_policies):
            bid = (
                coefficients[0, p] * one
                + coefficients[1, p] * pcvr
                + coefficients[2, p] * value
                + coefficients[3, p] * manual_bid
            )
            score = quality * bid if bid >= reserve else -1.0
            # Strictly greater: of equal scores the lower index ranks higher.
            ahead = score > best[p]
            second[p] = max(second[p], min(best[p], score))
            best[p] = score if ahead else best[p]
            winner[p] = row if ahead else winner[p]
    for p in range(n_policies):
        second[p] = max(second[p], 0.0)


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
    lane = slice(p, p + 1)
    best, second, winner = np.empty(1), np.empty(1), np.empty(1, dtype=np.int64)
    open_auctions = weight
    cell_profit, cell_cost = 0.0, 0.0
    while open_auctions > 0:
        _rank(first, last, advertiser, pctr, phi, theta[:, :, lane], reserve, best, second, winner)
        row = winner[0]
        if row < 0:
            break
        who = advertiser[row]
        charge = max(second[0] / pctr[row], reserve) * ctr[row]
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
    totals[who, IMPRESSIONS, p] += auctions
    totals[who, CLICKS, p] += clicks
    totals[who, CONVERSIONS, p] += clicks * cvr
    totals[who, GMV, p] += clicks * cvr * item_price
    totals[who, COST, p] += cost
    return clicks * cvr * item_price - cost


@_compiled
def _share(
    first: int,
    last: int,
    advertiser: NDArray[np.int64],
    cell_profit: NDArray[np.float64],
    cell_cost: NDArray[np.float64],
    shared: NDArray[np.float64],
) -> None:
    """Add a cell's profit and cost to every candidate's share."""
    for row in range(first, last):
        profit, cost = shared[advertiser[row], 0], shared[advertiser[row], 1]
        for p in range(cell_profit.shape[0]):
            profit[p] += cell_profit[p]
        for p in range(cell_cost.shape[0]):
            cost[p] += cell_cost[p]
