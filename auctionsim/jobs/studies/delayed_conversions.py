"""Measure what it costs each kind of bidder to ignore that conversions are reported late, against one that sees the future.

Three value maximizers bid beside nine advertisers with keyword bids: one with a target CPA, one with a target ROAS, one that
wants as many conversions as a budget and a target CPA allow. All three count conversions by the same estimate. In the scenario
`learners` four advertisers learn to bid for profit, paid by the same estimates. What came in the end judges all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from auctionsim.jobs.studies.base import Findings, Options, Unit

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.documents.sections import Section
    from auctionsim.market.market import Market
    from auctionsim.market.policy import Policy

ORACLE, NAIVE = "oracle", "naive"
ARMS = (ORACLE, NAIVE, "waiting-window", "delay-corrected", "survival")
DELAYS = {
    "mean delay 2 h": "mean = 2.0",
    "mean delay 12 h": "mean = 12.0",
    "mean delay 48 h": "mean = 48.0",
    "log-normal, mean 12 h": 'distribution = "log-normal"\nmean = 12.0\nsigma = 1.5',
}
LEARNERS = "learners, mean delay 12 h"
LEARNERS_ARMS = (ORACLE, NAIVE, "delay-corrected")
KINDS = ("target-cpa", "target-roas", "max-value")
METRICS = {
    **{f"{kind} {what}": f"{kind}: {what}" for kind in KINDS for what in ("value", "error")},
    "arrived": "share reported",
}  # fmt: skip
LEARNERS_METRICS = {"profit": "learners' profit", "revenue": "revenue", "arrived": "share reported"}
_MARKET = """
name = "delayed-conversions"
[traffic]
profile = "ss-rtb"
days = 5
auctions_per_day = {auctions}
weight = 20
queries = 24
candidates = 10
train_days = [0, 1, 2]
test_days = [3, 4]
[mechanism]
reserve = 0.01
outcomes = "sampled"
[delays]
{delays}
"""
_BIDDERS = """
[[advertisers]]
group = "target-cpa"
controller = "target-cpa"
cpa_cap = "baseline*0.7"
autobid = {{ estimate = "{arm}", rehearsals = {rehearsals} }}
[[advertisers]]
group = "target-roas"
controller = "target-roas"
roas_floor = "baseline*1.6"
autobid = {{ estimate = "{arm}", rehearsals = {rehearsals} }}
[[advertisers]]
group = "max-value"
controller = "max-value"
objectives = {{ conversions = 1.0 }}
cpa_cap = "baseline*0.7"
budget = "baseline*1.5"
autobid = {{ estimate = "{arm}", rehearsals = {rehearsals} }}
[[advertisers]]
group = "rival"
count = 9
controller = "manual"
"""
_LEARNERS = """rewards = "{arm}"
[[advertisers]]
group = "learner"
count = 4
[[advertisers]]
group = "rival"
count = 8
controller = "manual"
[learner]
own_weight = 1.0
global_weight = 0.0
population = 8
[platform]
revenue_floor = 0.0
[train]
iterations = {iterations}
"""


class DelayedConversions:
    """The study; see the module's text."""

    title = "Delayed conversions: what ignoring them costs each kind of bidder"
    n_seeds = 10

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every estimate under every delay, seed after seed."""
        arms = {**dict.fromkeys(DELAYS, ARMS), LEARNERS: LEARNERS_ARMS}
        return [Unit(name, arm, seed) for seed in options.seeds for name, own in arms.items() for arm in own]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Measure the test days of one seed."""
        found, best = (dict(_measured(unit.scenario, arm, unit.seed, options.quick)) for arm in (unit.arm, ORACLE))
        for name in METRICS | LEARNERS_METRICS:
            if name.endswith("value") or name in ("profit", "revenue"):
                amount = found.pop(name, None)
                if amount is not None and best[name] > 0:
                    found[name] = amount / best[name]
        return Findings([("test", metric, value) for metric, value in found.items()])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (there are none)
        """Return the document: the findings, and a table for each delay."""
        from auctionsim.analysis.documents.results import arms_table, paired_table
        from auctionsim.analysis.documents.sections import Text

        values = {f"{kind} value": METRICS[f"{kind} value"] for kind in KINDS}
        return [
            *(Text(verdict(results, name)) for name in DELAYS),
            Text(
                "Two test days. `value`: conversions, of target-roas GMV, over those of the oracle on the same seed. `error`: "
                "cost over what the target allows for what came in the end, less 1; below 0 the target leaves room that was "
                "not used. `share reported`: part of these bidders' conversions that was reported by midnight. Of the learners "
                "`profit` and `revenue` are of what came in the end, over those under the oracle's rewards."
            ),
            *(
                table
                for name in DELAYS
                for table in (
                    arms_table(results, name, METRICS, arms=ARMS),
                    paired_table(results, name, NAIVE, [arm for arm in ARMS if arm != NAIVE], values),
                )
            ),
            arms_table(results, LEARNERS, LEARNERS_METRICS, arms=LEARNERS_ARMS),
        ]


def verdict(results: pl.DataFrame, name: str) -> str:
    """Return in words what the naive count costs each kind of bidder under a delay, and what the corrections bring."""
    from auctionsim.analysis.documents.results import interval

    parts = []
    for kind in KINDS:
        found = {arm: interval(results, name, arm, f"{kind} value") for arm in ARMS if arm != ORACLE}
        error = {arm: interval(results, name, arm, f"{kind} error") for arm in (NAIVE, ORACLE)}
        values = ", ".join(f"{arm} {value}" for arm, value in found.items() if value is not None)
        parts.append(f"{kind}: {values or 'not measured'}; error {error[NAIVE]} under naive, {error[ORACLE]} under the oracle")
    return f"{name}, value over the oracle's. {'. '.join(parts)}."


@lru_cache(maxsize=2)
def _measured(name: str, arm: str, seed: int, quick: bool) -> tuple[tuple[str, float], ...]:
    """Return the figures of one arm, amounts in their own units; the oracle's are asked for by every arm after it."""
    from auctionsim.agents.build import build_market
    from auctionsim.scenario.file import parse_scenario

    auctions = 4000 if quick else 20000
    delays = "mean = 12.0" if name == LEARNERS else DELAYS[name]
    bidders = _LEARNERS if name == LEARNERS else _BIDDERS
    text = _MARKET.format(auctions=auctions, delays=delays) + bidders.format(
        arm=arm, iterations=2 if quick else 20, rehearsals=3 if quick else 12
    )
    market = build_market(parse_scenario(text, "delayed-conversions"), seed)
    found = _learners(market) if name == LEARNERS else _bidders(market)
    return tuple((metric, float(value)) for metric, value in found.items())


def _bidders(market: Market) -> dict[str, float]:
    from auctionsim.agents.policies.autobidding.task import Task
    from auctionsim.auction.outcome import CONVERSIONS, COST, GMV
    from auctionsim.market.policy import Constant

    totals, seen = _played(market, Constant(market.fixed[:, :, None]))
    who = np.arange(len(KINDS))
    earned = Task.of(market, who).earned(totals[who][:, :, None])[:, :, 0].max(axis=0)
    found = {"arrived": seen[who].sum() / totals[who, CONVERSIONS].sum()}
    for i, kind in enumerate(KINDS):
        found[f"{kind} value"] = totals[i, GMV if kind == "target-roas" else CONVERSIONS]
        if earned[i] > 0:
            found[f"{kind} error"] = totals[i, COST] / earned[i] - 1.0
    return found


def _learners(market: Market) -> dict[str, float]:
    from auctionsim.agents.learners.base import trained
    from auctionsim.agents.learners.registry import make_learner
    from auctionsim.auction.outcome import CONVERSIONS, COST, GMV

    learner = make_learner(market.scenario)
    totals, seen = _played(market, learner.policy(market, trained(learner, market, market.scenario.train.iterations)))
    who = market.learners
    return {
        "profit": (totals[who, GMV] - totals[who, COST]).sum(),
        "revenue": totals[:, COST].sum(),
        "arrived": seen[who].sum() / totals[who, CONVERSIONS].sum(),
    }


def _played(market: Market, policy: Policy) -> tuple[Any, Any]:
    """Return what came of the test days, `[advertisers, 5]`, and the conversions reported by each midnight, `[advertisers]`."""
    from auctionsim.market.simulate import simulate_day
    from auctionsim.objectives.goals import day_totals

    days = [simulate_day(market, day, policy).outcome for day in market.scenario.traffic.test_days]
    totals, seen = sum(day_totals(day)[:, :, 0] for day in days), 0.0
    for day in days:
        assert day.observed_conversions is not None
        seen = seen + day.observed_conversions.sum(axis=(0, 2))
    return totals, seen


STUDY = DelayedConversions()
