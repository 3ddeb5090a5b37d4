"""Plan a day before it begins: how a usual day goes, and what the limits are as the baseline's day is seen hour by hour.

Limits that are relative to the baseline follow its outcome on the hours that are over, which is a replay of the keyword bids of
auctions that everybody has seen, and its usual course on those to come. Nothing of an hour is used before it is over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.baseline_course import BaselineCourse, baseline_course
from auctionsim.auction.outcome import COST, GMV
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
from auctionsim.objectives.constraints import constraints_in, trained_revenue_floor
from auctionsim.objectives.goals import Goals
from auctionsim.objectives.resolve import resolved_goals
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DayPlan:
    """Facts of a day that are known at the start of each hour, whatever the policy does; n advertisers."""

    course: BaselineCourse
    """The baseline's day."""
    room: Array
    """Largest cost that each of the advertisers' constraints allows to one that bought nothing, currency
    `[24, constraints, n]`; infinite where there is none."""
    room_per_unit: Array
    """Rise of that cost per click, conversion and unit of GMV, currency `[24, constraints, n, 3]`."""
    cap: Array
    """Cap on the price per click, currency `[24, n]`; 0 where there is none."""
    revenue: Array
    """Revenue that the day needs, `[24]`; 0 where there is no floor."""
    self_bidders: Array
    """Profit that the self-bidders need together, `[24]`; minus infinity where there is no floor."""
    self_bidder_scale: Array
    """Size of their profit under the baseline, `[24]`, > 0."""

    __repr__ = short_repr

    def allowed(self, hour: int, bought: Array) -> Array:
        """Return the largest cost of each advertiser that keeps its constraints, currency `[n]`; infinite where none.

        Args:
            hour: The hour, whose limits count.
            bought: Clicks, conversions and GMV, `[n, 3]`.
        """
        if not self.room.shape[1]:
            return np.full(len(bought), np.inf)
        left = self.room[hour] + (self.room_per_unit[hour] * bought).sum(axis=2)
        least: Array = np.maximum(left.min(axis=0), 0.0)
        return least


def day_plan(market: Market, day: int) -> DayPlan:
    """Return the plan of a day; it is made once for a market and a day."""
    return market.once("plan", day, lambda: _plan(market, day))


def _plan(market: Market, day: int) -> DayPlan:
    course = baseline_course(market, day)
    before, coming = course.before, course.coming
    goals = [_goals(market, before[hour] + coming[hour]) for hour in range(HOURS)]
    rows = [_rows(one) for one in goals]
    caps = np.stack([one.limits["cpc_cap"][:, 0] for one in goals])
    floors = np.array([float(one.limits["self_bidder_floor"][0]) for one in goals])
    revenue = trained_revenue_floor(market.scenario) * (before + coming)[:, :, COST].sum(axis=1)
    who = ~market.is_controlled
    profit = ((before + coming)[:, who, GMV] - (before + coming)[:, who, COST]).sum(axis=1)
    return DayPlan(
        course, np.stack([room for room, _ in rows]), np.stack([per_unit for _, per_unit in rows]),
        np.where(np.isfinite(caps), caps, 0.0), revenue, floors, np.maximum(np.abs(profit), 1e-12),
    )  # fmt: skip


def _goals(market: Market, baseline: Array) -> Goals:
    """Return the goals of a day on which the baseline brings totals `[n, 5]`."""
    is_self_bidding = ~market.is_controlled
    return resolved_goals(market.scenario, market.groups, is_self_bidding, baseline[:, :, None], for_training=True)


def _rows(goals: Goals) -> tuple[Array, Array]:
    """Return `DayPlan.room` and `room_per_unit` of one hour, `[constraints, n]` and `[constraints, n, 3]`."""
    n, rooms, units = len(goals.scales), [np.zeros((0, len(goals.scales)))], [np.zeros((0, len(goals.scales), 3))]
    for one in constraints_in(goals.limits):
        if not one.is_each:
            continue
        limit = goals.limits[one.key][:, 0]
        holds = one.is_set(limit)
        row = one.row(np.where(holds, limit, 0.0), goals.is_self_bidding)
        coefficients = row.coefficients(n)
        # Only what limits costs from above: a floor on spend does not.
        holds = holds & (coefficients[3] > 0)
        per_cost = np.where(holds, coefficients[3], 1.0)
        rooms.append(np.where(holds, row.right / per_cost, np.inf)[None])
        units.append(np.where(holds, -coefficients[:3] / per_cost, 0.0).T[None])
    return np.concatenate(rooms), np.concatenate(units)
