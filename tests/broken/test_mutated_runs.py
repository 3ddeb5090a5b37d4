"""Whatever is changed in a run folder, reading it ends in an `InputError` of one line or in what a run holds."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from auctionsim.errors import InputError
from auctionsim.jobs.training.train import train
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL
from .run_mutators import MUTATORS, TABLES

CASES = 12
"""Changes of each kind."""


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two seeds."""
    overrides = ("traffic.auctions_per_day=200", "train.iterations=2")
    scenario = parse_scenario(SMALL, "small.toml", overrides=overrides)
    run = Run.create(
        tmp_path_factory.mktemp("clean") / "run", scenario, SMALL, seeds=(0, 1), command="test", overrides=overrides
    )
    train(run)
    return run.path


def read(path: Path) -> None:
    """Read all that a run folder holds."""
    run = Run.open(path)
    run.scenario()
    run.metrics()
    run.provenance()
    for name in TABLES:
        run.optional_table(name)
    for iteration in run.checkpoints():
        run.load_checkpoint(iteration)


@pytest.mark.parametrize("name", MUTATORS)
def test_a_changed_run_is_read_or_refused_in_one_line(clean: Path, tmp_path: Path, name: str):
    refused = 0
    for case in range(CASES):
        folder = tmp_path / str(case) / "run"
        shutil.copytree(clean, folder)
        MUTATORS[name](folder, random.Random(f"{name}-{case}"))
        try:
            read(folder)
        except InputError as error:
            refused += 1
            assert str(folder) in str(error)
            assert "\n" not in str(error)
            assert len(str(error)) < 1000
    assert refused > 0 or name in ("scenario", "state", "checkpoint")
