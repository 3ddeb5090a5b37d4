"""A query that a signal's handler ended is an interrupt, and no error in DuckDB's own words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
