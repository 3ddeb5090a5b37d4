"""Intervals of a run: over seeds on traffic of their own, over days on a log that all seeds share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.analysis.reports.fixed_traffic import RunWithoutDay, has_fixed_traffic, interval_caption, intervals_of
from auctionsim.analysis.statistics import day_interval, mean_interval
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

REVENUE = {(0, 2): 3.0, (0, 3): 9.0, (0, 4): 6.0, (1, 2): 4.0, (1, 3): 8.0, (1, 4): 6.5}
"""Revenue by seed and day; the baseline's is 2, 4 and 3 on the three days."""
BASELINE = {2: 2.0, 3: 4.0, 4: 3.0}


def run_on(folder: Path, source: str, days: tuple[int, ...] = (2, 3, 4)) -> Run:
    """A run on generated traffic, or as if on a table."""
    run = Run.create(folder, parse_scenario(SMALL, "s"), SMALL, seeds=(0, 1), command="x")
    rows = [
        {
            "arm": arm, "seed": seed, "day": day, "hour": 0, "advertiser": "a", "group": "g", "bid": 1.0, "impressions": 1.0,
            "clicks": 1.0, "conversions": 1.0, "gmv": 9.0, "cost": revenue, "budget_left": None, "revenue": revenue,
        }
        for (seed, day), value in REVENUE.items() if day in days
        for arm, revenue in (("learned", value), ("reference", BASELINE[day]))
    ]  # fmt: skip
    run.write_table("outcomes", pl.DataFrame(rows, infer_schema_length=None))
    scenario = run.scenario()
    traffic = scenario.traffic.model_copy(update={"source": source})
    object.__setattr__(run, "scenario", lambda: scenario.model_copy(update={"traffic": traffic}))
    return run


def measure(run: Run) -> dict[str, np.ndarray]:
    sums = run.table("outcomes").group_by("seed", "arm").agg(pl.col("revenue").sum()).pivot("arm", index="seed").sort("seed")
    learned, baseline = sums["learned"].to_numpy(), sums["reference"].to_numpy()
    return {"total": learned, "ratio": learned / baseline, "undefined": np.array([1.0, np.nan])}


def test_seeds_are_the_replicates_of_generated_traffic(tmp_path: Path):
    found = intervals_of(run_on(tmp_path / "r", "synthetic"), measure)
    assert found["ratio"] == mean_interval([18 / 9, 18.5 / 9])
    assert "undefined" not in found


def test_days_are_the_replicates_of_a_log(tmp_path: Path):
    found = intervals_of(run_on(tmp_path / "r", "log.csv"), measure, sums=("total",))
    by_day = np.array([[3.0, 9.0, 6.0], [4.0, 8.0, 6.5]])
    per_day = day_interval(3 * by_day)
    assert (found["total"].low, found["total"].high) == pytest.approx((per_day.low, per_day.high)), "a sum of days"
    assert found["total"].over == "days"
    assert found["ratio"].mean == pytest.approx((18 / 9 + 18.5 / 9) / 2)
    seeds_alone = mean_interval([18 / 9, 18.5 / 9])
    assert found["ratio"].low < seeds_alone.mean < found["ratio"].high
    assert found["total"].high - found["total"].low > mean_interval([18.0, 18.5]).high - mean_interval([18.0, 18.5]).low
    assert "undefined" not in found


def test_one_day_of_a_log_has_no_interval_however_many_seeds(tmp_path: Path):
    found = intervals_of(run_on(tmp_path / "r", "log.csv", days=(3,)), measure)
    assert str(found["total"]) == "8.500 (one day, no interval)"


def test_a_table_per_seed_is_not_fixed(tmp_path: Path):
    fixed, per_seed, generated = (
        run_on(tmp_path / str(k), source).scenario() for k, source in enumerate(("log.csv", "log-{seed}.csv", "synthetic"))
    )
    assert [has_fixed_traffic(scenario) for scenario in (fixed, per_seed, generated)] == [True, False, False]
    assert "over days" in interval_caption(fixed)
    assert "over seeds" in interval_caption(per_seed)


def test_a_run_without_a_day_lacks_its_rows_alone(tmp_path: Path):
    run = run_on(tmp_path / "r", "log.csv")
    without = RunWithoutDay(run.path, 3)
    assert without.table("outcomes")["day"].unique().sort().to_list() == [2, 4]
    assert run.table("outcomes").height == 12


def test_intervals_over_days_cover_the_ratio_of_further_days():
    """Ratios of totals on a shared log, by the jackknife: the days' revenue and baseline rise and fall together."""
    rng, hits, trials = np.random.default_rng(0), 0, 2000
    for _ in range(trials):
        baseline = rng.gamma(20, 1.0, 7)
        learned = baseline * 1.2 + rng.normal(0, 1.0, 7) + rng.normal(0, 0.3, (3, 7))
        whole = learned.sum(axis=1) / baseline.sum()
        without = (learned.sum(axis=1, keepdims=True) - learned) / (baseline.sum() - baseline)
        found = day_interval(7 * whole[:, None] - 6 * without)
        hits += found.low <= 1.2 <= found.high
    assert 0.93 <= hits / trials <= 0.97
