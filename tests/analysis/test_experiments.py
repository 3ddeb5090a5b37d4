"""Experiments beside the truth: known biases come out, innocent designs are not accused, intervals cover what they claim."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import auctionsim
from auctionsim.analysis.experiments.arms import METRICS, Arms, metrics
from auctionsim.analysis.experiments.designs import DESIGNS, FEWEST_UNITS, ByUser, Switchback
from auctionsim.analysis.experiments.estimates import paired, two_sample
from auctionsim.analysis.experiments.performance import Performance, measure, truth
from auctionsim.analysis.experiments.result import Experiment
from auctionsim.cli import main
from auctionsim.jobs.studies.experiment_bias.markets import identical_days
from auctionsim.market.market import Market

DAYS = (0, 1, 2, 3)


def small_market(*overrides: str) -> Market:
    """Twelve advertisers without budgets, 2,000 auctions on each of 6 days."""
    items = ["traffic.days=6", "traffic.auctions_per_day=2000", "traffic.train_days=[0,1]", "traffic.test_days=[2,3,4,5]"]
    return auctionsim.build_market(auctionsim.load_scenario("three-arms", overrides=[*items, *overrides]), 0)


def one_budget(reserves: tuple[float, float], per_auction: float) -> Arms:
    """One advertiser that bids 1 and has a budget, so that the reserve is the price."""
    traffic = identical_days(np.array([[1.0]]), 4, 100)
    budget = {traffic.advertisers[0]: per_auction * 2400}
    markets = [
        auctionsim.build_market(auctionsim.scenario_for(traffic, budgets=budget, overrides=[f"mechanism.reserve={reserve}"]), 0)
        for reserve in reserves
    ]
    return Arms(markets[0], replace(markets[1], budgets=markets[0].budgets))


def test_a_shared_budget_biases_a_test_by_users_by_two_thirds_and_split_budgets_by_nothing():
    # Everybody in control spends the budget, everybody in treatment too, at twice the price: no effect. With a shared budget
    # treatment gets 2/3 of it and control 1/3: 2 x (2/3 - 1/3) of revenue.
    arms = one_budget((0.2, 0.4), 0.1)
    shared, split = (measure(arms, ByUser(splits), DAYS, 10, 0).of("revenue") for splits in (False, True))
    assert shared.truth == pytest.approx(0, abs=1e-6)
    assert shared.bias.mean / shared.control == pytest.approx(2 / 3, abs=0.01)
    assert shared.coverage == 0
    assert shared.is_biased
    assert abs(split.bias.mean) / split.control < 0.01
    assert split.coverage == 1


def test_a_budget_that_is_never_spent_biases_nothing():
    # Revenue is the reserve per auction: 0.2 and 0.4. An estimate differs from that by rounding alone.
    arms = one_budget((0.2, 0.4), 10.0)
    for design in (ByUser(False), ByUser(True), Switchback(4), Switchback(24)):
        found = measure(arms, design, DAYS, 3, 0).of("revenue")
        assert found.truth == pytest.approx(0.2 * 2400)
        assert found.bias.mean == pytest.approx(0, abs=1e-6)
        assert not found.is_biased


def test_periods_that_share_a_budget_are_biased_and_whole_days_are_not():
    arms = one_budget((0.2, 0.4), 0.1)
    hours, days = (measure(arms, Switchback(period), DAYS, 10, 0).of("revenue") for period in (4, 24))
    assert hours.bias.mean / hours.control > 0.2
    assert days.bias.mean == pytest.approx(0, abs=1e-6)


def test_tests_by_users_are_unbiased_without_budgets_where_tests_by_advertisers_are_not():
    arms = Arms(small_market(), small_market("platform.baseline=truthful"))
    days = (2, 3, 4, 5)
    by_user, by_advertiser = (measure(arms, DESIGNS[name], days, 40, 0).of("revenue") for name in ("user", "advertiser"))
    # Whoever bids the value among keyword bids wins more than its share: treatment looks better than it is.
    assert by_advertiser.bias.mean > 0.3 * by_advertiser.truth
    assert abs(by_user.bias.mean) < 0.02 * by_user.truth
    assert by_user.coverage > 0.85


def test_intervals_of_a_test_by_users_cover_what_they_claim_in_aa_tests():
    arms = Arms(small_market())
    found = measure(arms, DESIGNS["user"], (2, 3), 200, 1, is_aa=True).of("revenue")
    assert found.truth == 0
    # 200 experiments: three binomial standard errors around 95 %.
    assert 0.90 <= found.coverage <= 1.0
    assert found.finds_effect == pytest.approx(1 - found.coverage)
    assert found.stated_error == pytest.approx(found.standard_error, rel=0.25)


@pytest.mark.parametrize("estimator", ["two samples", "pairs"])
def test_intervals_cover_normal_values_in_95_percent(estimator: str):
    rng = np.random.default_rng(5)
    n, held = 2000, 0
    for _ in range(n):
        if estimator == "pairs":
            found, effect = paired(rng.normal(0.5, 2.0, (6, 1)), 3.0), 1.5
        else:
            found, effect = two_sample(rng.normal(0, 1, (5, 1)), rng.normal(1, 3, (12, 1)), 2.0), 2.0
        held += bool(found.low[0] <= effect <= found.high[0])
    assert held / n == pytest.approx(0.95, abs=0.015)


def test_an_estimate_of_two_samples_has_welchs_figures():
    # Equal spreads and sizes: 2 + 2 degrees of freedom, t(0.975, 4) = 2.7764 (Student's table).
    found = two_sample(np.array([[1.0], [2.0], [3.0]]), np.array([[4.0], [5.0], [6.0]]), 10.0)
    assert found.effect[0] == pytest.approx(30)
    assert found.error[0] == pytest.approx(10 * math.sqrt(2 / 3))
    assert (found.high[0] - found.effect[0]) / found.error[0] == pytest.approx(2.7764, abs=1e-4)
    # An arm without spread adds no freedom: t(0.975, 2) = 4.3027.
    found = two_sample(np.array([[1.0], [2.0], [3.0]]), np.array([[4.0], [4.0], [4.0]]), 1.0)
    assert (found.effect[0] - found.low[0]) / found.error[0] == pytest.approx(4.3027, abs=1e-4)


def test_metrics_are_sums_and_their_difference():
    found = dict(zip(METRICS, metrics(np.array([10.0, 4.0, 1.0, 7.0, 3.0])), strict=True))
    assert found == {"revenue": 3, "clicks": 4, "conversions": 1, "welfare": 7, "profit": 4}


def test_everybody_in_an_arm_is_the_market_itself():
    market, changed = small_market(), small_market("mechanism.pricing=first")
    arms = Arms(market, changed)
    control, treatment = truth(arms, (2,))
    for figures, one in ((control, market), (treatment, changed)):
        outcome = one.outcome(2, one.static("manual"))
        assert figures[0, METRICS.index("revenue")] == pytest.approx(float(outcome.cost.sum()), rel=1e-12)
        assert figures[0, METRICS.index("welfare")] == pytest.approx(float(outcome.gmv.sum()), rel=1e-12)


def test_a_replicate_depends_on_its_number_alone():
    arms = Arms(small_market(), small_market("mechanism.reserve=0.3"))
    for design in (DESIGNS["user"], Switchback(6)):
        few, many = (measure(arms, design, (2, 3), n, 3) for n in (2, 4))
        assert np.array_equal(few.effects, many.effects[:2])
        assert not np.array_equal(many.effects[0], many.effects[1])
        assert not np.array_equal(few.effects, measure(arms, design, (2, 3), 2, 4).effects)


def test_a_rule_in_half_of_the_market_bids_as_in_the_whole():
    # Half of the auctions and half of the budgets are the same market, only smaller; a rule that took half a budget for a
    # whole day's would spend half of it.
    rules = [f"advertisers.{i}.controller=throttle" for i in range(4)]
    items = ["traffic.days=6", "traffic.auctions_per_day=4000", "traffic.train_days=[0,1]", "traffic.test_days=[2,3,4,5]"]
    budgets = [f'advertisers.{i}.budget="baseline*0.5"' for i in range(4)]
    market = auctionsim.build_market(auctionsim.load_scenario("taobao-mix", overrides=[*items, *budgets, *rules]), 0)
    found = measure(Arms(market), ByUser(True), (2, 3), 4, 0, is_aa=True)
    manual = replace(market, rule_policies=(), fixed=np.nan_to_num(market.static("manual")[:, :, 0]), learners=np.zeros(0, int))
    against = measure(Arms(market, manual), ByUser(True), (2, 3), 4, 0).of("revenue")
    assert found.of("revenue").control > 0
    # Both spend their budgets, halved or not.
    assert abs(against.truth) < 0.05 * against.control
    assert abs(against.estimate) < 0.05 * against.control


def test_designs_that_a_change_rules_out_say_why():
    market = small_market()
    reserve, richer = Arms(market, small_market("mechanism.reserve=0.3")), Arms(market, replace(market, budgets=np.ones(12)))
    assert "a mechanism holds for an auction" in DESIGNS["advertiser"].problem(reserve, (2, 3))
    assert "budget that both arms share" in DESIGNS["user"].problem(richer, (2, 3))
    assert "budget that periods share" in DESIGNS["switchback"].problem(richer, (2, 3))
    assert "2 pairs of periods or more, got 1 (days: 2)" in DESIGNS["switchback-days"].problem(richer, (2, 3))
    assert DESIGNS["budget-split"].problem(richer, (2, 3)) == ""
    assert DESIGNS["switchback-days"].days((2, 3, 4)) == (2, 3)


def made(effects: np.ndarray, errors: float, *, is_aa: bool, level: float = 100.0, effect: float = 0.0) -> Performance:
    """Return a test whose intervals are 1.96 stated errors around the estimates, the same for every metric."""
    estimates = np.repeat(effects[:, None], len(METRICS), axis=1)
    control, half = np.full(len(METRICS), level), 1.96 * errors
    stated = np.full_like(estimates, errors)
    return Performance(
        DESIGNS["user"], is_aa, DAYS, control, control + effect, estimates, stated, estimates - half, estimates + half
    )


def experiment_of(same: Performance, test: Performance) -> Experiment:
    """Return an experiment with one A/A and one A/B test."""
    return Experiment("made", ("mechanism.reserve=0.3",), DAYS, len(test.effects), 0, (same, test), {})


def with_misses(misses: int, n: int) -> np.ndarray:
    """Return n estimates of mean 0, `misses` of which are 3 away from it, half above and half below."""
    return np.array([3.0, -3.0] * (misses // 2) + [0.5, -0.5] * ((n - misses) // 2))


def test_a_design_whose_intervals_are_too_narrow_is_not_to_be_believed():
    right, wrong = with_misses(2, 60), with_misses(18, 60)
    for same, test, words in [
        (wrong, wrong, "too narrow: they hold the truth in 70% of 60 experiments, and an A/A test finds an effect in 30%"),
        (
            wrong,
            right,
            "too narrow in A/A tests: they hold the truth in 97% of 60 experiments, and an A/A test finds an effect in 30",
        ),
        (right, wrong, "too narrow: they hold the truth in 70% of 60 experiments, and an A/A test finds an effect in 3%"),
    ]:
        (said,) = experiment_of(made(same, 1.0, is_aa=True), made(test, 1.0, is_aa=False)).verdicts()
        assert said.startswith("user: not to be believed: ")
        assert words in said
    (said,) = experiment_of(made(right, 1.0, is_aa=True), made(right, 1.0, is_aa=False)).verdicts()
    assert said.startswith("user: no bias seen: estimates")
    (said,) = experiment_of(made(wrong, 1.0, is_aa=True), made(right + 5, 1.0, is_aa=False)).verdicts()
    assert said.startswith("user: biased by +5")
    assert said.endswith("an A/A test finds an effect in 30%")


@pytest.mark.parametrize("n", [2, 5, 40, 100])
def test_a_right_design_is_accused_in_at_most_5_percent(n: int):
    rng = np.random.default_rng(n)
    accused = 0
    for _ in range(1000):
        same, test = (made(rng.normal(size=n), 1.0, is_aa=is_aa).of("revenue") for is_aa in (True, False))
        accused += test.is_too_narrow or same.has_false_alarms
    # 5 % and two binomial standard errors of 1000.
    assert accused <= 64


def test_chance_explains_5_misses_of_40_and_not_6():
    # P(X >= 5) = 0.048 and P(X >= 6) = 0.014 for 40 draws of 5 %.
    for misses, is_blamed in ((5, False), (6, True)):
        found = made(np.array([3.0] * misses + [0.0] * (40 - misses)), 1.0, is_aa=True).of("revenue")
        assert found.is_too_narrow is is_blamed
        assert found.has_false_alarms is is_blamed


def test_no_verdict_comes_from_estimates_that_are_all_0():
    nothing = np.zeros(10)
    found = experiment_of(*(made(nothing, 0.0, is_aa=is_aa, level=0.0) for is_aa in (True, False)))
    assert found.verdicts() == ["user: nothing can be told: every estimate is 0, and so is the effect"]
    assert "relative effect not defined: revenue is 0" in found.truth()
    # An effect that no estimate sees is a bias.
    missed = experiment_of(made(nothing, 0.0, is_aa=True), made(nothing, 0.0, is_aa=False, effect=5.0))
    assert missed.verdicts()[0].startswith("user: biased by -5")


def test_one_experiment_has_no_bias_coverage_or_false_alarms(tmp_path: Path):
    one = np.array([0.5])
    found = experiment_of(made(one, 1.0, is_aa=True), made(one, 1.0, is_aa=False))
    assert found.verdicts() == ["user: estimates +0.5; bias, coverage and false alarms not defined: one experiment"]
    assert found.lines()[-1].split("  ")[-1] == "not defined"
    assert found.lines()[-1].count("not defined") == 4
    for name in ("bias", "bias_low", "coverage", "finds_effect", "standard_error"):
        assert found.to_frame()[name].null_count() == len(found.to_frame())
    assert found.write(tmp_path, "auctionsim experiment").is_file()


def test_the_truth_needs_no_design():
    everywhere = np.full((2, 5), 4.0), np.full((2, 5), 3.0)
    found = Experiment("made", ("mechanism.reserve=0.3",), (0, 1), 2, 0, (), {"user": "too few auctions"})
    assert found.truth() == "revenue: not defined: no design is defined"
    known = replace(found, everywhere=everywhere)
    assert known.truth() == "revenue: 4 a day without the change, 3 with it everywhere: -1 (-25.0%)"
    assert replace(known, changes=()).truth() == "revenue: 4 a day; no change, so that every effect is 0"
    assert "nan" not in "\n".join([*found.lines(), *known.lines()])


def test_fewer_than_seven_advertisers_have_no_valid_interval():
    # Fixed advertisers of two kinds: the share of all assignments in which nothing differs and an effect is found.
    worst = {}
    for n in (4, 5, 6, FEWEST_UNITS, 8):
        shares = []
        for large in range(1, n):
            figures = np.arange(n) * 0.01 + (np.arange(n) >= n - large)
            found = []
            for treated in combinations(range(n), n // 2):
                is_treated = np.isin(np.arange(n), treated)
                one = two_sample(figures[~is_treated, None], figures[is_treated, None], 1.0)
                found.append(one.low[0] > 0 or one.high[0] < 0)
            shares.append(np.mean(found))
        worst[n] = max(shares)
    assert min(worst[n] for n in (4, 5, 6)) >= 0.1
    assert max(worst[n] for n in (FEWEST_UNITS, 8)) <= 0.05
    arms = one_budget((0.2, 0.2), 1.0)
    assert "1 advertisers are fewer than 7, with too few assignments" in DESIGNS["advertiser"].problem(arms, DAYS)


def test_the_command_says_which_design_to_believe(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    asked = [
        "experiment", "taobao-mix", "--base", "traffic.auctions_per_day=2000", "--set", "mechanism.reserve=0.3",
        "--replicates", "5", "--design", "user", "--design", "advertiser", "--days", "4,5",
    ]  # fmt: skip
    for i in range(4):
        asked += ["--base", f'advertisers.{i}.budget="baseline*0.3"']
    assert main([*asked, "--json", "--out", str(tmp_path / "first")]) == 0
    found = json.loads(capsys.readouterr().out)
    by_test = {(row["test"], row["metric"]): row for row in found["tests"]}
    assert by_test["A/B", "revenue"]["bias"] < by_test["A/B", "revenue"]["truth"] < 0
    assert by_test["A/A", "revenue"]["truth"] == 0
    assert "advertiser" in found["not_defined"]
    assert found["days"] == [4, 5]
    page = (tmp_path / "first" / "index.html").read_text()
    assert "biased by" in page
    assert main([*asked, "--out", str(tmp_path / "second")]) == 0
    text = capsys.readouterr().out
    assert "user: biased by" in text
    assert "advertiser: not defined: a mechanism holds" in text
    tables = [(tmp_path / name / "results.csv").read_bytes() for name in ("first", "second")]
    assert tables[0] == tables[1]
    short = ["experiment", "three-arms", "--base", "traffic.auctions_per_day=100", "--replicates", "1", "--design", "user"]
    # An earlier experiment is replaced, also one without any defined design; a folder with a file of somebody else is not.
    for _ in range(2):
        assert main([*short, "--out", str(tmp_path / "second")]) == 0
    (tmp_path / "second" / "table.md").write_text("mine")
    capsys.readouterr()
    assert main([*short, "--out", str(tmp_path / "second")]) == 2
    assert "earlier answer alone, got one that holds 'table.md' (choose another with --out)" in capsys.readouterr().err
    assert (tmp_path / "second" / "table.md").read_text() == "mine"


def test_an_experiment_never_replaces_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = tmp_path / "results.csv"
    log.write_text("day,hour\n")
    assert main(["experiment", str(log), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"--out: expected a folder that holds no input, got {tmp_path}, which holds {log}\n"
    assert main(["experiment", "three-arms", "--out", str(tmp_path)]) == 2
    assert "got one that holds 'results.csv'" in capsys.readouterr().err
    assert log.read_text() == "day,hour\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "mechanism.reserve=0.01"], "expected a change of mechanism, budgets or bids, got what holds already"),
        (["--set", "traffic.auctions_per_day=50"], "expected a key that leaves auctions and bids as they are"),
        (["--set", "mechanism.outcomes=sampled"], "mechanism.outcomes: expected 'expected' in both arms, got 'sampled'"),
        (["--set", "mechanism.reserv=3"], "mechanism.reserv"),
        (["--design", "users"], "design: unknown 'users'; choose from user, budget-split"),
        (["--days", "3,9"], "days: expected days of three-arms (0 to 3), got 9"),
        (["--period", "5"], "period: expected a divisor of 24, < 24, got 5"),
        (["--metric", "money"], "--metric: unknown 'money'; choose from revenue"),
    ],
)
def test_wrong_wishes_end_in_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    base = ["--base", "traffic.auctions_per_day=100", "--replicates", "1"]
    assert main(["experiment", "three-arms", *base, *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
