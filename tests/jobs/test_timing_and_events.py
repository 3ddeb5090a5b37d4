"""What a training writes beside its result: seconds, and event files that TensorBoard reads."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auctionsim.agents.build import build_market
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training import timing
from auctionsim.jobs.training.iterations import Progress
from auctionsim.jobs.training.train import Interrupted, train
from auctionsim.runs import Run

from ..conftest import SMALL
from ..event_files import events_of
from .test_runs import new_run

pytestmark = pytest.mark.usefixtures("without_figures")


def scalars_of(folder: Path) -> dict[tuple[str, int], float]:
    return {(value.tag, event.step): value.simple_value for event in events_of(folder) for value in event.summary.value}


def timing_of(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "timing.jsonl").read_text().splitlines()]


def test_each_seed_is_a_run_of_tensorboard_with_its_hyperparameters(tmp_path: Path):
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    run = new_run(tmp_path / "run", seeds=(0, 3))
    train(run, SerialPool())
    assert {path.name for path in (run.path / "tensorboard").iterdir()} == {"seed-0", "seed-3", "timing"}
    for seed in (0, 3):
        folder = run.path / "tensorboard" / f"seed-{seed}"
        found = scalars_of(folder)
        logged = {row["iteration"]: row["revenue_ratio"] for row in run.metrics() if row["seed"] == seed}
        assert {step: found["revenue_ratio", step] for step in logged} == pytest.approx(logged, rel=1e-6)
        notes = {value.tag: value.metadata.plugin_data.content for event in events_of(folder) for value in event.summary.value}
        start = HParamsPluginData.FromString(notes["_hparams_/session_start_info"]).session_start_info
        assert start.hparams["learner.algorithm"].string_value == "macg-es"
        assert start.hparams["train.iterations"].number_value == 6
        assert "_hparams_/session_end_info" in notes


def test_seconds_stand_beside_the_metrics_and_count_each_cell_once_a_replay(tmp_path: Path):
    run = new_run(tmp_path / "run", seeds=(0, 1))
    seen: list[Progress] = []
    train(run, SerialPool(), seen.append)
    rows = timing_of(run)
    assert [row["iteration"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(row["seconds"] > 0 for row in rows)
    scenario, cells, bids = run.scenario(), 0, 0
    for seed in run.seeds:
        traffic = build_market(scenario, seed).traffic
        for day in scenario.traffic.train_days:
            is_own = traffic.day == day
            cells += scenario.learner.population * int(is_own.sum())
            bids += scenario.learner.population * int((traffic.row_day == day).sum())
    assert {(row["cells"], row["bids"]) for row in rows} == {(cells, bids)}
    assert {(progress.cells, progress.bids) for progress in seen} == {(cells, bids)}
    rates = scalars_of(run.path / "tensorboard" / "timing")
    assert rates["bids_per_second", 4] == pytest.approx(bids / rows[3]["seconds"], rel=1e-3)


def test_a_resumed_run_has_one_line_for_each_iteration(tmp_path: Path):
    run = new_run(tmp_path / "run", seeds=(0,))

    def stop(progress: Progress) -> None:
        if progress.iteration == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        train(run, SerialPool(), stop)
    done = len(timing_of(run))
    assert 1 <= done < 6
    train(Run.open(run.path), SerialPool())
    assert [row["iteration"] for row in timing_of(run)] == [1, 2, 3, 4, 5, 6]


NO_LINES = ("[[" * 10_000, "null", '{"iteration": true}', '{"iteration": 9}', '{"iteration": NaN}', "\x00")


@pytest.mark.parametrize("left", NO_LINES)
def test_lines_that_are_none_are_dropped_when_a_run_goes_on(tmp_path: Path, left: str):
    timing.append(tmp_path, 1, 0.25, 10, 40)
    own = (tmp_path / "timing.jsonl").read_text()
    assert json.loads(own) == {"iteration": 1, "seconds": 0.25, "cells": 10, "bids": 40}
    (tmp_path / "timing.jsonl").write_text(f"{own}{left}\n{own[:9]}")
    timing.cut(tmp_path, 3)
    assert (tmp_path / "timing.jsonl").read_text() == own


def test_a_training_without_torch_learners_does_not_import_torch(tmp_path: Path):
    (tmp_path / "s.toml").write_text(SMALL)
    code = f"""
import sys
from auctionsim.cli import main
assert main(["train", {str(tmp_path / "s.toml")!r}, "--out", {str(tmp_path / "run")!r}]) == 0
assert "tensorboardX" in sys.modules and "torch" not in sys.modules
import torch
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
