"""A query that a signal's handler ended is an interrupt, and no error in DuckDB's own words."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auctionsim.machine.signals import handled, interrupt
from auctionsim.traffic.ingest.database import Database, no_progress


class Interrupted:
    """A connection on which a signal came."""

    def execute(self, *_: Any) -> None:
        raise RuntimeError("Query interrupted")

    def query_progress(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    "call", [lambda one: one.run("SELECT 1", "step"), lambda one: one.rows("SELECT 1"), lambda one: one.columns("SELECT 1")]
)
def test_a_signal_within_a_query_is_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[[Database], Any]
):
    database = Database(tmp_path, no_progress)
    connection = database._connection
    monkeypatch.setattr(database, "_connection", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        call(database)
    connection.close()


FOR_HOURS = "SELECT sum(a.range * b.range % 7) FROM range(4000000) a, range(4000000) b"
"""A statement of one task. Any thread may take it, and the main thread then waits without looking for signals."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "call", [lambda one: one.rows(FOR_HOURS), lambda one: one.run(f"CREATE TABLE t AS {FOR_HOURS}", "step")]
)
def test_a_signal_ends_every_statement_whichever_thread_is_in_it(
    tmp_path: Path, call: Callable[[Database], Any], number: signal.Signals
):
    # Under nohup this process ignores SIGHUP itself.
    outside = signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        database = Database(tmp_path, no_progress)
        for _ in range(4):
            later = threading.Timer(0.2, os.kill, (os.getpid(), number))
            later.start()
            with pytest.raises(KeyboardInterrupt), handled(interrupt):
                call(database)
            later.join()
        assert database.rows("SELECT 1") == [(1,)]
        database.close()
    finally:
        signal.signal(signal.SIGHUP, outside)
