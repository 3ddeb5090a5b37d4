"""Datasets with a right digest and rows that no export writes: one line and exit code 2, for both commands that read them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.analysis.offline.exploration import Exploration
from auctionsim.cli import main
from auctionsim.jobs.offline.export import log_days, write_dataset
from auctionsim.jobs.offline.plan import make_plan
from auctionsim.scenario import Scenario

from .changes import change_rows, change_settings


@pytest.fixture
def logs(tmp_path: Path, small: Scenario) -> Path:
    write_dataset(log_days(make_plan(build_market(small), "manual"), Exploration(0.2, 0.1), per_day=2), tmp_path / "logs", "c")
    return tmp_path / "logs"


def expect_refused(logs: Path, capsys: pytest.CaptureFixture[str], message: str) -> None:
    out = logs.parent / "run"
    for command in (["learn-offline", str(logs), "--out", str(out)], ["evaluate-offline", str(logs), "--policy", "manual"]):
        assert main([*command]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
    assert not out.exists()


FIRST = pl.int_range(pl.len()) == 0


def first(name: str, value: object) -> pl.Expr:
    """A column with another value in its first row."""
    return pl.when(FIRST).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)


def everywhere(name: str, value: object) -> pl.Expr:
    return pl.lit(value).alias(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (first("day", 99), "day: expected 0 in episodes 0 to 1, as `days` and `episodes_per_day` of dataset.json say, got 99"),
        (everywhere("day", -1), "day: expected 0 in episodes 0 to 1"),
        ((1 - pl.col("day")).alias("day"), "day: expected 0 in episodes 0 to 1"),
        (first("day", None), "day: expected a value in every row, got 1 without"),
        (first("agent", None), "agent: expected a value in every row, got 1 without"),
        (first("reset_seed", None), "reset_seed: expected a value in every row, got 1 without"),
        (first("reset_seed", 7), "reset_seed: expected one in all rows of an episode, got several"),
        (everywhere("reset_seed", -1), "reset_seed: expected numbers in [0, 4.61169e+18], got -1"),
        (first("log_propensity", 1e300), "log_propensity: expected "),
        (first("log_propensity", -700.0), "log_propensity: expected "),
        (everywhere("log_propensity", -0.6), "log_propensity: expected "),
        (first("reward", 1e308), "reward: expected numbers in [-1e+15, 1e+15], got 1e+308"),
        (first("profit", -1e300), "profit: expected numbers in [-1e+15, 1e+15], got -1e+300"),
        (first("cost", -1.0), "cost: expected numbers in [0, 1e+15], got -1.0"),
        (first("gmv", float("nan")), "gmv: expected finite numbers, got one that is not"),
        (first("action_keyword_bid", 1.5), "action_keyword_bid: expected numbers in [-1, 1], got 1.5"),
        (first("behavior_keyword_bid", -2.0), "behavior_keyword_bid: expected numbers in [-1, 1], got -2.0"),
        (first("obs_budget_left", 1e9), "obs_budget_left: expected numbers in [0, 1], got 1000000000.0"),
        (everywhere("terminated", False), "terminated: expected true in hour 23 and false before it, got otherwise"),
        (first("terminated", None), "terminated: expected a value in every row, got 1 without"),
        (first("truncated", True), "truncated: expected false in every row, got true"),
        ((23 - pl.col("hour")).alias("hour"), "expected rows by episode, hour and agent, got another order"),
    ],
)
def test_rows_that_no_export_writes_are_refused(logs: Path, capsys: pytest.CaptureFixture[str], change: pl.Expr, message: str):
    change_rows(logs, lambda table: table.with_columns(change.cast(table.schema[change.meta.output_name()])))
    expect_refused(logs, capsys, message)


def test_days_of_another_split_or_market_are_refused(logs: Path, capsys: pytest.CaptureFixture[str]):
    change_settings(logs, split="test")
    expect_refused(logs, capsys, "dataset.json: days: expected the scenario's test days [2, 3], got [0, 1]")
    change_settings(logs, split="train", days=[0, 99])
    change_rows(
        logs, lambda table: table.with_columns(day=pl.when(pl.col("day") == 1).then(99).otherwise("day").cast(pl.Int64))
    )
    expect_refused(logs, capsys, "dataset.json: days: expected the scenario's train days [0, 1], got [0, 99]")


def test_agents_that_the_scenario_has_not_are_refused(logs: Path, capsys: pytest.CaptureFixture[str]):
    change_settings(logs, agents=[f"nobody_{j}" for j in range(5)])
    change_rows(logs, lambda table: table.with_columns(pl.col("agent").str.replace("seller", "nobody")))
    expect_refused(logs, capsys, "dataset.json: agents: expected ['seller_0', 'seller_1', 'seller_2', 'seller_3', 'seller_4']")
