"""Too little memory is recognized in the errors of any library."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from auctionsim.cli import main
from auctionsim.commands import scenarios
from auctionsim.machine import out_of_memory
from auctionsim.machine.out_of_memory import is_out_of_memory


class PanicException(BaseException):
    """Named as Polars names its own."""


class ComputeError(Exception):
    """Named as Polars names its own."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
        OSError("Could not find/load shared object file 'libllvmlite.so'"),
        ImportError("libgfortran.so.5: failed to map segment from shared object"),
        PanicException("could not spawn threads: Resource temporarily unavailable"),
        ComputeError("parquet: Invalid parameter: zstd error: Allocation error : not enough memory"),
    ],
)
def test_errors_of_memory_are_recognized(error: BaseException):
    assert is_out_of_memory(error)


def test_other_errors_are_not():
    for error in (ValueError("Cannot allocate memory"), RuntimeError("diverged"), OSError(errno.ENOSPC, "full"), KeyError("a")):
        assert not is_out_of_memory(error)
    caused = RuntimeError("a task failed")
    caused.__cause__ = MemoryError()
    assert is_out_of_memory(caused)


def test_any_word_of_memory_counts_under_a_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(out_of_memory, "memory_limit", lambda: None)
    assert not is_out_of_memory(RuntimeError("alloc of 4 MB refused"))
    monkeypatch.setattr(out_of_memory, "memory_limit", lambda: 10**9)
    assert is_out_of_memory(RuntimeError("alloc of 4 MB refused"))
    assert not is_out_of_memory(ComputeError("a column is missing"))
    assert not is_out_of_memory(ValueError("memory"))


def test_an_array_that_does_not_fit_ends_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(scenarios, "run", lambda *_: np.zeros(2**50))
    assert main(["scenarios"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("auctionsim: expected more memory")
    assert "Unable to allocate" in error
    assert error.count("\n") == 1
