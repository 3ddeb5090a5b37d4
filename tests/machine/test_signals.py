"""Each signal that stops a job ends it as Ctrl-C does; `nohup` protects from the end of the terminal."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
import weakref
from contextlib import suppress

import pytest

from auctionsim.machine.signals import handled, interrupt, not_lost, reported_at_once


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_and_the_handlers_are_as_before_at_the_end(number: signal.Signals):
    # Under nohup this process ignores SIGHUP itself.
    outside = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), handled(interrupt):
            signal.raise_signal(number)
        assert signal.getsignal(number) == signal.default_int_handler
    finally:
        signal.signal(number, outside)


def test_a_hang_up_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled(interrupt):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def signalled_while_handling(error: type[BaseException], cleaned: list[bool]) -> None:
    with handled(interrupt):
        try:
            raise error
        finally:
            signal.raise_signal(signal.SIGINT)
            cleaned.append(True)


def test_a_signal_adds_nothing_to_an_interrupt_that_is_cleaning_up():
    cleaned: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        signalled_while_handling(KeyboardInterrupt, cleaned)
    assert cleaned
    # The handling of another error can still be interrupted.
    with pytest.raises(KeyboardInterrupt):
        signalled_while_handling(ValueError, cleaned)
    assert len(cleaned) == 1


def test_nothing_changes_in_another_thread():
    before, found = signal.getsignal(signal.SIGTERM), []

    def run() -> None:
        with handled(interrupt):
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [before]


class Thing:
    """What a weak reference can refer to."""


def interrupted_in_a_callback() -> None:
    thing = Thing()
    reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
    with handled(interrupt), not_lost():
        del thing
        assert reference() is None
        time.sleep(5)


def test_an_interrupt_within_a_callback_comes_again_and_prints_nothing(capfd):
    with pytest.raises(KeyboardInterrupt):
        interrupted_in_a_callback()
    assert capfd.readouterr().err == ""


def test_another_error_within_a_callback_is_told_as_before():
    found: list[type[BaseException]] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda unraisable: found.append(unraisable.exc_type)
    try:
        thing = Thing()
        reference = weakref.ref(thing, lambda _: 1 / 0)
        with not_lost():
            del thing
        assert reference() is None
        assert found == [ZeroDivisionError]
    finally:
        sys.unraisablehook = before


class HalfMade:
    """An object as those of llvmlite: its `__del__` asks for what an interrupt kept its `__init__` from setting."""

    def __init__(self, *, is_interrupted: bool) -> None:
        if is_interrupted:
            signal.raise_signal(signal.SIGTERM)
        self.strings: list[str] = []

    def __del__(self) -> None:
        self.strings.clear()


def test_an_object_that_an_interrupt_left_half_made_prints_nothing(capfd):
    with handled(interrupt), not_lost():
        # The traceback holds the object until the interrupt is caught.
        with suppress(KeyboardInterrupt):
            HalfMade(is_interrupted=True)
            pytest.fail("not interrupted")
        gc.collect()
    assert capfd.readouterr().err == ""


def test_without_an_interrupt_a_broken_object_is_told():
    found: list[type[BaseException]] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda unraisable: found.append(unraisable.exc_type)
    try:
        with not_lost():
            HalfMade.__new__(HalfMade)
        assert found == [AttributeError]
    finally:
        sys.unraisablehook = before


def test_who_was_ended_by_a_signal_can_wait_until_foreign_code_was_told_of_it():
    told = []

    def stop_late() -> None:
        time.sleep(0.3)
        told.append("stopped")

    with reported_at_once(stop_late) as settle, handled(lambda *_: None):
        settle()
        assert told == [], "there was no signal"
        signal.raise_signal(signal.SIGTERM)
        settle()
        assert told == ["stopped"], "what comes next is not ended"


def test_foreign_code_is_told_of_a_signal_before_python_is():
    told, may_end = [], threading.Event()

    def stop() -> None:
        told.append(threading.current_thread() is not threading.main_thread())
        may_end.set()

    handlers: list[int] = []
    with reported_at_once(stop), handled(lambda number, _: handlers.append(number)):
        # What stops no job is not told.
        child = signal.signal(signal.SIGUSR1, lambda number, _: handlers.append(number))
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGTERM)
        assert may_end.wait(10)
        signal.signal(signal.SIGUSR1, child)
    assert told == [True]
    assert handlers == [signal.SIGUSR1, signal.SIGTERM]
    # Afterwards nobody is told.
    with handled(lambda number, _: handlers.append(number)):
        signal.raise_signal(signal.SIGTERM)
    assert told == [True]
