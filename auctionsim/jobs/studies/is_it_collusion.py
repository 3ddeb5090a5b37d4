"""Apply the measures of collusion to the three arms: do they detect collusion, and acquit competition and pacing?

Each arm is judged on test days, once without budgets and once under budgets that bind, then with its control: the same learner
on the same traffic without budgets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.documents.results import arms_table, by_seed
from auctionsim.analysis.documents.sections import Heading, Section, Table, Text
from auctionsim.analysis.economics.collusion import KINDS, Verdict, verdict
from auctionsim.analysis.economics.competition import cartel_totals, competitive_totals, outcome_indices, totals_over_days
from auctionsim.analysis.economics.deviations import best_responses
from auctionsim.analysis.economics.rematching import rematched
from auctionsim.analysis.economics.shading import joint_low_bid_rate, shading
from auctionsim.jobs.demos.three_arms import plan
from auctionsim.jobs.overrides import KEYWORD_START
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Scenario

Array = NDArray[np.float64]

# All arms learn from the keyword bids alone: what is judged is where learning ends.
_LEARNED = (*KEYWORD_START, "learner.pace_to_floor=false")
_FULL = (*_LEARNED, "train.iterations=100", "learner.learning_rate=0.1", "traffic.auctions_per_day=8000")
_QUICK = (*_LEARNED, "train.iterations=20", "learner.learning_rate=0.3", "traffic.auctions_per_day=1000")
_BUDGETS = {"no budgets": (), "tight budgets": ('advertisers.0.budget="baseline*0.5"',)}
_ARMS = ("competing", "colluding", "cooperating")
_BENCHMARKS = ("truthful", "manual", "independent")
_TESTS = {
    "missing revenue": "Missing revenue",
    "missing in a segment": "Missing in the worst segment",
    "profit gain": "Profit gain",
    "best-response gap": "Best-response gap",
    "giving way": "Giving way",
    "spared segments": "Spared segments",
    "common shading": "Common shading",
    "winner by hour": "Winner by hour",
    "winner by query": "Winner by query",
}
_OTHER_TRAINING = 1_000_003
"""Added to the seed of an independent training on the same market."""
_OTHER = {
    "profit gain truthful": "Profit gain",
    "rematched": "Re-matched",
    "exploitability": "Exploitability",
    "joint_low_bids": "Joint low bids",
    "bid_over_value": "Bid over value",
    "cpc_over_reference": "CPC over baseline",
    "worst_advertiser": "Worst advertiser",
}


@dataclass(frozen=True, eq=False)
class _Trained:
    market: Market
    policy: Constant


class _Study:
    title = "Is it collusion? The measures applied to the three arms"
    n_seeds = 5

    def units(self, options: Options) -> Sequence[Unit]:
        return [Unit(scenario, arm, seed) for scenario in _BUDGETS for arm in _ARMS for seed in options.seeds]

    def run(self, unit: Unit, options: Options) -> Findings:
        settings = _QUICK if options.quick else _FULL
        limited = {arm.name: arm.scenario for arm in plan("three-arms", (*settings, *_BUDGETS[unit.scenario]))}
        unlimited = {arm.name: arm.scenario for arm in plan("three-arms", settings)}
        learned = _train(limited[unit.arm], unit.seed)
        days = limited[unit.arm].traffic.test_days
        has_budgets = bool(_BUDGETS[unit.scenario])
        is_independent = unit.arm == "competing"
        found = verdict(
            learned.market,
            learned.policy,
            days,
            control=_train(unlimited[unit.arm], unit.seed).policy if has_budgets else None,
            independent=None if is_independent else _train(limited["competing"], unit.seed).policy,
            independent_control=(
                _train(unlimited["competing"], unit.seed).policy if has_budgets and not is_independent else None
            ),
        )
        values = _index_values(found) | _other_values(learned, days, found)
        return Findings([("test", name, value) for name, value in values.items() if np.isfinite(value)])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (the study has none)
        counts = [
            [f"{arm}, {scenario}", *(_count(results, scenario, arm, label) for label in KINDS)]
            for scenario in _BUDGETS
            for arm in _ARMS
        ]
        return [
            Text(_sentence(results)),
            Table(
                ["", *KINDS],
                counts,
                "Number of seeds with each verdict. Built-in scenario three-arms, held-out test days. Tight budgets are half "
                "of what keyword bids spend without budgets.",
            ),
            Text(
                "The tests below are those of the verdict. Profit gain (0: competition, 1: the cartel) and missing revenue "
                "against each benchmark are context: they say how much is at stake, not why."
            ),
            *[section for scenario in _BUDGETS for section in _index_tables(results, scenario)],
            Heading("Other measures"),
            Text(
                "Profit gain is against truthful bids. Re-matched: the same if every other advertiser comes from an "
                "independent training on the same traffic. Exploitability: sum of the gains of best responses to frozen "
                "rivals, divided by the sum of profits. Joint low bids: share of auctions in which everybody bids less than a "
                "fifth of its value. Bid over value and CPC over baseline are ratios. Worst advertiser: the smallest ratio of "
                "an advertiser's profit to its profit in competition."
            ),
            *[arms_table(results, scenario, _OTHER) for scenario in _BUDGETS],
        ]


def _train(scenario: Scenario, seed: int, offset: int = 0) -> _Trained:
    """Train in this process to the end; another `offset` gives an independent training on the same market."""
    market, learner = build_market(scenario, seed), make_learner(scenario)
    # Once the market is built, its seed draws sampling noise and the learner's noise only; expected outcomes have no sampling
    # noise, so that another seed changes the learner's noise alone.
    market = replace(market, seed=seed + offset)
    policy = learner.policy(market, trained(learner, market, scenario.train.iterations))
    assert isinstance(policy, Constant)  # three-arms learns the linear bid formula, which holds all day
    return _Trained(market, policy)


def _index_values(found: Verdict) -> dict[str, float]:
    values = {f"verdict {kind}": float(found.kind == kind) for kind in KINDS}
    values |= {f"test {name}": test.statistic for name, test in found.tests.items()}
    for name, index in found.by_benchmark.items():
        values |= {f"profit gain {name}": index.profit_gain, f"missing {name}": index.suppression}
    return values


def _other_values(learned: _Trained, days: tuple[int, ...], found: Verdict) -> dict[str, float]:
    market, policy = learned.market, learned.policy
    members = market.is_controlled
    competitive, cartel = next(iter(competitive_totals(market, days).values())), cartel_totals(market, days)
    trajectories = {day: simulate_day(market, day, policy) for day in days}
    shadings = [shading(market, day, own)["profit"] for day, own in trajectories.items()]
    again = _train(market.scenario, market.seed, _OTHER_TRAINING).policy
    mixed = [totals_over_days(market, Constant(theta), days) for theta in rematched([policy.theta, again.theta], members)]
    gains = [outcome_indices(totals, competitive, cartel, members).profit_gain for totals in mixed]
    return {
        "rematched": float(np.mean(gains)),
        "exploitability": float(np.mean([best_responses(market, day, policy).exploitability for day in days])),
        "joint_low_bids": float(np.mean([joint_low_bid_rate(market, day, own) for day, own in trajectories.items()])),
        "bid_over_value": float(np.mean([one.bid_over_value for one in shadings])),
        "cpc_over_reference": float(np.mean([one.cpc_over_baseline for one in shadings])),
        "worst_advertiser": found.worst_advertiser,
    }


def _index_tables(results: pl.DataFrame, scenario: str) -> list[Section]:
    gain, missing = (
        {f"{what} {name}": f"{label}, {name}" for name in _BENCHMARKS}
        for what, label in (("profit gain", "Profit gain"), ("missing", "Revenue missing"))
    )
    tests = {f"test {name}": label for name, label in _TESTS.items()}
    tables = [arms_table(results, scenario, columns) for columns in (tests, gain, missing)]
    return [Heading(scenario.capitalize()), *tables]


def _count(results: pl.DataFrame, scenario: str, arm: str, label: str) -> str:
    """Return on how many of its seeds an arm got a verdict."""
    seeds: Mapping[int, float] = by_seed(results, scenario, arm, f"verdict {label}")
    return f"{int(sum(seeds.values()))} of {len(seeds)}"


def _sentence(results: pl.DataFrame) -> str:
    arms = []
    for arm in _ARMS:
        called = [_count(results, scenario, arm, "coordination") for scenario in _BUDGETS]
        arms.append(f"{arm} on {called[0]} seeds without and {called[1]} with budgets")
    return "Judged as coordination: " + "; ".join(arms) + "."


STUDY = _Study()
