"""A report opens with one plain conclusion per run, says what the scenario is, and lists advertisers and queries."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.documents.sections import Conclusion, Table
from auctionsim.analysis.reports.opening.card import scenario_card
from auctionsim.analysis.reports.opening.conclusion import _percent, conclusion
from auctionsim.analysis.reports.report import expect_reportable, write_report
from auctionsim.analysis.reports.summary import summarize
from auctionsim.analysis.reports.tables import constraint_sections
from auctionsim.analysis.reports.views.advertisers import advertiser_measures, measures_of_advertisers
from auctionsim.analysis.reports.views.hours import hourly_changes
from auctionsim.analysis.reports.views.queries import query_sections
from auctionsim.analysis.reports.views.query_rows import query_rows
from auctionsim.errors import InputError
from auctionsim.market.simulate import simulate_day
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.profile import load_profile
from auctionsim.traffic.table import FIGURES_NOTE

from ...conftest import SMALL
from ..by_hand import Money, run_by_hand

pytestmark = pytest.mark.usefixtures("without_figures")

BASE: Money = {"a": (5.0, 10.0), "b": (5.0, 10.0)}
NO_FLOOR = ("platform.revenue_floor=0",)


def concluded(run: Run) -> Conclusion:
    return conclusion(run, summarize(run))


def test_a_floor_that_held_and_a_gain_for_everybody_read_as_good_news(tmp_path: Path):
    better = {seed: {"a": (5.0, 14.0 + seed), "b": (5.0, 14.0 + seed)} for seed in (0, 1, 2)}
    found = concluded(run_by_hand(tmp_path / "cooperating", better, dict.fromkeys((0, 1, 2), BASE)))
    # Profit 18, 20 and 22 over 10, of a bound of 30 - 10 = 20.
    assert found.text == (
        "cooperating kept the platform's revenue (100 % of the baseline, floor 100 %) and raised total profit by 100 %, of a "
        "possible 100 %; in the mean of 3 seeds every advertiser gains."
    )
    assert found.tone == "good"
    assert [(mark.text, mark.tone) for mark in found.marks] == [
        ("Revenue floor of 100 % held on all 3 test days, worst day 100 %", "good")
    ]


def test_a_missed_floor_reads_as_bad_news_and_names_who_loses_most(tmp_path: Path):
    paid = {seed: {"a": (3.0, 12.0), "b": (5.0, 9.0)} for seed in (0, 1)}
    found = concluded(run_by_hand(tmp_path / "run", paid, dict.fromkeys((0, 1), BASE)))
    assert found.text == (
        "run missed the floor on the platform's revenue (80 % of the baseline, floor 100 %) and raised total profit by 30 %, "
        "of a possible 100 %; in the mean of 2 seeds 1 of 2 advertisers gain and 1 loses (most of all b, -1.00)."
    )
    assert found.tone == "bad"
    assert found.marks[0].text == "Revenue floor of 100 % missed on 2 of 2 test days, worst day 80 %"


def test_a_floor_kept_on_average_alone_is_not_called_kept(tmp_path: Path):
    days = {0: {"a": (4.9, 10.0), "b": (5.0, 10.0)}, 1: {"a": (5.2, 10.0), "b": (5.0, 10.0)}}
    found = concluded(run_by_hand(tmp_path / "run", days, dict.fromkeys((0, 1), BASE)))
    assert "kept on average, but not on every day, the floor" in found.text
    assert found.tone == "bad"


def test_a_change_within_its_interval_is_unclear_and_no_floor_is_no_judgement(tmp_path: Path):
    noisy = {0: {"a": (4.0, 9.0), "b": (5.0, 12.0)}, 1: {"a": (6.5, 11.0), "b": (5.0, 9.0)}}
    found = concluded(run_by_hand(tmp_path / "run", noisy, dict.fromkeys((0, 1), BASE), overrides=NO_FLOOR))
    assert "shows no clear change of the platform's revenue (102.5 % of the baseline; +0.25, 95 % interval" in found.text
    assert "shows no clear change of total profit" in found.text
    # a gains 0 and -0.5, b 2 and -1: both by chance alone.
    sure = "no advertiser's change is sure, each interval holds 0 (in the mean 1 of 2 gain, 1 lose)."
    assert found.text.endswith(sure)
    assert (found.tone, found.marks[0].tone) == ("unclear", "neutral")


def test_a_gain_in_currency_that_is_sure_is_told_though_its_ratio_varies(tmp_path: Path):
    """Profit rises by 2 on both seeds, from 1 and from 9: the ratios 3 and 1.22 say nothing, the difference is sure."""
    base = {0: {"a": (5.0, 6.0)}, 1: {"a": (5.0, 14.0)}}
    learned = {0: {"a": (5.0, 8.0)}, 1: {"a": (5.0, 16.0 + 1e-3)}}
    found = concluded(run_by_hand(tmp_path / "run", learned, base, overrides=NO_FLOOR))
    assert "raised total profit by" in found.text
    assert "the advertiser gains" in found.text


def test_a_gain_that_is_sure_as_a_ratio_alone_is_told_with_both_intervals(tmp_path: Path):
    """Profit rises by a fifth, give or take little, on small and on large seeds: in currency by 0.19, 2.1 and 21."""
    base = {0: {"a": (5.0, 6.0)}, 1: {"a": (5.0, 15.0)}, 2: {"a": (5.0, 105.0)}}
    learned = {0: {"a": (5.0, 6.19)}, 1: {"a": (5.0, 17.1)}, 2: {"a": (5.0, 126.0)}}
    found = concluded(run_by_hand(tmp_path / "run", learned, base, overrides=NO_FLOOR))
    assert (
        "changed total profit to 120.3 % of the baseline's (95 % interval 117.5 % to 123.2 %), though in currency" in found.text
    )
    assert "that is unclear, as seeds differ in size; +7.76, 95 % interval -20.81 to +36.34" in found.text
    assert "no clear change" not in found.text


def test_profit_beyond_the_bound_is_paid_for_by_the_platform(tmp_path: Path):
    cheap = {seed: {"a": (0.5, 14.0), "b": (0.5, 15.0)} for seed in (0, 1)}
    found = concluded(run_by_hand(tmp_path / "run", cheap, dict.fromkeys((0, 1), BASE), welfare=25.0, overrides=NO_FLOOR))
    assert "lowered the platform's revenue to 10 % of the baseline" in found.text
    assert "by 180 %, more than the 50 % possible at the baseline's revenue, so the platform pays for it" in found.text


def test_a_profit_without_a_ratio_is_told_in_currency(tmp_path: Path):
    losing = {"a": (10.0, 5.0), "b": (10.0, 5.0)}
    found = concluded(run_by_hand(tmp_path / "run", {0: BASE}, {0: losing}, overrides=NO_FLOOR))
    assert "changed total profit by +20.00 (the baseline loses money, so there is no ratio)" in found.text
    assert found.marks[-1].text == "No interval: one seed"


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.9999, "99.99 %"), (0.99999, "99.999 %"), (1.0068, "100.7 %"), (0.5, "50 %"), (1 + 1e-12, "100 %")],
)
def test_a_share_just_below_a_floor_does_not_round_to_it(share: float, text: str):
    assert _percent(share) == text


def test_the_card_states_the_scenario_and_a_date_only_if_the_run_records_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    without = run_by_hand(tmp_path / "without", {0: BASE}, {0: BASE})
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1769817600")
    dated = run_by_hand(tmp_path / "dated", {0: BASE}, {0: BASE})
    facts = {key: values for key, *values in scenario_card({"without": without, "dated": dated}).rows}
    assert facts["Date"] == ["not recorded", "2026-01-31"]
    assert facts["Mechanism"][0] == ("generalized second price, 1 slot, ranked by bid x pctr, reserve 0.01, expected outcomes")
    assert facts["Advertisers"][0] == "seller: 5 advertisers for profit (profit floor 1.0)"
    assert "Date" not in {key for key, *_ in scenario_card({"without": without}).rows}
    assert "date" not in without.manifest()


def test_the_card_states_what_bidders_meet_before_the_auction(tmp_path: Path):
    overrides = ("mechanism.preranker.keep=3", "mechanism.preranker.noise=0.5", "predictions.pctr.bias=0.2")
    run = run_by_hand(tmp_path / "run", {0: BASE}, {0: BASE}, overrides=overrides)
    facts = dict(scenario_card({"run": run}).rows)
    assert "the best 3 candidates of a pre-ranker by ecpm with errors of 0.5" in facts["Mechanism"]
    assert facts["Predictions"] == "off by logarithms; pctr: bias 0.2; calibration none"


def test_the_card_states_what_is_reported_late_and_what_bidders_know(tmp_path: Path):
    delays = (
        'delays.distribution="log-normal"', "delays.mean=6.0", "delays.sigma=1.5", "delays.advertiser=0.3",
        'delays.rewards="waiting-window"', "delays.window=4", "delays.weekdays=[1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5]",
        "advertisers.0.delay={mean = 2.0}",
    )  # fmt: skip
    known = (
        'information.regime="winning-price"', "information.delay=3", "information.noise=0.1", "information.rounding=0.05",
        'information.aggregate="hour"', "learner.global_weight=0.0", "platform.revenue_floor=0.0",
        "advertisers.0.profit_floor=0.0",
    )  # fmt: skip
    plain = run_by_hand(tmp_path / "plain", {0: BASE}, {0: BASE})
    run = run_by_hand(tmp_path / "run", {0: BASE}, {0: BASE}, overrides=(*delays, *known))
    facts = dict(scenario_card({"run": run}).rows)
    assert facts["Delays"] == (
        "log-normal, mean 6 h, sigma 1.5, means of advertisers spread by 0.3, faster in some hours than in others; seller: "
        "exponential, mean 2 h; learners are paid by waiting-window of 4 h"
    )
    assert facts["Information"] == "winning-price, reports 3 h late, means of hours, noise 0.1, rounded to 0.05"
    assert {"Delays", "Information"}.isdisjoint(dict(scenario_card({"run": plain}).rows))
    both = {key: values for key, *values in scenario_card({"run": run, "plain": plain}).rows}
    assert both["Delays"][1] == both["Information"][1] == "none"


def test_the_card_and_the_notes_say_which_figures_are_measured(tmp_path: Path):
    run = run_by_hand(tmp_path / "run", {0: BASE}, {0: BASE})
    assert "Figures" not in dict(scenario_card({"run": run}).rows)
    said = load_profile("ipinyou").marks.sentence("ipinyou")
    run.write_provenance({"source": "synthetic", FIGURES_NOTE: said})
    assert dict(scenario_card({"run": run}).rows)["Figures"] == said
    write_report([run], tmp_path / "page")
    for name in ("report.md", "index.html"):
        page = html.unescape((tmp_path / "page" / name).read_text())
        assert page.count("measured: traffic by hour") == 2, name


def test_a_source_date_that_is_no_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH: expected a whole number of seconds since 1970, got 'yesterday'"):
        Run.create(tmp_path / "run", parse_scenario(SMALL, "s"), SMALL, seeds=(0,), command="x")
    assert not (tmp_path / "run").exists()


def test_advertisers_are_listed_losers_first_with_what_they_pay(tmp_path: Path):
    learned: dict[int, Money] = {0: {"up": (6.0, 18.0), "down": (4.0, 8.0)}, 1: {"up": (6.0, 20.0), "down": (4.0, 7.0)}}
    base: Money = {"up": (5.0, 10.0), "down": (5.0, 10.0)}
    run = run_by_hand(tmp_path / "run", learned, dict.fromkeys((0, 1), base))
    table = advertiser_measures(run)
    assert table["advertiser"].to_list() == ["down", "up"]
    assert table["change"].to_list() == pytest.approx([-1.5, 8.0])
    assert table["spend"].to_list() == pytest.approx([4.0, 6.0])
    # A click in each of 24 hours.
    assert table["cpc"].to_list() == pytest.approx([4 / 24, 6 / 24])
    assert table["roi"].to_list() == pytest.approx([3.5 / 4, 13 / 6])
    # -1 and -2 on two seeds: t(0.975, 1) sd / sqrt(2) = 12.706 / 2 each way.
    assert table["low"][0] == pytest.approx(-1.5 - 12.7062 / 2, abs=1e-3)
    shown = measures_of_advertisers({"run": run})
    assert [row[2] for row in shown.rows] == ["unclear", "unclear"]
    assert shown.rows[1][-1] == "+160.0%"
    assert (shown.filters, shown.signed) == ((1, 2), (8,))


def test_an_advertiser_who_spends_nothing_has_no_price_and_no_relative_change(tmp_path: Path):
    idle: Money = {"a": (0.0, 0.0), "b": (5.0, 10.0)}
    run = run_by_hand(tmp_path / "run", {0: idle}, {0: idle})
    row = next(row for row in measures_of_advertisers({"run": run}).rows if row[0] == "a")
    assert row[2] == "unchanged"
    assert (row[6], row[9]) == ("not defined", "not defined")


def test_hours_add_up_to_the_change_of_the_day(tmp_path: Path):
    run = run_by_hand(tmp_path / "run", {0: {"a": (2.0, 10.0), "b": (6.0, 10.0)}}, {0: BASE})
    names, values = hourly_changes(run)
    assert names == ["b", "a"]
    assert values.sum(axis=1) == pytest.approx([-1.0, 3.0])
    assert values[0] == pytest.approx(-1 / 24)
    assert hourly_changes(run, most=1)[0] == ["a"]


def test_queries_are_listed_by_the_change_of_their_revenue_and_escaped(tmp_path: Path):
    run = run_by_hand(tmp_path / "run", {0: BASE, 1: BASE}, {0: BASE, 1: BASE})
    rows = [
        {"seed": seed, "arm": arm, "query": query, "auctions": 10.0, "clicks": 2.0, "value": 9.0, "cost": cost + seed}
        for seed in (0, 1)
        for arm, costs in (("learned", (3.0, 7.0, 1.0)), ("reference", (3.5, 4.0, 1.0)))
        for query, cost in zip(("<b>shoes", "hats|", ""), costs, strict=True)
    ]
    run.write_table("queries", pl.DataFrame(rows))
    page = write_report([run], tmp_path / "report")
    text = page.with_name("report.md").read_text(encoding="utf-8")
    listed = text[text.index("## Queries") :]
    assert listed.index("hats\\|") < listed.index("&lt;b&gt;shoes") < listed.index("(all other queries)")
    assert "| hats\\| | 10 | 2.00 | 3.750 | 7.50 | 4.50 | +3.00 | 1.50 | -3.00 |" in listed
    assert "<b>shoes" not in page.read_text(encoding="utf-8")


def test_sums_over_queries_are_what_was_charged_also_where_budgets_run_out():
    text = SMALL.replace("count = 5", "count = 5\nbudget = 'baseline*0.4'")
    market = build_market(parse_scenario(text, "small.toml"))
    policy = Constant(market.static("truthful"))
    table = query_rows(0, market, {"learned": policy}, (2, 3))
    days = [simulate_day(market, day, policy).outcome for day in (2, 3)]
    spent = sum(day.cost.sum(axis=(0, 2)) for day in days)
    assert (spent >= 2 * market.budgets * (1 - 1e-9)).any(), "some run out on both days"
    assert table["cost"].sum() == pytest.approx(float(spent.sum()), rel=1e-9)
    assert table["clicks"].sum() == pytest.approx(float(sum(day.clicks.sum() for day in days)), rel=1e-9)


def test_what_a_report_refuses_is_refused_without_writing_one(tmp_path: Path):
    run = run_by_hand(tmp_path / "run", {0: BASE}, {0: BASE})
    expect_reportable([run])
    assert not (run.path / "report").exists()
    (run.path / "benchmarks.parquet").unlink()
    with pytest.raises(InputError, match=re.escape("expected the run's evaluation")):
        expect_reportable([run])


@pytest.mark.parametrize(
    ("overrides", "cost", "clicks", "said"),
    [
        ((), 10.0, 48.0, "run: sums are the amounts above."),
        (("advertisers.0.budget=9",), 12.5, 48.0, "run: revenue sums to 12.50 in place of the 10.00 above; "
         "the last charge of a budget, and the cell of auctions in which it ends, are counted otherwise here."),
        ((), 10.0, 40.0, "run: revenue sums to 10.00 in place of the 10.00 above; there clicks count with true rates."),
        (("mechanism.outcomes=sampled",), 11.0, 47.0,
         "run: revenue sums to 11.00 in place of the 10.00 above; there clicks are sampled."),
    ],
)  # fmt: skip
def test_what_sets_the_sums_over_queries_apart_is_told(
    tmp_path: Path, overrides: tuple[str, ...], cost: float, clicks: float, said: str
):
    run = run_by_hand(tmp_path / "run", {0: BASE}, {0: BASE}, overrides=("advertisers.0.budget=none", *overrides))
    rows = [
        {"seed": 0, "arm": arm, "query": "q", "auctions": 1.0, "clicks": clicks, "value": 9.0, "cost": cost}
        for arm in ("learned", "reference")
    ]
    run.write_table("queries", pl.DataFrame(rows))
    (_, table) = query_sections({"run": run})
    assert isinstance(table, Table)
    assert table.note.endswith(said)


@pytest.mark.parametrize(
    ("stated", "words"),
    [("roas_floor=2.5", "ROAS floor"), ("roi_floor=1.5", "ROI floor"), ("cpc_cap=0.01", "CPC cap"), ("cpa_cap=0.1", "CPA cap")],
)
def test_limits_are_called_by_the_words_of_their_keys(tmp_path: Path, stated: str, words: str):
    run = run_by_hand(tmp_path / "run", {0: BASE}, {0: BASE}, overrides=(f"advertisers.0.{stated}",))
    (_, table) = constraint_sections({"run": run})
    assert isinstance(table, Table)
    assert words in [row[0] for row in table.rows]
    (limits,) = [row[1] for row in scenario_card({"run": run}).rows if row[0] == "Advertisers"]
    assert f"{words} {float(stated.partition('=')[2])}" in limits


def test_a_report_of_one_seed_speaks_of_no_means_bands_or_lines(tmp_path: Path):
    one = run_by_hand(tmp_path / "one", {0: {"a": (4.0, 10.0), "b": (5.0, 12.0)}}, {0: BASE})
    text = write_report([one], tmp_path / "report").with_name("report.md").read_text(encoding="utf-8")
    figures = re.findall(r"!\[([^\]]*)\]", text)
    assert any("the baseline: one seed each." in caption for caption in figures)
    assert not [
        caption for caption in figures if "The line joins" in caption or "the band spans" in caption or "n = 1" in caption
    ]
    (hours,) = [caption for caption in figures if "in each hour" in caption]
    assert "+ marks a gain and \N{MINUS SIGN} a loss of more than 10% of the largest change" in hours
    better = run_by_hand(tmp_path / "better", {0: {"a": (5.0, 10.0), "b": (6.0, 10.0)}}, {0: BASE})
    both = write_report([one, better], tmp_path / "both").with_name("report.md").read_text(encoding="utf-8")
    assert "The line joins the runs on the Pareto front" in both
    worse = run_by_hand(tmp_path / "worse", {0: {"a": (4.0, 9.0), "b": (5.0, 11.0)}}, {0: BASE})
    assert "The line joins" not in write_report([one, worse], tmp_path / "three").with_name("report.md").read_text(
        encoding="utf-8"
    )


def test_a_query_that_one_arm_lacks_brought_nothing_there(tmp_path: Path):
    run = run_by_hand(tmp_path / "run", {0: BASE}, {0: BASE})
    rows = [
        {"seed": 0, "arm": arm, "query": query, "auctions": 1.0, "clicks": 0.0, "value": 0.0, "cost": 2.0}
        for arm, query in (("learned", "shoes"), ("reference", "hats"))
    ]
    run.write_table("queries", pl.DataFrame(rows))
    (_, table) = query_sections({"run": run})
    assert isinstance(table, Table)
    assert [row[:6] for row in table.rows] == [
        ["shoes", "1", "0.00", "not defined", "2.00", "0.00"],
        ["hats", "0", "0.00", "not defined", "0.00", "2.00"],
    ]


def test_the_queries_of_a_day_add_up_to_its_auctions_and_the_rest_is_one_row(monkeypatch: pytest.MonkeyPatch):
    market = build_market(parse_scenario(SMALL, "s", overrides=("traffic.ctr_noise=0",)), 0)
    arms = {"learned": Constant(market.static("truthful")), "reference": Constant(market.static("manual"))}
    whole = query_rows(0, market, arms, (2, 3))
    sums = whole.group_by("arm", maintain_order=True).agg(pl.col("auctions", "clicks", "cost").sum())
    traffic = market.traffic
    on_test_days = np.isin(traffic.day, (2, 3))
    assert sums["auctions"].to_list() == [traffic.weight[on_test_days].sum()] * 2
    for arm, cost in zip(("truthful", "manual"), sums["cost"].to_list(), strict=True):
        # Predicted rates are the true ones here, so that the replay charges the same.
        exact = sum(simulate_day(market, day, Constant(market.static(arm))).outcome.cost.sum() for day in (2, 3))
        assert cost == pytest.approx(exact, rel=1e-6)
    monkeypatch.setattr("auctionsim.analysis.reports.views.query_rows.MOST_STORED", 3)
    few = query_rows(0, market, arms, (2, 3))
    assert few.height == 2 * 4
    assert few.filter(query="", arm="learned").height == 1
    assert few["cost"].sum() == pytest.approx(whole["cost"].sum())
    largest = whole.filter(arm="learned").sort("cost", descending=True).head(3)["query"]
    assert set(few["query"]) == {*largest, ""}
