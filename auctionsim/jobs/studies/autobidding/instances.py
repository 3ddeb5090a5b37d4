"""Measure the published instances: regret of pacing, prices of anarchy, revenue by pricing, and learners without regret."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.equilibria import throttling_equilibrium
from auctionsim.equilibria.formats.correlated import least_revenue
from auctionsim.equilibria.formats.randomized import RandomizedPair, lower_bound_instance, settle
from auctionsim.equilibria.liquid_welfare import best_liquid_welfare
from auctionsim.games.pacing.return_pacing import regret_exponents
from auctionsim.games.pacing.scaled_slots import PRICINGS, random_queries, settled_revenue
from auctionsim.games.reporting import gain_of_misreport
from auctionsim.jobs.studies.autobidding.figures import BUDGETS, KINDS, arm_name
from auctionsim.streams import stream

Array = NDArray[np.float64]
Values = dict[str, float]

HORIZONS = (1_000, 3_000, 9_000)
"""Numbers of rounds; the exponents are those of the last one."""
ALPHA = 1.4
MARKETS, SLOT_MARKETS = 10, 4
"""Markets per seed."""
_EQUILIBRIUM = 1e-3
"""Exploitability of an equilibrium, relative to the best welfare."""
_SECOND_VALUES, _STEPS, _EPSILON = (0.3, 0.5, 0.6, 0.75, 0.9, 1.0), (4, 8, 16), 1e-3
_SLOT_EFFECT = np.array([1.0, 0.6, 0.3])
_USERS = (10, 7)


def regret(seed: int) -> Values:
    """Return the exponents of regret of every arm, along the longest run and over horizons, and what else is stated."""
    found: Values = {}
    broken, welfare = 0, 1.0
    for pricing, rho, kind in product(("first", "second"), BUDGETS, KINDS):
        one = regret_exponents(kind, seed, HORIZONS, rho, is_first_price=pricing == "first")
        arm = arm_name(pricing, rho, kind)
        found |= {f"{name}, {arm}": one[name] for name in ("exponent", "of_horizons") if name in one}
        broken, welfare = broken + int(one["violation"] > 1e-9), min(welfare, one["welfare"])
    # Over horizons exponents are defined in all arms.
    of = {key: found.get(f"of_horizons, {arm_name(*key)}", -np.inf) for key in product(("first", "second"), BUDGETS, KINDS)}
    tighter = [
        of[pricing, BUDGETS[0], kind] > of[pricing, BUDGETS[1], kind] for pricing, kind in product(("first", "second"), KINDS)
    ]
    second = [of["second", rho, kind] > of["first", rho, kind] for rho, kind in product(BUDGETS, KINDS)]
    return {
        **found,
        "broken": float(broken),
        "welfare": welfare,
        "tighter": float(np.mean(tighter)),
        "second": float(np.mean(second)),
    }


def truthful_instance() -> Values:
    """Return the price of anarchy of the instance of rTruth, and how exploitable its bids are."""
    pair, bids = lower_bound_instance(ALPHA)
    return {"rtruth": pair.price_of_anarchy(bids), "rtruth_gain": pair.exploitability(bids)}


def randomized_markets(seed: int) -> Values:
    """Return the worst price of anarchy of rFPA among the equilibria that replies lead to, over random two-bidder markets."""
    most, found = 1.0, 0
    for k in range(MARKETS):
        rng = stream(seed, "autobidding-randomized", k)
        values = np.asarray(arithmetic.exp(2 * arithmetic.normal(rng, (2, int(rng.integers(2, 6))))))
        pair = RandomizedPair(values, ALPHA)
        bids = settle(pair, values * (1 + 5 * rng.random((2, 1))))
        if pair.exploitability(bids) < _EQUILIBRIUM * pair.optimum:
            most, found = max(most, pair.price_of_anarchy(bids)), found + 1
    return {"rfpa": most, "rfpa_equilibria": float(found)}


def throttling_instance(bidders: int) -> float:
    """Return liquid welfare over the best in a throttling equilibrium that is near half of it.

    Each of K bidders wants one good that all of them want, at a value of 1, and one of its own, at 1 / K, with a budget of
    0.95 / K. Each takes part so rarely that its own good costs next to nothing, but together they take the common good nearly
    always. A last bidder without a budget wants only that, at 0.999. The best gives it the common good, and each of the others
    its own: K goods for K budgets in place of one.

    Args:
        bidders: K, the number of bidders with a budget.
    """
    values = np.zeros((bidders + 1, bidders + 1))
    values[:bidders, 0], values[bidders, 0] = 1.0, 0.999
    values[np.arange(bidders), 1 + np.arange(bidders)] = 1.0 / bidders
    budgets = np.append(np.full(bidders, 0.95 / bidders), np.inf)
    found = throttling_equilibrium(values, budgets)
    return float(np.minimum(found.won, budgets).sum()) / best_liquid_welfare(values.T, budgets)


def throttling() -> Values:
    """Return liquid welfare over the best with many bidders and with few."""
    return {"throttling": throttling_instance(100), "throttling_rest": throttling_instance(10)}


def correlated() -> Values:
    """Return how far the worst play without swap regret earns less than the second value, in bid steps and per epsilon k^2."""
    short, more = [], []
    for second, k in product(_SECOND_VALUES, _STEPS):
        least, with_regret = (least_revenue((1.0, second), k, epsilon) for epsilon in (0.0, _EPSILON))
        short.append((second - least) * k)
        more.append((least - with_regret) / (_EPSILON * k * k))
    return {"shortfall": max(short), "shortfall_epsilon": max(more)}


def slots(seed: int) -> Values:
    """Return the share of markets in which revenue falls from first price to GSP, and from GSP to VCG."""
    found = np.array(
        [
            [settled_revenue(random_queries(SLOT_MARKETS * seed + k), _SLOT_EFFECT, pricing)[0] for pricing in PRICINGS]
            for k in range(SLOT_MARKETS)
        ]
    )
    return {"first_gsp": float((found[:, 0] > found[:, 1]).mean()), "gsp_vcg": float((found[:, 1] > found[:, 2]).mean())}


def reports(seed: int) -> Values:
    """Return what a user gains by the best false report to its agent under both prices, in value."""
    first, second = (gain_of_misreport(_USERS, seed, is_first_price=is_first_price) for is_first_price in (True, False))
    return {"gain_first": first, "gain_second": second, "gain_difference": second - first}
