"""Training from Python by one call: its folder, resuming, refusals, and the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.jobs.training import launch

from ..conftest import SMALL
from .test_runs import contents

QUICK = SMALL.replace("iterations = 6", "iterations = 2")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "small.toml").write_text(QUICK)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "small.toml"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("result")
    (folder / "small.toml").write_text(QUICK)
    return auctionsim.train(folder / "small.toml", folder / "run", seeds=[0, 3])


def test_a_run_from_python_is_that_of_the_command_line(file: Path):
    result = auctionsim.train("small.toml", "python", seeds=2, overrides=["learner.sigma=0.2"])
    assert main(["train", "small.toml", "--seeds", "2", "--set", "learner.sigma=0.2", "--out", "shell"]) == 0
    by_shell = {name: text for name, text in contents(auctionsim.Run.open("shell")).items() if not name.startswith("report")}
    assert contents(result.run) == by_shell


def test_without_a_folder_a_run_goes_where_the_command_line_would_put_it(file: Path):
    assert auctionsim.train("small.toml", until=1).path == Path("runs/small")
    scenario = auctionsim.load_scenario(file, overrides=['name="a/b"'])
    with pytest.raises(InputError, match="out: expected a folder, since the scenario's name 'a/b' cannot be one"):
        auctionsim.train(scenario)


def test_until_evaluates_and_resume_goes_on(file: Path):
    early = auctionsim.train("small.toml", "run", until=1)
    assert early.status == "interrupted"
    assert early.outcomes.to_frame("day").height == 4
    finished = auctionsim.train("small.toml", "run", resume=True)
    again = auctionsim.train("small.toml", "run", resume=True, callbacks=[_never])
    assert finished.status == again.status == "finished"
    # It keeps the checkpoint where it was stopped beside the last one.
    written = {name: text for name, text in contents(finished.run).items() if "000001" not in name}
    assert written == contents(auctionsim.train("small.toml", "whole").run)


def _never(iteration: Any) -> None:
    raise AssertionError


def test_resume_refuses_another_scenario_and_other_seeds(file: Path):
    auctionsim.train("small.toml", "run", until=1)
    for arguments, message in (
        ({"seeds": 2}, r"run: expected a run of the seeds \[0, 1\] to resume, got \[0\]"),
        ({"overrides": ["train.iterations=9"]}, "run: train.iterations: expected 9 as in the scenario to resume, got 2"),
        ({"overrides": ["advertisers.0.profit_floor=0.5"]}, r"run: advertisers\[0\].profit_floor: expected 0.5 as in"),
    ):
        with pytest.raises(InputError, match=message):
            auctionsim.train("small.toml", "run", resume=True, **arguments)
    with pytest.raises(InputError, match="expected a new or empty folder, .* or go on with it by resume=True"):
        auctionsim.train("small.toml", "run")
    # The number of workers changes no result.
    assert auctionsim.train("small.toml", "run", resume=True, overrides=["cluster.workers=0"]).status == "finished"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scenario": 5}, "scenario: expected a Scenario, a Run, the path of a scenario file, or the name"),
        ({"seeds": 0}, "seeds: expected a whole number >= 1, got 0"),
        ({"seeds": [1, 1]}, "seeds: expected one or more different seeds, got"),
        ({"seeds": "12"}, "seeds: expected a whole number >= 1 or a list of seeds, got '12'"),
        ({"until": 3}, "until: expected <= train.iterations = 2, got 3"),
        ({"workers": -1}, "workers: expected a whole number >= 0, got -1"),
        ({"resume": "yes"}, "resume: expected"),
        ({"overrides": "learner.sigma=1"}, "overrides: expected a list of text"),
        ({"pool": 5}, "pool: expected a pool, which has the methods put, .* got 5"),
        ({"seeds": np.array(2.0)}, "seeds: expected a whole number >= 1 or a list of seeds, got array"),
        ({"seeds": 10**30}, "^seeds: expected a whole number <= 10000, got 1000"),
        ({"out": "x" * 5000}, "out: expected the path of a file or folder of <= 4095 bytes and names of <= 255 bytes"),
        ({"out": "new/" + "\u00e9" * 128}, "out: expected .* names of <= 255 bytes"),
        ({"out": None, "overrides": ["name=" + "\U0001f600" * 100]}, "out: expected .* names of <= 255 bytes"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(arguments: dict[str, Any], message: str, file: Path):
    with pytest.raises(InputError, match=message):
        auctionsim.train(**{"scenario": "small.toml", "out": "run", **arguments})
    assert [path.name for path in Path().iterdir()] == ["small.toml"]


def test_a_folder_that_another_process_has_filled_since_is_told(file: Path, monkeypatch: pytest.MonkeyPatch):
    def filled(scenario: Any, seed: int) -> Any:
        Path("run").mkdir()
        Path("run/manifest.json").write_text("{}")
        return build_market(scenario, seed)

    monkeypatch.setattr(launch, "build_market", filled)
    with pytest.raises(InputError, match="run: expected a new or empty folder, .* another process may have just begun"):
        auctionsim.train("small.toml", "run", resume=True)


def test_a_run_is_trained_to_its_end_and_takes_no_second_scenario(file: Path):
    run = auctionsim.Run.create(Path("run"), auctionsim.load_scenario(file), QUICK, seeds=(0,), command="test")
    with pytest.raises(InputError, match="out: expected only with a scenario, got 'x' beside a run"):
        auctionsim.train(run, "x")
    assert auctionsim.train(run).status == "finished"


def test_the_learned_policy_of_a_seed_brings_what_the_run_stored(result: Any):
    again = result.evaluate(result.policy(3), seed=3).to_frame("day").filter(arm="given")
    stored = result.outcomes.to_frame("day").filter(arm="learned", seed=3)
    assert again["profit"].to_list() == stored["profit"].to_list()
    learned = result.evaluate(days=[0], seed=3).to_frame()
    assert learned["arm"].unique(maintain_order=True).to_list() == ["learned", "reference"]
    assert learned["day"].unique().to_list() == [0]


def test_tables_by_advertiser_and_day_add_up(result: Any):
    whole = result.outcomes.to_frame()
    assert whole.height == 2 * 2 * 2 * 24 * 5
    for by, height in (("advertiser", 2 * 2 * 5), ("day", 2 * 2 * 2)):
        table = result.outcomes.to_frame(by)
        assert table.height == height
        assert table["profit"].sum() == pytest.approx(whole["profit"].sum())
    with pytest.raises(InputError, match="by: unknown 'week'; choose from hour, advertiser, day"):
        result.outcomes.to_frame("week")


def test_metrics_are_rows_and_a_table(result: Any):
    table = result.metrics.to_frame()
    assert table.columns[:2] == ["iteration", "seed"]
    assert table.rows(named=True) == [{name: row[name] for name in table.columns} for row in result.metrics]
    assert result.run.metrics() == list(result.metrics)


def test_the_best_seed_is_chosen_by_training_days(result: Any):
    last = {row["seed"]: row["profit_ratio"] for row in result.metrics if row["iteration"] == 2}
    assert result.best_seed() == max(last, key=last.__getitem__)
    with pytest.raises(InputError, match="metric: unknown 'profit'; choose from"):
        result.best_seed("profit")


def test_a_seed_has_to_be_named_and_to_be_one_of_the_run(result: Any):
    for call in (result.policy, result.market):
        with pytest.raises(
            InputError, match=r"seed: expected one of 0, 3, got none \(best_seed\(\) chooses by training days\)"
        ):
            call()
        with pytest.raises(InputError, match="seed: expected one of 0, 3, got 1"):
            call(1)
    for days, message in (([9], "days: expected one of 0 to 3, got 9"), ([], "days: expected one or more days")):
        with pytest.raises(InputError, match=message):
            result.evaluate(days=days)
    with pytest.raises(InputError, match="policy: expected a policy with a method begin"):
        result.evaluate(np.ones(3))


def test_a_pool_that_cannot_be_opened_leaves_nothing_behind(file: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(workers: int) -> None:
        raise InputError(f"{workers} workers: expected Ray")

    monkeypatch.setattr("auctionsim.jobs.training.launch.open_pool", refuse)
    with pytest.raises(InputError, match="2 workers: expected Ray"):
        auctionsim.train("small.toml", "run", workers=2)
    assert not Path("run").exists()
