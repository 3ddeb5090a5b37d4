"""Measure money in a run's outcome rows: revenue, welfare, return on spend, cost per click, budget use, pacing.

Rows are those of outcomes.parquet. Each measure is taken per arm and seed, over all days together, so that an interval over
seeds can be computed from it.
"""

from __future__ import annotations

import polars as pl

from auctionsim.analysis.statistics import gini
from auctionsim.ratios import ratio_of_columns

_KEY = ["arm", "seed"]


def advertiser_days(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row per arm, seed, day and advertiser: sums over hours, `profit`, and `budget` (null if there is none).

    The budget is reconstructed: the day's cost plus the budget left after the last hour.
    """
    sums = rows.sort("hour").group_by("arm", "seed", "day", "advertiser", "group", maintain_order=True).agg(
        *(pl.col(name).sum() for name in ("impressions", "clicks", "conversions", "gmv", "cost")),
        pl.col("budget_left").last(),
    )  # fmt: skip
    return sums.with_columns(profit=pl.col("gmv") - pl.col("cost"), budget=pl.col("cost") + pl.col("budget_left"))


def economics(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row per arm and seed with the totals of all days, in currency unless stated otherwise.

    Columns: `revenue`: the sum of what advertisers pay; `gmv`; `welfare`: the GMV, of which the platform keeps the revenue
    and advertisers keep `profit`; `liquid_welfare`: welfare with each advertiser's GMV of a day capped at its budget
    (Dobzinski and Paes Leme 2014); `roi`: profit / cost; `cpc`: cost per click; `take_rate`: revenue / GMV; `budget_use`:
    share of the budgets that was spent, null if nobody has one; `gini_profit`: Gini coefficient of the advertisers' profits,
    0 if all are equal. A ratio is null unless its denominator is > 0.
    """
    days = advertiser_days(rows).with_columns(liquid=pl.min_horizontal("gmv", "budget"))
    sums = days.group_by(_KEY, maintain_order=True).agg(
        pl.col("cost").sum().alias("revenue"),
        pl.col("gmv").sum(),
        pl.col("gmv").sum().alias("welfare"),
        pl.col("liquid").sum().alias("liquid_welfare"),
        pl.col("profit").sum(),
        pl.col("clicks").sum(),
        pl.col("cost").filter(pl.col("budget").is_not_null()).sum().alias("budgeted_cost"),
        pl.col("budget").sum(),
    )
    return sums.join(_gini_of_profits(days), on=_KEY).select(
        *_KEY, "revenue", "gmv", "welfare", "liquid_welfare", "profit",
        ratio_of_columns("profit", "revenue").alias("roi"),
        ratio_of_columns("revenue", "clicks").alias("cpc"),
        ratio_of_columns("revenue", "gmv").alias("take_rate"),
        ratio_of_columns("budgeted_cost", "budget").alias("budget_use"),
        "gini_profit",
    )  # fmt: skip


def pacing_error(rows: pl.DataFrame) -> pl.DataFrame:
    """Return how far spend runs ahead of or behind traffic: columns `arm seed pacing_error`, null if nobody has a budget.

    For each advertiser and day with a budget: the mean over hours of |cumulative share of the day's spend - cumulative share
    of the day's impressions|, impressions being those of all advertisers. It is 0 where spend follows traffic, and close to 1
    where the whole budget is gone in the first hour. The mean over advertisers and days is weighted by spend.
    """
    key = ["arm", "seed", "day", "advertiser"]
    hours = rows.sort("hour").with_columns(
        shown=pl.col("impressions").sum().over("arm", "seed", "day", "hour"), is_limited=pl.col("budget_left").is_not_null()
    )
    shares = hours.filter("is_limited").with_columns(
        spent=pl.col("cost").cum_sum().over(key) / pl.col("cost").sum().over(key),
        passed=pl.col("shown").cum_sum().over(key) / pl.col("shown").sum().over(key),
        weight=pl.col("cost").sum().over(key),
    )
    shares = shares.filter(pl.col("weight") > 0).with_columns(error=(pl.col("spent") - pl.col("passed")).abs())
    found = shares.group_by(_KEY).agg(pacing_error=(pl.col("error") * pl.col("weight")).sum() / pl.col("weight").sum())
    return rows.select(_KEY).unique(maintain_order=True).join(found, on=_KEY, how="left", maintain_order="left")


def _gini_of_profits(days: pl.DataFrame) -> pl.DataFrame:
    profits = days.group_by(*_KEY, "advertiser", maintain_order=True).agg(pl.col("profit").sum())
    rows = [(*key, gini(own["profit"].to_numpy())) for key, own in profits.group_by(_KEY, maintain_order=True)]
    return pl.DataFrame(
        rows, schema={"arm": pl.String, "seed": profits.schema["seed"], "gini_profit": pl.Float64}, orient="row"
    )
