"""What a run's outcome rows say about money: revenue, welfare, return, price per click, use of budgets.

Rows are those of outcomes.parquet; every measure is taken per arm and seed over all days together, so that intervals over seeds
can be laid over it.
"""

from __future__ import annotations

import polars as pl

from auctionsim.analysis.inequality import gini

_KEY = ["arm", "seed"]


def advertiser_days(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per arm, seed, day and advertiser: sums over hours, `profit`, and `budget` (null where there is none).

    The budget is what was spent on the day and what was left at its end.
    """
    sums = rows.sort("hour").group_by("arm", "seed", "day", "advertiser", "group", maintain_order=True).agg(
        *(pl.col(name).sum() for name in ("impressions", "clicks", "conversions", "gmv", "cost")),
        pl.col("budget_left").last(),
    )  # fmt: skip
    return sums.with_columns(profit=pl.col("gmv") - pl.col("cost"), budget=pl.col("cost") + pl.col("budget_left"))


def economics(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per arm and seed.

    Columns, currency over all days where nothing else is said: `revenue`: what advertisers pay; `gmv`; `welfare`: value made,
    the GMV, of which the platform takes the revenue and advertisers keep `profit`; `liquid_welfare`: the same with each
    advertiser's value of a day counted up to its budget (Dobzinski and Paes Leme 2014); `roi`: profit over cost;
    `cpc`: cost per click; `take_rate`: revenue over GMV; `budget_use`: share of budgets spent, null where nobody has one;
    `gini_profit`: of advertisers' profits, 0 for all alike. Ratios with nothing below are null.
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
        _ratio("profit", "revenue").alias("roi"),
        _ratio("revenue", "clicks").alias("cpc"),
        _ratio("revenue", "gmv").alias("take_rate"),
        _ratio("budgeted_cost", "budget").alias("budget_use"),
        "gini_profit",
    )  # fmt: skip


def pacing_error(rows: pl.DataFrame) -> pl.DataFrame:
    """How far spending runs from the traffic's pace: columns `arm seed pacing_error`, null where nobody has a budget.

    Of every advertiser and day with a budget, the mean over hours of |share of the day's spend so far - share of the day's
    impressions so far|, impressions those of all advertisers: 0 where spending follows traffic, up to 1 where the whole
    budget goes at once. The mean is weighted by spend.
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


def _ratio(above: str, below: str) -> pl.Expr:
    return pl.when(pl.col(below) > 0).then(pl.col(above) / pl.col(below))
