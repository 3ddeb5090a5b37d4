"""Rank every learner and every rule on the same markets: followed by one advertiser, and followed by all at once.

Three scenarios: `three-arms` without budgets, the same under budgets of half the keyword bids' spend, and `taobao-mix`, where
objectives differ and budgets bind. All advertisers maximize their own objectives: no global term, no floors on revenue or
profit. Budgets, traffic and replays of training days are the same for all entrants (`learner.population`, `dqn.num_envs`,
`train.iterations`). Constants are the defaults, except for the Q-learners of SS-RTB, whose defaults are for days a hundred
times as long; nothing was tuned. The metrics are of the test days. Wall time depends on the machine; it alone differs from run
to run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.registry import learner_names, make_learner
from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.agents.policies.registry import find_rule
from auctionsim.analysis.documents.sections import Section
from auctionsim.analysis.economics.competition import cartel_totals, competitive_totals, outcome_indices
from auctionsim.auction.outcome import COST, GMV
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.leaderboard.document import leaderboard_sections
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.goals import day_totals, objective_vector
from auctionsim.ratios import safe_ratio
from auctionsim.scenario import CONTROLLERS, Scenario
from auctionsim.scenario.file import load_scenario

Array = NDArray[np.float64]

ONE, ALL = "one", "all"
"""The advertisers that follow the entrant: the first learner among keyword bidders, or all learners."""
SCENARIOS = {
    "three-arms": ("three-arms", ()),
    "three-arms, tight budgets": ("three-arms", ('advertisers.0.budget="baseline*0.5"',)),
    "taobao-mix": ("taobao-mix", ()),
}
_OWN_GOALS = ("learner.own_weight=1.0", "learner.global_weight=0.0", "platform.revenue_floor=0.0", "learner.floor_margin=0.0")
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


def entrants() -> tuple[str, ...]:
    """Return the names of all entrants: learners, then rules."""
    return (*learner_names(), *(name for name in CONTROLLERS if name != "learner"))


class Leaderboard:
    """The study; see the module's text."""

    title = "Leaderboard: every learner and rule, followed by one advertiser among keyword bidders and by all at once"
    n_seeds = 5
    libraries = ("torch",)

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every entrant in every scenario, followed by one and by all, on every seed; one scenario in the quick form."""
        names = [name for name in SCENARIOS if not options.quick or "tight" in name]
        return [
            Unit(f"{name}: {who}", entrant, seed)
            for name in names
            for who in (ONE, ALL)
            for entrant in entrants()
            for seed in options.seeds
        ]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Train the entrant if it learns, and measure it on test days."""
        name, _, who = unit.scenario.rpartition(": ")
        scenario = scenario_of(name, unit.arm, quick=options.quick)
        market = build_market(scenario, unit.seed)
        members = market.learners if who == ALL else market.learners[:1]
        market = market.under("manual", np.setdiff1d(market.learners, members))
        began = time.monotonic()
        market, policy = _with_entrant(market, unit.arm, members)
        seconds = time.monotonic() - began
        values = measures(market, policy, members, is_all=who == ALL) | {"seconds": seconds}
        return Findings([("test", metric, value) for metric, value in values.items() if np.isfinite(value)])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (the study has none)
        """Return the mean ranks over all markets, then a table per market."""
        return leaderboard_sections(results, learner_names())


def scenario_of(name: str, entrant: str, *, quick: bool) -> Scenario:
    """Return the scenario of an entrant; a rule is added to it later, see `_with_entrant`."""
    source, own = SCENARIOS[name]
    groups = range(len(load_scenario(source).advertisers))
    no_floors = tuple(f"advertisers.{i}.profit_floor=0.0" for i in groups)
    algorithm = (f'learner.algorithm="{entrant}"',) if entrant in learner_names() else ()
    return load_scenario(source, overrides=(*_OWN_GOALS, *no_floors, *own, *(_QUICK if quick else _FULL), *algorithm))


def measures(market: Market, policy: Policy, members: NDArray[np.int64], *, is_all: bool) -> dict[str, float]:
    """Measure a policy on all test days together.

    `objective`: mean over members of the weighted objective, as a ratio to the baseline; `roi`: (GMV - cost) / cost of all
    members together; `budget_used`: mean share of the members' budgets that was spent, NaN unless all have one; `revenue`:
    the platform's revenue as a ratio to the baseline; `collusion`, if all learners are members: the profit gain between
    competition and the cartel.

    Args:
        market: The market.
        policy: The policy of all advertisers.
        members: The indices of the advertisers that follow the entrant.
        is_all: True if all learners are members.
    """
    days = market.scenario.traffic.test_days
    totals = np.sum([day_totals(simulate_day(market, day, policy).outcome)[:, :, 0] for day in days], axis=0)
    baseline = np.sum([day_totals(market.baseline[day])[:, :, 0] for day in days], axis=0)
    weights = goals_of(market, days[0]).weights[:, :, 0]
    own, usual = (objective_vector(sums[:, :, None])[members, :, 0] for sums in (totals, baseline))
    ratio = np.divide(own, usual, out=np.ones_like(own), where=usual != 0)
    cost, gmv, budgets = totals[members, COST], totals[members, GMV], market.budgets[members]
    found = {
        "objective": float(((weights[members] * ratio).sum(axis=1) / weights[members].sum(axis=1)).mean()),
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


def _with_entrant(market: Market, entrant: str, members: NDArray[np.int64]) -> tuple[Market, Policy]:
    """Return the market in which the members follow the entrant, and the policy of all advertisers in it."""
    if entrant not in learner_names():
        followed = market.under(find_rule(entrant), members)
        return followed, Constant(followed.fixed[:, :, None])
    learner = make_learner(market.scenario)
    state = trained(learner, market, market.scenario.train.iterations)
    return market, learner.policy(market, state)


STUDY = Leaderboard()
