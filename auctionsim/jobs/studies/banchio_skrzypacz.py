"""Reproduce Q-learning in auctions between first and second price: do learners end below the static equilibrium?

Banchio and Skrzypacz, Artificial Intelligence and Auction Design (EC 2022, arXiv 2202.05947).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from auctionsim.analysis.documents.curves import line_over_arms
from auctionsim.analysis.documents.plots.lines import lines_figure
from auctionsim.analysis.documents.published import Published, published_table, verdict
from auctionsim.analysis.documents.results import arms_table, interval
from auctionsim.analysis.documents.sections import Heading, Picture, Section, Text
from auctionsim.analysis.statistics import INTERVALS
from auctionsim.games.price_family import NASH_REVENUE, Settings, simulate_session
from auctionsim.jobs.studies.base import Findings, Options, Unit

SESSIONS, QUICK_SESSIONS = 120, 20
"""Sessions per unit: per price rule and seed."""
DRAWN, EQUAL = "drawn start", "equal start"
"""The scenarios: initial Q drawn at random, or equal for all bids."""
WEIGHTS = tuple(round(1 + k / 10, 1) for k in range(11))
"""The price rules a, from first price (1) to second price (2)."""

_FIRST, _SECOND = "a = 1.0", "a = 2.0"
_START = {DRAWN: Settings(), EQUAL: Settings(start_spread=0.0)}
_METRICS = {"revenue": "Revenue", "collusive": "Share of collusive ends", "settled": "Share settled"}
_PUBLISHED = {
    _FIRST: Published("revenue, first price", "about 0.24", 0.21, 0.27),
    _SECOND: Published("revenue, second price", "about 0.95", 0.93, 0.97),
}


class _Study:
    title = "Q-learning in auctions between first and second price (Banchio and Skrzypacz 2022)"
    n_seeds = 5

    def units(self, options: Options) -> Sequence[Unit]:
        weights = (1.0, 2.0) if options.quick else WEIGHTS
        drawn = [Unit(DRAWN, f"a = {a}", seed) for a in weights for seed in options.seeds]
        return [*drawn, *(Unit(EQUAL, arm, seed) for arm in (_FIRST, _SECOND) for seed in options.seeds)]

    def run(self, unit: Unit, options: Options) -> Findings:
        a = float(unit.arm.removeprefix("a = "))
        sessions = range(QUICK_SESSIONS if options.quick else SESSIONS)
        endings = [simulate_session(a, unit.seed, session, _START[unit.scenario]) for session in sessions]
        return Findings(
            [
                ("test", "revenue", float(np.mean([ending.revenue for ending in endings]))),
                ("test", "collusive", float(np.mean([ending.is_collusive for ending in endings]))),
                ("test", "settled", float(np.mean([ending.has_settled for ending in endings]))),
            ]
        )

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (the study has none)
        measured = {arm: interval(results, DRAWN, arm, "revenue") for arm in (_FIRST, _SECOND)}
        pairs = [(_PUBLISHED[arm], value) for arm, value in measured.items() if value is not None]
        x_of = {arm: float(arm.removeprefix("a = ")) for arm in results.filter(scenario=DRAWN)["arm"].unique()}
        over = "each seed a batch of independent sessions of 1,000,000 auctions"
        return [
            Text(verdict(pairs)),
            published_table(pairs, "Banchio and Skrzypacz 2022, as independent accounts of it report the figures"),
            Heading("From first to second price"),
            Text(
                "Two bidders value the object at 1 and learn by stateless Q-learning on 19 bids from 0.05 to 0.95. The winner "
                "pays (2 - a) x own bid + (a - 1) x rival's bid. A session ends collusively if revenue is below 0.90, the "
                "lowest static equilibrium of the first-price auction on this grid."
            ),
            arms_table(results, DRAWN, _METRICS, over=over),
            Picture(
                "revenue",
                lines_figure(
                    {
                        "revenue": line_over_arms(results, DRAWN, x_of, "revenue"),
                        "share of collusive ends": line_over_arms(results, DRAWN, x_of, "collusive"),
                    },
                    "a (1: first price, 2: second price)",
                    "Revenue (object's value = 1), share",
                    levels={"static Nash revenue": NASH_REVENUE},
                    dots=True,
                ),
                f"Revenue and share of collusive ends by price rule; means over seeds with {INTERVALS}.",
            ),
            Heading("Equal initial values"),
            Text("The same with equal initial Q for all bids, so that both learners go through the bids in step."),
            arms_table(results, EQUAL, _METRICS, over=over),
        ]


STUDY = _Study()
