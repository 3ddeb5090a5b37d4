"""Signals that stop a job: Ctrl-C, `kill`, and the end of the terminal. All of them end like Ctrl-C, in order and with 130."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Call a handler on each signal that stops a job.

    A SIGHUP that is ignored stays ignored: a job started by `nohup` goes on when its terminal is closed. Outside the main
    thread, where Python delivers no signal, nothing changes.
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
            signal.signal(number, earlier)


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


def interrupt(_: int, __: FrameType | None) -> NoReturn:
    """End the job as Ctrl-C does, so that what is half written is removed.

    Raises:
        KeyboardInterrupt: Always.
    """
    raise KeyboardInterrupt
