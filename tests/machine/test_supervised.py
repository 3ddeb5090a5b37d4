"""A command under a limit of memory ends in lines of its own alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

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


WAITS = """
import resource, sys, threading, time
from pathlib import Path
from auctionsim.machine.supervised import run_supervised

taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + {room} * 2**20, resource.RLIM_INFINITY))

def waits():
    threading.Event().wait()

def looks():
    for _ in range(40):
        time.sleep(0.1)
    return 0

def writes():
    print("x" * 10**6)
    return 0

def sleeps():
    time.sleep(4)
    return 0

sys.exit(run_supervised({command}, patience=0.5))
"""


@pytest.mark.parametrize(
    ("command", "room", "ends"),
    [
        # As polars does where one of its threads gets no memory.
        pytest.param("waits", 40, 1, id="waits for ever without memory"),
        pytest.param("looks", 40, 0, id="looks now and then whether something has come"),
        pytest.param("sleeps", 400, 0, id="does nothing for long, with memory left"),
    ],
)
def test_a_command_that_waits_for_memory_for_ever_is_ended_and_no_other(command: str, room: int, ends: int):
    words = [sys.executable, "-c", WAITS.format(command=command, room=room)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == ends
    assert ("auctionsim: expected more memory than the limit of" in done.stderr) is (ends == 1)
    assert done.stderr.count("\n") == ends


def test_a_command_whose_reader_is_slow_is_not_ended():
    words = [sys.executable, "-c", WAITS.format(command="writes", room=40)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        time.sleep(4)
        out, errors = running.communicate(timeout=120)
    assert (running.returncode, errors) == (0, "")
    assert len(out) == 10**6 + 1


COUNTS = """
import signal, sys, time
from auctionsim.machine.supervised import run_supervised

def command():
    found = []
    signal.signal(signal.SIGINT, lambda *_: found.append(1))
    print("ready", flush=True)
    while not found:
        time.sleep(0.01)
    time.sleep(0.5)
    print(len(found))
    return 0

sys.exit(run_supervised(command))
"""


def begun(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_an_interrupt_of_the_terminal_counts_once():
    with begun(COUNTS) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        time.sleep(0.5)
        # A terminal sends it to all processes of the group.
        os.killpg(running.pid, signal.SIGINT)
        assert running.communicate(timeout=60)[0] == "1\n"


def test_a_pause_of_the_terminal_pauses_the_command_until_it_goes_on():
    ticks = "import sys, time\nfrom auctionsim.machine.supervised import run_supervised\n"
    ticks += (
        "def command():\n    for _ in range(400):\n        print('.', flush=True)\n        time.sleep(0.01)\n    return 0\n"
    )
    with begun(ticks + "sys.exit(run_supervised(command))") as running:
        assert running.stdout is not None
        running.stdout.readline()
        # The parent's handler is set soon after the fork.
        time.sleep(0.5)
        try:
            os.killpg(running.pid, signal.SIGTSTP)
            time.sleep(1)
            words = ["ps", "-o", "stat=", "-p", str(running.pid), "--ppid", str(running.pid)]
            states = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
        finally:
            os.killpg(running.pid, signal.SIGCONT)
        out, _ = running.communicate(timeout=60)
    assert (running.returncode, len(out.split())) == (0, 399)
    assert [state[0] for state in states] == ["T", "T"]
