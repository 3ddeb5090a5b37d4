"""Measure a run from its outcome rows: amounts over the test days, in currency and counts, and their ratios to the baseline.

Amounts are defined always, ratios only if the amount below is > 0 by more than rounding (`auctionsim.ratios`). Tables of a run
keep the arm names of outcomes.parquet: `learned`, and `reference` for the baseline policy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.objectives.floor_days import FloorDays, SeedDay, floor_days
from auctionsim.ratios import ROUNDING, NotDefined, ratio_to_amount
from auctionsim.runs import Run
from auctionsim.traffic.table import HOURS

AMOUNTS = ("revenue", "gmv", "profit", "clicks", "conversions")
"""Amounts of a run: currency, and counts of clicks and conversions."""
ARMS = ("baseline", "learned", "truthful", "efficient")
"""The arms of a report: the baseline policy, the learned policy, truthful bids, and the efficient allocation G*."""
RATIOS = ("revenue", "profit", "worst_advertiser", "better_off", "bound", "gap_closed", "truthful_revenue")
"""Measures relative to the baseline."""

Amounts = Mapping[str, float]
_NAMES = {"reference": "baseline"}
_NO_VALUE = NotDefined("nothing in this traffic has a value")
_OF_VALUE = ("profit", "worst_advertiser", "better_off", "bound", "gap_closed", "truthful_revenue")
"""Measures that need the values of clicks."""


def totals(run: Run) -> pl.DataFrame:
    """Return the amounts over all test days together: one row per seed and arm, columns `seed arm` and `AMOUNTS`.

    Revenue is what advertisers spend; profit is GMV minus spend. Clicks and conversions of the arms `truthful` and `efficient`
    are null in runs of earlier versions, which do not store them.
    """
    outcomes = run.table("outcomes").with_columns(profit=pl.col("gmv") - pl.col("cost"))
    benchmarks = run.table("benchmarks").rename({"benchmark": "arm", "welfare": "gmv"})
    missing = [pl.lit(None, pl.Float64).alias(name) for name in AMOUNTS if name not in benchmarks.columns]
    rows = [
        table.group_by("seed", "arm").agg(*(pl.col(name).cast(pl.Float64).sum() for name in AMOUNTS if name in table.columns))
        for table in (outcomes, benchmarks)
    ]
    rows[1] = rows[1].with_columns(missing)
    table = pl.concat([one.select(pl.col("seed").cast(pl.Int64), "arm", *AMOUNTS) for one in rows])
    return table.with_columns(pl.col("arm").replace(_NAMES)).filter(pl.col("arm").is_in(ARMS)).sort("seed", "arm")


def unknown_amounts(run: Run) -> dict[str, NotDefined]:
    """Return the names of `AMOUNTS` that a run's traffic does not know, with the reason.

    Where nothing has a value, as in a log of clicks alone, a profit of minus the cost would be a statement about advertisers.
    """
    table = totals(run)
    has = {name: bool((table[name].fill_null(0.0) != 0).any()) for name in ("gmv", "clicks", "conversions")}
    if has["gmv"] or not has["clicks"]:
        return {}
    return dict.fromkeys(("gmv", "profit") if has["conversions"] else ("gmv", "profit", "conversions"), _NO_VALUE)


def amounts_of(run: Run, arm: str) -> pl.DataFrame:
    """Return the amounts of one of `ARMS`, one row per seed in ascending order: columns `seed` and `AMOUNTS`."""
    return totals(run).filter(arm=arm).drop("arm").sort("seed")


def stored_amounts(run: Run, arm: str) -> dict[str, NDArray[np.float64]]:
    """Return the amounts of an arm by name, `[seeds]` each; what a run of an earlier version does not store is left out."""
    table = amounts_of(run, arm)
    return {name: table[name].to_numpy() for name in AMOUNTS if table[name].null_count() == 0}


def advertiser_profits(run: Run) -> pl.DataFrame:
    """Return each advertiser's profit over the test days: columns `seed advertiser group learned reference turnover`.

    Profit is GMV minus cost, in currency; `turnover` is GMV plus cost of both arms. Rows keep the order of the outcomes table.
    """
    rows = run.table("outcomes").filter(pl.col("arm").is_in(("learned", "reference")))
    key = ["seed", "advertiser", "group"]
    by_arm = rows.group_by(*key, "arm", maintain_order=True).agg(profit=(pl.col("gmv") - pl.col("cost")).sum())
    turnover = rows.group_by(key).agg(turnover=(pl.col("gmv") + pl.col("cost")).sum())
    wide = by_arm.pivot("arm", index=key, values="profit", maintain_order=True).with_columns(
        pl.col("learned", "reference").fill_null(0.0)
    )
    return wide.join(turnover, on=key, how="left", maintain_order="left")


def ratios_by_seed(run: Run, against: Run | None = None) -> dict[int, dict[str, float | NotDefined]]:
    """Return the measures of `RATIOS` by seed, each a number or the reason why it is not defined.

    `revenue` and `profit`: the learned policy's total divided by the baseline's; `worst_advertiser`: the smallest ratio of an
    advertiser's profit to its baseline profit, over advertisers whose baseline profit is > 0; `better_off`: the share of
    advertisers whose profit in currency is higher than under the baseline; `bound`: G* divided by the baseline's profit, where
    G* = W* - R is the profit of the efficient allocation at the baseline's revenue R; `gap_closed`: the share of the way from
    the baseline's profit to G*; `truthful_revenue`: revenue of truthful bidding divided by the baseline's.

    Args:
        run: The run to measure.
        against: The run whose baseline and bound the measures refer to; the run itself if None. Its seeds are the shared ones.
    """
    own, base = _by_seed(run), _by_seed(against or run)
    advertisers = _advertisers_by_seed(run, against or run)
    return {
        seed: _ratios(arms, base[seed]) | advertisers[seed] | _without_value(arms, base[seed])
        for seed, arms in own.items()
        if seed in base and seed in advertisers
    }


def seed_ratios(run: Run, against: Run | None = None) -> pl.DataFrame:
    """Return the measures of `ratios_by_seed` as a table: columns `seed` and `RATIOS`, NaN if a measure is not defined."""
    found = ratios_by_seed(run, against)
    rows = [
        {"seed": seed, **{name: math.nan if isinstance(ratios[name], NotDefined) else ratios[name] for name in RATIOS}}
        for seed, ratios in found.items()
    ]
    return pl.DataFrame(rows, schema={"seed": pl.Int64, **dict.fromkeys(RATIOS, pl.Float64)}).sort("seed")


def mean_advertiser_ratios(run: Run) -> pl.DataFrame:
    """Return each advertiser's profit beside its baseline profit, all test days together.

    Columns: `advertiser group`; `learned` and `reference`: profits in currency, means over seeds; `ratio`: learned profit
    divided by baseline profit, null unless the latter is > 0 by more than rounding.
    """
    sums = (
        advertiser_profits(run)
        .group_by("advertiser", "group", maintain_order=True)
        .agg(pl.col("learned", "reference").mean(), pl.col("turnover").mean())
    )
    is_defined = pl.col("reference") > ROUNDING * pl.col("turnover")
    return sums.select(
        "advertiser",
        "group",
        "learned",
        "reference",
        pl.when(is_defined).then(pl.col("learned") / pl.col("reference")).alias("ratio"),
    )


def is_better_off() -> pl.Expr:
    """Return the expression over `advertiser_profits` that is true if the learned profit is higher by more than rounding."""
    return pl.col("learned") - pl.col("reference") > ROUNDING * pl.col("turnover")


def floor_on_test_days(run: Run) -> FloorDays | NotDefined:
    """Return how a run's learned policy kept the platform's revenue floor on the test days of each seed, and the worst day.

    The floor is the scenario's own, a share of the baseline's revenue on the same day and seed.
    """
    rows = run.table("outcomes").group_by("seed", "day", "arm").agg(pl.col("revenue").sum())
    wide = rows.pivot("arm", index=["seed", "day"], values="revenue").sort("seed", "day")
    days = wide.select("seed", "day", "learned", "reference").iter_rows()
    return floor_days((SeedDay(*row) for row in days), run.scenario().platform.revenue_floor)


def hourly_revenue(run: Run, arm: str) -> NDArray[np.float64]:
    """Return an arm's revenue in each hour, mean over test days, in currency: `[seeds, 24]`."""
    rows = run.table("outcomes").filter(pl.col("arm") == arm)
    days = rows["day"].n_unique()
    sums = rows.group_by("seed", "hour").agg(pl.col("revenue").sum() / days).sort("seed", "hour")
    return sums["revenue"].to_numpy().reshape(-1, HOURS)


def _by_seed(run: Run) -> dict[int, dict[str, Amounts]]:
    found: dict[int, dict[str, Amounts]] = {}
    for row in totals(run).iter_rows(named=True):
        found.setdefault(row["seed"], {})[row["arm"]] = {name: row[name] for name in AMOUNTS}
    return found


def _ratios(own: Mapping[str, Amounts], base: Mapping[str, Amounts]) -> dict[str, float | NotDefined]:
    """Return the ratios of one seed's totals; the baseline and the bound are those of `base`."""
    baseline, bound = base["baseline"], base["efficient"]["profit"]
    revenue, profit = baseline["revenue"], baseline["profit"]
    turnover = baseline["gmv"] + revenue
    gap: float | NotDefined = NotDefined("the baseline already reaches the bound")
    if bound - profit > ROUNDING * (turnover + base["efficient"]["gmv"]):
        gap = (own["learned"]["profit"] - profit) / (bound - profit)
    return {
        "revenue": ratio_to_amount(own["learned"]["revenue"], revenue, revenue),
        "profit": ratio_to_amount(own["learned"]["profit"], profit, turnover),
        "bound": ratio_to_amount(bound, profit, turnover),
        "gap_closed": gap,
        "truthful_revenue": ratio_to_amount(own["truthful"]["revenue"], revenue, revenue),
    }


def _without_value(own: Mapping[str, Amounts], base: Mapping[str, Amounts]) -> dict[str, float | NotDefined]:
    """Return that nobody is better off or worse off where nothing has a value, as in a log of clicks alone."""
    arms = (own["learned"], base["baseline"], base["efficient"])
    if any(arm["gmv"] for arm in arms) or not any(arm["clicks"] for arm in arms):
        return {}
    return dict.fromkeys(_OF_VALUE, _NO_VALUE)


def _advertisers_by_seed(run: Run, against: Run) -> dict[int, dict[str, float | NotDefined]]:
    """Return per seed the worst advertiser's profit ratio and the share better off; advertisers are matched by name."""
    profits = advertiser_profits(run)
    if against.path != run.path:
        base = advertiser_profits(against).select("seed", "advertiser", "reference", other="turnover")
        profits = profits.drop("reference").join(base, on=["seed", "advertiser"], maintain_order="left")
        profits = profits.with_columns(turnover=pl.col("turnover") + pl.col("other"))
    found: dict[int, dict[str, float | NotDefined]] = {}
    for (seed,), own in profits.group_by("seed", maintain_order=True):
        earning = own.filter(pl.col("reference") > ROUNDING * pl.col("turnover"))
        ratios = (earning["learned"] / earning["reference"]).to_list()
        found[int(str(seed))] = {
            "worst_advertiser": min(ratios) if ratios else NotDefined("no advertiser earns money under the baseline"),
            "better_off": float(own.select(is_better_off().mean()).item()),
        }
    return found
