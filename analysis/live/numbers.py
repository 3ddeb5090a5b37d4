"""Collect the numbers that a training logs, as metrics.jsonl and timing.jsonl grow."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from auctionsim.analysis.live.lines import GrowingLines
from auctionsim.errors import InputError
from auctionsim.run_checks.records import checked_metrics, strict_json

Metrics = dict[int, dict[int, dict[str, float | None]]]

_NAMES = 40
"""Numbers of one line that are kept; learners log a dozen."""
_MOST = 1e30
_ROWS = 500_000
"""Rows that are kept of one file, and no more."""


class LoggedNumbers:
    """The metrics and seconds of a run.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = folder / "metrics.jsonl", folder / "timing.jsonl"
        self._metric_lines, self._timing_lines = map(GrowingLines, self._paths)
        self._rows = 0
        self.metrics: Metrics = {}
        """Logged numbers by iteration, seed and name; None where a number is not defined."""
        self.seconds: dict[int, tuple[float, float]] = {}
        """Wall seconds and candidate bids of each iteration."""
        self.damaged: dict[str, int] = {}
        """Number of lines that are none of a run, by file name."""

    def read(self, seeds: Collection[int]) -> None:
        """Take in the lines that came since the last call. A damaged line is counted and left out.

        Args:
            seeds: Seeds of the run; lines of others are damaged.
        """
        lines, is_new = self._metric_lines.new()
        if is_new:
            self.metrics, self._rows = {}, 0
            self.damaged.pop(self._paths[0].name, None)
        for line in lines:
            self._add_metrics(line, seeds)
        lines, is_new = self._timing_lines.new()
        if is_new:
            self.seconds = {}
            self.damaged.pop(self._paths[1].name, None)
        for line in lines:
            self._add_seconds(line)

    def _add_metrics(self, line: bytes, seeds: Collection[int]) -> None:
        path = self._paths[0]
        try:
            (row,) = checked_metrics(path, [line.decode("utf-8")], seeds)
        except (InputError, UnicodeDecodeError):
            self._count_damaged(path)
            return
        if type(row["iteration"]) is not int or row["iteration"] < 0 or self._rows >= _ROWS:
            self._count_damaged(path)
            return
        self._rows += 1
        kept = {name: value for name, value in row.items() if name not in ("iteration", "seed") and _is_number(value)}
        self.metrics.setdefault(row["iteration"], {})[row["seed"]] = dict(list(kept.items())[:_NAMES])

    def _add_seconds(self, line: bytes) -> None:
        try:
            row: Any = strict_json(line.decode("utf-8"))
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or not all(_is_amount(row.get(name)) for name in ("iteration", "seconds", "bids")):
            self._count_damaged(self._paths[1])
        elif len(self.seconds) < _ROWS:
            self.seconds[int(row["iteration"])] = float(row["seconds"]), float(row["bids"])

    def _count_damaged(self, path: Path) -> None:
        self.damaged[path.name] = self.damaged.get(path.name, 0) + 1


def _is_number(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and abs(value) < _MOST and math.isfinite(value))


def _is_amount(value: Any) -> bool:
    return value is not None and _is_number(value) and value >= 0
