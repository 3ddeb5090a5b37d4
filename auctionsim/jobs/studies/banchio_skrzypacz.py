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
DRAWN, EQUAL, VARIED = "drawn start", "equal start", "variants at a = 1.6"
"""The scenarios: initial Q drawn at random, or equal for all bids; and other readings of the model at one price rule."""
WEIGHTS = tuple(round(1 + k / 10, 1) for k in range(11))
"""The price rules a, from first price (1) to second price (2)."""

_FIRST, _SECOND = "a = 1.0", "a = 2.0"
_START = {DRAWN: Settings(), EQUAL: Settings(start_spread=0.0)}
_MISSED = 1.6
"""The price rule at which the published share of collusive ends is not reached."""
_VARIANTS = {
    "all Q equal at the start": Settings(start_spread=0.0),
    "Q from 100 to 100.1 at the start": Settings(start_spread=0.001),
    "Q from 100 to 101 at the start": Settings(start_spread=0.01),
    "Q from 100 to 200 at the start": Settings(start_spread=1.0),
    "Q from 0 to 100 at the start": Settings(start_level=0.0, start_spread=1.0),
    "equal bids share the object": Settings(shares_ties=True),
    "learning stops when settled": Settings(stop_when_settled=True),
}
_METRICS = {"revenue": "Revenue", "collusive": "Share of collusive ends", "settled": "Share settled"}
_PUBLISHED = (
    (_FIRST, "revenue", Published("revenue, first price", "about 0.24", 0.21, 0.27)),
    (_SECOND, "revenue", Published("revenue, second price", "about 0.95", 0.93, 0.97)),
    # 0.15 +- 1.96 standard errors of a difference between their 1000 sessions and our 600.
    (f"a = {_MISSED}", "collusive", Published(f"share of collusive ends, a = {_MISSED}", "0.15", 0.114, 0.186)),
)


class _Study:
    title = "Q-learning in auctions between first and second price (Banchio and Skrzypacz 2022)"
    n_seeds = 5

    def units(self, options: Options) -> Sequence[Unit]:
        weights = (1.0, 2.0) if options.quick else WEIGHTS
        drawn = [Unit(DRAWN, f"a = {a}", seed) for a in weights for seed in options.seeds]
        equal = [Unit(EQUAL, arm, seed) for arm in (_FIRST, _SECOND) for seed in options.seeds]
        varied = [Unit(VARIED, arm, seed) for arm in ([] if options.quick else _VARIANTS) for seed in options.seeds]
        return [*drawn, *equal, *varied]

    def run(self, unit: Unit, options: Options) -> Findings:
        is_variant = unit.scenario == VARIED
        a = _MISSED if is_variant else float(unit.arm.removeprefix("a = "))
        settings = _VARIANTS[unit.arm] if is_variant else _START[unit.scenario]
        sessions = range(QUICK_SESSIONS if options.quick else SESSIONS)
        endings = [simulate_session(a, unit.seed, session, settings) for session in sessions]
        return Findings(
            [
                ("test", "revenue", float(np.mean([ending.revenue for ending in endings]))),
                ("test", "collusive", float(np.mean([ending.is_collusive for ending in endings]))),
                ("test", "settled", float(np.mean([ending.has_settled for ending in endings]))),
            ]
        )

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (the study has none)
        pairs = [
            (figure, value)
            for arm, metric, figure in _PUBLISHED
            if (value := interval(results, DRAWN, arm, metric)) is not None
        ]
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
            *_varied(results, over),
        ]


def _varied(results: pl.DataFrame, over: str) -> list[Section]:
    """Return the variants at the price rule that misses its published share; nothing in the quick form."""
    if results.filter(scenario=VARIED).is_empty():
        return []
    return [
        Heading(f"Other readings of the model at a = {_MISSED}"),
        Text(
            f"At a = {_MISSED} fewer sessions end collusively than is published. The price rule lies where the share falls "
            "from one to zero, so details weigh most here. The text of the paper was not at hand, and these readings of what "
            "it leaves open were tried. The first values of Q and the stopping rule change little. If equal bids shared the "
            "object, every session would end at the lowest bid, at the first price too, where revenue is published as about "
            "0.24. What differs is not known."
        ),
        arms_table(results, VARIED, _METRICS, over=over),
    ]


STUDY = _Study()
