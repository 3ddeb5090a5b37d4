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


def test_days_come_out_as_on_the_cpu_in_the_simulator():
    # The simulator is chosen when numba is imported, so it needs a process of its own.
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__).with_name("test_days.py"))],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed is not None
    assert int(passed[1]) == 9
    assert "skipped" not in run.stdout


def test_a_missing_device_and_an_unknown_one_end_in_one_line():
    traffic = make_market([1], [0], [1], [0], [0.5], [1.0], 1)
    with pytest.raises(InputError, match=r"^device: expected 'cpu', as no CUDA device.*pip install 'auctionsim\[gpu\]'"):
        replay(traffic, coefficients=np.ones((1, 1, 1)), device="cuda")
    with pytest.raises(ValueError, match=r"^device: unknown 'cudda'; choose from cpu, cuda \(did you mean 'cuda'\?\)$"):
        replay(traffic, coefficients=np.ones((1, 1, 1)), device="cudda")
