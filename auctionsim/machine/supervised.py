"""Run a command in a process of its own where memory is limited, so that any end of it is told in one line.

Compiled libraries do not raise an error when they get no memory: they write lines of their own to descriptor 2 and abort. So
the command runs in a child whose descriptor 2 is collected, while its own remarks go to the terminal as always.

Others wait for ever: where a thread of polars gets no memory, all its threads wait for what that one was to do. So a child that
has no memory left, and in which no thread runs any more while the first one waits for another, is ended. One that waits for
somebody outside, such as the reader of a pipe or a slow disk, waits elsewhere in the system, and one that waits for an event
runs now and then, to see whether it has come.
"""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from auctionsim.machine.out_of_memory import memory_message
from auctionsim.machine.signals import handled

_KEPT_BYTES = 65536
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_PATIENCE = 10.0
"""Seconds between two looks; a child without memory in which no thread ran between them is ended."""
_NO_ROOM = 64 * 2**20
"""Bytes of address space that are as good as none: the C library takes so many at once for a thread's allocations."""

_IDLE = re.compile("futex|poll|nanosleep")
"""Names of the kernel's functions in which a thread waits that has nothing to do."""


def run_supervised(command: Callable[[], int], patience: float = _PATIENCE) -> int:
    """Run a command in a child and return its exit code; 1 and a line of its own where the child was ended by its libraries.

    Args:
        command: The command. It prints its remarks on stderr and returns an exit code.
        patience: Seconds between two looks at the child; it is ended if it has no memory left and no thread of it ran between
            them.
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

    def pause(_: int, __: FrameType | None) -> None:
        os.kill(child, signal.SIGSTOP)
        # Returns when the shell has this process go on.
        os.kill(os.getpid(), signal.SIGSTOP)
        os.kill(child, signal.SIGCONT)

    with handled(forward), _pausing(pause):
        noise = _collected(reading, child, patience)
        is_orderly = os.read(ended, 1) == b"."
        _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if is_orderly and code >= 0:
        if code == 0:
            _write_noise(noise)
        return code
    print(memory_message(), file=sys.stderr)
    return 1


@contextmanager
def _pausing(pause: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call a function on Ctrl-Z, unless it is ignored."""
    before = signal.getsignal(signal.SIGTSTP)
    if before == signal.SIG_DFL:
        signal.signal(signal.SIGTSTP, pause)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


def _in_child(command: Callable[[], int], writing: int, ending: int) -> int:
    """Run the command with descriptor 2 led into a pipe and stderr where it was."""
    _end_with_parent()
    # A terminal sends Ctrl-C to the whole group: with the one that the parent forwards it would count as two.
    os.setpgid(0, 0)
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


def _collected(reading: int, child: int, patience: float) -> bytes:
    """Read the pipe of a child to its end and return its last bytes; a child that waits for memory for ever is ended."""
    found, ran = b"", -1
    while True:
        is_ready, _, _ = select.select([reading], [], [], patience)
        if is_ready:
            data = os.read(reading, _KEPT_BYTES)
            if not data:
                return found
            found = (found + data)[-_KEPT_BYTES:]
        elif ran == (ran := _nanoseconds_run(child)) and not _has_room(child) and _waits_for_a_thread(child):
            os.kill(child, signal.SIGKILL)


def _nanoseconds_run(process: int) -> int:
    """Return for how long the threads of a process have run, all together."""
    total = 0
    for thread in Path(f"/proc/{process}/task").glob("*/schedstat"):
        # A thread may end meanwhile.
        with suppress(OSError):
            total += int(thread.read_text().split()[0])
    return total


def _waits_for_a_thread(process: int) -> bool:
    """Return whether the first thread of a process waits for another, and none waits for a file, a pipe or a processor.

    Where the system does not tell where threads wait, the answer is no: to wait for ever is better than to end what would not.
    """
    try:
        at = {int(path.parent.name): path.read_text() for path in Path(f"/proc/{process}/task").glob("*/wchan")}
    except OSError:
        return False
    return at.get(process, "").startswith("futex") and all(_IDLE.search(one) for one in at.values())


def _has_room(process: int) -> bool:
    """Return whether a process may take more memory than is as good as none."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()
    except OSError:
        return True
    used = ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5]))
    limits = ((resource.getrlimit(kind)[0], int(n) * resource.getpagesize()) for kind, n in used)
    return all(limit == resource.RLIM_INFINITY or taken + _NO_ROOM < limit for limit, taken in limits)


def _write_noise(noise: bytes) -> None:
    sys.stderr.write(noise.decode("utf-8", "backslashreplace"))
