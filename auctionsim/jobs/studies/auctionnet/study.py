"""Score policies of the AuctionNet benchmark, each as one advertiser among 47 rivals, beside published orders.

In turn each of the 48 advertisers of the scenario `auctionnet` follows the policy. Its rivals, a mixture as in the benchmark,
follow by turns the spend PID, online LP and fixed targets. All act in half-hours, 48 a day; rules of this package act in whole
hours. The seeds begin at 100: sizes and prices of the scenario were looked at on seeds 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.mixed import HourByHour
from auctionsim.agents.policies.registry import find_rule
from auctionsim.analysis.documents.sections import Section
from auctionsim.auction.outcome import CONVERSIONS, COST
from auctionsim.jobs.studies.auctionnet.document import auctionnet_sections
from auctionsim.jobs.studies.auctionnet.field import OneAmongRivals
from auctionsim.jobs.studies.auctionnet.policies import Abid, FixedTarget, OnlineLp, SpendPid
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market, Policy, RuleClass
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.constraints import CPA_CAP
from auctionsim.objectives.cpa_score import cpa_score
from auctionsim.objectives.goals import day_totals
from auctionsim.ratios import safe_ratio
from auctionsim.scenario.file import load_scenario

Array = NDArray[np.float64]

SCENARIO = "auctionnet"
RIVALS: tuple[RuleClass, ...] = (SpendPid, OnlineLp, FixedTarget)
"""Rules that rivals follow by turns."""
_OWN_RULES = ("pid", "dual-pacing", "throttle", "linear", "ortb")
_QUICK = ("traffic.weight=5000",)


def arms() -> dict[str, RuleClass]:
    """Return every arm's rule by its name: those of the benchmark first, then this package's, hour by hour."""
    benchmark: dict[str, RuleClass] = {"fixed-target": FixedTarget, "online-lp": OnlineLp, "spend-pid": SpendPid, "abid": Abid}
    rules = {name: find_rule(name) for name in _OWN_RULES}
    return benchmark | {name: partial(_hour_by_hour, rule) for name, rule in rules.items() if not isinstance(rule, str)}


class AuctionNet:
    """The study; see the module's text."""

    title = "AuctionNet: conversions under a target cost per conversion, one advertiser among 47 rivals"
    n_seeds = 10
    first_seed = 100

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every arm on every seed."""
        return [Unit(SCENARIO, arm, seed) for arm in arms() for seed in options.seeds]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Measure an arm on the test days."""
        scenario = load_scenario(SCENARIO, overrides=_QUICK if options.quick else ())
        found = measures(build_market(scenario, unit.seed), arms()[unit.arm])
        return Findings([("test", metric, value) for metric, value in found.items() if np.isfinite(value)])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (the study has none)
        """Return the scores, and their order beside the published ones."""
        return auctionnet_sections(results, SCENARIO)


def measures(market: Market, rule: RuleClass) -> dict[str, float]:
    """Measure a rule on the test days, each advertiser in turn following it.

    Returns:
        Means over advertisers and days of `score`, `conversions` and `budget_used`; `over_target`: the share of advertisers
        and days whose cost per conversion is above the target; `cpa_ratio`: cost of all of them over what their conversions
        may cost.
    """
    n = len(market.advertisers)
    everybody = np.arange(n)
    rivals = [(own(market, everybody), everybody % len(RIVALS) == i) for i, own in enumerate(RIVALS)]
    policy = OneAmongRivals(rule(market, everybody), rivals)
    days = []
    for day in market.scenario.traffic.test_days:
        totals = day_totals(simulate_day(market, day, policy, n_policies=n).outcome)[everybody, :, everybody]
        target = goals_of(market, day).limits[CPA_CAP.key][:, 0]
        days.append((totals[:, CONVERSIONS], totals[:, COST], target))
    conversions, cost, target = np.moveaxis(np.array(days), 1, 0)
    return {
        "score": float(cpa_score(conversions, cost, target).mean()),
        "conversions": float(conversions.mean()),
        "cpa_ratio": safe_ratio(float(cost.sum()), float((target * conversions).sum())),
        "budget_used": float((cost / market.budgets).mean()),
        "over_target": float((cost > target * conversions).mean()),
    }


def _hour_by_hour(rule: RuleClass, market: Market, advertisers: NDArray[np.int64]) -> Policy:
    """Make a rule whose steps are hours, for days of half-hours."""
    return HourByHour(rule(market, advertisers))


STUDY = AuctionNet()
