"""Which constraints were broken, how often and by how much, from a run's scenario and its outcome rows."""

from __future__ import annotations

import polars as pl

from auctionsim.analysis.reports.welfare import advertiser_days
from auctionsim.errors import unknown
from auctionsim.runs import Run
from auctionsim.scenario import AdvertiserGroup, resolved_level

_TOLERANCE = 1e-9


def violations(run: Run) -> pl.DataFrame:
    """Constraint violations on the test days, per arm, seed and constraint.

    Columns: `arm seed constraint`; `cases`: advertiser-days (or days) that are bound by it; `violated`: share of them that
    break it; `excess`: how far on average over all cases, relative to the limit, 0 where it is kept.
    Constraints: `budget`, `cpc_cap`, `roi_floor`, `profit_floor` of advertisers, `revenue_floor` of the platform. Limits given
    as `baseline*SHARE` are of the reference policy's outcome on the same day; formulas as in training (docs/macg.md).
    """
    scenario = run.scenario()
    days = advertiser_days(run.table("outcomes"))
    key = ["seed", "day", "advertiser"]
    reference = days.filter(pl.col("arm") == "reference").select(*key, *(pl.col(c).alias(f"{c}_ref") for c in _COLUMNS))
    groups = {group.group: group for group in scenario.advertisers}
    strange = [name for name in days["group"].unique(maintain_order=True) if name not in groups]
    if strange:
        place = run.path / "outcomes.parquet"
        raise unknown(f"{place}: column group", strange[0], groups, what="unknown group")
    cases = []
    for row in days.join(reference, on=key).iter_rows(named=True):
        cases += [(row["arm"], row["seed"], name, excess) for name, excess in _excesses(row, groups[row["group"]])]
    if scenario.platform.revenue_floor > 0:
        revenue = days.group_by("arm", "seed", "day", maintain_order=True).agg(pl.col("cost").sum())
        floors = revenue.filter(pl.col("arm") == "reference").select("seed", "day", pl.col("cost").alias("cost_ref"))
        for row in revenue.join(floors, on=["seed", "day"]).iter_rows(named=True):
            floor = scenario.platform.revenue_floor * row["cost_ref"]
            cases.append((row["arm"], row["seed"], "revenue_floor", 1 - row["cost"] / floor if floor > 0 else 0.0))
    schema = {"arm": pl.String, "seed": pl.Int64, "constraint": pl.String, "excess": pl.Float64}
    table = pl.DataFrame(cases, schema=schema, orient="row").with_columns(excess=pl.col("excess").clip(lower_bound=0.0))
    return table.group_by("arm", "seed", "constraint", maintain_order=True).agg(
        pl.len().alias("cases"), (pl.col("excess") > _TOLERANCE).mean().alias("violated"), pl.col("excess").mean()
    )


_COLUMNS = ("clicks", "gmv", "cost", "profit")


def _excesses(row: dict[str, float], group: AdvertiserGroup) -> list[tuple[str, float]]:
    """How far one advertiser's day is beyond each limit it has, relative to the limit; at most 0 where it is kept."""
    found = []
    cost, gmv = row["cost"], row["gmv"]
    if row["budget"] is not None:
        found.append(("budget", -row["budget_left"] / row["budget"] if row["budget"] > 0 else 0.0))
    cap = resolved_level(group.cpc_cap, _ratio(row["cost_ref"], row["clicks_ref"]))
    if cap is not None and cap > 0:
        found.append(("cpc_cap", _ratio(cost, row["clicks"]) / cap - 1))
    roi = resolved_level(group.roi_floor, _ratio(row["profit_ref"], row["cost_ref"]))
    if roi is not None:
        asked = max(1 + roi, 0.0) * cost
        found.append(("roi_floor", 1 - gmv / asked if asked > 0 else 0.0))
    if group.profit_floor > 0:
        reference = row["profit_ref"]
        short = group.profit_floor * reference - row["profit"]
        found.append(("profit_floor", short / abs(reference) if reference != 0 else max(short, 0.0)))
    return found


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else 0.0
