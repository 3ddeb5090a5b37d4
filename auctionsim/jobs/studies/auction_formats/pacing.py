"""Play the factorials of bidders that pace: 64 cells of a pacing rule's level, bidders, budget, reserve, sigma and format.

Markets are drawn for each seed, number of bidders, budget, reserve and sigma; both formats meet the same values, so that their
difference has less noise than with draws of its own.
"""

from __future__ import annotations

from itertools import product

from auctionsim.games.pacing.refilled_budgets import Rule, draw_market
from auctionsim.jobs.studies.auction_formats.cells import PRICES, Cell, revenues

BIDDERS, BUDGETS, RESERVES, SIGMAS = (2, 4), (0.25, 1.0), (0.0, 0.3), (0.1, 0.5)
DUAL_LEVELS: dict[str, tuple[Rule, float]] = {"value": ("dual, value", 1.0), "utility": ("dual, utility", 1.0)}
PI_LEVELS: dict[str, tuple[Rule, float]] = {"cautious": ("pi", 0.3), "aggressive": ("pi", 3.0)}
"""Rule and gain of each level of the factor that is not one of the market."""
MARKET_SLICES: dict[str, dict[str, float | str]] = {
    "bidders": {"2": 2, "4": 4},
    "budget": {"tight": BUDGETS[0], "loose": BUDGETS[1]},
    "reserve": {"0": RESERVES[0], "0.3": RESERVES[1]},
    "sigma": {"0.1": SIGMAS[0], "0.5": SIGMAS[1]},
}


def pacing(seed: int, prefix: str, levels: dict[str, tuple[Rule, float]]) -> dict[str, float]:
    """Return revenue under both prices and their difference over a seed's cells, and the worst price of anarchy.

    Args:
        seed: The seed.
        prefix: The word that metrics begin with.
        levels: `DUAL_LEVELS` or `PI_LEVELS`.
    """
    cells: list[Cell] = []
    worst = 1.0
    for key in product(range(2), repeat=4):
        n, budget, reserve, sigma = BIDDERS[key[0]], BUDGETS[key[1]], RESERVES[key[2]], SIGMAS[key[3]]
        market = draw_market(seed, key, bidders=n, budget=budget, sigma=sigma)
        for name, (rule, gain) in levels.items():
            found = {price: market.play(rule, is_first_price=price == "first", reserve=reserve, gain=gain) for price in PRICES}
            worst = max(worst, *(episodes.last_welfare_loss for episodes in found.values()))
            revenue = {price: episodes.revenue for price, episodes in found.items()}
            cells.append({"bidders": n, "budget": budget, "reserve": reserve, "sigma": sigma, "level": name, **revenue})
    return revenues(prefix, cells, {"level": {name: name for name in levels}, **MARKET_SLICES}) | {f"{prefix}_worst": worst}
