"""Every learner and every controller on the same markets: as the one advertiser that follows it, and as all of them at once.

Three scenarios: `three-arms` without budgets, the same under budgets of half the keyword bids' spend, and `taobao-mix`, where
objectives differ and budgets bind. All climb their own objectives: no global term, no floors on revenue or profits. Budgets,
traffic and replays of training days are the same for all (`learner.population`, `dqn.copies`, `train.iterations`); constants
are the defaults but for the Q-learners', whose defaults are for days a hundred times as long, and nobody was tuned. Measured
on test days. Wall time is this machine's; it alone differs from run to run.
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
from auctionsim.analysis.economics.collusion import between
from auctionsim.analysis.economics.competition import cartel_totals, competitive_totals
from auctionsim.auction.kernel.engine import COST, GMV
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.leaderboard.document import leaderboard_sections
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.goals import day_totals, objective_vector
from auctionsim.scenario import CONTROLLERS, Scenario
from auctionsim.scenario.file import load_scenario

Array = NDArray[np.float64]

ONE, ALL = "one", "all"
SCENARIOS = {
    "three-arms": ("three-arms", ()),
    "three-arms, tight budgets": ("three-arms", ('advertisers.0.budget="baseline*0.5"',)),
    "taobao-mix": ("taobao-mix", ()),
}
_SELFISH = ("learner.own_weight=1.0", "learner.global_weight=0.0", "platform.revenue_floor=0.0", "learner.floor_margin=0.0")
_FULL = (
    "traffic.auctions_per_day=3000", "train.iterations=40", "learner.population=16", "learner.dqn.copies=16",
    "learner.dqn.hidden=[64, 64]", "learner.dqn.batch=100", "learner.dqn.learning_rate=0.001", "learner.dqn.gamma=0.5",
    "learner.dqn.target_every=2000",
)  # fmt: skip
_QUICK = (
    "traffic.auctions_per_day=300", "train.iterations=2", "learner.population=4", "learner.dqn.copies=4",
    "learner.dqn.hidden=[8]", "learner.dqn.batch=10", "learner.dqn.updates=2", "learner.ppo.epochs=2",
    "learner.maab.updates=2", "learner.dcmab.updates=2",
)  # fmt: skip


def entrants() -> tuple[str, ...]:
    """Learners, then controllers."""
    return (*learner_names(), *(name for name in CONTROLLERS if name != "learner"))


class Leaderboard:
    """The study."""

    title = "Leaderboard: every learner and controller, alone among keyword bidders and as all advertisers at once"
    n_seeds = 5

    def units(self, options: Options) -> Sequence[Unit]:
        """Every entrant in every scenario, as the one and as all, on every seed; of the quick form one scenario."""
        names = [name for name in SCENARIOS if not options.quick or "tight" in name]
        return [
            Unit(f"{name}: {who}", entrant, seed)
            for name in names
            for who in (ONE, ALL)
            for entrant in entrants()
            for seed in options.seeds
        ]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Train an entrant that learns, and measure it on test days."""
        name, _, who = unit.scenario.rpartition(": ")
        scenario = scenario_of(name, unit.arm, quick=options.quick)
        market = build_market(scenario, unit.seed)
        members = market.learners if who == ALL else market.learners[:1]
        market = market.under("manual", np.setdiff1d(market.learners, members))
        began = time.monotonic()
        market, policy = _entered(market, unit.arm, members)
        trained = time.monotonic() - began
        values = measures(market, policy, members, is_all=who == ALL) | {"seconds": trained}
        return Findings([("test", metric, value) for metric, value in values.items() if np.isfinite(value)])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (none are drawn)
        """Ranks over all, then a table per market."""
        return leaderboard_sections(results, learner_names())


def scenario_of(name: str, entrant: str, *, quick: bool) -> Scenario:
    """The scenario of an entrant; of a controller the traffic alone matters."""
    source, own = SCENARIOS[name]
    groups = range(len(load_scenario(source).advertisers))
    no_floors = tuple(f"advertisers.{i}.profit_floor=0.0" for i in groups)
    algorithm = (f'learner.algorithm="{entrant}"',) if entrant in learner_names() else ()
    return load_scenario(source, overrides=(*_SELFISH, *no_floors, *own, *(_QUICK if quick else _FULL), *algorithm))


def measures(market: Market, policy: Policy, members: NDArray[np.int64], *, is_all: bool) -> dict[str, float]:
    """What a policy brings its members on the test days together.

    `objective`: mean of the members' own weighted objectives over the reference's; `roi`: (GMV - cost) / cost of all members
    together; `budget_used`: share of their budgets, where they have any; `revenue`: the platform's over the reference's;
    `collusion`: where all advertisers are members, the profit gain between truthful bids and the cartel.
    """
    days = market.scenario.traffic.test_days
    totals = np.sum([day_totals(simulate_day(market, day, policy).outcome)[:, :, 0] for day in days], axis=0)
    reference = np.sum([day_totals(market.baseline[day])[:, :, 0] for day in days], axis=0)
    weights = goals_of(market, days[0]).weights[:, :, 0]
    own, usual = (objective_vector(sums[:, :, None])[members, :, 0] for sums in (totals, reference))
    ratio = np.divide(own, usual, out=np.ones_like(own), where=usual != 0)
    cost, budgets = totals[members, COST], market.budgets[members]
    found = {
        "objective": float(((weights[members] * ratio).sum(axis=1) / weights[members].sum(axis=1)).mean()),
        "roi": float((totals[members, GMV].sum() - cost.sum()) / cost.sum()) if cost.sum() > 0 else np.nan,
        "budget_used": float((cost / (len(days) * budgets)).mean()) if np.isfinite(budgets).all() else np.nan,
        "revenue": float(totals[:, COST].sum() / reference[:, COST].sum()),
    }
    if is_all:
        is_member = np.isin(np.arange(len(market.advertisers)), members)
        competitive, cartel = competitive_totals(market, days)["truthful"], cartel_totals(market, days, is_member)
        found["collusion"] = between(totals, competitive, cartel, is_member).profit_gain
    return found


def _entered(market: Market, entrant: str, members: NDArray[np.int64]) -> tuple[Market, Policy]:
    """The market in which the members follow the entrant, and everybody's bids in it."""
    if entrant not in learner_names():
        followed = market.under(find_rule(entrant), members)
        return followed, Constant(followed.fixed[:, :, None])
    learner = make_learner(market.scenario)
    state = trained(learner, market, market.scenario.train.iterations)
    return market, learner.policy(market, state)


STUDY = Leaderboard()
