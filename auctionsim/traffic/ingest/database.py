"""DuckDB in a temporary folder, shut off from everything but the log, with a memory limit and a progress callback."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
from numpy.typing import NDArray

from auctionsim.errors import RunError, shown
from auctionsim.machine.disk import is_full
from auctionsim.machine.signals import reported_at_once

ProgressCallback = Callable[[str, float], None]
"""A function of the name of a step and the share of it that is done, 0 to 1."""

_SECONDS_BETWEEN = 0.5
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "1300MB",
    "threads": 2,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
}


def no_progress(step: str, share: float) -> None:
    """Ignore progress: the callback of a caller that does not show it."""
    del step, share


class Database:
    """A connection to a database on disk. Data that does not fit into memory is spilled to disk.

    It reads the files of the log and its own folder, and nothing else: no other file, no network, no extension, no variable of
    Python. No statement can change that, or another setting, so that a mapping or a log that got into one could do nothing.

    Args:
        folder: The folder for tables and spilled data, empty; the caller removes it.
        progress: The progress callback. It is called from another thread.
        logs: The files of the log.
    """

    def __init__(self, folder: Path, progress: ProgressCallback, logs: Sequence[Path] = ()) -> None:
        self._progress = progress
        self._settle: Callable[[], None] = lambda: None
        self._connection = duckdb.connect(
            str(folder / "tables.db"), config={**_CONFIG, "temp_directory": str(folder / "spilled")}
        )
        self.logs = _links(folder, logs)
        """A link to each file of the log in `folder`. Its name is plain, whatever the file is called."""
        may_read = [text for path in self.logs for text in _spellings(path)]
        for setting in (
            "enable_progress_bar = true",
            "enable_progress_bar_print = false",
            "progress_bar_time = 0",
            "TimeZone = 'UTC'",
            f"allowed_directories = [{', '.join(map(quoted, _spellings(folder)))}]",
            f"allowed_paths = [{', '.join(map(quoted, may_read))}]",
            "enable_external_access = false",
        ):
            with self._interrupts():
                self._connection.execute(f"SET {setting}")
        # Older versions have no exceptions from the lock. They are locked when the number of threads has its last value.
        with suppress(duckdb.CatalogException):
            self._connection.execute("SET allowed_configs = ['threads']")
            self._connection.execute("SET lock_configuration = true")
        self._stack = ExitStack()
        self._settle = self._stack.enter_context(reported_at_once(self._connection.interrupt))

    def use_one_thread(self) -> None:
        """Run all further statements on one thread, which fixes the order of sums of floating-point numbers."""
        self._connection.execute("SET threads = 1")
        with suppress(duckdb.InvalidInputException):
            self._connection.execute("SET lock_configuration = true")

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
        try:
            watcher.start()
            with self._interrupts():
                self._connection.execute(sql)
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            if is_full(error):
                raise
            raise RunError(f"ingest: {step}: {shown(str(error), 200)}") from error
        finally:
            # Starting waits for the thread, and an interrupt then leaves it running.
            done.set()
            if watcher.is_alive():
                watcher.join()

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a small result; `values` stand for the question marks of the statement."""
        with self._interrupts():
            return self._connection.execute(sql, list(values)).fetchall()

    def row(self, sql: str) -> tuple[Any, ...]:
        """Return the only row of a result."""
        (row,) = self.rows(sql)
        return row

    def columns(self, sql: str) -> dict[str, Any]:
        """Return a result as numpy arrays by column."""
        with self._interrupts():
            return self._connection.execute(sql).fetchnumpy()

    def append(self, table: str, columns: Mapping[str, NDArray[Any]]) -> None:
        """Append rows to a table, with its columns by name."""
        self._connection.register("incoming", dict(columns))
        with self._interrupts():
            self._connection.execute(
                f"INSERT INTO {table} ({named(list(columns))}) SELECT {named(list(columns))} FROM incoming"
            )
        self._connection.unregister("incoming")

    @contextmanager
    def _interrupts(self) -> Iterator[None]:
        """Raise an interrupt where a signal ended a statement.

        DuckDB was told of it, or found it by itself: it looks for signals while the main thread has a share of the work. What
        it is told late would end the next statement.
        """
        try:
            yield
        except KeyboardInterrupt:
            self._settle()
            raise
        except duckdb.InterruptException as error:
            self._settle()
            raise KeyboardInterrupt from error
        except RuntimeError as error:
            if str(error) != "Query interrupted":
                raise
            self._settle()
            raise KeyboardInterrupt from error

    def close(self) -> None:
        """Close the connection, so that the folder can be removed."""
        self._stack.close()
        self._connection.close()


def remove_abandoned(folder: Path) -> None:
    """Remove the work folders that killed processes of earlier versions left in `folder`.

    They are called `.ingest-` and eight characters, and hold no lock of ours; but DuckDB locks its file while it is open.
    """
    for work in folder.glob(".ingest-????????"):
        with suppress(OSError), (work / "tables.db").open("rb+") as tables:
            fcntl.lockf(tables, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(work, ignore_errors=True)


def quoted(text: str | Path) -> str:
    """Quote text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def file_name(path: Path) -> str:
    """Quote the path of a file to be read as an SQL literal in which `[`, `*` and `?` are no patterns, and `~` is no home."""
    return quoted(_spellings(path)[1])


def can_evaluate(expression: str) -> bool:
    """Return whether DuckDB takes an SQL expression of constants, in a database that can reach nothing."""
    with duckdb.connect(config={**_CONFIG, "enable_external_access": False, "lock_configuration": True}) as connection:
        try:
            connection.execute(f"SELECT {expression}")
        except duckdb.Error:
            return False
    return True


def named(names: Sequence[str]) -> str:
    """Quote names as SQL identifiers, separated by commas."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def _links(folder: Path, logs: Sequence[Path]) -> tuple[Path, ...]:
    """Make a link to each file. DuckDB knows only the links, so that no name of a file is a pattern, or no text in UTF-8."""
    links = tuple(folder / f"log-{i}.csv" for i in range(len(logs)))
    for link, log in zip(links, logs, strict=True):
        link.symlink_to(os.path.realpath(log))
    return links


def _spellings(path: Path) -> tuple[str, str]:
    """Return a path as it is, and as a pattern that matches it alone. DuckDB compares what is allowed as text."""
    text = str(path.absolute())
    return text, re.sub(r"[\[*?]", r"[\g<0>]", text)
