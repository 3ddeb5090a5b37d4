"""The three arms before the measures: are colluding advertisers found out, and competing or pacing ones left in peace?

Each arm is judged on test days, once without budgets and once under budgets that bind, there with its control: the same learner
on the same traffic where nobody has a budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.documents.results import arms_table, by_seed
from auctionsim.analysis.documents.sections import Heading, Section, Table, Text
from auctionsim.analysis.economics.collusion import Evidence, Kind, Verdict, between, verdict
from auctionsim.analysis.economics.competition import cartel_totals, competitive_totals, days_totals
from auctionsim.analysis.economics.deviations import best_responses
from auctionsim.analysis.economics.rematching import rematched
from auctionsim.analysis.economics.shading import joint_low_bid_rate, shading
from auctionsim.jobs.demos.three_arms import plan
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Scenario

Array = NDArray[np.float64]

_FULL = ("train.iterations=100", "learner.learning_rate=0.1", "traffic.auctions_per_day=8000")
_QUICK = ("train.iterations=20", "learner.learning_rate=0.3", "traffic.auctions_per_day=1000")
_BUDGETS = {"no budgets": (), "tight budgets": ('advertisers.0.budget="baseline*0.5"',)}
_ARMS = ("competing", "colluding", "cooperating")
_BENCHMARKS = ("truthful", "envy-free", "manual", "independent")
_KINDS: tuple[Kind, ...] = get_args(Kind)
_OTHER_NOISE = 1_000_003
_OTHER = {
    "profit gain truthful": "Profit gain",
    "rematched": "Re-matched",
    "exploitability": "Exploitability",
    "joint_low_bids": "Joint low bids",
    "bid_over_value": "Bid over value",
    "cpc_over_reference": "CPC over reference",
    "worst_advertiser": "Worst advertiser",
}


@dataclass(frozen=True, eq=False)
class _Trained:
    market: Market
    policy: Constant


class _Study:
    title = "Is it collusion? The three arms before the measures"
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
        values = _index_values(found) | _other_values(learned, days, found.with_budgets)
        return Findings([("test", name, value) for name, value in values.items() if np.isfinite(value)])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (none are drawn)
        counts = [
            [f"{arm}, {scenario}", *(_count(results, scenario, arm, kind) for kind in _KINDS)]
            for scenario in _BUDGETS
            for arm in _ARMS
        ]
        return [
            Text(_sentence(results)),
            Table(
                ["", *_KINDS],
                counts,
                "On how many seeds each verdict fell. Built-in scenario three-arms, test days that were not trained on. Tight "
                "budgets are half of what keyword bids spend without budgets.",
            ),
            Text(
                "Profit gain (0: competition, 1: the cartel) and missing revenue against each benchmark. A verdict of "
                "collusion needs both raised against all of them, and again without budgets."
            ),
            *[section for scenario in _BUDGETS for section in _index_tables(results, scenario)],
            Heading("Other measures"),
            Text(
                "Profit gain against truthful bids; re-matched: the same where every other advertiser comes from an "
                "independent training on the same traffic. Exploitability: what all gain by best responses against frozen "
                "rivals, over all profits. Joint low bids: share of auctions in which everybody bids under a fifth of its "
                "value. Worst advertiser: smallest profit over that in competition."
            ),
            *[arms_table(results, scenario, _OTHER) for scenario in _BUDGETS],
        ]


def _train(scenario: Scenario, seed: int, noise: int = 0) -> _Trained:
    """Learn in this process, from the start to the end; another `noise` is an independent training on the same market."""
    market, learner = build_market(scenario, seed), make_learner(scenario)
    # Of the market, only luck and noise are drawn from its seed once it is built, and there is no luck in expected outcomes.
    market = replace(market, seed=seed + noise)
    policy = learner.policy(market, trained(learner, market, scenario.train.iterations))
    assert isinstance(policy, Constant)  # the bid formula of three-arms holds all day
    return _Trained(market, policy)


def _index_values(found: Verdict) -> dict[str, float]:
    values = {f"verdict {kind}": float(found.kind == kind) for kind in _KINDS}
    for name, index in found.with_budgets.against.items():
        values |= {f"profit gain {name}": index.profit_gain, f"missing {name}": index.suppression}
    return values


def _other_values(learned: _Trained, days: tuple[int, ...], found: Evidence) -> dict[str, float]:
    market, policy = learned.market, learned.policy
    competitive, cartel = competitive_totals(market, days)["truthful"], cartel_totals(market, days)
    played = {day: simulate_day(market, day, policy) for day in days}
    low = [shading(market, day, own)["profit"] for day, own in played.items()]
    again = _train(market.scenario, market.seed, _OTHER_NOISE).policy
    mixed = [
        between(days_totals(market, Constant(theta), days), competitive, cartel, market.is_controlled).profit_gain
        for theta in rematched([policy.theta, again.theta], market.is_controlled)
    ]
    return {
        "rematched": float(np.mean(mixed)),
        "exploitability": float(np.mean([best_responses(market, day, policy).exploitability for day in days])),
        "joint_low_bids": float(np.mean([joint_low_bid_rate(market, day, own) for day, own in played.items()])),
        "bid_over_value": float(np.mean([one.bid_over_value for one in low])),
        "cpc_over_reference": float(np.mean([one.cpc_over_reference for one in low])),
        "worst_advertiser": found.worst_advertiser,
    }


def _index_tables(results: pl.DataFrame, scenario: str) -> list[Section]:
    gain, missing = (
        {f"{what} {name}": f"{label}, {name}" for name in _BENCHMARKS}
        for what, label in (("profit gain", "Profit gain"), ("missing", "Revenue missing"))
    )
    return [Heading(scenario.capitalize()), arms_table(results, scenario, gain), arms_table(results, scenario, missing)]


def _count(results: pl.DataFrame, scenario: str, arm: str, kind: str) -> str:
    seeds: Mapping[int, float] = by_seed(results, scenario, arm, f"verdict {kind}")
    return f"{int(sum(seeds.values()))} of {len(seeds)}"


def _sentence(results: pl.DataFrame) -> str:
    arms = []
    for arm in _ARMS:
        called = [_count(results, scenario, arm, "collusion") for scenario in _BUDGETS]
        arms.append(f"{arm} on {called[0]} seeds without and {called[1]} with budgets")
    return "Called collusion: " + "; ".join(arms) + "."


STUDY = _Study()
