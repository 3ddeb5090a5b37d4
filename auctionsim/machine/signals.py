"""Signals that stop a job: Ctrl-C, `kill`, and the end of the terminal. All of them end like Ctrl-C, in order and with 130."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CALLBACK_SECONDS = 0.02
"""Time after which an interrupt comes again that was raised within a callback: more than a callback takes."""
_MARK = b"\0"
"""No signal's number: what is written after those that are to be reported first."""
_REPORT_SECONDS = 5.0
"""Most seconds to wait until they are."""
_interrupted = threading.Event()
"""Whether this job was interrupted."""


@contextmanager
def handled(handler: Callable[[int, FrameType | None], object], *, is_last: bool = False) -> Iterator[None]:
    """Call a handler on each signal that stops a job.

    A SIGHUP that is ignored stays ignored: a job started by `nohup` goes on when its terminal is closed. Outside the main
    thread, where Python delivers no signal, nothing changes.

    Args:
        handler: Handler of the signals.
        is_last: Whether the process has nothing left to do after it. The signals are then ignored: Python, which cleans up,
            would print a traceback, and the job has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, handler)
        for number in _STOPPING
        if not (number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN)
    }
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, signal.SIG_IGN if is_last else earlier)


@contextmanager
def not_lost() -> Iterator[None]:
    """Deliver again each interrupt that was raised where Python drops exceptions.

    Such places are the callbacks of weak references, of which imports have many, and methods `__del__`. Python would print
    "Exception ignored in" and the job would go on as if nobody had pressed Ctrl-C. The signal comes again a moment later, when
    the callback is over.
    """
    before = sys.unraisablehook
    _interrupted.clear()

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            again = threading.Timer(_CALLBACK_SECONDS, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
            again.daemon = True
            again.start()
        # An interrupt in the midst of `__init__` leaves an object without what its `__del__` asks for, as llvmlite's strings.
        elif not (_interrupted.is_set() and issubclass(unraisable.exc_type, AttributeError)):
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def reported_at_once(stop: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Call a function in another thread as soon as a signal comes that stops a job, whatever the main thread does.

    Python calls a handler in the main thread alone, and not before foreign code returns there. DuckDB's waits for its threads
    for as long as a statement takes, unless it is told. Outside the main thread nothing changes.

    Args:
        stop: Function that ends what the main thread is in. It may be called from any thread.

    Yields:
        A function that waits until each signal so far was reported. Whoever was ended by one calls it before it goes on: on a
        busy machine the report may be late, and would end what comes next.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    # Python's own handler in C writes the number of each signal there, at once.
    numbers, written = socket.socketpair()
    written.setblocking(False)
    before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
    reported = threading.Event()

    def watch() -> None:
        while found := numbers.recv(1):
            if found[0] in _STOPPING:
                stop()
            elif found == _MARK:
                reported.set()

    def settle() -> None:
        reported.clear()
        # A full buffer holds signals alone, each of which ends the job.
        with suppress(BlockingIOError):
            written.send(_MARK)
            reported.wait(_REPORT_SECONDS)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield settle
    finally:
        signal.set_wakeup_fd(before)
        written.close()
        watcher.join()
        numbers.close()


@contextmanager
def kept() -> Iterator[None]:
    """Put back, at the end of the context, the handlers of the signals that stop a job.

    A library in C may replace them without Python's knowledge: Ray's prints where the process was and aborts it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None is a handler that Python did not set.
            if handler is not None:
                signal.signal(number, handler)


def interrupt(_: int, __: FrameType | None) -> None:
    """End the job as Ctrl-C does, so that what is half written is removed.

    Where an interrupt is cleaning up already, nothing is added to it: polars looks for Ctrl-C by itself and raises the
    interrupt, and Python then calls this handler for the same signal, in the midst of what has to be put back.

    Raises:
        KeyboardInterrupt: No other one is being handled.
    """
    if not isinstance(sys.exception(), KeyboardInterrupt):
        _interrupted.set()
        raise KeyboardInterrupt
