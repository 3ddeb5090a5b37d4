"""Compare keyword bids, one alpha a day, AMDP, RMDP and M-RMDP of SS-RTB at the same cost; see docs/ss-rtb.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.ss_rtb.arms import (
    AMDP_PLAIN,
    DAYS,
    MANY,
    MANY_ARMS,
    MANY_CLAIMED,
    TEN,
    TEN_ARMS,
    TEN_CLAIMED,
    scenario_of,
)
from auctionsim.jobs.studies.ss_rtb.rules import BOUND, RULES

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.documents.sections import Section
    from auctionsim.scenario import Scenario

_DAYS = 8
"""Days that the similarity of days is measured on."""
_SLOW_SEEDS, _VARIANT_SEEDS = 2, 1
"""Seeds of AMDP, which takes minutes, and of the arms that vary what the paper leaves open."""


class SsRtb:
    """The study; see the module's text."""

    title = "SS-RTB: bidding by hour-aggregated reinforcement learning, compared at the same cost"
    n_seeds = 5
    libraries = ("torch",)
    first_seed = 100
    """Seeds below it were looked at while the method's constants were chosen."""

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every arm of both markets, and the similarity of days; AMDP and variants come last, on fewer seeds."""
        claimed = [*((TEN, arm) for arm in TEN_CLAIMED), *((MANY, arm) for arm in MANY_CLAIMED), (DAYS, "eta")]
        slow = [(TEN, arm) for arm in ("AMDP", AMDP_PLAIN)]
        every = [(market, arm) for market, arms in ((TEN, TEN_ARMS), (MANY, MANY_ARMS)) for arm in arms]
        variants = [one for one in every if one not in (*claimed, *slow)]
        tiers = ((claimed, len(options.seeds)), (slow, _SLOW_SEEDS), (variants, _VARIANT_SEEDS))
        return [Unit(*one, seed) for arms, n_seeds in tiers for seed in options.seeds[:n_seeds] for one in arms]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Train and measure one arm for one seed."""
        scenario = scenario_of(unit, options)
        if unit.scenario != DAYS:
            return measured(scenario, unit.arm, unit.seed, pooled=unit.scenario == MANY)
        from auctionsim.jobs.studies.ss_rtb import eta as days

        found = days.measure(scenario, unit.seed, 4 if options.quick else _DAYS)
        return Findings([("test", days.metric(level, feature), value) for level, feature, value in found])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
        """Return the document: findings, then the paper's tables and figures beside ours."""
        from auctionsim.jobs.studies.ss_rtb.document import sections

        return sections(results, curves)


def measured(scenario: Scenario, arm: str, seed: int, *, pooled: bool = False) -> Findings:
    """Train or fit an arm and measure its gains.

    Args:
        scenario: The scenario, with the learner that is trained where the arm is no rule.
        arm: A rule of `rules.RULES`, `bound`, or any name of a learner's arm.
        seed: The seed.
        pooled: Whether to measure at the same cost of all ads together too.
    """
    from auctionsim.jobs.studies.ss_rtb import bound
    from auctionsim.jobs.studies.ss_rtb import gains as arms

    if arm == BOUND:
        rows = list(bound.bounds(arms.market_of(scenario, seed)))
        return Findings(rows + [(split, f"{name}, pooled cost", value) for split, name, value in rows if pooled])
    trained = arms.fit_rule(scenario, seed, arm) if arm in RULES else arms.train_q(scenario, seed)
    rows = [*trained.counts, *arms.gains(trained)]
    if pooled:
        rows += [(split, f"{metric}, pooled cost", value) for split, metric, value in arms.gains(trained, pooled=True)]
    return Findings(rows, trained.curves)


STUDY = SsRtb()
