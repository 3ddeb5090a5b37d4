"""Measure a run from its outcome rows: totals over the test days, as ratios to the baseline policy on the same traffic.

Tables keep the arm names of outcomes.parquet: `learned`, and `reference` for the baseline policy.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.ratios import ratio_of_columns
from auctionsim.runs import Run
from auctionsim.traffic.table import HOURS


def advertiser_profits(run: Run) -> pl.DataFrame:
    """Return each advertiser's profit over the test days: columns `seed advertiser group learned reference`.

    Profit is GMV minus cost, in currency. Rows keep the order of the outcomes table.
    """
    rows = run.table("outcomes").with_columns(profit=pl.col("gmv") - pl.col("cost"))
    by_arm = rows.group_by("seed", "advertiser", "group", "arm", maintain_order=True).agg(pl.col("profit").sum())
    return by_arm.pivot("arm", index=["seed", "advertiser", "group"], values="profit", maintain_order=True)


def seed_ratios(run: Run) -> pl.DataFrame:
    """Return one row per seed with the run's measures, all test days together.

    Columns: `seed`; `revenue` and `profit`: the learned policy's total divided by the baseline's; `worst_advertiser`: the
    smallest ratio of an advertiser's profit to its baseline profit, over advertisers whose baseline profit is > 0;
    `better_off`: share of advertisers with a higher profit than under the baseline; `bound`: G* divided by the baseline's
    profit, where G* = W* - R is the profit of the efficient allocation at the baseline's revenue R; `gap_closed`:
    (profit - 1) / (bound - 1); `truthful_revenue`: revenue of truthful bidding divided by the baseline's.
    """
    rows = run.table("outcomes").with_columns(profit=pl.col("gmv") - pl.col("cost"))
    totals = rows.group_by("seed", "arm").agg(pl.col("revenue").sum(), pl.col("profit").sum())
    wide = totals.pivot("arm", index="seed", values=["revenue", "profit"]).sort("seed")
    benchmarks = run.table("benchmarks").group_by("seed", "benchmark").agg(pl.col("revenue").sum(), pl.col("profit").sum())
    bounds = benchmarks.pivot("benchmark", index="seed", values=["revenue", "profit"]).sort("seed")
    table = wide.join(bounds, on="seed").join(_advertiser_ratios(run), on="seed").sort("seed")
    revenue, profit = pl.col("revenue_reference"), pl.col("profit_reference")
    return table.select(
        "seed",
        (pl.col("revenue_learned") / revenue).alias("revenue"),
        (pl.col("profit_learned") / profit).alias("profit"),
        "worst_advertiser",
        "better_off",
        (pl.col("profit_efficient") / profit).alias("bound"),
        ((pl.col("profit_learned") - profit) / (pl.col("profit_efficient") - profit)).alias("gap_closed"),
        (pl.col("revenue_truthful") / revenue).alias("truthful_revenue"),
    )


def mean_advertiser_ratios(run: Run) -> pl.DataFrame:
    """Return each advertiser's profit divided by its baseline profit, all seeds and test days together.

    Columns: `advertiser group ratio`.
    """
    sums = (
        advertiser_profits(run)
        .group_by("advertiser", "group", maintain_order=True)
        .agg(pl.col("learned").sum(), pl.col("reference").sum())
    )
    return sums.select("advertiser", "group", (pl.col("learned") / pl.col("reference")).alias("ratio"))


def days_floor_held(run: Run, floor: float) -> tuple[int, int]:
    """Count the (seed, test day) pairs whose revenue is >= `floor` times the baseline's; return the count and all pairs."""
    rows = run.table("outcomes").group_by("seed", "day", "arm").agg(pl.col("revenue").sum())
    wide = rows.pivot("arm", index=["seed", "day"], values="revenue")
    return int((wide["learned"] >= floor * wide["reference"]).sum()), wide.height


def hourly_revenue(run: Run, arm: str) -> NDArray[np.float64]:
    """Return an arm's revenue in each hour, mean over test days, in currency: `[seeds, 24]`."""
    rows = run.table("outcomes").filter(pl.col("arm") == arm)
    days = rows["day"].n_unique()
    sums = rows.group_by("seed", "hour").agg(pl.col("revenue").sum() / days).sort("seed", "hour")
    return sums["revenue"].to_numpy().reshape(-1, HOURS)


def _advertiser_ratios(run: Run) -> pl.DataFrame:
    """Return per seed the worst advertiser's profit ratio (NaN where none is defined) and the share better off."""
    return (
        advertiser_profits(run)
        .group_by("seed")
        .agg(
            ratio_of_columns("learned", "reference").min().fill_null(float("nan")).alias("worst_advertiser"),
            (pl.col("learned") > pl.col("reference")).mean().alias("better_off"),
        )
    )
