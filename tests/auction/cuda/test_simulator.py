"""The device's kernels run in numba's simulator where there is no device, so that their logic is tested everywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import cuda

from auctionsim import InputError, replay

from ...conftest import make_market

pytestmark = pytest.mark.skipif(cuda.is_available(), reason="the tests of a device run on this one")


ROOT = Path(__file__).parents[3]
TESTS = {
    "auction/cuda/test_days.py": 9, "auction/cuda/test_clearer.py": 7, "agents/learners/test_population_on_device.py": 5,
    "agents/device/test_engines.py": 12,
}  # fmt: skip


# Left to `make test-long`: the kernels that it launches are those of the others.
LONG = ("agents/learners/test_population_on_device.py",)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in TESTS])
def test_what_a_device_computes_comes_out_as_on_the_cpu_in_the_simulator(name: str):
    if name.startswith("agents/device/"):
        pytest.importorskip("torch", reason="tensors on a device need torch")
    # The simulator is chosen when numba is imported, so it needs a process of its own.
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.simulated_gpu", f"tests/{name}"],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed is not None
    assert int(passed[1]) == TESTS[name]
    assert "skipped" not in run.stdout


def test_a_missing_device_and_an_unknown_one_end_in_one_line():
    traffic = make_market([1], [0], [1], [0], [0.5], [1.0], 1)
    with pytest.raises(InputError, match=r"^device: expected 'cpu', as no CUDA device.*pip install 'auctionsim\[gpu\]'"):
        replay(traffic, coefficients=np.ones((1, 1, 1)), device="cuda")
    with pytest.raises(ValueError, match=r"^device: unknown 'cudda'; choose from cpu, cuda \(did you mean 'cuda'\?\)$"):
        replay(traffic, coefficients=np.ones((1, 1, 1)), device="cudda")
