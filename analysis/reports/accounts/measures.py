"""Measure accounts and their campaigns from a run's outcome rows and from what accounts.parquet says they may spend."""

from __future__ import annotations

import polars as pl

from auctionsim.analysis.reports.welfare import advertiser_days
from auctionsim.errors import InputError, shown
from auctionsim.market.market import Market
from auctionsim.ratios import ratio_of_columns
from auctionsim.runs import Run

_ROUNDING = 1e-9
"""Share of a budget by which a limit may be missed."""
_AMOUNTS = ("clicks", "conversions", "gmv", "cost", "profit")


def account_rows(seed: int, market: Market) -> pl.DataFrame:
    """Return one seed's rows of accounts.parquet: a row per campaign of each account.

    Columns: `seed account advertiser`; `budget` and `min_spend` of the whole account; `floor`, what is reserved for the
    campaign, and `ceiling`, the most that it may spend. All are currency a day. Agencies with a joint budget are accounts.

    Args:
        seed: The seed.
        market: Its market, which has accounts.
    """
    return pl.concat(
        pl.DataFrame(
            {
                "account": account.name,
                "advertiser": [market.advertisers[i] for i in account.members],
                "budget": account.budget,
                "min_spend": account.min_spend,
                "floor": account.floors,
                "ceiling": account.ceilings,
            }
        ).select(pl.lit(seed, pl.Int64).alias("seed"), pl.all())
        for account in market.accounts
    )


def account_measures(run: Run) -> pl.DataFrame:
    """Return a row per account, of the learned policy on all test days: means over days, then over seeds.

    Columns: `account`; `campaigns`, their number; `days`, the number of (seed, day) pairs; currency a day: `budget min_spend
    cost gmv profit`, and `baseline_gmv` under the baseline; counts a day: `clicks conversions`; `used`: cost / budget, `roas`:
    gmv / cost and `cpa`: cost / conversions of all days together, null where the denominator is 0. Numbers of days on which
    a limit is broken by more than rounding: `over_budget`, `below_min_spend`, and `floor_missing`, on which others spent what
    was reserved for a campaign; `over_ceiling` counts campaigns and days. These are null where no such limit is set.

    Raises:
        InputError: A table of the run holds something else.
    """
    days = _campaign_days(run)
    learned = days.filter(arm="learned")
    by_day = learned.group_by("seed", "day", "account", maintain_order=True).agg(
        pl.len().alias("campaigns"),
        pl.col("budget", "min_spend").first(),
        pl.col(*_AMOUNTS).sum(),
        # Reserves are there as long as what is spent and what is reserved beyond it fit into the budget.
        claimed=pl.max_horizontal("cost", "floor").sum(),
        floors=pl.col("floor").sum(),
        is_capped=(pl.col("ceiling") < pl.col("budget") * (1 - _ROUNDING)).any(),
        above=(pl.col("cost") > pl.col("ceiling") + _ROUNDING * pl.col("budget")).sum(),
    )
    slack = _ROUNDING * pl.col("budget")
    found = by_day.group_by("account", maintain_order=True).agg(
        pl.col("campaigns").max(),
        pl.len().alias("days"),
        pl.col("budget", "min_spend", *_AMOUNTS).mean(),
        over_budget=(pl.col("cost") > pl.col("budget") + slack).sum(),
        below_min_spend=pl.when(pl.col("min_spend").max() > 0).then((pl.col("cost") < pl.col("min_spend") - slack).sum()),
        floor_missing=pl.when(pl.col("floors").max() > 0).then((pl.col("claimed") > pl.col("budget") + slack).sum()),
        over_ceiling=pl.when(pl.col("is_capped").any()).then(pl.col("above").sum()),
    )
    baseline = days.filter(arm="reference").group_by("account").agg(sum=pl.col("gmv").sum())
    return (
        found.join(baseline, on="account", how="left", maintain_order="left")
        .with_columns(baseline_gmv=pl.col("sum") / pl.col("days"))
        .drop("sum")
        .with_columns(*_ratios(), used=ratio_of_columns("cost", "budget"))
    )


def campaign_measures(run: Run) -> pl.DataFrame:
    """Return a row per campaign of an account, of the learned policy: means over test days and seeds.

    Columns: `account advertiser`; currency a day: `floor ceiling cost gmv profit`; counts a day: `clicks conversions`; `share`
    of the account's spend; `roas` and `cpa` as of `account_measures`. Ratios are null where the denominator is 0.

    Raises:
        InputError: A table of the run holds something else.
    """
    learned = _campaign_days(run).filter(arm="learned")
    means = learned.group_by("account", "advertiser", maintain_order=True).agg(pl.col("floor", "ceiling", *_AMOUNTS).mean())
    return means.with_columns(*_ratios(), total=pl.col("cost").sum().over("account")).with_columns(
        share=ratio_of_columns("cost", "total")
    )


def _campaign_days(run: Run) -> pl.DataFrame:
    """Return a row per arm, seed, day and campaign, with the levels of its account.

    Raises:
        InputError: A campaign has no outcomes.
    """
    days, levels, key = advertiser_days(run.table("outcomes")).drop("budget"), run.table("accounts"), ["seed", "advertiser"]
    strange = levels.join(days, on=key, how="anti", maintain_order="left")
    if strange.height:
        raise InputError(
            f"{run.path / 'accounts.parquet'}: column advertiser: expected advertisers of outcomes.parquet, got "
            f"{shown(strange['advertiser'][0])} for seed {strange['seed'][0]}"
        )
    return days.join(levels, on=key, maintain_order="right_left")


def _ratios() -> tuple[pl.Expr, pl.Expr]:
    return ratio_of_columns("gmv", "cost").alias("roas"), ratio_of_columns("cost", "conversions").alias("cpa")
