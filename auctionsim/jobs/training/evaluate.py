"""Evaluate the learned and the baseline policy on the test days, and write the tables of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from auctionsim import arithmetic
from auctionsim.agents.learners.base import Arrays, Learner
from auctionsim.agents.learners.validated.learner import ValidatedFloor
from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.analysis.economics.collusion import without_control
from auctionsim.analysis.economics.no_regret.audit import regret_rows
from auctionsim.analysis.economics.responses import response_rows
from auctionsim.analysis.reports.accounts.measures import account_rows
from auctionsim.analysis.reports.run_collusion import evidence_rows
from auctionsim.analysis.reports.views.query_rows import query_rows
from auctionsim.auction.outcome import OBSERVED
from auctionsim.jobs.training.truth import truth_rows
from auctionsim.market.benchmarks import day_benchmarks
from auctionsim.market.market import Market
from auctionsim.market.simulate import Trajectory, simulate_day
from auctionsim.runs import Run
from auctionsim.traffic.table import HOURS, Traffic

_BENCHMARK = ("revenue", "welfare", "profit", "clicks", "conversions")
_OUTCOMES = ("impressions", "clicks", "conversions", "gmv", "cost")


def write_evaluation(run: Run, markets: dict[int, Market], policies: dict[int, Policy]) -> None:
    """Write outcomes, benchmarks, queries, collusion, punishment and regret, a Parquet file each.

    With a section `[information]` there is also truth, which holds what bidders were not shown, and where campaigns share
    budgets accounts, which holds what they may spend. Queries, collusion, punishment
    and regret look at single auctions, and are left out where traffic is larger than memory; the last three also look at many
    replays of a day, and are left out where nobody learns.

    Args:
        run: The run folder.
        markets: The market of each seed.
        policies: The learned policy of each seed.
    """
    outcomes, benchmarks, queries, collusion, answers, regrets, truth, accounts = [], [], [], [], [], [], [], []
    for seed, market in markets.items():
        baseline = Constant(market.static(market.scenario.platform.baseline))
        if market.accounts:
            accounts.append(account_rows(seed, market))
        arms: dict[str, Policy] = {"learned": policies[seed], "reference": baseline}
        for day in market.scenario.traffic.test_days:
            runs = {arm: simulate_day(market, day, policy) for arm, policy in arms.items()}
            outcomes += [outcome_rows(market, arm, seed, run) for arm, run in runs.items()]
            if market.information is not None:
                truth.append(truth_rows(market, seed, runs["learned"]))
            benchmarks += [
                {"seed": seed, "day": day, "benchmark": found.name, **{name: getattr(found, name) for name in _BENCHMARK}}
                for found in day_benchmarks(market, day)
            ]
        if not isinstance(market.source, Traffic):
            continue
        queries.append(query_rows(seed, market, arms, market.scenario.traffic.test_days))
        if len(market.learners) == 0:
            continue
        judged = without_control(market, policies[seed], market.scenario.traffic.test_days)
        answers.append(response_rows(seed, market, policies[seed], market.scenario.traffic.test_days[0]))
        collusion.append(evidence_rows(seed, judged))
        regrets.append(regret_rows(seed, market, policies[seed], market.scenario.traffic.test_days))
    run.write_provenance(next(iter(markets.values())).source.notes)
    run.write_table("outcomes", pl.concat(outcomes))
    run.write_table("benchmarks", pl.DataFrame(benchmarks))
    optional = {"queries": queries, "collusion": collusion, "punishment": answers, "regret": regrets, "truth": truth}
    optional["accounts"] = accounts
    for name, tables in optional.items():
        if tables:
            run.write_table(name, pl.concat(tables))


def write_learned(run: Run, learner: Learner, markets: dict[int, Market], states: dict[int, Arrays]) -> None:
    """Evaluate the learned policy of each seed, and write validation.parquet where validation days chose its margin.

    Of validation.parquet, by seed and day, `margin` is the one that training aimed at, `factor` the one on learned bids, and
    `bound` the revenue over the floor that a further day exceeds with a probability of 95 %.
    """
    if not isinstance(learner, ValidatedFloor):
        write_evaluation(run, markets, {seed: learner.policy(market, states[seed]) for seed, market in markets.items()})
        return
    # Chosen once, since each choice replays the validation days several times.
    choices = {seed: learner.choice(market, states[seed]) for seed, market in markets.items()}
    raised = {seed: learner.raised(market, states[seed], choices[seed][1]) for seed, market in markets.items()}
    write_evaluation(run, markets, raised)
    rows = [
        {
            "seed": seed, "day": one.day, "revenue": one.revenue, "baseline_revenue": one.baseline, "margin": margin,
            "factor": found.factor, "bound": found.bound,
        }
        for seed, (margin, found) in choices.items()
        for one in found.days
    ]  # fmt: skip
    if rows:
        run.write_table("validation", pl.DataFrame(rows))


def outcome_rows(market: Market, arm: str, seed: int, run: Trajectory) -> pl.DataFrame:
    """Return a row per hour and advertiser: `bid` is the mean bid over the hour's auctions, `revenue` the platform's.

    Where conversions are late, the columns of `OBSERVED` have what was reported in the hour, and the others what comes of it.
    """
    day, n, outcome, budget_left = run.sim.day, len(market.advertisers), run.outcome, run.budget_left[:, :, 0]
    names = (*_OUTCOMES, *(name for name in OBSERVED if getattr(outcome, name) is not None))
    bid = arithmetic.dot(market.hourly_features(day, run.source), run.coefficients[:, :, :, 0])
    columns: dict[str, Any] = {
        "arm": [arm] * (HOURS * n),
        "seed": np.full(HOURS * n, seed),
        "day": np.full(HOURS * n, day),
        "hour": np.repeat(np.arange(HOURS), n),
        "advertiser": list(market.advertisers) * HOURS,
        "group": [group.group for group in market.groups] * HOURS,
        "bid": bid.ravel(),
        **{name: getattr(outcome, name)[:, :, 0].ravel() for name in names},
        # An advertiser without a budget has no number left, and Parquet knows how to say so.
        "budget_left": np.where(np.isfinite(budget_left), budget_left, np.nan).ravel(),
        "revenue": outcome.cost[:, :, 0].ravel(),
    }
    return pl.DataFrame(columns).with_columns(pl.col("budget_left").fill_nan(None))
