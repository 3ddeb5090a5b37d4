"""Other people's learners on our environments, in short form; `make test-extras` installs them and runs this."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
pytestmark = pytest.mark.slow


def printed_by(example: str) -> str:
    # RLlib goes through sets of names, so without this every run of it learns something else.
    command, environment = [sys.executable, str(EXAMPLES / example), "--quick"], {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def before_and_after(printed: str) -> list[list[float]]:
    """Return the numbers of the lines on test days, one list for the start and one for the learned policy."""
    lines = re.findall(r"^test days, (?:start|learned): (.*)$", printed, re.MULTILINE)
    return [[float(number) for number in re.findall(r"-?\d+\.\d+", line)] for line in lines]


@pytest.mark.skipif(find_spec("stable_baselines3") is None, reason="Stable-Baselines3 is not installed (make test-extras)")
def test_stable_baselines3_earns_more_under_floors_on_held_out_days_than_where_it_began():
    (start, profit_before), (learned, profit_after) = before_and_after(printed_by("sb3_single_bidder.py"))
    # Penalties included. Keyword bids keep every floor exactly and earn a twelfth: a quarter of the way there.
    assert learned > start + (1 / 12 - start) / 4
    assert profit_after > profit_before + 0.1


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.skipif(find_spec("tree") is None, reason="RLlib is not installed (make test-extras)")
def test_rllib_learns_one_policy_that_is_better_under_floors_on_held_out_days_than_where_it_began():
    printed = printed_by("rllib_shared_policy.py")
    returns = [float(number) for number in re.findall(r"^iteration +\d+  return (\S+)$", printed, re.MULTILINE)]
    assert np.isfinite(returns).all()
    (start, _, revenue_before), (learned, _, revenue_after) = before_and_after(printed)
    assert learned > start + 0.1
    # It begins below the platform's revenue floor, and revenue beyond the floor counts for nothing.
    assert revenue_before < 0.95
    assert min(revenue_after, 1.0) > revenue_before + 0.03
