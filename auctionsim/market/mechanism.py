"""The mechanism in plain Python: rank, allocate, price. Slow and obvious; the engine is tested against it.

One auction has candidates in a fixed order. Candidate i bids b_i per click and has predicted click-through rate
q_i. Rank score s_i = q_i b_i (eCPM / 1000). Eligible: b_i >= reserve. Slot k (from 0) shows the eligible
candidate with the k-th largest rank score; of equal scores the lower index ranks higher. A click in slot k
happens with probability ctr_i x slot_effect_k.

Generalised second price (Edelman, Ostrovsky and Schwarz 2007, section II; Varian 2007): a shown candidate pays per click
the least bid that keeps its slot, max(s_next / q_i, reserve), where s_next is the rank score of the eligible
candidate ranked right below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.budget import spent_below
from auctionsim.market.traffic import Traffic


@dataclass(frozen=True)
class Placement:
    """One shown ad: the candidate's index, its slot, and its price per click."""

    candidate: int
    slot: int
    price: float


def clear(bids: Sequence[float], pctr: Sequence[float], *, slots: int = 1, reserve: float = 0.0) -> list[Placement]:
    """Clear one auction under the generalised second price.

    Args:
        bids: CPC bids in currency per click, one per candidate; NaN for a candidate that takes no part.
        pctr: Predicted click-through rates in (0, 1].
        slots: How many candidates are shown at the most.
        reserve: Lowest bid and lowest price per click.

    Returns:
        The shown candidates, best slot first.
    """
    eligible = [i for i, bid in enumerate(bids) if bid >= reserve]
    ranked = sorted(eligible, key=lambda i: (-pctr[i] * bids[i], i))
    shown = []
    for slot, i in enumerate(ranked[:slots]):
        below = pctr[ranked[slot + 1]] * bids[ranked[slot + 1]] if slot + 1 < len(ranked) else 0.0
        shown.append(Placement(i, slot, max(below / pctr[i], reserve)))
    return shown


def replay_reference(
    traffic: Traffic,
    day: int,
    bids: NDArray[np.float64],
    *,
    budgets: NDArray[np.float64],
    slot_effect: Sequence[float] = (1.0,),
    reserve: float = 0.0,
) -> dict[str, NDArray[np.float64]]:
    """Replay a day auction by auction in expectation, with every cell written out `weight` times.

    Args:
        traffic: The traffic table.
        day: The day to replay.
        bids: CPC bid of every row of the traffic table, in currency per click.
        budgets: Daily budget per advertiser in currency; infinite where there is none.
        slot_effect: Click decay by slot, first 1.0.
        reserve: Lowest bid and price per click.

    Returns:
        `impressions clicks conversions gmv cost`, each `[24, advertisers]`.
    """
    n = len(traffic.advertisers)
    totals = {name: np.zeros((24, n)) for name in ("impressions", "clicks", "conversions", "gmv", "cost")}
    left = budgets.astype(float).copy()
    spent = left <= spent_below(budgets)
    for hour in range(24):
        for cell in range(*traffic.cells_of(day, hour)):
            rows = range(traffic.cell_start[cell], traffic.cell_start[cell + 1])
            for _ in range(traffic.weight[cell]):
                offered = [np.nan if spent[traffic.advertiser[r]] else bids[r] for r in rows]
                shown = clear(offered, [traffic.pctr[r] for r in rows], slots=len(slot_effect), reserve=reserve)
                for placement in shown:
                    row = rows[placement.candidate]
                    who = traffic.advertiser[row]
                    clicks = traffic.ctr[row] * slot_effect[placement.slot]
                    charge = min(placement.price * clicks, left[who])
                    left[who] -= charge
                    spent[who] = left[who] <= spent_below(budgets[who])
                    totals["impressions"][hour, who] += 1
                    totals["clicks"][hour, who] += clicks
                    totals["conversions"][hour, who] += clicks * traffic.cvr[row]
                    totals["gmv"][hour, who] += clicks * traffic.cvr[row] * traffic.item_price[row]
                    totals["cost"][hour, who] += charge
    return totals
