"""How alike days are once traffic is aggregated: eta of SS-RTB's section 3.2, at four lengths of a step.

The paper: with features g_t and action fixed, g_{t+1} stays within (1 +- eta) of its mean, eta < 0.03 at the hour. Here, for
one ad under one alpha, eta is the root mean square over days of the relative residual of g_{t+1} given g_t: of each step's
values their mean over days is taken off, and of what remains the part that is linear in the same of g_t.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.keyword_bids import alpha_bids, base_alpha
from auctionsim.auction.day import DayReplay
from auctionsim.auction.kernel.engine import CLICKS, COST, IMPRESSIONS
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.traffic.steps import minutes_steps

Array = NDArray[np.float64]

LEVELS = {"1 minute": 1, "15 minutes": 15, "1 hour": 60, "4 hours": 240}
FEATURES = {"impressions": IMPRESSIONS, "clicks": CLICKS, "cost": COST}
ACTIONS = (0.7, 1.0, 1.4)
"""Alphas over the one whose mean bid is the mean keyword bid."""


def metric(level: str, feature: str) -> str:
    """Name of the metric in the results."""
    return f"eta {feature}, {level}"


def measure(scenario: Scenario, seed: int, days: int) -> Iterator[tuple[str, str, float]]:
    """(level, feature, eta) of the first ad, mean over actions.

    Args:
        scenario: Traffic without aggregation (weight 1) and luck (`sampled`).
        seed: Draws the world, the days and the luck.
        days: How many; drawn two by two, as a day of single auctions is large.
    """
    minutes = np.stack([day for first in range(0, days, 2) for day in _two_days(scenario, seed, first)])
    for level, length in LEVELS.items():
        summed = minutes.reshape(days, -1, length, *minutes.shape[2:]).sum(axis=2)
        for feature, index in FEATURES.items():
            yield level, feature, float(np.mean([eta(summed[:, :, index, action]) for action in range(len(ACTIONS))]))


def eta(amount: Array) -> float:
    """Root mean square relative residual of the next step given this one, from `[days, steps]`.

    Raises:
        ValueError: There are fewer than 4 days: two means and a slope would leave nothing to measure.
    """
    days = len(amount)
    if days < 4:
        raise ValueError(f"amount: expected at least 4 days, got {days}")
    mean = amount.mean(axis=0)
    apart = (amount - mean) / np.where(mean > 0, mean, 1.0)
    before, after = apart[:, :-1], apart[:, 1:]
    slope = (before * after).sum() / max(float((before**2).sum()), 1e-12)
    # One mean per step was fitted, which takes one day's worth of freedom.
    return float(np.sqrt(((after - slope * before) ** 2).sum() / (after.size * (days - 1) / days)))


def _two_days(scenario: Scenario, seed: int, first: int) -> Iterator[Array]:
    section = scenario.traffic.model_copy(update={"days": first + 2, "train_days": (first,), "test_days": (first + 1,)})
    market = build_market(scenario.model_copy(update={"traffic": section}), seed)
    for day in (first, first + 1):
        yield _minutes(market.with_fixed_draws(), day)


def _minutes(market: Market, day: int) -> Array:
    """Outcomes of the first ad by minute under each action, `[minutes, 5, actions]`."""
    alpha = base_alpha(market)[:, None] * np.array(ACTIONS)
    theta = alpha_bids(market, alpha)
    replay: DayReplay = market.day(day, len(ACTIONS), steps=minutes_steps(market.traffic, day, 1))
    minutes = []
    while not replay.is_over:
        minutes.append(replay.step(theta)[market.learners[0]])
    return np.stack(minutes)
