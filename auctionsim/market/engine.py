"""The engine: one numba kernel that clears an hour of auctions for P policies at once.

The policy axis is innermost and contiguous, so that bidding and ranking are vector instructions over policies (`lanes.py`):
the traffic is read once for all of them. Ineligible advertisers have NaN coefficients: every comparison with NaN is
false, which costs no branch. `mechanism.py` says in plain Python what this computes; tests hold the two equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.compiled import compiled, inlined
from auctionsim.market.lanes import NARROW, WIDE, rank_2, rank_2_wide, rank_4, rank_8, share_narrow
from auctionsim.market.settle import (
    CLICKS,
    CONVERSIONS,
    COST,
    FIRST,
    GMV,
    IMPRESSIONS,
    OUTCOMES,
    PRICINGS,
    can_pay,
    clear_by_luck,
    clear_to_the_end,
    settle,
)

__all__ = [
    "CLICKS", "CONVERSIONS", "COST", "GMV", "IMPRESSIONS", "OUTCOMES", "PRICINGS", "padded", "replay_cells",
]  # fmt: skip


def padded(n_policies: int) -> int:
    """The number of lanes that holds `n_policies`: a multiple of the width they are replayed with."""
    width = WIDE if n_policies >= WIDE else NARROW
    return -(-n_policies // width) * width


@compiled
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
    is_sampled: bool,
    luck: NDArray[np.uint64],
    totals: NDArray[np.float64],
    shared: NDArray[np.float64],
) -> None:
    """Clear cells `cells[0]:cells[1]` in order.

    L is `padded(P)`; all arrays are C-contiguous.

    Args:
        cells: First cell of the hour and the cell after its last.
        cell_start, weight, outside: Per cell: first row, identical auctions, best rank score outside (0 for none).
        advertiser, quality, ctr, cvr, item_price: Per row; quality is what a bid is multiplied with to rank, pctr^squash.
        phi: Bid features `[rows, 4]`, in the order of `bids.FEATURES`.
        theta: Coefficients `[advertisers, 4, L]`; NaN beyond P and where budget is spent. Written to when a budget runs out.
        budget_left: Currency left `[advertisers, P]`; written to.
        spent_below: What is left counts as nothing at or below this, `[advertisers, P]`.
        reserve: Lowest bid and lowest price, currency per click.
        pricing: Index into `PRICINGS`.
        slot_effect: Click decay `[slots]`, 1 to `scenario.MAX_SLOTS` of them.
        is_sampled: Whether clicks and conversions happen by luck instead of counting with their expectation.
        luck: The hour's key for each policy, `[P]`, see `luck.py`.
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
            if is_sampled:
                cell_profit[p], cell_cost[p] = clear_by_luck(
                    first, last, p, weight[cell], outside[cell], cell - cells[0], luck[p], advertiser, quality, ctr, cvr,
                    item_price, phi, theta, reserve, pricing, slot_effect, best, winner, budget_left, spent_below, totals,
                )  # fmt: skip
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
            if n_slots > 1 and can_pay(
                p, weight[cell], advertiser, quality, ctr, reserve, pricing, slot_effect, best, winner, budget_left, spent_below
            ):
                cell_profit[p], cell_cost[p] = settle(
                    p, weight[cell], advertiser, quality, ctr, cvr, item_price, reserve, pricing, slot_effect, best, winner,
                    budget_left, totals,
                )  # fmt: skip
            else:
                cell_profit[p], cell_cost[p] = clear_to_the_end(
                    first, last, p, weight[cell], outside[cell], advertiser, quality, ctr, cvr, item_price, phi, theta, reserve,
                    pricing, slot_effect, budget_left, spent_below, totals,
                )  # fmt: skip
        if shared.shape[0] > 0:
            for lane in range(0, n_lanes, NARROW):
                share_narrow(shared, advertiser, first, last, n_lanes, lane, cell_profit, cell_cost)


@inlined
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
            rank_2_wide(theta, phi, quality, advertiser, first, last, n_lanes, lane, reserve, outside, best, winner)
    elif depth == 2:
        for lane in range(0, n_lanes, NARROW):
            rank_2(theta, phi, quality, advertiser, first, last, n_lanes, lane, reserve, outside, best, winner)
    elif depth == 4:
        for lane in range(0, n_lanes, NARROW):
            rank_4(theta, phi, quality, advertiser, first, last, n_lanes, lane, reserve, outside, best, winner)
    else:
        for lane in range(0, n_lanes, NARROW):
            rank_8(theta, phi, quality, advertiser, first, last, n_lanes, lane, reserve, outside, best, winner)
