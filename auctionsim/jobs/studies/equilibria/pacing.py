"""Measure pacing and throttling equilibria: the published examples and random markets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.equilibria import (
    FirstPricePacing,
    MultiplierGame,
    follow_best_responses,
    fppe,
    sppe,
    throttling_equilibrium,
)
from auctionsim.equilibria.liquid_welfare import best_liquid_welfare
from auctionsim.streams import stream

Array = NDArray[np.float64]
Values = dict[str, float]

BIDDERS, GOODS = (2, 4, 6, 8), (4, 6, 8, 10, 12, 14)
MONOTONE_MARKETS, THROTTLED_MARKETS = 40, 40
_EQUAL = 1e-4
"""Relative difference of revenues that counts as equal."""
_CLOSE = 1e-7
"""Fall of revenue that counts as none: the solvers' precision."""


def examples() -> Values:
    """Return what the published examples come to."""
    found = [fppe([(2, 2), other], [2, 5]) for other in ((1, 1), (0, 1), (1, 0.5))]
    gap = MultiplierGame(np.array([(0.75, 0), (1, 1)]), np.array([0.75, 2]), np.arange(1, 201) / 200)
    return {
        "example_price": max(float(np.abs(each.prices - 1).max()) for each in found) + 1,
        "example_multiplier": float(found[0].multipliers[0]),
        "example_gap": max(each.gap for each in found),
        "cycle_length": float(follow_best_responses(gap.best_multiplier, (1, 1)).period),
        **_several(),
        **_li_and_tang(),
    }


def random_markets(seed: int) -> Values:
    """Return figures over one market of each size: revenue and welfare under both prices, and regret under first prices."""
    revenue, welfare, regrets, gaps = [], [], [], []
    for n in BIDDERS:
        for m in GOODS:
            values, budgets = _market(seed, n, m)
            first, second = fppe(values, budgets), sppe(values, budgets)
            revenue.append(first.revenue / second.revenue)
            welfare.append(first.welfare / second.welfare)
            gaps.append(first.gap)
            if n >= 6:
                regrets += regret(first).tolist()
    ratio, of_welfare = np.array(revenue), np.array(welfare)
    return {
        "share_equal": float((np.abs(ratio - 1) < _EQUAL).mean()),
        "least_ratio": float(ratio.min()),
        "share_above": float((ratio > 1.5).mean()),
        "welfare_inside": float(((of_welfare >= 0.95) & (of_welfare <= 1.1)).mean()),
        "regret": float(np.median(regrets)),
        "largest_gap": max(gaps),
    }


def monotone(seed: int) -> Values:
    """Return how often revenue fell by a good, a bidder or a budget more, or rose by more than the budget did."""
    broken = 0
    for k in range(MONOTONE_MARKETS):
        rng = stream(seed, "equilibria-monotone", k)
        n, m = int(rng.integers(2, 9)), int(rng.integers(2, 15))
        values = rng.random((n, m))
        budgets, more = values.sum(axis=1) / n, 0.3 * rng.random()
        before = fppe(values, budgets).revenue
        richer = budgets.copy()
        richer[0] += more
        after = fppe(values, richer).revenue
        fewer = fppe(values[:, 1:], budgets).revenue, fppe(values[1:], budgets[1:]).revenue
        broken += int(max(fewer) > before + _CLOSE) + int(not before - _CLOSE <= after <= before + more + _CLOSE)
    return {"violations": float(broken)}


def throttling(seed: int) -> Values:
    """Return the least ratio of a throttling equilibrium's liquid welfare to the best, and the widest enclosure."""
    ratios, gaps = [], []
    for k in range(THROTTLED_MARKETS):
        rng = stream(seed, "equilibria-throttling", k)
        n, m = int(rng.integers(2, 7)), int(rng.integers(2, 9))
        values = arithmetic.exp(arithmetic.normal(rng, (n, m)))
        budgets = values.sum(axis=1) * (0.02 + 0.6 * rng.random(n))
        found = throttling_equilibrium(values, budgets)
        ratios.append(found.revenue / best_liquid_welfare(values.T, budgets))
        gaps.append(found.gap)
    return {"throttling_welfare": min(ratios), "throttling_gap": max(gaps)}


def regret(found: FirstPricePacing) -> Array:
    """Return what each bidder gains by the best multiplier while the others' stay, `[bidders]`, as a share of its goods' value.

    A multiplier just above a rival's bid wins that good; it has to keep the budget.
    """
    bids, gains = found.multipliers[:, np.newaxis] * found.values, np.zeros(len(found.values))
    for bidder, value in enumerate(found.values):
        rival = np.delete(bids, bidder, axis=0).max(axis=0)
        best = float(found.utilities[bidder])
        for multiplier in rival / value:
            won = float(value[rival <= multiplier * value * (1 + 1e-12)].sum())
            if multiplier * won <= found.budgets[bidder]:
                best = max(best, (1 - multiplier) * won)
        gains[bidder] = (best - float(found.utilities[bidder])) / float(value.sum())
    return gains


def _market(seed: int, n: int, m: int) -> tuple[Array, Array]:
    values = stream(seed, "equilibria-market", n, m).random((n, m))
    return values, values.sum(axis=1) / n


def _several() -> Values:
    """Return the two ends of a market with several second-price pacing equilibria."""
    values, budgets = [(1.0, 1.0), (0.1, 0.6)], [0.1, 0.27]
    return {
        "most_revenue": sppe(values, budgets, "most revenue").revenue,
        "least_revenue": sppe(values, budgets, "least revenue").revenue,
    }


def _li_and_tang() -> Values:
    """Return how many of three starts are equilibria of their first market, and whether their second one cycles."""
    grid, unlimited = np.arange(8, 65) / 8, np.full(2, np.inf)
    several, none = (
        MultiplierGame(np.array(values, dtype=np.float64), unlimited, grid, "second", "value", shares_ties=False)
        for values in (((2, 1), (1, 2)), ((1, 1), (0, 3)))
    )
    kept = 0
    for start in ((2, 2), (3, 1), (1, 3)):
        path = follow_best_responses(several.binding_multiplier, start)
        kept += int(path.ending == "equilibrium" and float(np.abs(path.last - start).max()) < 1e-3)
    endings = [follow_best_responses(none.binding_multiplier, start).ending for start in ((1, 1), (2, 2), (3, 1))]
    return {"three_equilibria": float(kept), "cycles": float(np.mean([ending == "cycle" for ending in endings]))}
