"""Run folders: whole or not at all; resumed equals uninterrupted; foreign files are refused."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from auctionsim.checkpoints import load_state, save_state
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.files import write_then_rename
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.train import Interrupted, Progress, evaluate, train
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL


def new_run(folder: Path, *overrides: str, seeds: tuple[int, ...] = (0, 1)) -> Run:
    scenario = parse_scenario(SMALL, "small.toml", overrides=overrides)
    return Run.create(folder, scenario, SMALL, seeds=seeds, command="test", overrides=overrides)


def nothing(_: Progress) -> None:
    pass


class Killed(Exception):
    pass


def contents(run: Run) -> dict[str, bytes]:
    """Everything that a result is made of; the status and the command may differ."""
    # Event files carry the time of day, and timing.jsonl seconds.
    files = [path for path in run.path.rglob("*") if path.is_file() and path.name not in ("manifest.json", "timing.jsonl")]
    files = [path for path in files if "tensorboard" not in path.parts]
    return {str(path.relative_to(run.path)): path.read_bytes() for path in files}


@pytest.mark.parametrize("goes_on", [train, evaluate])
def test_a_scenario_that_was_edited_in_the_middle_of_a_run_is_refused(tmp_path: Path, goes_on: Any):
    run = new_run(tmp_path / "run", seeds=(0,))
    train(run, until=2)
    before, text = contents(run), (run.path / "scenario.toml").read_text()
    for old, new, message in [
        ("reserve = 0.01", "reserve = 0.5", r"scenario.toml: mechanism.reserve: expected 0.01, with which the run began"),
        ("iterations = 6", "iterations = 9", r"scenario.toml: train.iterations: expected 6, .* got 9 \(put it back"),
        ("count = 5", "count = 4", r"scenario.toml: advertisers\[0\].count: expected 5, .* got 4"),
    ]:
        assert old in text
        (run.path / "scenario.toml").write_text(text.replace(old, new, 1))
        with pytest.raises(InputError, match=message):
            goes_on(run)
        assert contents(run) | {"scenario.toml": text.encode()} == before
    # A comment changes nothing, nor does where to compute.
    (run.path / "scenario.toml").write_text(f"# Looked at again.\n{text}\n[cluster]\nworkers = 1\n")
    goes_on(run)


def test_a_run_holds_what_it_promises(tmp_path: Path):
    run = new_run(tmp_path / "run")
    train(run, SerialPool(), nothing)
    assert run.status == "finished"
    assert run.checkpoints() == [4, 6]
    assert (run.path / "scenario.toml").read_text() == SMALL
    assert json.loads((run.path / "resolved.json").read_text())["train"]["iterations"] == 6
    outcomes = run.table("outcomes")
    # Two arms, seeds and test days, 24 hours, five advertisers.
    assert outcomes.height == 2 * 2 * 2 * 24 * 5
    assert set(outcomes["arm"]) == {"learned", "reference"}
    assert outcomes["day"].unique().sort().to_list() == [2, 3]
    columns = {"arm", "seed", "day", "hour", "advertiser", "bid", "impressions", "clicks", "conversions", "gmv", "cost"}
    assert columns | {"budget_left", "revenue"} <= set(outcomes.columns)
    assert len(run.metrics()) == 6 * 2


@pytest.mark.parametrize("stop_after", [1, 2, 3, 5])
def test_a_run_killed_at_any_iteration_resumes_to_the_same_bytes(tmp_path: Path, stop_after: int):
    whole = new_run(tmp_path / "whole")
    train(whole, SerialPool(), nothing)

    def kill(progress: Progress) -> None:
        if progress.iteration == stop_after:
            raise Killed

    broken = new_run(tmp_path / "broken")
    with pytest.raises(Killed):
        train(broken, SerialPool(), kill)
    assert broken.status == "failed"
    with (broken.path / "metrics.jsonl").open("a") as file:
        file.write('{"iteration": 99, "se')
    train(broken, SerialPool(), nothing)
    assert contents(broken) == contents(whole)


def test_a_signal_between_the_checkpoint_and_the_end_of_an_iteration_is_for_the_next_one(tmp_path: Path):
    run = new_run(tmp_path / "run", "train.iterations=9", "train.checkpoint_every=9")
    with pytest.raises(Interrupted):
        train(run, SerialPool(), lambda progress: signal.raise_signal(signal.SIGINT) if progress.iteration == 3 else None)
    assert run.status == "interrupted"
    assert run.checkpoints() == [4]


def test_training_until_an_iteration_and_on_equals_training_in_one_go(tmp_path: Path):
    parts, whole = new_run(tmp_path / "parts"), new_run(tmp_path / "whole")
    for until in (1, 3, 3):
        train(parts, SerialPool(), nothing, until=until)
        assert parts.status == "interrupted"
        assert parts.last_checkpoint() == until
        assert not (parts.path / "outcomes.parquet").exists()
    train(parts, SerialPool(), nothing, until=99)
    train(whole, SerialPool(), nothing)
    assert parts.status == whole.status == "finished"
    for name in ("checkpoints/000006/seed-0.safetensors", "outcomes.parquet", "metrics.jsonl"):
        assert (parts.path / name).read_bytes() == (whole.path / name).read_bytes()


def test_evaluating_again_writes_the_same_bytes(tmp_path: Path):
    run = new_run(tmp_path / "run", seeds=(0,))
    train(run, SerialPool(), nothing)
    before = contents(run)
    evaluate(run)
    assert contents(run) == before


def test_an_evaluation_that_cannot_be_written_whole_changes_nothing(tmp_path: Path):
    run = new_run(tmp_path / "run", seeds=(0,))
    train(run, SerialPool(), nothing)
    (run.path / "outcomes.parquet").unlink()
    (run.path / "regret.parquet").unlink()
    (run.path / "regret.parquet").mkdir()
    before = contents(run)
    # A run of the library's that was opened before the folder came into being: the last table cannot be put in its place.
    with pytest.raises(OSError, match="regret.parquet"):
        evaluate(run)
    assert contents(run) == before
    assert {path.name for path in run.path.iterdir()} == {path.split("/")[0] for path in before} | {
        "manifest.json", "timing.jsonl", "regret.parquet", "tensorboard",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["regret.parquet", "metrics.jsonl", "provenance.json", "scenario.toml"])
def test_a_folder_with_the_name_of_a_file_is_refused_before_anything_is_done(name: str, tmp_path: Path):
    run = new_run(tmp_path / "run", seeds=(0,))
    train(run, SerialPool(), nothing)
    (run.path / "outcomes.parquet").unlink()
    (run.path / name).unlink()
    (run.path / name).mkdir()
    before = contents(run)
    with pytest.raises(InputError) as refused:
        Run.open(run.path)
    assert str(refused.value) == f"{run.path / name}: expected a file, got a folder"
    assert [main([command, str(run.path)]) for command in ("evaluate", "resume", "report", "control")] == [2, 2, 2, 2]
    assert contents(run) == before


@pytest.mark.parametrize("name", ["checkpoints", "report", "tensorboard"])
def test_a_file_with_the_name_of_a_folder_is_refused_before_anything_is_done(name: str, tmp_path: Path):
    run = new_run(tmp_path / "run", seeds=(0,))
    train(run, SerialPool(), nothing)
    if (run.path / name).exists():
        (run.path / name).rename(tmp_path / "elsewhere")
    (run.path / name).write_text("a file")
    before = contents(run)
    with pytest.raises(InputError) as refused:
        Run.open(run.path)
    assert str(refused.value) == f"{run.path / name}: expected a folder, got a file"
    assert [main([command, str(run.path)]) for command in ("evaluate", "resume", "report", "control")] == [2, 2, 2, 2]
    assert contents(run) == before


def test_seeds_trained_together_equal_seeds_trained_alone(tmp_path: Path):
    both, alone = new_run(tmp_path / "both", seeds=(0, 1)), new_run(tmp_path / "alone", seeds=(1,))
    train(both, SerialPool(), nothing)
    train(alone, SerialPool(), nothing)
    one, other = both.load_checkpoint(6)[1], alone.load_checkpoint(6)[1]
    assert all((one[name] == other[name]).all() for name in one)


def test_a_folder_that_holds_files_is_refused_and_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="expected a new or empty folder"):
        new_run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_foreign_checkpoint_is_refused(tmp_path: Path):
    run = new_run(tmp_path / "run", seeds=(0,))
    train(run, SerialPool(), nothing)
    place = run.path / "checkpoints" / "000006" / "seed-0.safetensors"
    place.write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(InputError, match="expected a safetensors file"):
        run.load_checkpoint(6)
    save_file({"mean": np.zeros((5, 3))}, place)
    with pytest.raises(InputError, match="expected a checkpoint of schema auctionsim-checkpoint-1, got None"):
        run.load_checkpoint(6)
    place.unlink()
    with pytest.raises(InputError, match="got no such file"):
        run.load_checkpoint(6)


def test_a_file_whose_writing_fails_leaves_the_old_one(tmp_path: Path):
    path = tmp_path / "f"
    path.write_text("old")

    def fail(part: Path) -> None:
        part.write_text("half")
        raise Killed

    with pytest.raises(Killed):
        write_then_rename(path, fail)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_checkpoints_hold_finite_arrays_of_the_learner(tmp_path: Path):
    run = new_run(tmp_path / "run", seeds=(0,))
    train(run, SerialPool(), nothing)
    (state,) = run.load_checkpoint(6).values()
    assert state["iteration"].tolist() == [6]
    assert state["mean"].shape == (5, 3)
    assert np.abs(state["mean"]).max() > 0


def test_a_checkpoint_keeps_arrays_that_are_slices_of_others(tmp_path: Path):
    table = np.arange(12.0).reshape(3, 4)
    state = {"column": table[:, 1], "turned": table.T, "backwards": table[0, ::-1], "number": np.array(2.5)}
    save_state(tmp_path / "state.safetensors", state)
    loaded = load_state(tmp_path / "state.safetensors")
    assert {name: array.tolist() for name, array in loaded.items()} == {name: array.tolist() for name, array in state.items()}


@pytest.mark.parametrize(("until", "status"), [(1, "interrupted"), (6, "failed")])
def test_a_training_that_diverges_is_told_in_one_line_and_is_no_wrong_input(tmp_path: Path, until: int, status: str, capsys):
    (tmp_path / "s.toml").write_text(SMALL)
    words = ["--set", "learner.learning_rate=1e3", "--until", str(until)]
    assert main(["train", str(tmp_path / "s.toml"), *words, "--out", str(tmp_path / "run")]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "bids/s" not in line]
    assert line.endswith(": expected finite coefficients >= 0, got inf for seller_0 (learner: smaller steps may help)")
    assert "training diverged in iteration" in line
    assert Run.open(tmp_path / "run").status == status


def test_a_run_that_nobody_trains_yet_does_not_seem_to_run(tmp_path: Path):
    scenario = parse_scenario(SMALL, "small.toml")
    assert Run.create(tmp_path / "run", scenario, SMALL, seeds=(0,), command="test").status == "interrupted"
