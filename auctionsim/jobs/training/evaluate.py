"""Evaluate the learned and the baseline policy on the test days, and write the tables of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from auctionsim import arithmetic
from auctionsim.agents.learners.base import Arrays, Learner
from auctionsim.agents.learners.fingerprint import SAME_EVERYWHERE
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.learners.validated.learner import ValidatedFloor
from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.analysis.economics.collusion import without_control
from auctionsim.analysis.economics.no_regret.audit import regret_rows
from auctionsim.analysis.economics.responses import response_rows
from auctionsim.analysis.reports.accounts.measures import account_rows
from auctionsim.analysis.reports.run_collusion import evidence_rows
from auctionsim.analysis.reports.views.query_rows import query_rows
from auctionsim.auction.outcome import OBSERVED
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.jobs.training.truth import truth_rows
from auctionsim.market.benchmarks import day_benchmarks
from auctionsim.market.market import Market
from auctionsim.market.simulate import Trajectory, simulate_day
from auctionsim.runs import Run
from auctionsim.traffic.table import HOURS, Traffic

Tables = dict[str, pl.DataFrame]
"""The tables of one seed by name."""

_BENCHMARK = ("revenue", "welfare", "profit", "clicks", "conversions")
_OUTCOMES = ("impressions", "clicks", "conversions", "gmv", "cost")


def write_evaluation(run: Run, markets: dict[int, Market], policies: dict[int, Policy]) -> None:
    """Write the tables of a run, a Parquet file each, which `evaluated` makes.

    Args:
        run: The run folder.
        markets: The market of each seed.
        policies: The learned policy of each seed.
    """
    _write(run, markets, [evaluated(seed, market, policies[seed]) for seed, market in markets.items()])


def write_learned(
    run: Run,
    learner: Learner,
    markets: dict[int, Market],
    states: dict[int, Arrays],
    pool: Pool | None = None,
    handles: Mapping[int, Any] | None = None,
) -> None:
    """Evaluate the learned policy of each seed, and write validation.parquet where validation days chose its margin.

    Of validation.parquet, by seed and day, `margin` is the one that training aimed at, `factor` the one on learned bids, and
    `bound` the revenue over the floor that a further day exceeds with a probability of 95 %.

    Args:
        run: The run folder.
        learner: The learner of all markets.
        markets: The market of each seed.
        states: The learner's state of each seed.
        pool: Pool that evaluates the seeds side by side; this process where None, and for learners whose bytes depend on the
            process that computes.
        handles: The pool's handle of each market, where they were put there before.
    """
    if pool is None or run.scenario().learner.algorithm not in SAME_EVERYWHERE:
        tables = [_learned(seed, market, learner, states[seed]) for seed, market in markets.items()]
    else:
        handles = handles or {seed: pool.put(market) for seed, market in markets.items()}
        # The verdict takes longer than all else of a seed. A margin is chosen once.
        parts = [None] if isinstance(learner, ValidatedFloor) else [_judged, _played]
        shared = {seed: pool.put_arrays(states[seed]) for seed in markets}
        tasks = [(part, seed, handles[seed], shared[seed]) for part in parts for seed in markets]
        found = pool.map(_learned_anywhere, tasks)
        tables = [_joined(found[i :: len(markets)]) for i in range(len(markets))]
    _write(run, markets, tables)


def _learned_anywhere(part: Callable[[int, Market, Policy], Tables] | None, seed: int, market: Market, state: Arrays) -> Tables:
    # As `divergence.reported_if_diverging` does in this process.
    with np.errstate(over="ignore", invalid="ignore"):
        learner = make_learner(market.scenario)
        return _learned(seed, market, learner, state) if part is None else part(seed, market, learner.policy(market, state))


def _joined(parts: Sequence[Tables]) -> Tables:
    return {name: table for part in parts for name, table in part.items()}


def _learned(seed: int, market: Market, learner: Learner, state: Arrays) -> Tables:
    if not isinstance(learner, ValidatedFloor):
        return evaluated(seed, market, learner.policy(market, state))
    # Chosen once, since each choice replays the validation days several times.
    margin, found = learner.choice(market, state)
    tables = evaluated(seed, market, learner.raised(market, state, found))
    rows = [
        {
            "seed": seed, "day": one.day, "revenue": one.revenue, "baseline_revenue": one.baseline, "margin": margin,
            "factor": found.factor, "bound": found.bound,
        }
        for one in found.days
    ]  # fmt: skip
    return {**tables, "validation": pl.DataFrame(rows)} if rows else tables


def evaluated(seed: int, market: Market, policy: Policy) -> Tables:
    """Evaluate one seed; return outcomes, benchmarks, queries, collusion, punishment and regret, by name.

    With a section `[information]` there is also truth, which holds what bidders were not shown, and where campaigns share
    budgets accounts, which holds what they may spend. Queries, collusion, punishment and regret look at single auctions, and
    are left out where traffic is larger than memory; the last three also look at many replays of a day, and are left out where
    nobody learns.

    Args:
        seed: The seed.
        market: Its market.
        policy: The learned policy.
    """
    return _joined([_played(seed, market, policy), _judged(seed, market, policy)])


def _judged(seed: int, market: Market, policy: Policy) -> Tables:
    """Return the verdict on collusion, where there is one."""
    if not isinstance(market.source, Traffic) or len(market.learners) == 0:
        return {}
    return {"collusion": evidence_rows(seed, without_control(market, policy, market.scenario.traffic.test_days))}


def _played(seed: int, market: Market, policy: Policy) -> Tables:
    """Return all other tables of a seed."""
    days = market.scenario.traffic.test_days
    baseline = Constant(market.static(market.scenario.platform.baseline))
    arms: dict[str, Policy] = {"learned": policy, "reference": baseline}
    outcomes, benchmarks, truth = [], [], []
    for day in days:
        runs = {arm: simulate_day(market, day, one) for arm, one in arms.items()}
        outcomes += [outcome_rows(market, arm, seed, run) for arm, run in runs.items()]
        if market.information is not None:
            truth.append(truth_rows(market, seed, runs["learned"]))
        benchmarks += [
            {"seed": seed, "day": day, "benchmark": found.name, **{name: getattr(found, name) for name in _BENCHMARK}}
            for found in day_benchmarks(market, day)
        ]
    tables = {"outcomes": pl.concat(outcomes), "benchmarks": pl.DataFrame(benchmarks)}
    if truth:
        tables["truth"] = pl.concat(truth)
    if market.accounts:
        tables["accounts"] = account_rows(seed, market)
    if not isinstance(market.source, Traffic):
        return tables
    tables["queries"] = query_rows(seed, market, arms, days)
    if len(market.learners) == 0:
        return tables
    return {
        **tables,
        "punishment": response_rows(seed, market, policy, days[0]),
        "regret": regret_rows(seed, market, policy, days),
    }


def _write(run: Run, markets: dict[int, Market], by_seed: Sequence[Tables]) -> None:
    names = dict.fromkeys(name for tables in by_seed for name in tables)
    joined = {name: pl.concat([tables[name] for tables in by_seed if name in tables]) for name in names}
    run.write_evaluation(next(iter(markets.values())).source.notes, joined)


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
