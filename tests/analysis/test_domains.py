"""A ratio is a number where its baseline earns money, and elsewhere "not defined" with the reason; amounts stand always."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.analysis.documents.plots import runs as plots
from auctionsim.analysis.reports.comparison import compare_runs, write_comparison
from auctionsim.analysis.reports.metrics import advertiser_profits, seed_ratios, totals
from auctionsim.analysis.reports.report import write_report
from auctionsim.analysis.reports.summary import amount, summarize
from auctionsim.analysis.run_objects.run import Run as RunObject
from auctionsim.jobs.export_run import run_tables
from auctionsim.ratios import NotDefined, ratio_to_amount
from auctionsim.runs import Run

from .by_hand import Money, run_by_hand

pytestmark = pytest.mark.usefixtures("without_figures")

LOSS: Money = {"a": (30.0, 9.0), "b": (10.0, 10.31)}
"""A profit of -20.69: of -21 and 0.31."""
GAIN: Money = {"a": (10.0, 19.0), "b": (10.0, 10.61)}
EVEN: Money = {"a": (0.1 + 0.2, 0.3), "b": (5.0, 5.0)}
"""A profit of 0, but for the last bit of 0.1 + 0.2."""
NOTHING: Money = {"a": (0.0, 0.0), "b": (0.0, 0.0)}


def report(run: Run) -> str:
    write_report([run], run.path / "report")
    return (run.path / "report" / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("amount", "base", "turnover", "expected"),
    [
        (3.0, 2.0, 10.0, 1.5),
        (-3.0, 2.0, 10.0, -1.5),
        (3.0, -2.0, 10.0, NotDefined("the baseline loses money")),
        (-4.0, -2.0, 10.0, NotDefined("the baseline loses money")),
        (3.0, 0.0, 10.0, NotDefined("the baseline earned nothing")),
        (3.0, 4e-15, 48.0, NotDefined("the baseline earned nothing")),
        (3.0, -4e-15, 48.0, NotDefined("the baseline earned nothing")),
        (0.0, 0.0, 0.0, NotDefined("the baseline earned nothing")),
    ],
)
def test_a_ratio_is_defined_above_rounding_only(amount: float, base: float, turnover: float, expected: float | NotDefined):
    assert ratio_to_amount(amount, base, turnover) == expected


def test_a_gain_over_a_losing_baseline_is_told_in_currency_and_has_no_ratio(tmp_path: Path):
    summary = summarize(run_by_hand(tmp_path / "run", {0: GAIN}, {0: LOSS}))
    assert "total profit +30.30 (from -20.69 to 9.61; ratio not defined: the baseline loses money)" in summary.sentence
    assert "revenue -20.00 (from 40.00 to 20.00; 0.500 of the baseline)" in summary.sentence
    found = json.loads(json.dumps(summary.as_dict(), allow_nan=False))
    assert found["profit"] == {"mean": None, "low": None, "high": None, "reason": "not defined: the baseline loses money"}
    assert found["changes"]["profit"]["mean"] == pytest.approx(30.30)
    assert found["totals"]["baseline"]["profit"]["mean"] == pytest.approx(-20.69)
    # From -20.69 to 9.61, of a bound of 30 - 40 = -10: above it, the platform pays.
    assert found["gap_closed"]["mean"] == pytest.approx(30.30 / 10.69)


def test_a_doubled_loss_is_no_ratio_of_two_and_nobody_is_better_off(tmp_path: Path):
    twice = {name: (2 * cost, 2 * gmv) for name, (cost, gmv) in LOSS.items()}
    summary = summarize(run_by_hand(tmp_path / "run", {0: twice}, {0: LOSS}))
    assert "profit" in summary.not_defined
    assert "total profit -20.69 (from -20.69 to -41.38" in summary.sentence
    # b gains 0.31, a loses 21 more.
    assert summary.ratios["better_off"].mean == 0.5
    assert "50% of advertisers better off (50% lose money)" in summary.sentence


def test_clicks_without_value_are_counted_and_make_nobody_better_off(tmp_path: Path):
    paid, saved = dict.fromkeys("ab", (10.0, 0.0)), dict.fromkeys("ab", (6.0, 0.0))
    run = run_by_hand(tmp_path / "run", {0: saved}, {0: paid}, welfare=0.0)
    summary = summarize(run)
    assert "clicks +0.00 (from 48.00 to 48.00)" in summary.sentence
    assert "total profit not defined: nothing in this traffic has a value" in summary.sentence
    assert "better off" not in summary.sentence
    assert summary.not_defined["better_off"] == "nothing in this traffic has a value"
    text = report(run)
    assert "| Share better off | not defined: nothing in this traffic has a value |" in text
    # A profit of minus the cost would be a statement about advertisers, and so would who gains of less spend.
    for row in ("Total profit, baseline", "GMV, learned", "Total profit, smallest change of an advertiser", "Clicks, bound G*"):
        assert f"| {row} | not defined |" in text
    assert re.search(r"\| a \| \w+ \| not defined \|", text)
    assert "| gains |" not in text
    assert "Losers first" not in text
    assert "Largest spend first." in text
    assert "figures of profit are left out: profit is not defined" in text
    assert "profits by hour are not defined" in text
    found = json.loads(json.dumps(summary.as_dict(), allow_nan=False))
    assert found["changes"]["profit"]["mean"] is found["totals"]["learned"]["gmv"]["mean"] is found["losing"] is None
    assert found["changes"]["revenue"]["mean"] == -8.0
    other = run_by_hand(tmp_path / "other", {0: paid}, {0: paid}, welfare=0.0)
    comparison = compare_runs([run, other])
    assert "total profit not defined" in comparison.lines[0]
    assert "revenue +8.00" in comparison.lines[0]
    assert comparison.as_dict()["differences"][str(other.path)]["profit"]["mean"] is None
    assert (
        "| Total profit, learned | not defined"
        in write_comparison(comparison, tmp_path / "c").with_name("report.md").read_text()
    )
    tables = run_tables(RunObject(run.path))
    for name in ("advertisers", "days"):
        assert tables[name]["profit"].null_count() == tables[name].height > 0
        assert (tables[name]["cost"] > 0).all()


def test_clicks_without_value_that_nobody_buys_any_more_leave_profit_undefined_too(tmp_path: Path):
    nothing, paid = dict.fromkeys("ab", (0.0, 0.0)), dict.fromkeys("ab", (6.0, 0.0))
    run = run_by_hand(tmp_path / "run", {0: nothing}, {0: paid}, welfare=0.0)
    bought = pl.when(arm="learned").then(0.0).otherwise(pl.col("clicks"))
    run.write_table("outcomes", run.table("outcomes").with_columns(clicks=bought))
    summary = summarize(run)
    assert "total profit not defined: nothing in this traffic has a value" in summary.sentence


def test_a_seed_in_which_nothing_has_a_value_leaves_profit_undefined_for_all_seeds(tmp_path: Path):
    worthless = dict.fromkeys(LOSS, (5.0, 0.0))
    summary = summarize(run_by_hand(tmp_path / "run", {0: worthless, 1: GAIN}, {0: worthless, 1: LOSS}, welfare=0.0))
    assert "total profit not defined: nothing in this traffic has a value on 1 of 2 seeds" in summary.sentence


def test_an_advertiser_is_better_off_if_its_profit_in_currency_rises_by_more_than_rounding(tmp_path: Path):
    before: Money = {"less loss": (7.0, 2.0), "nothing": (0.0, 0.0), "rounding": (0.3, 0.5), "same": (1.0, 2.0)}
    after: Money = {"less loss": (7.0, 5.0), "nothing": (0.0, 0.0), "rounding": (0.1 + 0.2, 0.5 + 1e-16), "same": (1.0, 2.0)}
    summary = summarize(run_by_hand(tmp_path / "run", {0: after}, {0: before}))
    assert summary.ratios["better_off"].mean == 0.25
    assert summary.losing == 0.25
    assert summary.worst_change == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("learned", "baseline", "reason"),
    [
        (NOTHING, NOTHING, "earned nothing"),
        (LOSS, NOTHING, "earned nothing"),
        (GAIN, EVEN, "earned nothing"),
        (LOSS, EVEN, "earned nothing"),
        (GAIN, LOSS, "loses money"),
    ],
)
def test_no_outcome_crashes_a_report_or_writes_a_number_that_is_none(
    tmp_path: Path, learned: Money, baseline: Money, reason: str
):
    run = run_by_hand(tmp_path / "run", {0: learned, 1: learned}, {0: baseline, 1: baseline}, ratios=(None, None))
    text = report(run)
    assert f"| Total profit | not defined: the baseline {reason} |" in text
    assert not re.search(r"\b(nan|inf|None)\b", text, re.IGNORECASE)
    assert not re.search(r"\d{9}", text), "a ratio to what is rounding has many digits"
    assert np.isnan(seed_ratios(run)["profit"].to_numpy()).all()


def test_the_gap_is_not_defined_where_the_baseline_reaches_the_bound(tmp_path: Path):
    run = run_by_hand(tmp_path / "run", {0: GAIN}, {0: GAIN}, welfare=29.61)
    assert summarize(run).not_defined["gap_closed"] == "the baseline already reaches the bound"


def test_a_measure_that_one_seed_lacks_is_not_averaged_over_the_others(tmp_path: Path):
    summary = summarize(run_by_hand(tmp_path / "run", {0: GAIN, 1: GAIN}, {0: GAIN, 1: LOSS}))
    assert summary.not_defined["profit"] == "the baseline loses money on 1 of 2 seeds"
    assert summary.changes["profit"].mean == pytest.approx(30.30 / 2)


def test_amounts_of_every_arm_stand_before_the_ratios(tmp_path: Path):
    text = report(run_by_hand(tmp_path / "run", {0: GAIN, 1: LOSS}, {0: GAIN, 1: GAIN}))
    assert text.index("## Amounts") < text.index("## Measures")
    for row in (
        "| Revenue, baseline | 20.00 |",
        "| Revenue, learned | 30.00 [",
        "| Revenue, truthful bids | 18.00 |",
        "| Total profit, bound G* | 10.00 |",
        "| Clicks, truthful bids | 50.00 |",
        "| Conversions, learned | 24.00 |",
        "| Total profit, change: learned minus baseline | -15.15 [",
    ):
        assert row in text


def test_runs_of_earlier_versions_say_which_counts_they_do_not_store(tmp_path: Path):
    run = run_by_hand(tmp_path / "run", {0: GAIN}, {0: GAIN})
    run.write_table("benchmarks", run.table("benchmarks").drop("clicks", "conversions"))
    assert totals(run).filter(arm="truthful")["clicks"].to_list() == [None]
    assert "| Clicks, truthful bids | not stored |" in report(run)


def test_a_figure_says_in_words_what_is_not_defined(tmp_path: Path):
    run = run_by_hand(tmp_path / "run", {0: GAIN}, {0: LOSS})
    figure = plots.arms_figure([summarize(run)])
    # Revenue has a bar, profit has words, and advertiser b earns money under the baseline.
    assert [bar.get_height() for bar in figure.axes[0].patches][:1] == [0.5]
    assert [text.get_text() for text in figure.axes[0].texts].count("not defined") == 1
    blank = np.full((1, 2), np.nan)
    learning = plots.learning_figure({"run": (np.ones((1, 2)), blank)})
    said = [[text.get_text() for text in axes.texts] for axes in learning.axes]
    assert said[0] == []
    assert said[1][0].startswith("not defined:")


def test_a_best_advertiser_without_profit_leaves_out_the_response_with_its_reason(tmp_path: Path):
    run = run_by_hand(tmp_path / "run", {0: LOSS}, {0: LOSS})
    hours = pl.DataFrame({"hours_since": range(-12, 12), "seed": [0] * 24, "rival_bids": [0.0] * 24, "punished": [0] * 24})
    run.write_table("punishment", hours.with_columns(profit=pl.lit(float("nan"))))
    text = report(run)
    assert "the response to a deviation is not defined: the best advertiser earns nothing" in text
    assert "figures/punishment" not in text


def test_side_by_side_advertisers_are_matched_by_name(tmp_path: Path):
    one = run_by_hand(tmp_path / "one", {0: {"a": (1.0, 3.0), "b": (1.0, 4.0)}}, {0: {"a": (1.0, 2.0), "b": (1.0, 2.0)}})
    two = run_by_hand(tmp_path / "two", {0: {"b": (1.0, 6.0), "c": (1.0, 7.0)}}, {0: {"b": (1.0, 2.0), "c": (1.0, 2.0)}})
    write_report([one, two], tmp_path / "both")
    text = (tmp_path / "both" / "report.md").read_text(encoding="utf-8")
    assert "| a | 2.000 | not in this run |" in text
    assert "| b | 3.000 | 5.000 |" in text
    assert "| c | not in this run | 6.000 |" in text
    assert "| b | +2.00 (from 1.00 to 3.00) | +4.00 (from 1.00 to 5.00) |" in text


@pytest.mark.figures
def test_a_run_called_baseline_keeps_its_own_line(tmp_path: Path):
    run = run_by_hand(tmp_path / "baseline", {0: GAIN}, {0: LOSS})
    write_report([run], tmp_path / "report")
    svg = (tmp_path / "report" / "figures" / "hourly.svg").read_text(encoding="utf-8")
    assert svg.count("<!-- baseline -->") == 2, "the baseline's and the run's"


def test_turnover_is_what_an_advertiser_moves_in_both_arms(tmp_path: Path):
    table = advertiser_profits(run_by_hand(tmp_path / "run", {0: GAIN}, {0: LOSS}))
    assert table.filter(advertiser="a")["turnover"].to_list() == pytest.approx([10 + 19 + 30 + 9])


def test_small_amounts_keep_three_digits():
    assert [amount(value, signed=True) for value in (1234.5678, -0.5, 0.00123, 1e-15, 0.0)] == [
        "+1234.57", "-0.50", "+0.00123", "+0.00", "+0.00",
    ]  # fmt: skip
