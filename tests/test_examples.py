"""The examples run in their short form and show what they say."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from auctionsim.cli import main
from auctionsim.runs import Run

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_a_learner_of_one_s_own_earns_more_on_held_out_days(tmp_path: Path):
    assert runpy.run_path(str(EXAMPLES / "own_learner.py"))["main"]("--quick", out=str(tmp_path / "run")) > 1.3
    assert Run.open(tmp_path / "run").scenario().learner.algorithm == "own_learner:RandomSearch"


@pytest.mark.slow
@pytest.mark.long
def test_a_learner_outside_earns_more_on_held_out_days_and_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    start, learned = runpy.run_path(str(EXAMPLES / "outside_learner.py"))["main"]("--quick", out=str(tmp_path))
    assert learned > 1.03 * start
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "start"), str(tmp_path / "learned"), "--json"]) == 0
    # It wins more auctions than at the start, which the platform gains from.
    assert json.loads(capsys.readouterr().out)["differences"][str(tmp_path / "learned")]["revenue"]["low"] > 0


def test_a_controller_of_one_s_own_runs_by_its_name():
    done = subprocess.run([sys.executable, str(EXAMPLES / "own_controller.py")], capture_output=True, text=True, check=True)
    manual, evening = done.stdout.splitlines()
    assert "manual" in manual
    assert "__main__:Evening" in evening
    assert manual.split("[")[1] != evening.split("[")[1]


def test_controllers_are_compared(capsys: pytest.CaptureFixture[str]):
    runpy.run_path(str(EXAMPLES / "compare_controllers.py"))["main"]("--quick")
    rows = {line.split()[0]: float(line.split()[1]) for line in capsys.readouterr().out.splitlines()[1:]}
    assert rows["manual"] == pytest.approx(1.0)
    # Paced over the day, a budget buys more than spent by noon.
    assert rows["dual-pacing"] > rows["truthful"]


def test_methods_of_value_maximizers_are_compared(capsys: pytest.CaptureFixture[str]):
    runpy.run_path(str(EXAMPLES / "compare_autobidders.py"))["main"]("--quick")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    worst = {(method, rehearsals): float(ratio) for method, rehearsals, _, ratio, *_ in rows}
    # A budget that does not bind makes the sequential method break the target.
    assert worst["sequential", "20"] < 0.8 < worst["dual", "20"]
