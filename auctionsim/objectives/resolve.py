"""Resolve a scenario's goals and constraints to numbers, relative to the baseline's outcome of a day."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import COST
from auctionsim.objectives.base import Asked
from auctionsim.objectives.constraints import constraints_of, trained_revenue_floor
from auctionsim.objectives.goals import OBJECTIVES, Goals, objective_vector
from auctionsim.ratios import NOTHING
from auctionsim.scenario import AdvertiserGroup, Scenario

Array = NDArray[np.float64]


def resolved_goals(
    scenario: Scenario,
    groups: Sequence[AdvertiserGroup],
    is_self_bidding: NDArray[np.bool_],
    baseline: Array,
    *,
    for_training: bool,
) -> Goals:
    """Resolve what a scenario asks for on one day.

    Args:
        scenario: The scenario.
        groups: The group of each advertiser.
        is_self_bidding: Whether no learner controls the advertiser, `[advertisers]`.
        baseline: The baseline's totals of the day, `[advertisers, 5, 1]`.
        for_training: Whether the floors on revenue and profits are those that training and rewards aim at, or those of the
            scenario as stated, by which bounds and reports judge.
    """
    objectives = objective_vector(baseline)[:, :, 0]
    revenue = baseline[:, COST, 0].sum(keepdims=True)
    share = trained_revenue_floor(scenario) if for_training else scenario.platform.revenue_floor
    margin = scenario.learner.profit_floor_margin if for_training else 0.0
    asked = Asked(groups, scenario.platform, share, baseline[:, :, 0], is_self_bidding, margin)
    limits = {one.key: one.limit(asked) for one in constraints_of(scenario)}
    agencies = scenario.agency_members
    wanted = [group.objectives for group in groups]
    for section, members in zip(scenario.agencies, agencies, strict=True):
        for i in members:
            wanted[i] = wanted[i] if section.objectives is None else section.objectives
    return Goals(
        weights=np.array([[[own.get(name, 0.0)] for name in OBJECTIVES] for own in wanted]),
        scales=_scales(objectives)[:, :, None],
        profit_scale=np.maximum(np.abs(objectives[:, 3].sum(keepdims=True)), NOTHING),
        revenue_scale=np.maximum(revenue, NOTHING),
        is_self_bidding=is_self_bidding,
        self_bidder_profit=objectives[is_self_bidding, 3].sum(keepdims=True),
        limits={one.key: limits[one.key][:, None] if one.is_each else limits[one.key] for one in constraints_of(scenario)},
        agencies=tuple(np.array(members, dtype=np.int64) for members in agencies),
    )


def _scales(objectives: Array) -> Array:
    """The baseline's objectives; an advertiser that won nothing is measured by the mean of the others."""
    size = np.abs(objectives)
    return np.where(size > 0, size, np.maximum(size.mean(axis=0), NOTHING))
