"""Measures on cases with a known answer; the report is self-contained and escapes names."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from auctionsim.analysis import metrics, page
from auctionsim.analysis.plots import runs as plots
from auctionsim.analysis.report import write_report
from auctionsim.analysis.summary import summarise

from auctionsim.errors import InputError
from auctionsim.runs import Run
from auctionsim.scenario_file import parse_scenario

from .conftest import SMALL


def rows(arm: str, seed: int, costs: tuple[float, float], gmvs: tuple[float, float]) -> list[dict]:
    return [
        {
            "arm": arm, "seed": seed, "day": 2, "hour": hour, "advertiser": name, "group": "g", "bid": 1.0, "impressions": 1.0,
            "clicks": 1.0, "conversions": 1.0, "gmv": gmv / 24, "cost": cost / 24, "budget_left": None, "revenue": cost / 24,
        }
        for hour in range(24)
        for name, cost, gmv in zip(("<b>north</b>", "south"), costs, gmvs, strict=True)
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Two seeds: revenue 9 and 11 against 10; total profit 15 and 17 against 10; the worst earns 0.8 and 1.2."""
    run = Run.create(tmp_path / "story", parse_scenario(SMALL, "s"), SMALL, seeds=(0, 1), command="x <script>")
    learned = rows(
        "learned",
        0,
        (4, 5),
        (15, 9),
    ) + rows("learned", 1, (5, 6), (16, 12))
    reference = [row for seed in (0, 1) for row in rows("reference", seed, (5, 5), (10, 10))]
    run.write_table("outcomes", pl.DataFrame(learned + reference, infer_schema_length=None))
    benchmarks = [
        {"seed": seed, "day": 2, "benchmark": name, "revenue": revenue, "welfare": 30.0, "profit": 30.0 - revenue}
        for seed in (0, 1)
        for name, revenue in (("efficient", 10.0), ("truthful", 18.0))
    ]
    run.write_table("benchmarks", pl.DataFrame(benchmarks))
    run.append_metrics(
        [{"iteration": i, "seed": seed, "revenue_ratio": 1.0, "profit_ratio": 1.1} for i in (1, 2) for seed in (0, 1)]
    )
    return run


def test_ratios_of_a_run_written_by_hand(run: Run):
    table = metrics.seed_ratios(run)
    assert table["revenue"].to_list() == pytest.approx([0.9, 1.1])
    assert table["profit"].to_list() == pytest.approx([1.5, 1.7])
    assert table["worst_advertiser"].to_list() == pytest.approx([0.8, 1.2])
    assert table["better_off"].to_list() == pytest.approx([0.5, 1.0])
    assert table["bound"].to_list() == pytest.approx([2.0, 2.0])
    assert table["gap_closed"].to_list() == pytest.approx([0.5, 0.7])
    assert table["truthful_revenue"].to_list() == pytest.approx([1.8, 1.8])
    assert metrics.mean_advertiser_ratios(run)["ratio"].to_list() == pytest.approx([22 / 10, 1.0])
    assert metrics.days_floor_held(run, 1.0) == (1, 2)


def test_the_summary_says_it_in_a_sentence(run: Run):
    assert summarise(run).sentence == (
        "story: revenue 1.000 of the reference, total profit 1.600 (bound 2.000), 75% of advertisers better off, "
        "floor held on 1 of 2 days (2 seeds)"
    )


def test_a_bootstrap_interval_covers_the_mean_and_shrinks_to_a_point_without_spread():
    interval = metrics.bootstrap([1.0, 2.0, 3.0, 4.0])
    assert interval.low < interval.mean == 2.5 < interval.high
    assert metrics.bootstrap([2.0, 2.0]) == metrics.Interval(2.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="expected finite numbers"):
        metrics.bootstrap([1.0, np.nan])


def test_bootstrap_intervals_hold_the_true_mean_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        interval = metrics.bootstrap(rng.normal(0, 1, 20))
        hits += interval.low <= 0 <= interval.high
    assert 0.88 <= hits / 300 <= 0.98


def test_the_first_figure_draws_the_ratios_and_the_bound(run: Run):
    figure = plots.arms_figure([summarise(run)])
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx([1.0, 1.6, 1.0])
    (bound,) = [line for line in figure.axes[0].collections if "G*" in str(line.get_label())]
    assert bound.get_segments()[0][0, 1] == pytest.approx(2.0)


def test_the_report_is_self_contained_and_escapes_names(run: Run, tmp_path: Path):
    text = write_report([run], tmp_path / "report").read_text()
    assert "<b>north</b>" not in text
    assert "&lt;b&gt;north&lt;/b&gt;" in text
    assert "x &lt;script&gt;" in text
    assert "<script" not in text
    # Everything a browser would fetch stands inside the page.
    assert set(re.findall(r'(?:src|href)="([^":]*:)', text)) == {"data:"}
    assert {path.name for path in (tmp_path / "report" / "figures").iterdir()} == {
        f"{name}.{kind}" for name in ("arms", "hourly", "learning", "advertisers") for kind in ("svg", "png")
    }


def test_the_same_run_gives_the_same_report_to_the_byte(run: Run, tmp_path: Path):
    one, other = (write_report([run], tmp_path / name).read_bytes() for name in ("a", "b"))
    assert one == other


def test_a_run_given_twice_is_refused(run: Run, tmp_path: Path):
    with pytest.raises(InputError, match="expected each run once"):
        write_report([run, run], tmp_path / "report")


def test_a_table_s_cells_are_escaped():
    assert "<i>" not in page.table(["<i>"], [["<i>"]])
