"""Run a command in a process of its own where memory is limited, so that any end of it is told in one line.

Compiled libraries do not raise an error when they get no memory: they write lines of their own to descriptor 2 and abort. So
the command runs in a child whose descriptor 2 is collected, while its own remarks go to the terminal as always.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from auctionsim.machine.out_of_memory import memory_message
from auctionsim.machine.signals import handled

_KEPT_BYTES = 65536
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def run_supervised(command: Callable[[], int]) -> int:
    """Run a command in a child and return its exit code; 1 and a line of its own where the child was ended by its libraries.

    Args:
        command: The command. It prints its remarks on stderr and returns an exit code.
    """
    if sys.stderr is None:
        return command()
    reading, writing = os.pipe()
    ended, ending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.close(ended)
        return _in_child(command, writing, ending)
    os.close(writing)
    os.close(ending)

    def forward(number: int, _: FrameType | None) -> None:
        os.kill(child, number)

    with handled(forward):
        noise = _collected(reading)
        is_orderly = os.read(ended, 1) == b"."
        _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if is_orderly and code >= 0:
        if code == 0:
            _write_noise(noise)
        return code
    print(memory_message(), file=sys.stderr)
    return 1


def _in_child(command: Callable[[], int], writing: int, ending: int) -> int:
    """Run the command with descriptor 2 led into a pipe and stderr where it was."""
    _end_with_parent()
    # Each thread of OpenBLAS reserves memory when numpy is imported, and those it gets none for may leave the others waiting.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    own = os.dup(2)
    os.dup2(writing, 2)
    os.close(writing)
    sys.stderr = open(own, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")  # noqa: SIM115
    sys.unraisablehook = _shown_unless_memory
    try:
        code = command()
    except MemoryError:
        # Nor was there memory to tell it; the parent does.
        os._exit(1)
    os.write(ending, b".")
    return code


def _shown_unless_memory(unraisable: sys.UnraisableHookArgs) -> None:
    """Show an error that could not be raised, such as one of a generator that is closed, unless memory was lacking.

    What lacks memory there lacks it elsewhere too, and the command tells it in its own line.
    """
    if not issubclass(unraisable.exc_type, MemoryError):
        sys.__unraisablehook__(unraisable)


def _end_with_parent() -> None:
    """Have the system kill this process when its parent is killed."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    except (ImportError, OSError, AttributeError, MemoryError):
        return


def _collected(reading: int) -> bytes:
    """Read a pipe to its end and return its last bytes."""
    found = b""
    while data := os.read(reading, _KEPT_BYTES):
        found = (found + data)[-_KEPT_BYTES:]
    return found


def _write_noise(noise: bytes) -> None:
    sys.stderr.write(noise.decode("utf-8", "backslashreplace"))
