"""Policies judged from logs of a small market, against its truth; and what is learned from logs alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.analysis.offline.estimators import ESTIMATORS, Estimate, estimate
from auctionsim.analysis.offline.exploration import Exploration
from auctionsim.cli import main
from auctionsim.jobs.offline.dataset import Dataset, read_dataset
from auctionsim.jobs.offline.evaluate import episodes_of, judge, true_value
from auctionsim.jobs.offline.export import log_days, write_dataset
from auctionsim.jobs.offline.learn import pacing_policy
from auctionsim.jobs.offline.logged_replay import own_actions
from auctionsim.jobs.offline.plan import make_plan
from auctionsim.market.simulate import simulate_day
from auctionsim.ratios import NotDefined
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

NOISE = Exploration(0.3, 0.1)


def logs(folder: Path, scenario: Scenario, policy: str = "manual", per_day: int = 40, **arguments) -> Dataset:
    plan = make_plan(build_market(scenario), policy, **arguments)
    write_dataset(log_days(plan, NOISE, per_day=per_day), folder, "command")
    return read_dataset(folder)


def rows_of(dataset: Dataset, rows: np.ndarray) -> Dataset:
    """Some of the episodes of a dataset."""
    return replace(
        dataset, observations=dataset.observations[rows], next_observations=dataset.next_observations[rows],
        actions=dataset.actions[rows], log_propensity=dataset.log_propensity[rows], days=dataset.days[rows],
        amounts={name: values[rows] for name, values in dataset.amounts.items()}, reset_seeds=dataset.reset_seeds[rows],
    )  # fmt: skip


@pytest.mark.long
def test_intervals_from_logs_of_a_market_cover_the_simulators_truth(tmp_path: Path, small: Scenario):
    samples, size = 40, 60
    dataset = logs(tmp_path / "logs", small, per_day=samples * size // 2, bidder="seller_1")
    target = make_plan(dataset.market(), "manual", bidder="seller_1", factor=1.15)
    truth, error = true_value(dataset, target, NOISE, None, 0, "profit", 800)
    means = own_actions(dataset, target, 0)
    covered: dict[str, list[bool]] = {name: [] for name in ESTIMATORS if name != "dm"}
    values: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
    for part in range(samples):
        rows = np.flatnonzero(np.arange(len(dataset.days)) % samples == part)
        episodes = episodes_of(rows_of(dataset, rows), means[rows], NOISE, 0, "profit")
        for name in ESTIMATORS:
            found = estimate(name, episodes)
            assert isinstance(found, Estimate)
            values[name].append(found.value)
            if name in covered:
                covered[name].append(found.low <= truth <= found.high)
    # 34 of 40 or fewer happen to intervals that cover 95 % once in 100 times, to those that cover 90 % once in 4.
    assert {name: sum(hits) for name, hits in covered.items() if sum(hits) < 33} == {}
    for name in ("ips", "pdis", "dr"):
        spread = np.std(values[name]) / np.sqrt(samples)
        assert abs(np.mean(values[name]) - truth) < 3.5 * np.hypot(spread, error)
    # Each improves on the one before: whole days, per decision, with a model.
    assert np.std(values["ips"]) > np.std(values["pdis"]) > np.std(values["dr"])


def test_the_logged_policy_is_judged_at_what_was_logged(tmp_path: Path, small: Scenario):
    judged = judge(logs(tmp_path / "logs", small), "manual", agent="seller_2", metric="clicks", draws=100)
    for row in judged.rows[:4]:
        assert isinstance(row.found, Estimate)
        assert row.found.value == pytest.approx(judged.logged)
        assert row.found.effective == pytest.approx(judged.episodes)
    assert judged.truth == pytest.approx(judged.logged, abs=5 * judged.truth_error + 0.05 * judged.logged)


def test_a_rule_with_a_memory_sees_its_own_logged_days_again(tmp_path: Path, small_text: str):
    scenario = parse_scenario(small_text.replace("count = 5", "count = 5\nbudget = 20"), "small.toml")
    dataset = logs(tmp_path / "logs", scenario, "pid", per_day=3)
    plan = make_plan(dataset.market(), "pid", bid_model=dataset.settings["bid_model"])
    table = dataset.log_propensity
    for j in range(5):
        means = own_actions(dataset, plan, j)
        assert NOISE.log_density(dataset.actions[:, :, j].astype(np.float64), means) == pytest.approx(table[:, :, j], abs=1e-9)
        assert len(np.unique(means)) > 24


def test_a_policy_far_from_the_logs_is_not_judged(tmp_path: Path, small: Scenario, capsys: pytest.CaptureFixture[str]):
    dataset = logs(tmp_path / "logs", small, per_day=20)
    judged = judge(dataset, "manual", factor=8.0, draws=2)
    assert all(isinstance(row.found, NotDefined) for row in judged.rows if row.name != "dm")
    assert main(["evaluate-offline", str(dataset.path), "--policy", "manual", "--factor", "8", "--draws", "2"]) == 0
    said = capsys.readouterr().out
    assert said.count("not defined: the weights of 40 episodes count as those of ") == 6
    assert main(["evaluate-offline", str(dataset.path), "--policy", "start", "--draws", "2", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["estimates"]
    assert [row["estimator"] for row in rows] == list(ESTIMATORS)
    assert rows[-1]["low"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "manuel"], "--policy: expected a rule or the folder of a run, got 'manuel'"),
        (["--policy", "truthful"], "bid_model: expected value or macg that holds the bids of truthful, on value, got 'scale'"),
        (["--policy", "manual", "--agent", "seller_7"], "--agent: unknown 'seller_7'; choose from seller_0"),
        (["--policy", "manual", "--metric", "profits"], "--metric: unknown 'profits'"),
        (["--policy", "manual", "--factor", "0"], "--factor: expected a finite number > 0, got 0"),
        (["--policy", "manual", "--noise", "9"], "--noise: expected a number >= 0.001 and <= 2, got 9"),
    ],
)
def test_wrong_input_is_one_line(
    tmp_path: Path, small: Scenario, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
):
    dataset = logs(tmp_path / "logs", small, per_day=1)
    capsys.readouterr()
    assert main(["evaluate-offline", str(dataset.path), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)


def test_logs_of_other_traffic_are_refused(tmp_path: Path, small: Scenario):
    dataset = logs(tmp_path / "logs", small, per_day=1)
    path = tmp_path / "logs" / "dataset.json"
    path.write_text(json.dumps({**dataset.settings, "seed": 5}))
    with pytest.raises(
        auctionsim.InputError, match="expected the outcomes that a replay of its actions has, got others on day 0"
    ):
        judge(read_dataset(tmp_path / "logs"), "manual", draws=1)


def test_pacing_from_logs_keeps_budgets_that_keyword_bids_exhaust_before_noon_and_earns_more(tmp_path: Path):
    scenario = parse_scenario(SMALL.replace("count = 5", "count = 5\nbudget = 3").replace("profit_floor = 1.0\n", ""), "s.toml")
    market = build_market(scenario)
    dataset = logs(tmp_path / "logs", scenario, per_day=60)
    policy = pacing_policy(dataset, market, "profit")
    ran = {
        name: simulate_day(market, 2, who)
        for name, who in {"paced": policy, "keyword": make_plan(market, "manual").policy}.items()
    }
    cost = {name: one.outcome.cost[..., 0] for name, one in ran.items()}
    assert (cost["paced"].sum(axis=0) <= 3 + 1e-9).all()
    assert cost["keyword"][16:].sum() < 0.5 * cost["paced"][16:].sum()
    profit = {name: float((one.outcome.gmv - one.outcome.cost).sum()) for name, one in ran.items()}
    assert profit["paced"] > profit["keyword"]


def test_learning_from_logs_writes_a_run_that_reports_take(tmp_path: Path, small: Scenario, capsys: pytest.CaptureFixture[str]):
    dataset = logs(tmp_path / "logs", small, per_day=20, bidder="seller_0")
    run = str(tmp_path / "run")
    assert main(["learn-offline", str(dataset.path), "--out", run]) == 0
    assert "auctionsim report" in capsys.readouterr().err
    outcomes = auctionsim.Run.open(run).table("outcomes")
    assert set(outcomes["arm"]) == {"learned", "reference"}
    # Those that were not logged keep to their rule.
    bids = outcomes.filter(outcomes["advertiser"] == "seller_3")
    assert bids.filter(bids["arm"] == "learned")["bid"].to_list() == bids.filter(bids["arm"] == "reference")["bid"].to_list()
    assert main(["report", run]) == 0
    assert main(["learn-offline", str(dataset.path), "--learner", "cqll", "--out", str(tmp_path / "x")]) == 2
    assert "--learner: unknown 'cqll'" in capsys.readouterr().err
    for metric in ("cost", "impressions"):
        assert main(["learn-offline", str(dataset.path), "--metric", metric, "--out", str(tmp_path / "x")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"--metric: unknown '{metric}'; choose from reward, profit, gmv, clicks, conversions")
    assert not (tmp_path / "x").exists()


def test_pacing_needs_actions_of_one_number(tmp_path: Path, small: Scenario):
    dataset = logs(tmp_path / "logs", small, "start", per_day=1, bid_model="macg")
    with pytest.raises(auctionsim.InputError, match="expected actions of one number for online-lp, got 3"):
        pacing_policy(dataset, dataset.market(), "profit")


def test_one_draw_of_a_day_has_no_standard_error(tmp_path: Path, small: Scenario, capsys: pytest.CaptureFixture[str]):
    dataset = logs(tmp_path / "logs", small, per_day=2)
    command = ["evaluate-offline", str(dataset.path), "--policy", "manual", "--draws", "1"]
    assert main(command) == 0
    assert "(standard error not defined: one draw of a day has no spread)" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["truth_error"] is None
    assert isinstance(judge(dataset, "manual", draws=2).truth_error, float)
