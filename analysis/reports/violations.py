"""Judge limits from a run's scenario and its outcome rows: which were broken and by how much, and scores under target CPAs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.reports.welfare import advertiser_days
from auctionsim.errors import unknown
from auctionsim.market.agencies.adoption import groups_of
from auctionsim.names.display import key_words
from auctionsim.objectives import fitness
from auctionsim.objectives.constraints import CPA_CAP, RoiFloor, constraints_in
from auctionsim.objectives.cpa_score import NO_TARGET, cpa_scores
from auctionsim.objectives.goals import Goals
from auctionsim.objectives.resolve import resolved_goals
from auctionsim.ratios import NotDefined
from auctionsim.runs import Run
from auctionsim.scenario import AdvertiserGroup, Scenario

Array = NDArray[np.float64]

_TOLERANCE = 1e-9
_TOTALS = ("impressions", "clicks", "conversions", "gmv", "cost")
_SCHEMA = {"arm": pl.String, "seed": pl.Int64, "constraint": pl.String, "excess": pl.Float64}


def violations(run: Run) -> pl.DataFrame:
    """Measure constraint violations on the test days, per arm, seed and constraint.

    Columns: `arm seed constraint`; `cases`: advertiser-days that are bound by it, or days where it is on several advertisers
    together; `violated`: share of them that break it; `excess`: how far on average over all cases, relative to the limit, 0
    where it is kept. Constraints are `budget` and those of `auctionsim.objectives.constraints`, as the scenario states them:
    `learner.floor_margin`, which training aims above the revenue floor, does not count. Limits given as `baseline*SHARE` are
    of the baseline's outcome on the same day; formulas are those of training (docs/macg.md).

    Raises:
        InputError: The outcomes name a group that the scenario does not have.
    """
    scenario, days, groups = _judged(run)
    table = pl.concat([_budget_cases(days), *_constraint_cases(days, scenario, groups)])
    return table.group_by("arm", "seed", "constraint", maintain_order=True).agg(
        pl.len().alias("cases"), (pl.col("excess") > _TOLERANCE).mean().alias("violated"), pl.col("excess").mean()
    )


def constraint_words(constraint: str, scenarios: Iterable[Scenario]) -> str:
    """Return what a report calls a constraint of `violations`: the words of the keys that state it, as `ROAS floor`.

    A floor on returns is one constraint, and its limit is stated by `roas_floor` or `roi_floor`.
    """
    keys = [constraint]
    if constraint == RoiFloor.key:
        groups = [group for scenario in scenarios for group in scenario.advertisers]
        keys = [key for key in ("roas_floor", "roi_floor") if any(getattr(group, key) is not None for group in groups)] or keys
    return " or ".join(map(key_words, keys))


def run_scores(run: Run) -> pl.DataFrame | NotDefined:
    """Return the AuctionNet score on the test days, per arm and seed, or the reason why there is none.

    Columns: `arm seed`; `cases`: advertiser-days with a target CPA (`cpa_cap`); `score`: mean over them of
    `auctionsim.objectives.cpa_score.cpa_scores`, in conversions. A target given as `baseline*SHARE` is of the same day.

    Raises:
        InputError: The outcomes name a group that the scenario does not have.
    """
    scenario, days, groups = _judged(run)
    if not CPA_CAP.is_asked(scenario):
        return NotDefined(NO_TARGET)
    parts = [
        pl.DataFrame(
            {"arm": arm, "seed": seed, "score": values}, schema={"arm": pl.String, "seed": pl.Int64, "score": pl.Float64}
        )
        for seed, arms, totals, goals in _judged_days(days, scenario, groups)
        for arm, values in zip(arms, cpa_scores(totals, goals).T, strict=True)
    ]
    found = pl.concat(parts).filter(pl.col("score").is_not_nan())
    if found.is_empty():
        return NotDefined("the baseline has no conversions to set a target by")
    return found.group_by("arm", "seed", maintain_order=True).agg(pl.len().alias("cases"), pl.col("score").mean())


def scores_of_arm(run: Run, arm: str) -> dict[str, Array]:
    """Return the scores of one arm of outcomes.parquet, `{"score": [seeds]}`; empty where they are not defined."""
    table = run_scores(run)
    return {} if isinstance(table, NotDefined) else {"score": table.filter(arm=arm).sort("seed")["score"].to_numpy()}


def _judged(run: Run) -> tuple[Scenario, pl.DataFrame, dict[str, AdvertiserGroup]]:
    """Return a run's scenario, its rows by advertiser and day, and the scenario's groups by name."""
    scenario = run.scenario()
    days = advertiser_days(run.table("outcomes"))
    groups = {group.group: group for group in scenario.advertisers}
    strange = [name for name in days["group"].unique(maintain_order=True) if name not in groups]
    if strange:
        source = run.path / "outcomes.parquet"
        raise unknown(f"{source}: column group", strange[0], groups, what="unknown group")
    return scenario, days, groups


def _budget_cases(days: pl.DataFrame) -> pl.DataFrame:
    """A row for each advertiser-day with a budget, the one constraint that is hard."""
    over = pl.when(pl.col("budget") > 0).then(-pl.col("budget_left") / pl.col("budget")).otherwise(0.0)
    return days.filter(pl.col("budget").is_not_null()).select(
        "arm", pl.col("seed").cast(pl.Int64), constraint=pl.lit("budget"), excess=over.clip(lower_bound=0.0)
    )


def _constraint_cases(days: pl.DataFrame, scenario: Scenario, groups: dict[str, AdvertiserGroup]) -> Iterator[pl.DataFrame]:
    """A row for each limit of each arm's day, in the constraints' order."""
    for seed, arms, totals, goals in _judged_days(days, scenario, groups):
        for key, excess in _excesses(totals, goals).items():
            for arm, values in zip(arms, excess.T, strict=True):
                yield pl.DataFrame({"arm": arm, "seed": seed, "constraint": key, "excess": values}, schema=_SCHEMA)


def _judged_days(
    days: pl.DataFrame, scenario: Scenario, groups: dict[str, AdvertiserGroup]
) -> Iterator[tuple[int, list[str], Array, Goals]]:
    """Yield the seed, the arms, their totals `[advertisers, 5, arms]` and the goals of each seed's day that has a baseline."""
    for (seed, _), rows in days.group_by("seed", "day", maintain_order=True):
        baseline = rows.filter(pl.col("arm") == "reference").select("advertiser", "group")
        if baseline.is_empty():
            continue
        totals = {
            str(arm): baseline.join(own, on="advertiser", how="left", maintain_order="left").select(_TOTALS).fill_null(0.0)
            for (arm,), own in rows.group_by("arm", maintain_order=True)
        }
        by_arm = np.stack([table.to_numpy() for table in totals.values()], axis=-1).astype(np.float64)
        of_day = [groups[name] for name in baseline["group"]]
        is_self_bidding = np.array([group.controller != "learner" for group in _as_adopted(scenario, int(str(seed)), of_day)])
        usual = by_arm[:, :, [list(totals).index("reference")]]
        goals = resolved_goals(scenario, of_day, is_self_bidding, usual, for_training=False)
        yield int(str(seed)), list(totals), by_arm, goals


def _as_adopted(scenario: Scenario, seed: int, groups: list[AdvertiserGroup]) -> Sequence[AdvertiserGroup]:
    """Return the groups of advertisers as they were in the run: those of non-adopters with another controller."""
    if scenario.adoption is None:
        return groups
    adopted = groups_of(scenario, seed)
    is_whole = [group.group for group in adopted] == [group.group for group in groups]
    return adopted if is_whole else groups


def _excesses(totals: Array, goals: Goals) -> dict[str, Array]:
    """How far each constraint's limits are exceeded, `[limits, arms]`, 0 where they are kept."""
    found = fitness.violations(totals, goals)
    excess = {}
    for one in constraints_in(found):
        is_set = one.is_set(goals.limits[one.key]).reshape(-1)
        excess[one.key] = np.maximum(found[one.key].reshape(len(is_set), -1), 0.0)[is_set]
    return excess
