"""DuckDB in a temporary folder, with a memory limit and a progress callback."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from numpy.typing import NDArray

from auctionsim.errors import RunError, shown
from auctionsim.machine.disk import is_full

ProgressCallback = Callable[[str, float], None]
"""A function of the name of a step and the share of it that is done, 0 to 1."""

_SECONDS_BETWEEN = 0.5
_MEMORY_MB = 1300


def no_progress(step: str, share: float) -> None:
    """Ignore progress: the callback of a caller that does not show it."""
    del step, share


class Database:
    """A connection to a database on disk. Data that does not fit into memory is spilled to disk.

    Args:
        folder: The folder for tables and spilled data; the caller removes it.
        progress: The progress callback. It is called from another thread.
    """

    def __init__(self, folder: Path, progress: ProgressCallback) -> None:
        self._progress = progress
        self._connection = duckdb.connect(
            str(folder / "tables.db"),
            config={"memory_limit": f"{_MEMORY_MB}MB", "temp_directory": str(folder / "spilled"), "threads": 2},
        )
        self._connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
        self._connection.execute("SET progress_bar_time = 0")

    def run(self, sql: str, step: str) -> None:
        """Execute a long statement and report its progress.

        Args:
            sql: The statement.
            step: Name of the step, for the progress callback and messages.

        Raises:
            RunError: Memory is full.
            duckdb.Error: The disk is full, or DuckDB refuses the statement for another reason.
        """
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_SECONDS_BETWEEN):
                self._progress(step, max(self._connection.query_progress(), 0.0) / 100)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            self._connection.execute(sql)
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            if is_full(error):
                raise
            raise RunError(f"ingest: {step}: {shown(str(error), 200)}") from error
        finally:
            done.set()
            watcher.join()

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a small result; `values` stand for the question marks of the statement."""
        return self._connection.execute(sql, list(values)).fetchall()

    def row(self, sql: str) -> tuple[Any, ...]:
        """Return the only row of a result."""
        (row,) = self.rows(sql)
        return row

    def columns(self, sql: str) -> dict[str, Any]:
        """Return a result as numpy arrays by column."""
        return self._connection.execute(sql).fetchnumpy()

    def append(self, table: str, columns: Mapping[str, NDArray[Any]]) -> None:
        """Append rows to a table, with its columns by name."""
        self._connection.register("incoming", dict(columns))
        self._connection.execute(f"INSERT INTO {table} ({named(list(columns))}) SELECT {named(list(columns))} FROM incoming")
        self._connection.unregister("incoming")

    def close(self) -> None:
        """Close the connection, so that the folder can be removed."""
        self._connection.close()


def quoted(text: str | Path) -> str:
    """Quote text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def file_name(path: Path) -> str:
    """Quote the path of a file to be read as an SQL literal in which `[`, `*` and `?` are no patterns, and `~` is no home."""
    return quoted(re.sub(r"[\[*?]", r"[\g<0>]", str(path.absolute())))


def named(names: Sequence[str]) -> str:
    """Quote names as SQL identifiers, separated by commas."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)
