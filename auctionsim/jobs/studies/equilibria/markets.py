"""Measure autobidders, auctions of one object, learners and online allocation against published figures."""

from __future__ import annotations

import numpy as np

from auctionsim import arithmetic
from auctionsim.bounds.slot_upgrades import slot_efficiencies, upgrade_efficiencies
from auctionsim.equilibria import (
    Autobidders,
    BidFunction,
    autobidding_equilibria,
    first_price_equilibrium,
    uniform_values,
    utility_losses,
)
from auctionsim.games.adwords import RULES, allocate, best_revenue, upper_triangle
from auctionsim.games.gradient_pacing import random_rounds
from auctionsim.games.multiplicative_weights import WholeBids, learn
from auctionsim.streams import stream

Values = dict[str, float]

AUTOBIDDING_MARKETS, PACED_MARKETS, ADWORDS_MARKETS = 200, 34, 10
"""Markets of each kind per seed."""
OPTIONS = {"plain": (0.0, 0.0), "boost": (1.0, 0.0), "reserve": (0.0, 0.5), "both": (1.0, 0.5)}
"""Boost, and reserve as a share of the highest value."""
LAST_ROUNDS = 2000
_STEP = 0.1
"""Step of the gradients, in multipliers per budget of a round."""


def tight_instance() -> Values:
    """Return the price of anarchy of the instance that is tight, and how exploitable its bids are."""
    market, multipliers = Autobidders(np.array([(1, 0.01), (0.01, 0.99)])), np.array([200.0, 1.0])
    return {
        "tight_anarchy": market.price_of_anarchy(multipliers),
        "tight_exploitability": market.exploitability(multipliers),
        "tight_departed": market.exploitability(np.array([50.0, 1.0])),
    }


def autobidding(seed: int, option: str) -> Values:
    """Return the worst price of anarchy among the equilibria that nine starts lead to, over random two-bidder markets."""
    boost, reserve = OPTIONS[option]
    most, found = 1.0, 0
    for k in range(AUTOBIDDING_MARKETS):
        rng = stream(seed, "equilibria-autobidding", k)
        values = np.asarray(arithmetic.exp(2 * arithmetic.normal(rng, (2, int(rng.integers(2, 7))))))
        market = Autobidders(values, boost, reserve * values.max(axis=0))
        starts = [*(1 + 20 * rng.random((6, 2)) * rng.random((6, 2))), (1, 1), (1e4, 1), (1, 1e4)]
        for path in autobidding_equilibria(market, starts):
            if path.ending == "equilibrium" and market.exploitability(path.last) < 1e-6 * market.optimum:
                most, found = max(most, market.price_of_anarchy(path.last)), found + 1
    return {f"anarchy_{option}": most, f"equilibria_{option}": float(found)}


def one_object() -> Values:
    """Return exploitabilities and bids of auctions of one object with uniform values."""
    grid, uniform = np.linspace(0, 1, 11), uniform_values()
    half, truth = BidFunction(grid, grid / 2), BidFunction(grid, grid)
    unequal = first_price_equilibrium([uniform, uniform_values(0, 2)])
    values = {
        "loss_of_half": float(utility_losses([uniform] * 2, [half, half]).max()),
        "loss_of_truth": float(utility_losses([uniform] * 2, [truth, truth]).mean()),
        "top_bid": float(unequal.bids[0].bids[-1]),
        "loss_unequal": unequal.exploitability,
    }
    for n in (2, 5, 10):
        found = first_price_equilibrium([uniform] * n)
        values[f"bid_of_one_{n}"] = float(found.bids[0].bids[-1])
    return values


def multiplicative_weights(seed: int) -> Values:
    """Return how often bidders of the highest value bid it less 1 in the last rounds, and the price where there is one."""
    values: Values = {}
    for name, game in (("three", WholeBids((8, 8, 8))), ("two", WholeBids((8, 8))), ("one", WholeBids((8, 5)))):
        last = learn(game, seed)[-LAST_ROUNDS:]
        top = [k for k, value in enumerate(game.values) if value == game.values[0]]
        values[f"at_value_less_one_{name}"] = float((last[:, top] == game.values[0] - 1).all(axis=1).mean())
        values[f"price_{name}"] = float(last.max(axis=1).mean())
    return values


def gradient_pacing(seed: int) -> Values:
    """Return the least ratio of liquid welfare under gradient pacing to the best, over random markets of three auctions."""
    values: Values = {}
    for name, n_slots, is_first_price in (("first", 1, True), ("second", 1, False), ("gsp", 3, False)):
        ratios = []
        for k in range(PACED_MARKETS):
            market = random_rounds(1000 * seed + k, n_slots=n_slots, is_first_price=is_first_price)
            rate = _STEP * len(market.values) / float(market.budgets.mean())
            ratios.append(market.liquid_welfare(rate) / market.best)
        values[f"liquid_welfare_{name}"] = min(ratios)
    return values


def adwords(seed: int) -> Values:
    """Return each rule's least share of the best revenue over random markets, and balance's on the triangle."""
    shares = []
    for k in range(ADWORDS_MARKETS):
        rng = stream(seed, "equilibria-adwords", k)
        bids = rng.random((1500, 8)) * rng.random(8)
        # Advertisers come and go, so that a query sold too early is missed later; bids are small against budgets.
        begins = np.sort(rng.random((2, 8)), axis=0) * len(bids)
        time = np.arange(len(bids))[:, np.newaxis]
        bids *= (time >= begins[0]) & (time < begins[1])
        budgets = np.maximum(bids.sum(axis=0) * (0.1 + 0.5 * rng.random(8)), 20 * bids.max(axis=0) + 1e-9)
        best = best_revenue(bids, budgets)
        shares.append([allocate(bids, budgets, rule) / best for rule in RULES])
    bids, budgets = upper_triangle(100, 100)
    least = np.array(shares).min(axis=0)
    return {
        **{f"adwords_{rule}": float(share) for rule, share in zip(RULES, least, strict=True)},
        "triangle": allocate(bids, budgets, "balance") / float(budgets.sum()),
    }


def slot_toy() -> Values:
    """Return the efficiencies of the published toy of two opportunities with two slots."""
    toy = np.array([0.1, 0.04]), np.array([1.0, 0.8]), np.array([(1.0, 0.375), (1.0, 0.875)])
    alone, upgrades = slot_efficiencies(*toy).ravel(), upgrade_efficiencies(*toy).ravel()
    return {f"efficiency_{k}": float(value) for k, value in enumerate([*alone, *upgrades])}
