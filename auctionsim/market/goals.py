"""Resolve a scenario's goals to numbers on one day of its market."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.engine import CLICKS, COST, GMV
from auctionsim.market.market import Market
from auctionsim.objectives.goals import OBJECTIVES, Goals, day_totals, objective_vector, ratio
from auctionsim.scenario import resolved_level

Array = NDArray[np.float64]


def goals_of(market: Market, day: int) -> Goals:
    """The goals of a day, relative to the reference policy on the same day."""
    reference = day_totals(market.baseline[day])
    objectives = objective_vector(reference)[:, :, 0]
    cost, clicks, gmv = reference[:, COST, 0], reference[:, CLICKS, 0], reference[:, GMV, 0]
    groups = market.groups
    floors = np.array([group.profit_floor for group in groups])
    platform = market.scenario.platform
    is_self_bidding = ~market.is_controlled
    bystanders = objectives[is_self_bidding, 3].sum(keepdims=True)
    has_bystander_floor = platform.self_bidder_floor > 0 and is_self_bidding.any()
    return Goals(
        weights=np.array([[[group.objectives.get(name, 0.0)] for name in OBJECTIVES] for group in groups]),
        scales=_scales(objectives)[:, :, None],
        profit_scale=np.maximum(np.abs(objectives[:, 3].sum(keepdims=True)), 1e-12),
        revenue_scale=np.maximum(cost.sum(keepdims=True), 1e-12),
        revenue_floor=platform.revenue_floor * cost.sum(keepdims=True),
        cpc_cap=np.array(
            [[_level(group.cpc_cap, cpc, np.inf)] for group, cpc in zip(groups, ratio(cost, clicks), strict=True)]
        ),
        roi_floor=np.array(
            [[_level(group.roi_floor, roi, -np.inf)] for group, roi in zip(groups, ratio(gmv - cost, cost), strict=True)]
        ),
        profit_floor=np.where(floors > 0, floors * objectives[:, 3], -np.inf)[:, None],
        is_self_bidding=is_self_bidding,
        self_bidder_profit=bystanders,
        self_bidder_floor=platform.self_bidder_floor * bystanders if has_bystander_floor else np.full(1, -np.inf),
    )


def _scales(objectives: Array) -> Array:
    """The reference's objectives; an advertiser that won nothing is measured by the mean of the others."""
    size = np.abs(objectives)
    return np.where(size > 0, size, np.maximum(size.mean(axis=0), 1e-12))


def _level(level: float | str | None, reference: float, absent: float) -> float:
    resolved = resolved_level(level, reference)
    return absent if resolved is None else resolved
