"""Intervals of a run: over seeds on traffic of their own, over days on a log that all seeds share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.analysis.reports.comparison import compare_runs
from auctionsim.analysis.reports.fixed_traffic import has_fixed_traffic, intervals_of
from auctionsim.analysis.reports.report import write_report
from auctionsim.analysis.reports.run_view import RunView, without_days
from auctionsim.analysis.reports.summary import intervals_text, summarize
from auctionsim.analysis.statistics import day_interval, mean_interval
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

pytestmark = pytest.mark.usefixtures("without_figures")

REVENUE = {(0, 2): 3.0, (0, 3): 9.0, (0, 4): 6.0, (1, 2): 4.0, (1, 3): 8.0, (1, 4): 6.5}
"""Revenue by seed and day; the baseline's is 2, 4 and 3 on the three days."""
BASELINE = {2: 2.0, 3: 4.0, 4: 3.0}


def write_benchmarks(run: Run, seeds: int, days: tuple[int, ...]) -> None:
    benchmarks = [
        {"seed": seed, "day": day, "benchmark": name, "revenue": 2.0, "welfare": 30.0, "profit": 28.0, "clicks": 9.0,
         "conversions": 9.0}
        for seed in range(seeds) for day in days for name in ("efficient", "truthful")
    ]  # fmt: skip
    run.write_table("benchmarks", pl.DataFrame(benchmarks))


def run_on(folder: Path, source: str, days: tuple[int, ...] = (2, 3, 4)) -> Run:
    """A run on generated traffic, or as if on a table."""
    run = Run.create(folder, parse_scenario(SMALL, "s"), SMALL, seeds=(0, 1), command="x")
    rows = [
        {
            "arm": arm, "seed": seed, "day": day, "hour": hour, "advertiser": "a", "group": "seller", "bid": 1.0,
            "impressions": 1.0, "clicks": 1.0, "conversions": 1.0, "gmv": 0.0 if hour else 9.0,
            "cost": 0.0 if hour else revenue, "budget_left": None, "revenue": 0.0 if hour else revenue,
        }
        for (seed, day), value in REVENUE.items() if day in days
        for hour in range(24)
        for arm, revenue in (("learned", value), ("reference", BASELINE[day]))
    ]  # fmt: skip
    run.write_table("outcomes", pl.DataFrame(rows, infer_schema_length=None))
    write_benchmarks(run, 2, days)
    scenario = run.scenario()
    traffic = scenario.traffic.model_copy(update={"source": source})
    view = RunView(run.path)
    object.__setattr__(view, "scenario", lambda: scenario.model_copy(update={"traffic": traffic}))
    return view


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
        run_on(tmp_path / str(k), source) for k, source in enumerate(("log.csv", "log-{seed}.csv", "synthetic"))
    )
    assert [has_fixed_traffic(run.scenario()) for run in (fixed, per_seed, generated)] == [True, False, False]
    assert "over days" in intervals_text([summarize(fixed)])
    assert "over seeds" in intervals_text([summarize(per_seed)])


def test_a_run_without_a_day_lacks_its_rows_alone(tmp_path: Path):
    run = run_on(tmp_path / "r", "log.csv")
    (without,) = without_days(run, [3])
    assert without.table("outcomes")["day"].unique().sort().to_list() == [2, 4]
    assert without.seeds == (0, 1)
    assert run.table("outcomes").height == 12 * 24
    (without,) = without_days(RunView(run.path, kept=(1,)), [3])
    assert without.table("outcomes")["seed"].unique().to_list() == [1]
    assert without.table("outcomes").height == 4 * 24
    assert (without.seeds, without.metrics()) == ((1,), [])


LOG = """
name = "log"
[traffic]
source = "log.csv"
train_days = [0, 1]
test_days = [2, 3, 4]
[[advertisers]]
group = "g"
count = 1
"""


def run_on_log(folder: Path, days: tuple[int, ...], more: float = 0.0, seeds: int = 5) -> Run:
    """A run of several seeds on one log: seeds bid almost alike, days do not."""
    run = Run.create(folder, parse_scenario(LOG, "s"), LOG, seeds=tuple(range(seeds)), command="x")
    rows = [
        {
            "arm": arm, "seed": seed, "day": day, "hour": hour, "advertiser": "a", "group": "g", "bid": 1.0,
            "impressions": 1.0, "clicks": 1.0, "conversions": 1.0, "gmv": 1.0, "cost": paid / 24, "budget_left": None,
            "revenue": paid / 24,
        }
        for seed in range(seeds) for day in days for hour in range(24)
        for arm, paid in (("learned", REVENUE[0, day] + more * day + 0.01 * seed), ("reference", BASELINE[day]))
    ]  # fmt: skip
    run.write_table("outcomes", pl.DataFrame(rows, infer_schema_length=None))
    write_benchmarks(run, seeds, days)
    run.write_provenance({})
    run.set_status("finished")
    return Run.open(folder)


def test_a_summary_of_five_seeds_on_one_log_has_the_interval_of_its_days(tmp_path: Path):
    summary = summarize(run_on_log(tmp_path / "r", (2, 3, 4)))
    by_day = np.array([[REVENUE[0, day] + 0.01 * seed for day in (2, 3, 4)] for seed in range(5)])
    expected = day_interval(3 * by_day)
    found = summary.totals["learned"]["revenue"]
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.over == summary.over == "days"
    assert summary.ratios["revenue"].over == "days"
    assert found.high - found.low > 20 * (mean_interval(by_day.sum(axis=1)).high - found.mean)


def test_one_test_day_of_a_log_has_no_interval_and_the_report_says_so(tmp_path: Path):
    run = run_on_log(tmp_path / "r", (3,))
    assert not summarize(run).totals["learned"]["revenue"].is_known
    write_report([run], tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "no interval: all seeds share one test day" in text
    assert "(one day, no interval)" in text


def test_captions_of_a_log_say_that_intervals_are_over_days(tmp_path: Path):
    write_report([run_on_log(tmp_path / "r", (2, 3, 4))], tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert text.count("over days (the traffic is the same for all seeds, which vary the learner alone)") == 4


def test_runs_on_one_log_are_compared_over_its_days(tmp_path: Path):
    days = (2, 3, 4)
    comparison = compare_runs([run_on_log(tmp_path / "a", days), run_on_log(tmp_path / "b", days, more=0.1)])
    found = comparison.differences[0].amounts["learned"]["revenue"]
    expected = day_interval(3 * np.array([[0.2, 0.3, 0.4]] * 5))
    assert (found.difference.low, found.difference.high) == pytest.approx((expected.low, expected.high))
    assert (found.seeds, found.better, found.p_value) == (3, 3, 0.25)
    assert "3 paired test days of one log" in comparison.lines[0]
    alone = compare_runs([run_on_log(tmp_path / "c", (3,)), run_on_log(tmp_path / "d", (3,), more=0.1)])
    assert "1 shared test day, no interval" in alone.lines[0]


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
