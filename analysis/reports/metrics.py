"""Measures of a run from its outcome rows: ratios to the reference per seed, and intervals over seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from auctionsim.runs import Run
from auctionsim.streams import stream

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its percentile-bootstrap interval of 95 %."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(values: ArrayLike) -> Interval:
    """Mean of independent values, one per seed, with its interval; a single value has none to speak of.

    Raises:
        ValueError: There is no value, or one is not finite.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or len(sample) == 0 or not np.isfinite(sample).all():
        raise ValueError(f"values: expected finite numbers, one per seed, got {sample!r}")
    draws = stream(0, "bootstrap").integers(len(sample), size=(RESAMPLES, len(sample)))
    means = sample[draws].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(sample.mean()), float(low), float(high))


def advertiser_profits(run: Run) -> pl.DataFrame:
    """Profit over the test days: columns `seed advertiser group learned reference`, in the table's order."""
    rows = run.table("outcomes").with_columns(profit=pl.col("gmv") - pl.col("cost"))
    by_arm = rows.group_by("seed", "advertiser", "group", "arm", maintain_order=True).agg(pl.col("profit").sum())
    return by_arm.pivot("arm", index=["seed", "advertiser", "group"], values="profit", maintain_order=True)


def seed_ratios(run: Run) -> pl.DataFrame:
    """One row per seed, all over the test days together.

    Columns: `seed`; `revenue`, `profit`: learned over reference; `worst_advertiser`: the smallest ratio of an advertiser's
    profit (of those whose reference profit is above 0); `better_off`: share of advertisers that earn more; `bound`: G* over
    the reference's profit, G* = W* - R_ref; `gap_closed`: (profit - 1) / (bound - 1); `truthful_revenue`: revenue of
    truthful bidding over the reference's.
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
    """Each advertiser's profit over its reference's, summed over seeds and test days: `advertiser group ratio`."""
    sums = (
        advertiser_profits(run)
        .group_by("advertiser", "group", maintain_order=True)
        .agg(pl.col("learned").sum(), pl.col("reference").sum())
    )
    return sums.select("advertiser", "group", (pl.col("learned") / pl.col("reference")).alias("ratio"))


def days_floor_held(run: Run, floor: float) -> tuple[int, int]:
    """On how many (seed, test day) pairs revenue was at least `floor` times the reference's, and of how many."""
    rows = run.table("outcomes").group_by("seed", "day", "arm").agg(pl.col("revenue").sum())
    wide = rows.pivot("arm", index=["seed", "day"], values="revenue")
    return int((wide["learned"] >= floor * wide["reference"]).sum()), wide.height


def hourly_revenue(run: Run, arm: str) -> NDArray[np.float64]:
    """Revenue of each hour, mean over test days, currency: `[seeds, 24]`."""
    rows = run.table("outcomes").filter(pl.col("arm") == arm)
    days = rows["day"].n_unique()
    sums = rows.group_by("seed", "hour").agg(pl.col("revenue").sum() / days).sort("seed", "hour")
    return sums["revenue"].to_numpy().reshape(-1, 24)


def _advertiser_ratios(run: Run) -> pl.DataFrame:
    profits = advertiser_profits(run)
    ratio = pl.when(pl.col("reference") > 0).then(pl.col("learned") / pl.col("reference"))
    return profits.group_by("seed").agg(
        ratio.min().fill_null(float("nan")).alias("worst_advertiser"),
        (pl.col("learned") > pl.col("reference")).mean().alias("better_off"),
    )
