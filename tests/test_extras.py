"""Other people's learners on our environments, in short form; `make test-extras` installs them and runs this."""

from __future__ import annotations

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
    done = subprocess.run([sys.executable, str(EXAMPLES / example), "--quick"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(find_spec("stable_baselines3") is None, reason="Stable-Baselines3 is not installed (make test-extras)")
def test_stable_baselines3_learns_to_keep_the_floors_on_held_out_days():
    start, learned = map(float, re.findall(r"-?\d+\.\d+", printed_by("sb3_single_bidder.py")))
    # Penalties included: it begins below both floors, and the most that keyword bids come to is 0.04.
    assert start < -0.3
    assert learned > start / 2


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.skipif(find_spec("tree") is None, reason="RLlib is not installed (make test-extras)")
def test_rllib_learns_one_policy_for_all_sellers():
    printed = printed_by("rllib_shared_policy.py")
    returns = [float(number) for number in re.findall(r"^iteration +\d+  return (\S+)$", printed, re.MULTILINE)]
    assert np.isfinite(returns).all()
    # Eight iterations, with the noise of exploration in them: the penalties for missed floors shrink.
    assert returns[-1] > returns[0]
