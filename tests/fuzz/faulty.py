"""Targets with a known fault each, on which the tests of the frame see that it finds them."""

from __future__ import annotations

import ctypes
import tempfile
import time
from pathlib import Path

from hypothesis import strategies as st

from auctionsim.errors import InputError

from .base import Case, Target, Violation
from .oracle import check_call, run_command


def _numbers() -> st.SearchStrategy[Case]:
    return st.fixed_dictionaries({"n": st.integers(0, 1000)})


def _raise(case: Case) -> None:
    if case["n"] > 100:
        raise KeyError(case["n"])


def _segfault(case: Case) -> None:
    ctypes.string_at(0)


def _hang(case: Case) -> None:
    time.sleep(600)


def _memory(case: Case) -> None:
    if case["n"] > 100:
        bytearray(2**31).decode("latin-1")


def _outside(case: Case) -> None:
    if case["n"] > 100:
        path = Path(__file__).with_name("written-by-a-test.txt")
        path.write_text("x")
        path.unlink()


def _temporary(case: Case) -> None:
    if case["n"] > 100:
        tempfile.mkdtemp()


def _lines(case: Case) -> None:
    def refuse() -> None:
        raise InputError("two expected lines, got one" if case["n"] > 100 else "n: expected a number, got one")

    check_call(refuse, ["n:"])


def _input(case: Case) -> None:
    Path("s.toml").write_text("x = 1\n")
    code = run_command(["check", "s.toml"])
    if code != 2:
        raise Violation("a wrong scenario ends in 2", str(code))


RAISES = Target(cases=_numbers, run=_raise)
SEGFAULTS = Target(cases=_numbers, run=_segfault)
HANGS = Target(cases=_numbers, run=_hang, seconds=1.0)
EATS_MEMORY = Target(cases=_numbers, run=_memory, megabytes=500)
WRITES_OUTSIDE = Target(cases=_numbers, run=_outside)
LEAVES_TEMPORARY_FILES = Target(cases=_numbers, run=_temporary)
NAMES_NOTHING = Target(cases=_numbers, run=_lines)
RIGHT = Target(cases=_numbers, run=_input)
