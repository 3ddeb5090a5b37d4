"""The examples run in their short form and show what they say."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.slow
def test_a_learner_of_one_s_own_earns_more_on_held_out_days():
    start, learned = runpy.run_path(str(EXAMPLES / "own_learner.py"))["main"]("--quick")
    assert learned > 1.03 * start


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
