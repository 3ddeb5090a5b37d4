"""A command under a limit of memory ends in lines of its own alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

ENDS_A_GENERATOR = """
import sys
from auctionsim.machine.supervised import run_supervised

def begun():
    try:
        yield
    finally:
        raise {error}

def command():
    generator = begun()
    next(generator)
    del generator
    return 0

sys.exit(run_supervised(command))
"""


@pytest.mark.parametrize(("error", "is_shown"), [("MemoryError()", False), ("ValueError('mine')", True)])
def test_what_cannot_be_raised_is_shown_unless_it_is_a_lack_of_memory(error: str, is_shown: bool):
    words = [sys.executable, "-c", ENDS_A_GENERATOR.format(error=error)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0
    assert ("mine" in done.stderr) is is_shown
    assert (done.stderr == "") is not is_shown
