"""Compare keyword bids, one alpha a day, AMDP, RMDP and M-RMDP of SS-RTB at the same cost; see docs/ss-rtb.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.ss_rtb.arms import DAYS, MANY, MANY_ARMS, TEN, TEN_ARMS, scenario_of

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.documents.sections import Section

_DAYS = 8
"""Days that the similarity of days is measured on."""
_VARIANT_SEEDS = 3
"""Seeds of the arms that vary what the paper leaves open."""


class SsRtb:
    """The study; see the module's text."""

    title = "SS-RTB: bidding by hour-aggregated reinforcement learning, compared at the same cost"
    n_seeds = 5

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every arm of both markets and the similarity of days; variants of the method on the first three seeds."""
        ten, many = ([(market, arm) for arm in arms] for market, arms in ((TEN, TEN_ARMS), (MANY, MANY_ARMS)))
        claimed, variants = [*ten[:2], *many[:4], (DAYS, "eta"), ten[2]], [*ten[3:], *many[4:]]
        units = [Unit(scenario, arm, seed) for scenario, arm in claimed for seed in options.seeds]
        return units + [Unit(scenario, arm, seed) for scenario, arm in variants for seed in options.seeds[:_VARIANT_SEEDS]]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Train and measure one arm for one seed."""
        from auctionsim.jobs.studies.ss_rtb import eta as days
        from auctionsim.jobs.studies.ss_rtb import gains as arms

        scenario = scenario_of(unit, options)
        if unit.scenario == DAYS:
            found = days.measure(scenario, unit.seed, 4 if options.quick else _DAYS)
            return Findings([("test", days.metric(level, feature), value) for level, feature, value in found])
        trained = (arms.train_linear if unit.arm == "linear" else arms.train_q)(scenario, unit.seed)
        rows = list(arms.gains(trained))
        if unit.scenario == MANY:
            rows += [(split, f"{metric}, pooled cost", value) for split, metric, value in arms.gains(trained, pooled=True)]
        return Findings(rows, trained.curves)

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
        """Return the document: findings, then the paper's tables and figures beside ours."""
        from auctionsim.jobs.studies.ss_rtb.document import sections

        return sections(results, curves)


STUDY = SsRtb()
