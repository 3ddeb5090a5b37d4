"""Measure how similar days are once traffic is aggregated: eta of SS-RTB's section 3.2, at four lengths of a step.

The paper: with features g_t and action fixed, g_{t+1} stays within (1 +- eta) of its mean, eta < 0.03 at the hour. Here, for
one ad under one alpha, eta is the root mean square over days of the relative residual of g_{t+1} given g_t. The residual is
taken in two steps: each step's mean over days is subtracted, then the part that is linear in the same deviation of g_t.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.keyword_bids import alpha_bids, base_alpha
from auctionsim.auction.day import DayReplay
from auctionsim.auction.outcome import CLICKS, COST, IMPRESSIONS
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.traffic.steps import minutes_steps

Array = NDArray[np.float64]

LEVELS = {"1 minute": 1, "15 minutes": 15, "1 hour": 60, "4 hours": 240}
FEATURES = {"impressions": IMPRESSIONS, "clicks": CLICKS, "cost": COST}
ACTIONS = (0.7, 1.0, 1.4)
"""The alphas that are tried, as multiples of the one whose mean bid is the mean keyword bid."""


def metric(level: str, feature: str) -> str:
    """Return the name of a feature's metric in the results."""
    return f"eta {feature}, {level}"


def measure(scenario: Scenario, seed: int, days: int) -> Iterator[tuple[str, str, float]]:
    """Yield rows (level, feature, eta) of the first ad, means over actions.

    Args:
        scenario: A scenario with single auctions (weight 1) and sampled outcomes.
        seed: The seed of the market, its days, and the sampling noise.
        days: The number of days, >= 4; they are drawn two at a time, since a day of single auctions is large.
    """
    minutes = np.stack([day for first in range(0, days, 2) for day in _two_days(scenario, seed, first)])
    for level, length in LEVELS.items():
        summed = minutes.reshape(days, -1, length, *minutes.shape[2:]).sum(axis=2)
        for feature, index in FEATURES.items():
            yield level, feature, float(np.mean([eta(summed[:, :, index, action]) for action in range(len(ACTIONS))]))


def eta(amount: Array) -> float:
    """Return the root mean square relative residual of the next step given this one.

    Args:
        amount: A feature of each step, `[days, steps]`.

    Raises:
        ValueError: There are < 4 days: two means and a slope would leave nothing to measure.
    """
    days = len(amount)
    if days < 4:
        raise ValueError(f"amount: expected >= 4 days, got {days}")
    mean = amount.mean(axis=0)
    deviation = (amount - mean) / np.where(mean > 0, mean, 1.0)
    before, after = deviation[:, :-1], deviation[:, 1:]
    slope = (before * after).sum() / max(float(np.square(before).sum()), 1e-12)
    # The mean of each step was fitted, which costs one of the days' degrees of freedom.
    return float(np.sqrt(np.square(after - slope * before).sum() / (after.size * (days - 1) / days)))


def _two_days(scenario: Scenario, seed: int, first: int) -> Iterator[Array]:
    section = scenario.traffic.model_copy(update={"days": first + 2, "train_days": (first,), "test_days": (first + 1,)})
    market = build_market(scenario.model_copy(update={"traffic": section}), seed)
    for day in (first, first + 1):
        yield _minutes(market.with_realized_rates(), day)


def _minutes(market: Market, day: int) -> Array:
    """Return the outcomes of the first ad by minute under each action, `[minutes, 5, actions]`."""
    alpha = base_alpha(market)[:, None] * np.array(ACTIONS)
    theta = alpha_bids(market, alpha)
    replay: DayReplay = market.day(day, len(ACTIONS), steps=minutes_steps(market.traffic, day, 1))
    minutes = []
    while not replay.is_over:
        minutes.append(replay.step(theta)[market.learners[0]])
    return np.stack(minutes)
