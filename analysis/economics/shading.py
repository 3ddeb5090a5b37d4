"""How low is bid: bids over values, prices over the reference's, and auctions in which everybody bids low."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.market.simulate import Trajectory

Array = NDArray[np.float64]
_LEVELS = ("value", "keyword_bid")


@dataclass(frozen=True)
class Shading:
    """How low advertisers of one objective type bid and pay."""

    bid_over_value: float
    """Sum of bids over sum of values of a click, all their auctions; NaN where there is no value."""
    cpc_over_reference: float
    """Paid price per click over the reference's; NaN where one of them has no clicks."""


def objective_types(market: Market) -> list[str]:
    """The objectives of each advertiser as a word, `gmv` or `clicks+profit`."""
    return ["+".join(sorted(name for name, weight in group.objectives.items() if weight > 0)) for group in market.groups]


def shading(market: Market, day: int, played: Trajectory) -> dict[str, Shading]:
    """Bid shading of each objective type on a day that was played (its first copy)."""
    rows, bids, weight = _row_bids(market, day, played)
    owner = market.traffic.advertiser[rows]
    value = market.phi[rows, FEATURES.index("value")]
    now, before = (np.stack([o.clicks[:, :, 0].sum(axis=0), o.cost[:, :, 0].sum(axis=0)], axis=1)
                   for o in (played.outcome, market.baseline[day]))  # fmt: skip
    types = np.array(objective_types(market))
    found = {}
    for kind in dict.fromkeys(types.tolist()):
        own, is_own = types == kind, (types == kind)[owner]
        cpc, reference = (_ratio(float(sums[own, 1].sum()), float(sums[own, 0].sum())) for sums in (now, before))
        found[kind] = Shading(
            _ratio(float((weight * bids)[is_own].sum()), float((weight * value)[is_own].sum())), _ratio(cpc, reference)
        )
    return found


def joint_low_bid_rate(market: Market, day: int, played: Trajectory, share: float = 0.2, level: str = "value") -> float:
    """Share of auctions in which every controlled candidate bids under a share of its own level.

    Only auctions with two or more controlled candidates count: one alone agrees with nobody.

    Args:
        market: The market.
        day: Of its traffic.
        played: The day as it went; bids as its first copy set them.
        share: Of the level, from 0 to 1.
        level: `value` of a click, or `keyword_bid`.

    Returns:
        From 0 to 1; NaN where no auction has two controlled candidates.
    """
    if level not in _LEVELS:
        raise ValueError(f"level: expected one of {', '.join(_LEVELS)}, got {level!r}")
    rows, bids, weight = _row_bids(market, day, played)
    is_controlled = market.is_controlled[market.traffic.advertiser[rows]]
    is_high = is_controlled & (bids >= share * market.phi[rows, FEATURES.index(level)])
    first = market.traffic.cell_start[market.traffic.cell_slice(day)] - rows.start
    members, high = np.add.reduceat(is_controlled.astype(int), first), np.add.reduceat(is_high.astype(int), first)
    auctions = np.where(members >= 2, weight[first], 0.0)
    return _ratio(float(auctions[high == 0].sum()), float(auctions.sum()))


def _row_bids(market: Market, day: int, played: Trajectory) -> tuple[slice, Array, Array]:
    """Rows of a day, their bids, and their auctions."""
    traffic = market.traffic
    cells = traffic.cell_slice(day)
    rows = slice(int(traffic.cell_start[cells.start]), int(traffic.cell_start[cells.stop]))
    theta = played.coefficients[traffic.row_hour[rows], traffic.advertiser[rows], :, 0]
    phi = market.phi if played.phi is None else played.phi
    return rows, np.einsum("rf,rf->r", theta, phi[rows]), traffic.row_weight[rows].astype(np.float64)


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else float("nan")
