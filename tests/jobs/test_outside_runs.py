"""A learner trained outside writes a run folder that is reported and compared beside those of built-in ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import auctionsim
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.policies.base import Constant
from auctionsim.cli import main
from auctionsim.envs import as_policy, parallel_env
from auctionsim.errors import InputError
from auctionsim.jobs.training.outside import write_run
from auctionsim.jobs.training.train import train
from auctionsim.market.simulate import simulate_day
from auctionsim.runs import Run
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario
from auctionsim.scenario.text import scenario_text

from ..conftest import SMALL
from .test_runs import new_run

pytestmark = pytest.mark.usefixtures("without_figures")

TABLES = ("outcomes", "benchmarks", "collusion", "punishment", "regret")
CURVES = [{"iteration": i, "seed": 0, "revenue_ratio": 1.0, "profit_ratio": np.float32(1.5), "loss": 0.1} for i in (1, 2)]


def keyword_bids(n: int = 5) -> np.ndarray:
    theta = np.zeros((n, 4))
    theta[:, 3] = 1.0
    return theta


def test_a_built_in_policy_written_from_outside_has_the_tables_of_its_own_run(tmp_path: Path):
    run = new_run(tmp_path / "inside")
    train(run)
    scenario, learner = run.scenario(), make_learner(run.scenario())
    states = run.load_checkpoint(6)
    markets = {seed: auctionsim.build_market(scenario, seed) for seed in run.seeds}
    policies = {seed: learner.policy(market, states[seed]) for seed, market in markets.items()}
    outside = auctionsim.write_run(tmp_path / "outside", scenario, policies, learner="macg-es once more")
    # The same as what is bid hour by hour, which reacts to nothing.
    bids = {
        seed: {day: simulate_day(market, day, policies[seed]).coefficients for day in scenario.traffic.test_days}
        for seed, market in markets.items()
    }
    again = auctionsim.write_run(tmp_path / "again", scenario, bids, learner="its bids")
    for name in TABLES:
        assert_frame_equal(outside.table(name), run.table(name))
    for name in ("outcomes", "benchmarks", "collusion"):
        assert_frame_equal(again.table(name), run.table(name))
    assert outside.status == "finished"
    assert outside.checkpoints() == []
    assert outside.metrics() == []
    assert outside.provenance()["learner"] == "macg-es once more, trained outside auctionsim"
    # The scenario is written so that the run means the same wherever it is read.
    assert outside.scenario().model_dump() == scenario.model_dump()


def test_it_is_reported_and_compared_beside_a_built_in_one(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(new_run(tmp_path / "inside", seeds=(0,)))
    played = parallel_env(parse_scenario(SMALL, "small.toml"))
    policy = as_policy(lambda agent, seen: np.tanh(seen[:3] - 0.5), played)
    write_run("outside", parse_scenario(SMALL, "small.toml"), {0: policy}, learner="a formula", metrics=CURVES)
    write_run("keyword", parse_scenario(SMALL, "small.toml"), {0: keyword_bids()}, learner="nothing")
    assert main(["report", "outside"]) == 0
    page = (tmp_path / "outside" / "report" / "index.html").read_text()
    assert "a formula, trained outside auctionsim" in page
    capsys.readouterr()
    assert main(["compare", "inside", "outside", "keyword", "--json"]) == 0
    differences = json.loads(capsys.readouterr().out)["differences"]
    totals = Run.open("inside").table("outcomes").group_by("arm").agg(pl.col("revenue").sum())
    learned, reference = (totals.filter(arm=arm)["revenue"][0] for arm in ("learned", "reference"))
    # Keyword bids are the baseline itself.
    assert differences["keyword"]["revenue"]["mean"] == pytest.approx(reference - learned)
    assert differences["outside"]["revenue"]["mean"] != 0


@pytest.mark.parametrize("command", ["resume", "evaluate", "control"])
def test_what_needs_checkpoints_is_refused_in_one_line(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]):
    run = write_run(tmp_path / "outside", parse_scenario(SMALL, "small.toml"), {0: keyword_bids()}, learner="SB3")
    before = {path: path.read_bytes() for path in run.path.iterdir()}
    assert main([command, str(run.path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{run.path}: expected a run trained by auctionsim to ")
    assert line.endswith("got one trained outside by 'SB3' (report and compare show it)")
    assert {path: path.read_bytes() for path in run.path.iterdir()} == before
    with pytest.raises(InputError, match="trained outside"):
        train(run)


def test_a_scenario_file_is_copied_as_it_was_written(tmp_path: Path):
    path = tmp_path / "small.toml"
    path.write_text(f"# mine\n{SMALL}")
    run = write_run(tmp_path / "run", path, {0: keyword_bids()}, learner="x", overrides=["platform.revenue_floor=0.5"])
    assert (run.path / "scenario.toml").read_text() == path.read_text()
    assert run.scenario().platform.revenue_floor == 0.5
    assert json.loads((run.path / "resolved.json").read_text())["platform"]["revenue_floor"] == 0.5


def test_advertisers_that_do_not_learn_follow_their_rule(tmp_path: Path):
    text = SMALL.replace("count = 5", "count = 2") + (
        '[[advertisers]]\ngroup = "paced"\ncount = 2\ncontroller = "dual-pacing"\n'
        '[[advertisers]]\ngroup = "plain"\ncount = 1\ncontroller = "manual"\n'
    )
    scenario = parse_scenario(text, "s.toml")
    given = np.where(np.arange(5)[:, None] < 2, keyword_bids(), np.nan)
    outcomes = write_run(tmp_path / "run", scenario, {0: given}, learner="x").table("outcomes").filter(arm="learned", day=2)
    market = auctionsim.build_market(scenario)
    theta = np.concatenate([keyword_bids()[:2], market.fixed[2:]])[:, :, None]
    expected = simulate_day(market, 2, Constant(theta)).outcome.cost[:, :, 0]
    np.testing.assert_array_equal(outcomes["cost"].to_numpy().reshape(24, 5), expected)


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        ({}, "policies: expected a policy for each seed, as {0: policy, 1: policy}, got {}"),
        ({"0": keyword_bids()}, "policies: expected a policy for each seed, as {0: policy, 1: policy}, got the seed '0'"),
        ({-1: keyword_bids()}, "got the seed -1"),
        ({0: keyword_bids(4)}, "policies[0]: expected coefficients of shape (5, 4) or (24, 5, 4), got shape (4, 4)"),
        ({0: -keyword_bids()}, "policies[0]: expected finite coefficients >= 0, got -1.0"),
        ({0: np.full((24, 5, 4), np.nan)}, "policies[0]: expected finite coefficients >= 0, got nan"),
        ({0: {2: keyword_bids()}}, "policies[0]: expected coefficients for every test day, got none for day 3"),
        ({0: {2: keyword_bids(), 3: [[1.0]]}}, "policies[0][3]: expected coefficients of shape"),
        ({0: "ppo"}, "policies[0]: expected a policy with begin(), or coefficients, got 'ppo'"),
    ],
)
def test_wrong_policies_are_told_and_nothing_is_written(tmp_path: Path, policies: Any, message: str):
    with pytest.raises(InputError) as told:
        write_run(tmp_path / "run", parse_scenario(SMALL, "small.toml"), policies, learner="x")
    assert message in str(told.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"iteration": 1, "seed": 0, "revenue_ratio": 1.0}], "metrics: row 1: expected a number as profit_ratio, got None"),
        ([CURVES[0], {**CURVES[0], "loss": float("nan")}], "metrics: row 2: expected a finite number as loss, got nan"),
        ([{**CURVES[0], "seed": 5}], "metrics: row 1: expected a seed of the policies, got 5"),
        (CURVES, "metrics: expected as many rows of each seed, got 2 of seed 0, 0 of seed 1"),
    ],
)
def test_wrong_metrics_are_told_and_nothing_is_written(tmp_path: Path, rows: Any, message: str):
    policies = {0: keyword_bids(), 1: keyword_bids()}
    with pytest.raises(InputError) as told:
        write_run(tmp_path / "run", parse_scenario(SMALL, "small.toml"), policies, learner="x", metrics=rows)
    assert str(told.value) == message
    assert list(tmp_path.iterdir()) == []


def test_a_ratio_that_is_not_defined_is_null_as_in_the_metrics_of_a_run(tmp_path: Path):
    rows = [{**row, "profit_ratio": None} for row in CURVES]
    run = write_run(tmp_path / "run", parse_scenario(SMALL, "small.toml"), {0: keyword_bids()}, learner="x", metrics=rows)
    assert [row["profit_ratio"] for row in Run.open(tmp_path / "run").metrics()] == [None] * len(CURVES)
    assert run.metrics() == rows


def test_a_policy_that_fails_on_the_way_leaves_nothing_and_a_folder_that_holds_files_is_kept(tmp_path: Path):
    def act(agent: str, seen: np.ndarray) -> list[float]:
        return [np.nan] if seen[0] < 0.5 else [0.0]

    scenario = parse_scenario(SMALL, "small.toml")
    policy = as_policy(act, parallel_env(scenario, bid_model="value"))
    with pytest.raises(InputError, match="actions: expected finite numbers"):
        write_run(tmp_path / "run", scenario, {0: policy}, learner="x")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="expected a new or empty folder"):
        write_run(tmp_path, scenario, {0: keyword_bids()}, learner="x")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


ALL_KINDS = """
name = "all \u00e9 \U0001f600"
[traffic]
auctions_per_day = 600
train_days = [0, 1]
[platform]
revenue_floor = 1e-05
[[advertisers]]
group = 'a "quoted" \\ one'
count = 3
budget = "baseline*0.5"
objectives = { gmv = 0.7, profit = 0.3 }
[[advertisers]]
group = "b"
controller = "manual"
[learner]
algorithm = "lab.learner:One"
sigma_end = 0.01
[learner.constants]
sizes = [8, 8]
nested = { x = 1.5, deeper = { word = "w" }, rows = [{ a = 1 }, { a = 2 }] }
[learner.dqn]
hidden_sizes = [4]
shaping = false
[cluster]
workers = "auto"
"""


@pytest.mark.parametrize("name", [*auctionsim.scenario.file.builtin_scenarios(), "all kinds"])
def test_a_scenario_written_as_toml_reads_as_the_same(name: str):
    scenario = parse_scenario(ALL_KINDS, "s.toml") if name == "all kinds" else auctionsim.load_scenario(name)
    again = parse_scenario(scenario_text(scenario), "again.toml")
    assert isinstance(again, Scenario)
    assert again.model_dump() == scenario.model_dump()
