"""What the black-box searches climb: the total profit of the default scenario's sellers, less what they miss of its floors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import auctionsim

from .matrix import default_market

SELLERS = 12


def default_fitness() -> Callable[[np.ndarray], np.ndarray]:
    """Fitness of P candidates, `[P, sellers]` logs of multiples of the keyword bids, as `[P]`."""
    market = default_market()
    baseline, section = market.baseline[0], market.scenario

    def fitness(candidates: np.ndarray) -> np.ndarray:
        day = auctionsim.replay(
            market.traffic,
            coefficients=np.exp(np.clip(candidates, -5, 5)).T[:, None],
            budgets=market.budgets,
            reserve=section.mechanism.reserve,
        )
        profit, revenue = day.profit.sum(axis=0), day.cost.sum(axis=(0, 1))
        own, platform = baseline.profit.sum(axis=0), baseline.cost.sum()
        missed = np.maximum(section.platform.revenue_floor - revenue / platform, 0)
        missed = missed + np.maximum(section.advertisers[0].profit_floor - profit / own, 0).mean(axis=0)
        return profit.sum(axis=0) / own.sum() - 10 * missed

    return fitness
