"""Measure bid shading: bids relative to values, prices relative to the baseline, auctions in which all bid low together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import Outcome
from auctionsim.market.market import Market
from auctionsim.market.simulate import Trajectory
from auctionsim.names.display import short_repr
from auctionsim.ratios import safe_ratio

Array = NDArray[np.float64]

LEVELS = ("value", "keyword_bid")
"""The levels that a low bid can be measured against."""


@dataclass(frozen=True)
class Shading:
    """The bid shading of the advertisers of one objective type."""

    bid_over_value: float
    """Sum of bids divided by the sum of values per click, over all their auctions; NaN if there is no value."""
    cpc_over_baseline: float
    """Their cost per click divided by the baseline's; NaN if either has no clicks."""

    __repr__ = short_repr


def objective_types(market: Market) -> list[str]:
    """Return each advertiser's objectives as a word, for example `gmv` or `clicks+profit`."""
    return ["+".join(sorted(name for name, weight in group.objectives.items() if weight > 0)) for group in market.groups]


def shading(market: Market, day: int, trajectory: Trajectory) -> dict[str, Shading]:
    """Return the bid shading of each objective type on a simulated day.

    Args:
        market: The market.
        day: The day that was simulated.
        trajectory: The day as simulated; its first policy counts.
    """
    rows, bids, weight = _row_bids(market, day, trajectory)
    owner = market.traffic.advertiser[rows]
    value = market.phi[rows, FEATURES.index("value")]
    now, baseline = _clicks_and_cost(trajectory.outcome), _clicks_and_cost(market.baseline[day])
    types = np.array(objective_types(market))
    found = {}
    for name in dict.fromkeys(types.tolist()):
        is_own = types == name
        is_own_row = is_own[owner]
        cpc, cpc_baseline = (safe_ratio(float(sums[is_own, 1].sum()), float(sums[is_own, 0].sum())) for sums in (now, baseline))
        found[name] = Shading(
            safe_ratio(float((weight * bids)[is_own_row].sum()), float((weight * value)[is_own_row].sum())),
            safe_ratio(cpc, cpc_baseline),
        )
    return found


def joint_low_bid_rate(market: Market, day: int, trajectory: Trajectory, share: float = 0.2, level: str = "value") -> float:
    """Return the share of auctions in which every controlled candidate bids less than `share` of its level.

    Only auctions with >= 2 controlled candidates count: one alone coordinates with nobody.

    Args:
        market: The market.
        day: The day that was simulated.
        trajectory: The day as simulated; its first policy counts.
        share: The share of the level below which a bid is low, 0 to 1.
        level: The level to compare with: `value` (of a click) or `keyword_bid`.

    Returns:
        A share from 0 to 1; NaN if no auction has two controlled candidates.

    Raises:
        ValueError: The level is unknown.
    """
    if level not in LEVELS:
        raise ValueError(f"level: expected one of {', '.join(LEVELS)}, got {level!r}")
    rows, bids, weight = _row_bids(market, day, trajectory)
    is_controlled = market.is_controlled[market.traffic.advertiser[rows]]
    is_high = is_controlled & (bids >= share * market.phi[rows, FEATURES.index(level)])
    first = market.traffic.cell_start[market.traffic.cell_slice(day)] - rows.start
    members, high = np.add.reduceat(is_controlled.astype(int), first), np.add.reduceat(is_high.astype(int), first)
    auctions = np.where(members >= 2, weight[first], 0.0)
    return safe_ratio(float(auctions[high == 0].sum()), float(auctions.sum()))


def _clicks_and_cost(outcome: Outcome) -> Array:
    """Return each advertiser's clicks and cost of the day under the first policy, `[advertisers, 2]`."""
    return np.stack([amount[:, :, 0].sum(axis=0) for amount in (outcome.clicks, outcome.cost)], axis=1)


def _row_bids(market: Market, day: int, trajectory: Trajectory) -> tuple[slice, Array, Array]:
    """Return a day's rows of the table, each row's bid in currency per click, and the auctions it stands for."""
    traffic = market.traffic
    cells = traffic.cell_slice(day)
    rows = slice(int(traffic.cell_start[cells.start]), int(traffic.cell_start[cells.stop]))
    theta = trajectory.coefficients[traffic.row_hour[rows], traffic.advertiser[rows], :, 0]
    phi = market.phi if trajectory.phi is None else trajectory.phi
    return rows, arithmetic.dot(theta, phi[rows]), traffic.row_weight[rows].astype(np.float64)
