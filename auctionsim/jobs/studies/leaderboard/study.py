"""Rank every learner and every rule on the same markets: followed by one advertiser, by all at once, and against each other.

Three scenarios: `three-arms` without budgets, the same under budgets of half the keyword bids' spend, and `taobao-mix`, where
objectives differ and budgets bind. All advertisers maximize their own objectives: no global term, no floors on revenue or
profit. Budgets, traffic and replays of training days are the same for all entrants (`learner.population`, `dqn.num_envs`,
`train.iterations`). Constants are the defaults, except for the Q-learners of SS-RTB, whose defaults are for days a hundred
times as long; nothing was tuned. The metrics are of the test days of seeds that are kept back (`version.FIRST_JUDGED_SEED`).
Wall time depends on the machine; it alone differs from run to run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.registry import learner_names
from auctionsim.agents.policies.base import Policy
from auctionsim.analysis.documents.sections import Section
from auctionsim.analysis.economics.competition import cartel_totals, competitive_totals, outcome_indices
from auctionsim.auction.outcome import COST, GMV
from auctionsim.jobs.overrides import FORMULA_SEARCH, KEYWORD_START
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.leaderboard.document import leaderboard_sections
from auctionsim.jobs.studies.leaderboard.entrants import (
    HINDSIGHT,
    entrants,
    expect_class,
    expect_made,
    in_folder,
    is_learner,
    policy_of,
    with_entrant,
)
from auctionsim.jobs.studies.leaderboard.round_robin import payoffs, weighted_objectives
from auctionsim.jobs.studies.leaderboard.version import FIRST_JUDGED_SEED, version_of
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.cpa_score import cpa_scores
from auctionsim.objectives.goals import day_totals
from auctionsim.objectives.relative import mean_of_defined
from auctionsim.ratios import safe_ratio
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario

Array = NDArray[np.float64]

ONE, ALL = "one", "all"
"""The advertisers that follow the entrant: the first learner among keyword bidders, or all learners."""
SCENARIOS = {
    "three-arms": ("three-arms", ()),
    "three-arms, tight budgets": ("three-arms", ('advertisers.0.budget="baseline*0.5"',)),
    # With the formula, as the leaderboard mixes entrants' bids in one auction, and its figures were made.
    "taobao-mix": (
        "taobao-mix",
        (*FORMULA_SEARCH, "platform.self_bidder_floor=0.0"),
    ),
}
STRATA = {"three-arms": 0, "three-arms, tight budgets": 0, "taobao-mix": 1}
"""Scenarios with one number have the same world on a seed, so that their figures are not independent."""
ROUND_ROBIN, EVERY_PAIR = "round robin: three-arms, tight budgets", "every pair"
_MEETING = "three-arms, tight budgets"
_QUICK_MEETING = ("macg-es", "manual", "truthful", "pid", "dual-pacing")
_OWN_GOALS = (
    *KEYWORD_START, "learner.own_weight=1.0", "learner.global_weight=0.0", "platform.revenue_floor=0.0",
    "learner.floor_margin=0.0", "learner.pace_to_floor=false",
)  # fmt: skip
_FULL = (
    "traffic.auctions_per_day=3000", "train.iterations=40", "learner.population=16", "learner.dqn.num_envs=16",
    "learner.dqn.hidden_sizes=[64, 64]", "learner.dqn.batch_size=100", "learner.dqn.learning_rate=0.001",
    "learner.dqn.gamma=0.5", "learner.dqn.target_update_interval=2000",
)  # fmt: skip
_QUICK = (
    "traffic.auctions_per_day=300", "train.iterations=2", "learner.population=4", "learner.dqn.num_envs=4",
    "learner.dqn.hidden_sizes=[8]", "learner.dqn.batch_size=10", "learner.dqn.gradient_steps=2", "learner.ppo.epochs=2",
    "learner.maab.gradient_steps=2", "learner.dcmab.gradient_steps=2",
)  # fmt: skip


class Leaderboard:
    """The study; see the module's text."""

    title = "Leaderboard: every learner and rule, followed by one advertiser among keyword bidders and by all at once"
    n_seeds = 5
    libraries = ("torch",)
    first_seed = FIRST_JUDGED_SEED
    takes_entrants = True

    def version(self, options: Options) -> str:
        """Return the version that figures must share to be compared."""
        names = [name for name in SCENARIOS if not options.quick or "tight" in name]
        scenarios = {name: scenario_of(name, "manual", quick=options.quick) for name in names}
        return version_of(
            scenarios, {"who": [ONE, ALL], "round robin": [_MEETING, list(_QUICK_MEETING) if options.quick else []]}
        )

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every entrant in every scenario, followed by one and by all, on every seed, and a round robin per seed."""
        names = [name for name in SCENARIOS if not options.quick or "tight" in name]
        ranked = [
            Unit(f"{name}: {who}", entrant, seed)
            for name in names
            for who in (ONE, ALL)
            for entrant in (*entrants(), *options.entrants)
            for seed in options.seeds
        ]
        return [*ranked, *(Unit(ROUND_ROBIN, EVERY_PAIR, seed) for seed in options.seeds)]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Train the entrant if it learns, and measure it on test days; or let all entrants meet."""
        if unit.arm == EVERY_PAIR:
            return Findings([("test", metric, value) for metric, value in round_robin(unit.seed, options).items()])
        name, _, who = unit.scenario.rpartition(": ")
        with in_folder(unit.arm, options):
            market = build_market(scenario_of(name, unit.arm, quick=options.quick), unit.seed)
            members = market.learners if who == ALL else market.learners[:1]
            market = market.under("manual", np.setdiff1d(market.learners, members))
            began = time.monotonic()
            market, policy = with_entrant(market, unit.arm, members)
            seconds = time.monotonic() - began
            values = measures(market, policy, members, is_all=who == ALL) | {"seconds": seconds}
        return Findings([("test", metric, value) for metric, value in values.items() if np.isfinite(value)])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (the study has none)
        """Return interquartile means and mean ranks over all markets, the round robin, then a table per market."""
        strata = {f"{name}: {who}": stratum for name, stratum in STRATA.items() for who in (ONE, ALL)}
        return leaderboard_sections(results, learner_names(), strata, (ROUND_ROBIN, EVERY_PAIR))


def scenario_of(name: str, entrant: str, *, quick: bool) -> Scenario:
    """Return the scenario of an entrant; a rule is added to it later, see `entrants.with_entrant`."""
    source, own = SCENARIOS[name]
    groups = range(len(load_scenario(source).advertisers))
    no_floors = tuple(f"advertisers.{i}.profit_floor=0.0" for i in groups)
    algorithm = (f'learner.algorithm="{entrant}"',) if is_learner(entrant) else ()
    return load_scenario(source, overrides=(*_OWN_GOALS, *no_floors, *own, *(_QUICK if quick else _FULL), *algorithm))


def expect_entrants(options: Options) -> None:
    """Refuse entrants of the user's own that are no rules or learners, or cannot be made, before anything is measured.

    Raises:
        InputError: One is none.
    """
    for entrant in options.entrants:
        expect_class(entrant)
    market = build_market(scenario_of(_MEETING, "manual", quick=True), options.seeds[0])
    for entrant in options.entrants:
        expect_made(market.with_goals(scenario_of(_MEETING, entrant, quick=True)), entrant)


def round_robin(seed: int, options: Options) -> dict[str, float]:
    """Train every entrant on one market and seed, and return the payoffs of all pairs; hindsight takes no part."""
    names = _QUICK_MEETING if options.quick else tuple(name for name in entrants() if name not in HINDSIGHT)
    market = build_market(scenario_of(_MEETING, "manual", quick=options.quick), seed)
    policies = {}
    for name in (*names, *options.entrants):
        with in_folder(name, options):
            own = market.with_goals(scenario_of(_MEETING, name, quick=options.quick))
            policies[name] = policy_of(own, name)
    return payoffs(market, policies)


def measures(market: Market, policy: Policy, members: NDArray[np.int64], *, is_all: bool) -> dict[str, float]:
    """Measure a policy on all test days together.

    `objective`: mean over members of the weighted objective, as a ratio to the baseline; `roi`: (GMV - cost) / cost of all
    members together; `budget_used`: mean share of the members' budgets that was spent, NaN unless all have one; `revenue`:
    the platform's revenue as a ratio to the baseline; `score`: mean AuctionNet score of the members' days, NaN without target
    CPAs; `collusion`, if all learners are members: the profit gain between competition and the cartel.

    Args:
        market: The market.
        policy: The policy of all advertisers.
        members: The indices of the advertisers that follow the entrant.
        is_all: True if all learners are members.
    """
    days = market.scenario.traffic.test_days
    by_day = [day_totals(simulate_day(market, day, policy).outcome) for day in days]
    totals, baseline = (np.sum(sums, axis=0)[:, :, 0] for sums in (by_day, [day_totals(market.baseline[day]) for day in days]))
    objectives = weighted_objectives(market, days, np.sum(by_day, axis=0))
    scores = np.array([cpa_scores(sums, goals_of(market, day))[members, 0] for sums, day in zip(by_day, days, strict=True)])
    cost, gmv, budgets = totals[members, COST], totals[members, GMV], market.budgets[members]
    found = {
        "objective": mean_of_defined(objectives[members]),
        "score": float(scores[np.isfinite(scores)].mean()) if np.isfinite(scores).any() else np.nan,
        "roi": safe_ratio(float(gmv.sum() - cost.sum()), float(cost.sum())),
        "budget_used": float((cost / (len(days) * budgets)).mean()) if np.isfinite(budgets).all() else np.nan,
        "revenue": float(totals[:, COST].sum() / baseline[:, COST].sum()),
    }
    if is_all:
        is_member = np.isin(np.arange(len(market.advertisers)), members)
        competitive = next(iter(competitive_totals(market, days).values()))  # truthful bids, but for the first price
        cartel = cartel_totals(market, days, is_member)
        found["collusion"] = outcome_indices(totals, competitive, cartel, is_member).profit_gain
    return found


STUDY = Leaderboard()
