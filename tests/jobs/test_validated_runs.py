"""Runs whose margin above the revenue floor is validated: the same bytes on resuming, the choice recorded and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from auctionsim.analysis.reports.metrics import floor_on_test_days
from auctionsim.analysis.reports.report import write_report
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.train import Progress, evaluate, train
from auctionsim.objectives.floor_days import FloorDays

from .test_runs import Killed, contents, new_run, nothing

pytestmark = pytest.mark.usefixtures("without_figures")

VALIDATED = ("traffic.days=8", "traffic.validation_days=[4,5,6]", 'learner.floor_margin="validated"')


@pytest.mark.parametrize("algorithm", ["macg-es", "cma-es"])
def test_a_run_killed_while_its_margin_is_chosen_resumes_to_the_same_bytes(tmp_path: Path, algorithm: str):
    overrides = (*VALIDATED, f'learner.algorithm="{algorithm}"', "platform.revenue_floor=1.2")
    whole = new_run(tmp_path / "whole", *overrides)
    train(whole, SerialPool(), nothing)

    def kill(progress: Progress) -> None:
        if progress.iteration == 5:
            raise Killed

    broken = new_run(tmp_path / "broken", *overrides)
    with pytest.raises(Killed):
        train(broken, SerialPool(), kill)
    train(broken, SerialPool(), nothing)
    assert contents(broken) == contents(whole)
    assert "validation.parquet" in contents(whole)


def test_the_choice_is_recorded_and_told_in_the_report(tmp_path: Path):
    run = new_run(tmp_path / "run", *VALIDATED)
    train(run, SerialPool(), nothing)
    table = run.table("validation")
    assert set(table["day"]) == {4, 5, 6}
    last = {row["seed"]: row["floor_margin"] for row in run.metrics()}
    assert dict(table.unique("seed").select("seed", "margin").iter_rows()) == last
    page = write_report([run], tmp_path / "report").with_name("report.md").read_text()
    assert "Margin above the revenue floor" in page
    kept = floor_on_test_days(run)
    assert isinstance(kept, FloorDays)
    assert kept.days == 4
    assert f"Days on which the revenue floor held | {kept.held} of 4" in page
    assert f"Worst day's revenue | {kept.worst_text}" in page
    before = contents(run)
    evaluate(run)
    assert contents(run) == before


def test_a_run_with_a_margin_in_numbers_keeps_no_such_table(tmp_path: Path):
    run = new_run(tmp_path / "run", "learner.floor_margin=0.02", seeds=(0,))
    train(run, SerialPool(), nothing)
    assert run.optional_table("validation") is None
