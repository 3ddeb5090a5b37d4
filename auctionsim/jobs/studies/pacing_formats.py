"""Compare first and second prices between bidders that pace refilled budgets: the factorials of Rawat (2026).

Six factors of two levels each, 64 cells, are played on 8 seeds. Markets are drawn for each seed, number of bidders, budget,
reserve and sigma; both formats meet the same values, so that their difference has less noise than with draws of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import polars as pl

from auctionsim.analysis.documents.published import Published
from auctionsim.analysis.documents.results import interval
from auctionsim.analysis.documents.sections import Heading, Note, Section, Table
from auctionsim.games.pacing.refilled_budgets import Rule, draw_market
from auctionsim.jobs.published_parts import PublishedParts

DUAL, PI = "dual pacing", "PI pacing"
_ARM = "factorial"
BIDDERS, BUDGETS, RESERVES, SIGMAS = (2, 4), (0.25, 1.0), (0.0, 0.3), (0.1, 0.5)
_DUAL_LEVELS: dict[str, tuple[Rule, float]] = {"value": ("dual, value", 1.0), "utility": ("dual, utility", 1.0)}
_PI_LEVELS: dict[str, tuple[Rule, float]] = {"cautious": ("pi", 0.3), "aggressive": ("pi", 3.0)}
_PRICES = ("first", "second")
_POINTS, _SHARE = 5.0, 0.05
"""Distances that are accepted: of a difference, in per cent of second-price revenue, and of a revenue, as a share of it."""
_SLICES: dict[str, dict[str, float]] = {
    "bidders": dict(zip(("2", "4"), BIDDERS, strict=True)),
    "budget": {"tight": BUDGETS[0], "loose": BUDGETS[1]},
    "reserve": dict(zip(("0", "0.3"), RESERVES, strict=True)),
    "sigma": dict(zip(("0.1", "0.5"), SIGMAS, strict=True)),
}


def factorial(seed: int, prefix: str, levels: dict[str, tuple[Rule, float]]) -> dict[str, float]:
    """Return revenue under both prices and their difference, over all cells of a seed and by each factor's levels.

    Args:
        seed: The seed.
        prefix: The word that metrics begin with.
        levels: Rule and gain of each level of the factor that is not one of the market.
    """
    cells: list[dict[str, float | str]] = []
    worst = 1.0
    for key in product(range(2), repeat=4):
        n, budget, reserve, sigma = (
            level[k] for level, k in zip((BIDDERS, BUDGETS, RESERVES, SIGMAS), key, strict=True)
        )  # fmt: skip
        market = draw_market(seed, key, bidders=int(n), budget=budget, sigma=sigma)
        for name, (rule, gain) in levels.items():
            found = {price: market.play(rule, is_first_price=price == "first", reserve=reserve, gain=gain) for price in _PRICES}
            worst = max(worst, *(episodes.last_welfare_loss for episodes in found.values()))
            revenue = {price: episodes.revenue for price, episodes in found.items()}
            cells.append({"bidders": n, "budget": budget, "reserve": reserve, "sigma": sigma, "level": name, **revenue})
    table = pl.DataFrame(cells)
    metrics = {f"{prefix}_{name}": value for name, value in _revenues(table).items()} | {f"{prefix}_worst": worst}
    slices: Mapping[str, Mapping[str, float | str]] = {"level": {name: name for name in levels}, **_SLICES}
    for factor, values in slices.items():
        for name, value in values.items():
            part = _revenues(table.filter(pl.col(factor) == value))
            metrics |= {f"{prefix}_{factor}_{name}_{measure}": figure for measure, figure in part.items()}
    return metrics


def _revenues(cells: pl.DataFrame) -> dict[str, float]:
    """Return mean revenue under both prices, and how much more first prices earn, in per cent."""
    first, second = (float(np.mean(cells[price].to_numpy())) for price in _PRICES)
    return {"first": first, "second": second, "more": 100 * (first / second - 1)}


def _figures(
    scenario: str, prefix: str, revenue: tuple[float, float], slices: dict[str, tuple[str, float, float]]
) -> list[tuple[str, str, Published]]:
    """Return a scenario's figures from published revenues under first and second prices."""
    rows = [
        (scenario, f"{prefix}_{price}", Published(f"{scenario}: revenue, {price} price", f"{theirs:.1f}",
                                                  theirs * (1 - _SHARE), theirs * (1 + _SHARE)))
        for price, theirs in zip(_PRICES, revenue, strict=True)
    ]  # fmt: skip
    for part, (label, first, second) in {"": ("", *revenue), **slices}.items():
        theirs = 100 * (first / second - 1)
        words = f"{scenario}{label}: first price above second, %"
        rows.append((scenario, f"{prefix}{part}_more", Published(words, f"{theirs:+.1f}", theirs - _POINTS, theirs + _POINTS)))
    worst = Published(f"{scenario}: worst price of anarchy", "< 2", 1, 2 - 1e-9)
    return [*rows, (scenario, f"{prefix}_worst", worst)]


FIGURES: tuple[tuple[str, str, Published], ...] = (
    *_figures(
        DUAL,
        "dual",
        (4440.57, 4072.50),
        {
            "_level_value": (", value maximizers", 5685.86, 5683.24),
            "_level_utility": (", utility maximizers", 3195.28, 2461.77),
            "_budget_tight": (", budgets of 0.25", 2293.10, 2206.77),
            "_budget_loose": (", budgets of 1", 6588.04, 5938.24),
        },
    ),
    *_figures(
        PI,
        "pi",
        (4109.42, 3192.76),
        {
            "_level_cautious": (", gains of 0.3", 4061.27, 3210.33),
            "_level_aggressive": (", gains of 3", 4157.58, 3175.19),
            "_budget_tight": (", budgets of 0.25", 2399.61, 2270.21),
            "_budget_loose": (", budgets of 1", 5819.24, 4115.31),
        },
    ),
)


def _by_level(results: pl.DataFrame) -> list[Section]:
    """Return both revenues and their difference for every level of every factor."""
    rows = []
    for scenario, prefix, levels in ((DUAL, "dual", _DUAL_LEVELS), (PI, "pi", _PI_LEVELS)):
        for factor, values in {"level": dict.fromkeys(levels, 0.0), **_SLICES}.items():
            for name in values:
                found = [
                    interval(results, scenario, _ARM, f"{prefix}_{factor}_{name}_{measure}")
                    for measure in (*_PRICES, "more")
                ]  # fmt: skip
                if all(cell is not None for cell in found):
                    rows.append([scenario, "rule" if factor == "level" else factor, name, *map(str, found)])
    header = ["pacing", "factor", "level", "first price", "second price", "first above second, %"]
    return [Heading("By factor"), Table(header, rows), Note(_DETAILS)]


_DETAILS = (
    "Revenue of an episode of 1,000 rounds, a mean over 90 episodes after the first 10, then over cells. The price of anarchy "
    "is that of a run's last episode, the best by a linear program that knows all values."
)
_SOURCE = (
    "Rawat, arXiv 2306.09437 (text of 2026), and its tables of 512 runs each, from which the means over cells are computed. "
    "Here both formats meet the same draws of values"
)

STUDY = PublishedParts(
    title="First and second prices between bidders that pace",
    n_seeds=8,
    fixed={},
    drawn={
        (DUAL, _ARM): lambda seed: factorial(seed, "dual", _DUAL_LEVELS),
        (PI, _ARM): lambda seed: factorial(seed, "pi", _PI_LEVELS),
    },
    quick={(PI, _ARM)},
    figures=FIGURES,
    sources={DUAL: _SOURCE, PI: _SOURCE},
    rest=_by_level,
)
