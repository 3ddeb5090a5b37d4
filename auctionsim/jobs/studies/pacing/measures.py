"""Measure how a controller paced: overspend, underdelivery, oscillation, value against the best in hindsight, targets kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import COST, GMV
from auctionsim.bounds.eligible_wins import eligible_wins
from auctionsim.bounds.linear_goals import LinearGoals
from auctionsim.bounds.oracle import best_allocation
from auctionsim.jobs.studies.pacing.cases import CASES, TEST_DAYS, case_traffic
from auctionsim.jobs.studies.pacing.controllers import Arm, case_market, market_of, policy_of
from auctionsim.jobs.studies.pacing.disturbed_day import Account, run_case
from auctionsim.market.market import Market
from auctionsim.traffic.table import HOURS, Traffic

Array = NDArray[np.float64]

METRICS = {
    "overspend": "overspend",
    "underdelivery": "underdelivery",
    "oscillation": "oscillation",
    "value": "value / best in hindsight",
    "ros_kept": "return on spend kept",
    "ros_violation": "largest violation",
}
"""Titles of the measures by name."""
_GMV_REWARD, _PROFIT_REWARD = 2, 3
_BINDS = 0.99
"""Share of its budget from which the best in hindsight is bound by it."""
_KEPT = 1e-9
"""Breach that counts as none, relative to cost."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case on one seed, with the best of each test day in hindsight."""

    account: Account
    market: Market
    best_value: dict[int, float]
    """Upper bound of the value of all campaigns, by day."""
    best_spend: dict[int, Array]
    """Spend of the best in hindsight from each budget, by day, currency `[budgets]`."""


@lru_cache(maxsize=2)
def prepared(name: str, seed: int, per_hour: int) -> Prepared:
    """Draw a case and bound its days, once for all controllers.

    The bound is a linear program over all allocations at market prices that keep the budget of the day's end and the return on
    spend. Several campaigns on one account count as one advertiser, who keeps the return on all of them together.
    """
    case = CASES[name]
    market = case_market(case, seed, per_hour)
    account = Account.of(case, market.budgets)
    known = _as_one(market, account, case_traffic(case, seed, per_hour)) if case.is_account else market
    value, spend = {}, {}
    for day in TEST_DAYS:
        n = len(known.advertisers)
        rewards = np.zeros((n, 4))
        rewards[:, _GMV_REWARD] = 1.0
        goals = LinearGoals(rewards, account.limits(HOURS - 1), np.zeros(n, dtype=bool), {"roi_floor": np.zeros(n)})
        best = best_allocation(eligible_wins(replace(known, budgets=goals.budget), day), goals)
        value[day] = best.value
        spend[day] = best.objectives[:, _GMV_REWARD] - best.objectives[:, _PROFIT_REWARD]
    return Prepared(account, market, value, spend)


def measure(name: str, arm: Arm, seed: int, per_hour: int) -> dict[str, float]:
    """Return a controller's measures in a case, means over test days; those that are not defined are left out.

    Returns:
        `overspend`: spend beyond the budget, relative to it, a mean over budgets. `underdelivery`: what is left of the budgets
        that the best in hindsight spends, relative to them. `oscillation`: mean change of spend per auction from hour to hour,
        relative to its mean. `value`: value of all campaigns over the bound. `ros_kept`: share of campaigns whose value is no
        less than their cost. `ros_violation`: the largest cost over value, less 1. `first_share`: the first campaign's share of
        an account's spend.
    """
    found = prepared(name, seed, per_hour)
    market = case_market(CASES[name], seed, per_hour, arm) if arm.method else found.market
    policy = policy_of(arm, market)
    days = [_measure_day(found, run_case(found.account, market, policy, day), day) for day in TEST_DAYS]
    metrics = dict.fromkeys(key for one in days for key in one)
    return {key: float(np.mean([one[key] for one in days if key in one])) for key in metrics}


def _measure_day(found: Prepared, hours: Array, day: int) -> dict[str, float]:
    """Return the measures of one day that are defined."""
    account, totals = found.account, hours.sum(axis=0)
    cost, value = totals[:, COST], totals[:, GMV]
    limit, spent = account.limits(HOURS - 1), account.by_budget(cost)
    measures = {
        "overspend": float(np.maximum(spent / limit - 1, 0).mean()),
        "value": float(value.sum()) / found.best_value[day],
        "ros_kept": float((value >= cost * (1 - _KEPT)).mean()),
    }
    if (cost[value <= 0] <= 0).all() and (cost > 0).any():
        # Cost without value is a breach without a size.
        measures["ros_violation"] = float(np.maximum(cost[cost > 0] / value[cost > 0] - 1, 0).max())
    binds = found.best_spend[day] >= _BINDS * limit
    if binds.any():
        measures["underdelivery"] = float(np.maximum(1 - spent / limit, 0)[binds].mean())
    measures["oscillation"] = oscillation(hours[:, :, COST], found.market.hourly_auctions(day))
    if account.case.is_account and cost.sum() > 0:
        measures["first_share"] = float(cost[0] / cost.sum())
    return {key: number for key, number in measures.items() if np.isfinite(number)}


def oscillation(cost: Array, auctions: Array) -> float:
    """Return the mean change of spend per auction from one hour to the next, relative to its mean; a mean over campaigns.

    Args:
        cost: The cost of each hour, currency `[24, campaigns]`.
        auctions: The auctions of each hour, `[24, campaigns]`; hours without any are left out.

    Returns:
        0 for steady spend, 2 for a spend that every second hour is 0; NaN where nobody spends.
    """
    found = []
    for spent, n in zip(cost.T, auctions.T, strict=True):
        rate = spent[n > 0] / n[n > 0]
        if rate.sum() > 0:
            found.append(float(np.abs(np.diff(rate)).mean() / rate.mean()))
    return float(np.mean(found)) if found else np.nan


def _as_one(market: Market, account: Account, traffic: Traffic) -> Market:
    """Return the market in which the campaigns of an account are one advertiser."""
    one = replace(traffic, advertisers=("account",), advertiser=np.zeros(len(traffic.advertiser), dtype=np.int64))
    return market_of(one, account.budgets, market.seed)
