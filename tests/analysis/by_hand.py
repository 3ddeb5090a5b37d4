"""Runs whose outcomes are written by hand, so that every figure has a known value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

Money = Mapping[str, tuple[float, float]]
"""Cost and GMV of a day by the advertiser's name."""


def outcome_rows(arm: str, seed: int, money: Money) -> list[dict]:
    """Return a day's rows, spread evenly over the hours."""
    return [
        {
            "arm": arm, "seed": seed, "day": 2, "hour": hour, "advertiser": name, "group": "seller", "bid": 1.0,
            "impressions": 1.0, "clicks": 1.0, "conversions": 0.5, "gmv": gmv / 24, "cost": cost / 24, "budget_left": None,
            "revenue": cost / 24,
        }
        for hour in range(24)
        for name, (cost, gmv) in money.items()
    ]  # fmt: skip


def run_by_hand(
    path: Path,
    learned: Mapping[int, Money],
    baseline: Mapping[int, Money],
    *,
    welfare: float = 30.0,
    overrides: tuple[str, ...] = (),
    ratios: tuple[float | None, float | None] = (1.0, 1.1),
) -> Run:
    """Write a finished run of one test day.

    Args:
        path: The run folder.
        learned: The learned outcome by seed.
        baseline: The baseline's outcome by seed.
        welfare: GMV of the efficient allocation.
        overrides: Overrides of the small scenario.
        ratios: Logged ratios of revenue and profit, in both iterations.
    """
    seeds = tuple(learned)
    scenario = parse_scenario(SMALL, "s", overrides=overrides)
    run = Run.create(path, scenario, SMALL, seeds=seeds, command="x", overrides=overrides)
    arms = {"learned": learned, "reference": baseline}
    rows = [row for arm, days in arms.items() for seed in seeds for row in outcome_rows(arm, seed, days[seed])]
    run.write_table("outcomes", pl.DataFrame(rows, infer_schema_length=None))
    cost = {seed: sum(one for one, _ in baseline[seed].values()) for seed in seeds}
    benchmarks = [
        {"seed": seed, "day": 2, "benchmark": name, "revenue": revenue, "welfare": welfare, "profit": welfare - revenue,
         "clicks": 50.0, "conversions": 20.0}
        for seed in seeds
        for name, revenue in (("efficient", cost[seed]), ("truthful", 18.0))
    ]  # fmt: skip
    run.write_table("benchmarks", pl.DataFrame(benchmarks))
    logged = dict(zip(("revenue_ratio", "profit_ratio"), ratios, strict=True))
    run.append_metrics([{"iteration": i, "seed": seed, **logged} for i in (1, 2) for seed in seeds])
    run.set_status("finished")
    return run
