"""Set revenue under first and second prices beside the factorials of Rawat (2026), by how bidders bid."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl

from auctionsim.analysis.documents.published import Published
from auctionsim.analysis.documents.results import interval
from auctionsim.analysis.documents.sections import Heading, Note, Section, Table
from auctionsim.jobs.published_parts import PublishedParts
from auctionsim.jobs.studies.auction_formats.cells import PRICES
from auctionsim.jobs.studies.auction_formats.learners import BANDIT_SLICES, Q_SLICES, bandits, q_learning
from auctionsim.jobs.studies.auction_formats.pacing import DUAL_LEVELS, MARKET_SLICES, PI_LEVELS, pacing

DUAL, PI = "dual pacing", "PI pacing"
Q, UCB, THOMPSON = "Q-learning, affiliated values", "LinUCB", "Thompson sampling"
_ARM = "factorial"
_POINTS, _SHARE = 5.0, 0.05
"""Distances that are accepted: of a difference, in per cent of second-price revenue, and of a revenue, as a share of it."""
_PREFIXES = {DUAL: "dual", PI: "pi", Q: "q", UCB: "ucb", THOMPSON: "thompson"}
_SLICES: dict[str, dict[str, Any]] = {
    DUAL: {"level": dict.fromkeys(DUAL_LEVELS, ""), **MARKET_SLICES},
    PI: {"level": dict.fromkeys(PI_LEVELS, ""), **MARKET_SLICES},
    Q: Q_SLICES,
    UCB: BANDIT_SLICES,
    THOMPSON: BANDIT_SLICES,
}
_PAIR = tuple[float, float]


def _figures(
    scenario: str, revenue: _PAIR, digits: int, slices: dict[str, tuple[str, _PAIR]]
) -> list[tuple[str, str, Published]]:
    """Return a scenario's figures from published revenues under first and second prices, over all cells and by level."""
    prefix, rows = _PREFIXES[scenario], []
    for price, theirs in zip(PRICES, revenue, strict=True):
        words = f"{scenario}: revenue, {price} price"
        accepted = theirs * (1 - _SHARE), theirs * (1 + _SHARE)
        rows.append((scenario, f"{prefix}_{price}", Published(words, f"{theirs:.{digits}f}", *accepted)))
    for part, (label, (first, second)) in {"": ("", revenue), **slices}.items():
        theirs = 100 * (first / second - 1)
        words = f"{scenario}{label}: first price above second, %"
        rows.append((scenario, f"{prefix}{part}_more", Published(words, f"{theirs:+.1f}", theirs - _POINTS, theirs + _POINTS)))
    return rows


def _anarchy(scenario: str) -> tuple[str, str, Published]:
    return scenario, f"{_PREFIXES[scenario]}_worst", Published(f"{scenario}: worst price of anarchy", "< 2", 1, 2 - 1e-9)


FIGURES: tuple[tuple[str, str, Published], ...] = (
    *_figures(
        DUAL,
        (4440.57, 4072.50),
        1,
        {
            "_level_value": (", value maximizers", (5685.86, 5683.24)),
            "_level_utility": (", utility maximizers", (3195.28, 2461.77)),
            "_budget_tight": (", budgets of 0.25", (2293.10, 2206.77)),
            "_budget_loose": (", budgets of 1", (6588.04, 5938.24)),
        },
    ),
    _anarchy(DUAL),
    *_figures(
        PI,
        (4109.42, 3192.76),
        1,
        {
            "_budget_tight": (", budgets of 0.25", (2399.61, 2270.21)),
            "_budget_loose": (", budgets of 1", (5819.24, 4115.31)),
        },
    ),
    _anarchy(PI),
    *_figures(
        Q,
        (0.4322, 0.4857),
        3,
        {"_bidders_2": (", 2 bidders", (0.4055, 0.4021)), "_bidders_4": (", 4 bidders", (0.4588, 0.5694))},
    ),
    *_figures(
        UCB,
        (0.4105, 0.5069),
        3,
        {"_bidders_2": (", 2 bidders", (0.3042, 0.3516)), "_bidders_4": (", 4 bidders", (0.5168, 0.6621))},
    ),
    *_figures(
        THOMPSON,
        (0.4859, 0.5321),
        3,
        {"_bidders_2": (", 2 bidders", (0.4579, 0.4551)), "_bidders_4": (", 4 bidders", (0.5138, 0.6091))},
    ),
)
_SOURCE = (
    "Rawat, arXiv 2306.09437 (text of 2026), and its tables of single runs, from which means over cells are computed. Here "
    "both formats meet the same draws of values"
)
_DETAILS = (
    "Pacing: revenue of an episode of 1,000 rounds, a mean over 90 episodes after the first 10. The price of anarchy is that "
    "of a run's last episode, the best by a linear program that knows all values. Learners: revenue of a round, a mean over "
    "the last 1,000 of 100,000. All are means over cells, then over seeds."
)
_DRAWN: dict[tuple[str, str], Callable[[int], dict[str, float]]] = {
    (DUAL, _ARM): partial(pacing, prefix=_PREFIXES[DUAL], levels=DUAL_LEVELS),
    (PI, _ARM): partial(pacing, prefix=_PREFIXES[PI], levels=PI_LEVELS),
    (Q, _ARM): q_learning,
    (UCB, _ARM): partial(bandits, prefix=_PREFIXES[UCB], is_thompson=False),
    (THOMPSON, _ARM): partial(bandits, prefix=_PREFIXES[THOMPSON], is_thompson=True),
}


def _by_level(results: pl.DataFrame) -> list[Section]:
    """Return both revenues and their difference for every level of every factor."""
    rows = []
    for scenario, prefix in _PREFIXES.items():
        for factor, names in _SLICES[scenario].items():
            for name in names:
                metrics = (f"{prefix}_{factor}_{name}_{measure}" for measure in (*PRICES, "more"))
                found = [interval(results, scenario, _ARM, metric) for metric in metrics]
                if all(cell is not None for cell in found):
                    rows.append([scenario, "rule" if factor == "level" else factor, name, *map(str, found)])
    header = ["bidders that use", "factor", "level", "first price", "second price", "first above second, %"]
    return [Heading("By factor"), Table(header, rows), Note(_DETAILS)]


STUDY = PublishedParts(
    title="First and second prices by how bidders bid",
    n_seeds=8,
    fixed={},
    drawn=_DRAWN,
    quick={(PI, _ARM)},
    figures=FIGURES,
    sources=dict.fromkeys(_PREFIXES, _SOURCE),
    rest=_by_level,
)
