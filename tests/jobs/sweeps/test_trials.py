"""Trials of a sweep through the command line: their figures come again, ties and missed floors are told."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auctionsim.cli import main

from ...conftest import SMALL

pytestmark = pytest.mark.usefixtures("without_figures")

TINY = ("traffic.auctions_per_day=100", "train.iterations=4", "learner.population=4")


def swept(folder: Path, *words: str, text: str = SMALL) -> pl.DataFrame:
    """Sweep in the current folder, and return the results."""
    (folder / "small.toml").write_text(text)
    items = [word for item in TINY for word in ("--set", item)]
    assert main(["sweep", "small.toml", *items, *words, "--workers", "0", "--out", "out"]) == 0
    return pl.read_parquet(folder / "out" / "results.parquet")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def again(command: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Run a trial's command line, and return what it prints as JSON."""
    capsys.readouterr()
    program, *words = shlex.split(command)
    assert program == "auctionsim"
    assert main([*words, "--json"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def test_a_trials_command_line_prints_its_figures_again_to_the_bit(here: Path, capsys: pytest.CaptureFixture[str]):
    results = swept(
        here, "--param", "learner.sigma=loguniform(0.05,0.3)", "--param", "advertisers.0.group=choice('a $x$ <b>')",
        "--samples", "3", "--seeds", "2", "--eta", "3", "--seed", "5",
    )  # fmt: skip
    assert results["rung"].to_list() == [0, 0, 0, 1]
    for row in (results.filter(~pl.col("is_kept")).row(0, named=True), results.filter(rung=1).row(0, named=True)):
        printed = again(row["command"], capsys)
        train, test = printed["figures"]["train"], printed["figures"]["test"]
        assert {name: row[name] for name in train} == train
        assert {name: row[f"test_{name}"] for name in test} == test
        checkpoint = f"checkpoints/{row['iterations']:06d}/seed-6.safetensors"
        swept_run = here / "out" / "trials" / f"{row['trial']:04d}"
        assert (Path(printed["run"]) / checkpoint).read_bytes() == (swept_run / checkpoint).read_bytes()
    ((finished,), (stopped, *_)) = ([row for row in results.rows(named=True) if row["rung"] == rung] for rung in (1, 0))
    assert "--until" not in finished["command"]
    assert "--until 2" in stopped["command"]
    assert json.loads((swept_run / "manifest.json").read_text())["command"] == finished["command"]


def test_training_until_an_iteration_is_evaluated_and_goes_on_with_resume(here: Path, capsys: pytest.CaptureFixture[str]):
    (here / "small.toml").write_text(SMALL)
    items = [word for item in TINY for word in ("--set", item)]
    assert main(["train", "small.toml", *items, "--until", "2", "--out", "part"]) == 0
    assert (here / "part" / "outcomes.parquet").exists()
    assert main(["resume", "part"]) == 0
    assert main(["train", "small.toml", *items, "--out", "whole"]) == 0
    name = "checkpoints/000004/seed-0.safetensors"
    assert (here / "part" / name).read_bytes() == (here / "whole" / name).read_bytes()
    capsys.readouterr()
    assert main(["train", "small.toml", *items, "--until", "5", "--out", "late"]) == 2
    assert "--until: expected <= train.iterations = 4, got 5" in capsys.readouterr().err
    assert not (here / "late").exists()


def test_where_nobody_wins_all_trials_tie_and_none_is_stopped(here: Path):
    results = swept(here, "--param", "learner.sigma=choice(0.1,0.2,0.3)", "--set", "mechanism.reserve=1000", text=SMALL)
    assert results["rank"].to_list() == [1] * results.height
    assert results["is_kept"].all()
    table = (here / "out" / "table.md").read_text()
    assert "Trials 0, 1 and 2 tie for the best by profit" in table
    assert "Nobody won anything: revenue and profit are 0." in table
    assert "not defined" in table, "the ratio to a baseline without profit"


def test_pricing_rules_are_ranked_in_currency_on_the_same_auctions(here: Path):
    results = swept(
        here, "--param", "mechanism.pricing=grid(gsp,first)", "--eta", "5", text=SMALL.replace("revenue_floor = 1.0", "")
    )
    gsp, first = results.rows(named=True)
    assert gsp["mechanism.pricing"] == "gsp"
    assert gsp["baseline_profit"] > first["baseline_profit"]
    best, other = (gsp, first) if gsp["rank"] == 1 else (first, gsp)
    assert best["profit"] > other["profit"]
    table = (here / "out" / "table.md").read_text()
    assert f"Best by profit: trial {best['trial']} " in table
    assert "Each trial has a baseline of its own (by mechanism.pricing)" in table
    assert "/ baseline" not in table


def test_trials_on_other_traffic_are_not_ranked_and_none_is_stopped(here: Path):
    results = swept(here, "--param", "traffic.queries=grid(10,20)", "--eta", "2")
    assert results["rank"].to_list() == [None, None]
    assert results["iterations"].to_list() == [4, 4]
    table = (here / "out" / "table.md").read_text()
    assert "Trials are not ranked: their traffic differs (by traffic.queries)" in table
    assert "Best by" not in table


def test_values_of_several_kinds_share_a_column_as_text(here: Path):
    results = swept(here, "--param", "advertisers.0.budget=grid(none, 0.5)")
    assert results["advertisers.0.budget"].to_list() == ['"none"', "0.5"]
