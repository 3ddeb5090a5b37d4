"""DuckDB in a temporary folder, with a limit on memory and a share of progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from numpy.typing import NDArray

from auctionsim.errors import RunError, shown

Tell = Callable[[str, float], None]
"""Told what is being done and which share of it is done, 0 to 1."""

_SECONDS_BETWEEN = 0.5
_MEMORY_MB = 1300


def tell_nobody(what: str, share: float) -> None:
    """No progress."""
    del what, share


class Database:
    """One connection; what does not fit into memory goes to disk.

    Args:
        folder: Holds the tables and what is spilled; the caller removes it.
        tell: Told of progress, from another thread.
    """

    def __init__(self, folder: Path, tell: Tell) -> None:
        self._tell = tell
        self._connection = duckdb.connect(
            str(folder / "tables.db"),
            config={"memory_limit": f"{_MEMORY_MB}MB", "temp_directory": str(folder / "spilled"), "threads": 2},
        )
        self._connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
        self._connection.execute("SET progress_bar_time = 0")

    def run(self, sql: str, what: str) -> None:
        """Execute a long statement while progress is told.

        Raises:
            RunError: Memory or the disk is too small.
            duckdb.Error: Anything else DuckDB refuses.
        """
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_SECONDS_BETWEEN):
                self._tell(what, max(self._connection.query_progress(), 0.0) / 100)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            self._connection.execute(sql)
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise RunError(f"ingest: {what}: {shown(str(error), 200)}") from error
        finally:
            over.set()
            watcher.join()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small result."""
        return self._connection.execute(sql).fetchall()

    def row(self, sql: str) -> tuple[Any, ...]:
        """The one row of a result."""
        (row,) = self.rows(sql)
        return row

    def columns(self, sql: str) -> dict[str, Any]:
        """A result as numpy arrays by column."""
        return self._connection.execute(sql).fetchnumpy()

    def append(self, table: str, columns: Mapping[str, NDArray[Any]]) -> None:
        """Add rows to a table, its columns by name."""
        self._connection.register("incoming", dict(columns))
        self._connection.execute(f"INSERT INTO {table} ({named(list(columns))}) SELECT {named(list(columns))} FROM incoming")
        self._connection.unregister("incoming")

    def close(self) -> None:
        """Close the connection, so that the folder can be removed."""
        self._connection.close()


def quoted(text: str | Path) -> str:
    """Text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def named(names: Sequence[str]) -> str:
    """Names as quoted SQL identifiers, separated by commas."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)
