"""Measure how far small changes of targets move the equilibrium of autobidders at second price.

Li and Tang (IJCAI 2024) state that a change of target costs by 4 % moves a quarter of bidders by more than 15 %. Their market
is not at hand: these have lognormal values, and no bidder has a budget. Conversions are compared, since value counts targets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.equilibria import Autobidders, follow_best_responses
from auctionsim.streams import stream

Array = NDArray[np.float64]

SIZES = {"few": (10, 100, 0.5), "usual": (20, 100, 0.5), "near": (20, 100, 0.3)}
"""Bidders, queries and deviation of the logarithm of values, by the name of the market; the figures are of `usual`."""
MARKETS, CHANGES = 3, 4
"""Markets of each size per seed, and bidders of each whose target is raised, one at a time."""
CHANGE, MOVED = 0.04, 0.15
"""Relative change of a target, and of conversions from which a bidder counts as moved."""
_ROUNDS = 100
_SETTLED = 1e-9
"""Exploitability of an equilibrium, relative to the best welfare."""


def settled(values: Array, start: Array) -> tuple[Array, Array] | None:
    """Return multipliers of an equilibrium and the value that each bidder wins in it, `[bidders]` both.

    None where replies in turn from `start` do not end in one.

    Args:
        values: The value of each query to each bidder in units of its target, `[bidders, queries]`.
        start: The first multipliers, `[bidders]`.
    """
    market = Autobidders(values)
    path = follow_best_responses(market.reply, start, _ROUNDS)
    if path.ending != "equilibrium" or market.exploitability(path.last) > _SETTLED * market.optimum:
        return None
    winner = market.winners(path.last)
    return path.last, np.array([float(own[winner == bidder].sum()) for bidder, own in enumerate(values)])


def sensitivity(seed: int) -> dict[str, float]:
    """Return, for each size of market, what changes of targets move.

    Returns:
        With the market's name after each: `one`, the share of bidders that are moved where one target is raised, a mean over
        the bidders whose target it is; `all`, that share where every target is raised or lowered by chance; `least` and `most`,
        the largest loss and gain of conversions by one raised target; `settled`, the share of changes after which replies
        settle. What never settles is left out.
    """
    found: dict[str, float] = {}
    for name, (bidders, queries, sigma) in SIZES.items():
        one: list[Array] = []
        every: list[Array] = []
        for k in range(MARKETS):
            rng = stream(seed, "autobidding-targets", bidders, queries, k)
            values = np.asarray(arithmetic.exp(sigma * arithmetic.normal(rng, (bidders, queries))))
            signs = np.where(rng.random(bidders) < 0.5, -1.0, 1.0)
            before = settled(values, np.ones(bidders))
            if before is None:
                continue
            raised = [np.where(np.arange(bidders) == bidder, 1 + CHANGE, 1.0) for bidder in range(CHANGES)]
            one += [moved for factors in raised if (moved := _moved(values, before, factors)) is not None]
            every += [moved for moved in [_moved(values, before, 1 + CHANGE * signs)] if moved is not None]
        found[f"settled_{name}"] = (len(one) + len(every)) / (MARKETS * (CHANGES + 1))
        if one:
            found[f"one_{name}"] = float(np.mean([(np.abs(moved) > MOVED).mean() for moved in one]))
            found[f"least_{name}"] = float(min(moved.min() for moved in one))
            found[f"most_{name}"] = float(max(moved.max() for moved in one))
        if every:
            found[f"all_{name}"] = float(np.mean([(np.abs(moved) > MOVED).mean() for moved in every]))
    return found


def _moved(values: Array, before: tuple[Array, Array], factors: Array) -> Array | None:
    """Return the relative change of each bidder's conversions once targets are multiplied by factors; None if none settles.

    Bidders that won nothing before have no relative change and are left out.
    """
    multipliers, won = before
    after = settled(values * factors[:, np.newaxis], multipliers)
    if after is None:
        return None
    has_won = won > 0
    return np.asarray((after[1] / factors)[has_won] / won[has_won] - 1)
