"""Adapt multipliers and prices within the day, hour by hour, to what the day has brought so far.

Multipliers are those of the mean training day, and days differ. What binds is followed up by rules that look at the past of the
day alone: spend against budget, costs against what caps and floors allow, revenue against the floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.auction_level.plan import day_plan
from auctionsim.agents.policies.baseline_course import PRIOR
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV
from auctionsim.market.market import Market
from auctionsim.market.policy import DayState
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]
_BOUGHT = [CLICKS, CONVERSIONS, GMV]


@dataclass(frozen=True)
class Gains:
    """How strongly the day's course moves the multipliers."""

    budget: float = 6.0
    """Rise of the log cost of payment per share of the budget spent ahead of the traffic."""
    cap_budget: float = 6.0
    """Fall of the log worth of clicks for a cap, likewise; a budget that is spent behind the traffic changes nothing."""
    limit: float = 8.0
    """Cost of payment per relative excess over what is allowed, in units of the worth of revenue."""
    revenue: float = 0.6
    """Power of the ratio of the revenue needed to the one expected, by which prices move an hour."""
    cap_revenue: float = 3.0
    """Fall of the log worth of clicks for a cap, and of revenue, per relative excess of revenue."""
    shortfall: float = 10.0
    """Worth of clicks for a cap per relative shortfall of revenue, in units of the worth of revenue, where budget is left."""
    low: float = 0.8
    """Level of prices, over usual ones, below which an excess of revenue lowers its worth."""
    self_bidders: float = 20.0
    """Fall of the pressure on self-bidders' prices per relative shortfall of their profit."""
    others: float = 10.0
    """Rise of the log worth of their profit per relative shortfall of it."""
    room: float = 0.005
    """Share of what is allowed that stays unused, and excess of the revenue aimed at."""
    pressure: float = 0.97
    """Largest share of a self-bidder's bid that it is made to pay."""


GAINS = Gains()


@dataclass(frozen=True, eq=False)
class Hour:
    """Prices and factors on multipliers with which the coming hour is bid."""

    price: Array
    """Price per click, currency `[advertisers]`."""
    payment_factor: Array
    """Factor on the cost of payment, `[advertisers]`."""
    excess: Array
    """Relative cost beyond what is allowed, `[advertisers]`, >= 0."""
    cap_factor: Array
    """Factor on the worth of clicks for a cap, `[advertisers]`."""
    shortfall: Array
    """Worth of clicks for a cap that a shortfall of revenue adds, in units of the worth of revenue, `[advertisers]`."""
    cap: Array
    """Estimate of the day's cap on the price per click, currency `[advertisers]`; 0 where there is none."""
    pressure: float
    """Share of its bid up to which a self-bidder's price is raised."""
    others_factor: float
    """Factor on the worth of a self-bidder's profit."""
    revenue_factor: float
    """Factor on the worth of revenue."""

    __repr__ = short_repr


class Feedback:
    """The course of one day.

    Args:
        market: The market.
        day: The day.
        price: Price per click that each advertiser pays on a usual day, currency `[advertisers]`.
        more: Price per click that is added where revenue is short, once for every level above 1, currency `[advertisers]`.
        revenue_over_profit: Worth of a unit of revenue over that of a unit of a self-bidder's profit.
    """

    def __init__(self, market: Market, day: int, price: Array, more: Array, revenue_over_profit: float) -> None:
        self._plan, self._price, self._more = day_plan(market, day), price, more
        self._revenue_over_profit = revenue_over_profit
        self._has_budget = np.isfinite(market.budgets)
        self._budget = np.where(self._has_budget, np.maximum(market.budgets, 1e-12), 1.0)
        self._is_self_bidding = ~market.is_controlled
        self._level = 1.0

    def of(self, state: DayState) -> Hour:
        """Return what to bid with in the coming hour."""
        hour, plan = state.hour, self._plan
        done, now, rest = plan.course.done[hour], plan.course.now[hour], plan.course.rest[hour]
        cumulative = state.cumulative[:, :, 0]
        # The rest of the day as expected from the hours before, and from the usual day as long as they are few.
        coming = (cumulative + PRIOR * plan.course.usual) * (rest / (done + PRIOR))
        # What goes beyond a budget does not come.
        within = coming * np.minimum(1.0, state.budget_left[:, 0] / np.maximum(coming[:, COST], 1e-12))[:, None]
        clicks, cost = np.maximum(coming[:, CLICKS], 1e-12), cumulative[:, COST]
        allowed = plan.allowed(hour, cumulative[:, _BOUGHT] + coming[:, _BOUGHT])
        target = float(plan.revenue[hour]) * (1 + GAINS.room)
        level = self._revenue_level(state, target, float(now[COST] / rest[COST]))

        ahead = np.where(self._has_budget, cost / self._budget - done[COST], 0.0)
        to_date = plan.allowed(hour, cumulative[:, _BOUGHT])
        is_over = (cost > to_date) & (cost > 0)
        excess = np.where(is_over, 1.0 - to_date / np.where(is_over, cost, 1.0), 0.0) * min(1.0, 4 * float(done[COST]))
        # At usual prices those with budget left would bring more where prices are below them now.
        usual = np.minimum(coming[:, COST] * max(1.0 / max(level, 0.05), 1.0), state.budget_left[:, 0])
        extra = _extra_revenue(float((cost + within[:, COST]).sum()), float((cost + usual).sum()), target, level)
        spendable = np.minimum(state.budget_left[:, 0], (1 - GAINS.room) * allowed - cost)
        return Hour(
            np.maximum(np.minimum(level * self._price + max(level - 1.0, 0.0) * self._more, spendable / clicks), 0.0),
            _bounded_exp(GAINS.budget * ahead / np.sqrt(0.05 + rest[COST])),
            excess,
            _bounded_exp(-GAINS.cap_budget * np.maximum(ahead, 0.0) - GAINS.cap_revenue * extra),
            np.where((plan.cap[hour] > 0) & (ahead < 0), GAINS.shortfall * max(-extra, 0.0), 0.0),
            plan.cap[hour],
            *self._of_self_bidders(hour, cumulative + within, extra),
        )

    def _revenue_level(self, state: DayState, target: float, now: float) -> float:
        """Return the factor on usual prices: it rises where the hour would bring less than revenue needs, and falls else.

        Args:
            state: The day so far.
            target: Revenue of the whole day that is aimed at.
            now: Share of the rest of the day that the coming hour is.
        """
        if target <= 0:
            return 0.0
        needed = (target - float(state.cumulative[:, COST, 0].sum())) * now
        before = float(self._plan.course.now[state.hour - 1, COST]) if state.hour else 0.0
        if before > 0:
            expected = float(state.last_step[:, COST, 0].sum()) * float(self._plan.course.now[state.hour, COST]) / before
            ratio = min(max(needed / max(expected, 1e-12), 0.1), 10.0)
            self._level = min(max(self._level * float(arithmetic.power(ratio, GAINS.revenue)), 0.05), 3.0)
        return self._level

    def _of_self_bidders(self, hour: int, expected: Array, extra: float) -> tuple[float, float, float]:
        """Return the pressure on self-bidders' prices, and the factors on the worth of their profit and of revenue.

        Where their profit of the day would be under its floor, pressure falls and their profit is worth more.
        """
        own = expected[self._is_self_bidding]
        missing = float(self._plan.self_bidders[hour] - (own[:, GMV] - own[:, COST]).sum())
        short = max(missing / float(self._plan.self_bidder_scale[hour]) + GAINS.room, 0.0)
        others, revenue = (float(_bounded_exp(np.array(x))) for x in (GAINS.others * short, -GAINS.cap_revenue * extra))
        # Revenue that is worth less than the profit it costs is not asked for; near that, prices go up gradually.
        ratio = self._revenue_over_profit * revenue / others
        pressure = GAINS.pressure * min(max(5.0 * (ratio - 0.8), 0.0), 1.0) - GAINS.self_bidders * short
        return max(pressure, 0.0), others, revenue


def _extra_revenue(expected: float, at_usual_prices: float, target: float, level: float) -> float:
    """Return how far revenue is expected from the target, relative to it, where prices alone do not bring it there.

    While they can still rise to their usual level, or fall, they are the cheaper means.
    """
    if target <= 0:
        return 0.2
    short, excess = min(at_usual_prices / target - 1.0, 0.0), max(expected / target - 1.0, 0.0)
    return max(short, -0.2) if short < 0 else min(excess, 0.2) if level < GAINS.low else 0.0


def _bounded_exp(exponent: Array) -> Array:
    factor: Array = arithmetic.exp(np.clip(exponent, -2.0, 2.0))
    return factor
