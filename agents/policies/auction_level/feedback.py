"""Adapt multipliers and prices within the day, hour by hour, to what the day has brought so far.

Multipliers are those of the mean training day, and days differ. What binds is followed up by rules that look at the past of the
day alone: spend against budget, costs against what caps and floors allow, revenue against the floor. Limits that are relative to
the baseline follow the baseline's outcome to date, a replay of the keyword bids on the auctions that are over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV, OUTCOMES
from auctionsim.market.market import Market
from auctionsim.market.policy import DayState
from auctionsim.names.display import short_repr
from auctionsim.objectives.constraints import REVENUE_FLOOR, SelfBidderFloor, constraints_in, trained_revenue_floor
from auctionsim.objectives.goals import Goals
from auctionsim.objectives.resolve import resolved_goals

Array = NDArray[np.float64]
_QUANTITIES = [CLICKS, CONVERSIONS, GMV]


@dataclass(frozen=True)
class Gains:
    """How strongly the day's course moves the multipliers."""

    prior: float = 0.1
    """Weight of the mean training day in estimates, as a share of a day."""
    budget: float = 3.0
    """Rise of the log cost of payment per share of the budget spent ahead of the traffic."""
    cap_budget: float = 3.0
    """Fall of the log worth of clicks for a cap, likewise."""
    limit: float = 15.0
    """Cost of payment per relative excess over what is allowed, in units of the worth of revenue."""
    revenue: float = 0.7
    """Power of the ratio of the revenue needed to the one expected, by which prices move an hour."""
    cap_revenue: float = 20.0
    """Fall of the log worth of clicks for a cap per relative excess of revenue."""
    self_bidders: float = 10.0
    """Fall of the pressure on self-bidders' prices per relative shortfall of their profit."""
    room: float = 0.005
    """Share of what is allowed that stays unused, and excess of the revenue aimed at."""
    pressure: float = 0.97
    """Largest share of a self-bidder's bid that it is made to pay."""


GAINS = Gains()


@dataclass(frozen=True, eq=False)
class Hour:
    """What the coming hour is bid with."""

    price: Array
    """Price per click, currency `[advertisers]`."""
    payment_factor: Array
    """Factor on the cost of payment, `[advertisers]`."""
    excess: Array
    """Relative cost beyond what is allowed, `[advertisers]`, >= 0."""
    cap_factor: Array
    """Factor on the worth of clicks for a cap, `[advertisers]`."""
    cap: Array
    """Estimate of the day's cap on the price per click, currency `[advertisers]`; 0 where there is none."""
    pressure: float
    """Share of its bid up to which a self-bidder's price is raised."""

    __repr__ = short_repr


class Feedback:
    """The course of one day.

    Args:
        market: The market.
        day: The day.
        price: Price per click that each advertiser pays on a usual day, currency `[advertisers]`.
        presses: Whether self-bidders' prices are raised at all.
    """

    def __init__(self, market: Market, day: int, price: Array, *, presses: bool) -> None:
        self._market, self._price, self._presses = market, price, presses
        days = market.scenario.traffic.train_days
        by_day = np.mean([_hourly(market, one) for one in days], axis=0)
        auctions = np.mean([market.auctions_by_hour(one) for one in days], axis=0)
        self._share = auctions / max(auctions.sum(), 1e-12)
        self._usual = by_day.sum(axis=0)
        before = _hourly(market, day) if day in market.baseline else by_day
        self._baseline = np.concatenate([np.zeros_like(before[:1]), before.cumsum(axis=0)])
        self._level = 1.0
        self._floor = trained_revenue_floor(market.scenario) * (1 + GAINS.room)

    def of(self, state: DayState) -> Hour:
        """Return what to bid with in the coming hour."""
        hour, budget = state.hour, self._market.budgets
        done, now = float(self._share[:hour].sum()), float(self._share[hour])
        rest = max(1.0 - done, now, 1e-12)
        so_far, baseline = state.cumulative[:, :, 0], self._baseline[hour]
        # The rest of the day as expected from the hours before, and from the usual day as long as they are few.
        coming = (so_far + GAINS.prior * self._usual) * (rest / (done + GAINS.prior))
        whole_baseline = baseline + self._rest_of_baseline(baseline, done, rest)
        goals = resolved_goals(
            self._market.scenario, self._market.groups, ~self._market.is_controlled, whole_baseline[:, :, None],
            for_training=True,
        )  # fmt: skip
        clicks, cost = np.maximum(coming[:, CLICKS], 1e-12), so_far[:, COST]
        allowed = _allowed(goals, so_far[:, _QUANTITIES] + coming[:, _QUANTITIES])
        target = self._floor * float(whole_baseline[:, COST].sum())
        level = self._revenue_level(state, target, now / rest)
        spendable = np.minimum(state.budget_left[:, 0], (1 - GAINS.room) * allowed - cost)
        price = np.minimum(level * self._price, spendable / clicks)

        has_budget = np.isfinite(budget)
        ahead = np.where(has_budget, cost / np.where(has_budget, np.maximum(budget, 1e-12), 1.0) - done, 0.0)
        to_date = _allowed(goals, so_far[:, _QUANTITIES])
        is_over = np.isfinite(to_date) & (cost > to_date) & (cost > 0)
        excess = np.where(is_over, 1.0 - to_date / np.where(is_over, cost, 1.0), 0.0) * min(1.0, 4 * done)
        extra = self._excess_revenue(float(cost.sum() + coming[:, COST].sum()), target)
        cap = goals.limits["cpc_cap"][:, 0]
        return Hour(
            np.maximum(price, 0.0),
            _bounded_exp(GAINS.budget * ahead / np.sqrt(0.05 + rest)),
            excess,
            _bounded_exp(-GAINS.cap_budget * ahead - GAINS.cap_revenue * extra),
            np.where(np.isfinite(cap), cap, 0.0),
            self._pressure(so_far + coming, whole_baseline),
        )

    def _rest_of_baseline(self, baseline: Array, done: float, rest: float) -> Array:
        """Return what the baseline brings in the rest of the day, `[advertisers, 5]`; no more than its budgets allow."""
        coming = (baseline + GAINS.prior * self._usual) * (rest / (done + GAINS.prior))
        left = np.maximum(self._market.budgets - baseline[:, COST], 0.0)
        share = np.minimum(1.0, left / np.maximum(coming[:, COST], 1e-12))
        return coming * share[:, None]

    def _revenue_level(self, state: DayState, target: float, now: float) -> float:
        """Return the factor on usual prices: it rises where the hour would bring less than revenue needs, and falls else.

        Args:
            state: The day so far.
            target: Revenue of the whole day that is aimed at.
            now: Share of the rest of the day that the coming hour is.
        """
        if self._floor <= 0:
            return 0.0
        needed = (target - float(state.cumulative[:, COST, 0].sum())) * now
        before = float(self._share[state.hour - 1]) if state.hour else 0.0
        if before > 0:
            expected = float(state.last_step[:, COST, 0].sum()) * float(self._share[state.hour]) / before
            ratio = min(max(needed / max(expected, 1e-12), 0.1), 10.0)
            self._level = min(max(self._level * float(arithmetic.power(ratio, GAINS.revenue)), 0.05), 3.0)
        return self._level

    def _excess_revenue(self, expected: float, target: float) -> float:
        return 0.2 if target <= 0 else float(np.clip(expected / target - 1.0, -0.2, 0.2))

    def _pressure(self, expected: Array, baseline: Array) -> float:
        """Return the pressure on self-bidders' prices: it falls where their profit of the day would be under its floor."""
        share, who = self._market.scenario.platform.self_bidder_floor, ~self._market.is_controlled
        if not self._presses or share <= 0 or not who.any():
            return GAINS.pressure if self._presses else 0.0
        profit, before = (float((totals[who, GMV] - totals[who, COST]).sum()) for totals in (expected, baseline))
        short = (share * (1 + GAINS.room) * before - profit) / max(abs(before), 1e-12)
        return float(np.clip(GAINS.pressure - GAINS.self_bidders * max(short, 0.0), 0.0, 1.0))


def _hourly(market: Market, day: int) -> Array:
    """Return the baseline's outcomes of a day, `[24, advertisers, 5]`."""
    outcome = market.baseline[day]
    return np.stack([getattr(outcome, name)[:, :, 0] for name in OUTCOMES], axis=2)


def _allowed(goals: Goals, quantities: Array) -> Array:
    """Return the largest cost of each advertiser that keeps its constraints, currency `[advertisers]`; infinite where none.

    Args:
        goals: Goals whose limits count.
        quantities: Clicks, conversions and GMV, `[advertisers, 3]`.
    """
    allowed = np.full(len(quantities), np.inf)
    for one in constraints_in(goals.limits):
        if not one.is_each:
            continue
        limit = goals.limits[one.key][:, 0]
        holds = one.is_set(limit)
        row = one.row(np.where(holds, limit, 0.0), goals.is_self_bidding)
        coefficients = row.coefficients(len(limit))
        bought = (coefficients[:3].T * quantities).sum(axis=1)
        holds = holds & (coefficients[3] > 0)
        room = (row.right - bought) / np.where(holds, coefficients[3], 1.0)
        allowed = np.where(holds, np.minimum(allowed, room), allowed)
    return np.maximum(allowed, 0.0)


def _bounded_exp(exponent: Array) -> Array:
    factor: Array = arithmetic.exp(np.clip(exponent, -2.0, 2.0))
    return factor
