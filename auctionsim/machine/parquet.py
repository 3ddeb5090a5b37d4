"""Read Parquet files that may be broken, or hostile: one error and nothing on stderr, and no more memory than there is."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl

from auctionsim.errors import InputError, shown
from auctionsim.machine.memory import expect_memory

_BYTES_PER_VALUE = 8
_capturing = threading.Lock()


def read_parquet(path: Path, what: str = "a Parquet table") -> tuple[pl.DataFrame, dict[str, str]]:
    """Read a Parquet file and its metadata.

    Args:
        path: The file.
        what: The file's contents in words, for messages.

    Returns:
        The table, and the texts in the file's metadata by key.

    Raises:
        InputError: The file is no Parquet file, is broken, or holds more than fits into memory.
    """
    # Polars takes a `~` at the beginning of a path for the home of the user, so it gets absolute paths.
    absolute = path.absolute()
    try:
        with _quiet():
            lazy = pl.scan_parquet(absolute, glob=False)
            columns = len(lazy.collect_schema())
            rows = int(lazy.select(pl.len()).collect().item())
            # A file of some kilobytes can hold a thousand million rows of one value.
            expect_memory(str(path), rows * columns * _BYTES_PER_VALUE, what, f"it has {rows} rows of {columns} columns")
            return pl.read_parquet(absolute, glob=False), pl.read_parquet_metadata(absolute)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected {what}, got {shown(_reason(error), 120)}") from error


def _reason(error: BaseException) -> str:
    """Return the first line of an error's message, and for a panic of polars that it is one."""
    if isinstance(error, pl.exceptions.PanicException):
        # Its message holds the messages of all tasks that panicked, each quoted in the next one.
        return "a file that contradicts itself"
    return (str(error).splitlines() or [type(error).__name__])[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the code within writes to the descriptor of stderr, and write it there if the code succeeds.

    Polars prints a dozen lines about each task that panics over a broken file, before it raises the error.
    """
    with _capturing, tempfile.TemporaryFile() as kept:
        try:
            before = os.dup(2)
        except OSError:
            # Stderr is closed, so there is nothing to keep quiet.
            yield
            return
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
        kept.seek(0)
        with suppress(OSError):
            os.write(2, kept.read())
