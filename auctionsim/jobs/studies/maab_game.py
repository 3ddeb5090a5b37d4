"""Reproduce two budgeted bidding agents with a cooperative or a private reward: what does cooperation cost the platform?

The two-agent game of MAAB: Wen et al., A Cooperative-Competitive Multi-Agent Framework for Auto-bidding in Online Advertising
(WSDM 2022, arXiv 2106.06224).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from auctionsim.analysis.documents.curves import line_of
from auctionsim.analysis.documents.plots.lines import lines_figure
from auctionsim.analysis.documents.published import Published, published_table, verdict
from auctionsim.analysis.documents.results import arms_table, by_seed
from auctionsim.analysis.documents.sections import Heading, Picture, Section, Table, Text
from auctionsim.analysis.statistics import INTERVALS, Interval, mean_interval
from auctionsim.games.budgeted_pair import Settings, learn
from auctionsim.jobs.studies.base import Findings, Options, Unit

SHARES = (0.25, 0.5, 0.75)
QUICK_DAYS = 60

_PRIVATE, _COOPERATIVE = "private reward", "cooperative reward"
_METRICS = {"revenue": "Revenue a day", "value": "Value a day", "value_0": "Value of agent 0", "value_1": "Value of agent 1"}
_REVENUE = Published("revenue, cooperative over private", "26 / 85 = 0.31", 0.0, 0.5)
_VALUE = Published("value, cooperative over private", "64 / 57 = about 1.1", 1.05, 1.15)


class _Study:
    title = "Two budgeted bidding agents, cooperative and private reward (MAAB, Wen et al. 2022)"
    n_seeds = 5

    def units(self, options: Options) -> Sequence[Unit]:
        shares = (0.5,) if options.quick else SHARES
        return [
            Unit(_scenario(share), arm, seed) for share in shares for arm in (_PRIVATE, _COOPERATIVE) for seed in options.seeds
        ]

    def run(self, unit: Unit, options: Options) -> Findings:
        share = float(unit.scenario.removeprefix("r = "))
        settings = Settings(is_cooperative=unit.arm == _COOPERATIVE, share=share)
        if options.quick:
            settings = replace(settings, days=QUICK_DAYS, exploration_days=QUICK_DAYS // 2, n_hidden=16)
        curve = learn(unit.seed, settings)
        last = {
            "revenue": curve.revenue[-1],
            "value": curve.value[-1],
            "value_0": curve.values[-1, 0],
            "value_1": curve.values[-1, 1],
        }
        return Findings(
            [("test", name, float(value)) for name, value in last.items()],
            [
                (name, float(day), float(y))
                for name, ys in (("revenue", curve.revenue), ("value", curve.value))
                for day, y in zip(curve.days, ys, strict=True)
            ],
        )

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
        half = _scenario(0.5)
        pairs = [(_REVENUE, _arm_ratio(results, half, "revenue")), (_VALUE, _arm_ratio(results, half, "value"))]
        scenarios = list(results["scenario"].unique(maintain_order=True))
        lines = {
            f"{what}, {arm}": line_of(curves, half, arm, what)
            for what in ("revenue", "value")
            for arm in (_PRIVATE, _COOPERATIVE)
        }
        return [
            Text(verdict(pairs)),
            published_table(pairs, "MAAB, two-agent game, budget ratio 1, r = 0.5"),
            Heading("Three splits of the budget"),
            Text(
                "100 rounds a day, a total budget of 100 split r : 1 - r. Values are scaled to sum to 101 over both agents, so "
                "that the efficient allocation is worth about 67 a day. Revenue is what both agents pay. The figures are of "
                "the greedy policies after learning, on 200 held-out days, the same for both rewards."
            ),
            *[arms_table(results, scenario, _METRICS) for scenario in scenarios],
            Table(
                ["cooperative over private", "Revenue", "Value"],
                [[s, str(_arm_ratio(results, s, "revenue")), str(_arm_ratio(results, s, "value"))] for s in scenarios],
                f"Ratios seed by seed, means with {INTERVALS}.",
            ),
            Heading("While learning"),
            Picture(
                "learning",
                lines_figure(lines, "Days of learning", "Currency a day", dots=True),
                f"The greedy policies after each part of learning, r = 0.5; means over seeds with {INTERVALS}.",
            ),
        ]


def _scenario(share: float) -> str:
    return f"r = {share}"


def _arm_ratio(results: pl.DataFrame, scenario: str, metric: str) -> Interval:
    """Return the ratio of the cooperative to the private arm, seed by seed, with its interval."""
    cooperative, private = (by_seed(results, scenario, arm, metric) for arm in (_COOPERATIVE, _PRIVATE))
    return mean_interval(np.array([cooperative[seed] / private[seed] for seed in sorted(cooperative)]))


STUDY = _Study()
