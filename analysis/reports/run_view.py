"""Look at a run through a filter: on some of its seeds, or as it would be without one of its test days."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import polars as pl

from auctionsim.run_checks.metric_rows import MetricRows
from auctionsim.runs import Run


@dataclass(frozen=True)
class RunView(Run):
    """A run of which some rows are seen. It reads the same folder, and each table once."""

    kept: tuple[int, ...] | None = None
    """The seeds that are seen; all if None."""
    left_out: int | None = None
    """The test day that is not seen; None if all are."""
    read: dict[str, pl.DataFrame] = field(default_factory=dict, compare=False, repr=False)
    """The tables read so far, which views without other days share."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that are seen."""
        return Run(self.path).seeds if self.kept is None else self.kept

    def table(self, name: str) -> pl.DataFrame:
        """Read the rows of `name`.parquet that are seen."""
        if name not in self.read:
            self.read[name] = Run(self.path).table(name)
        table = self.read[name]
        if self.kept is not None:
            table = table.filter(pl.col("seed").is_in(self.kept))
        if self.left_out is not None and "day" in table.columns:
            table = table.filter(pl.col("day") != self.left_out)
        return table

    def metrics(self) -> MetricRows:
        """Return the rows of metrics.jsonl on the seeds that are seen."""
        return MetricRows(row for row in super().metrics() if self.kept is None or row["seed"] in self.kept)


def read_once(run: Run) -> RunView:
    """Return the run as one that reads each table once; a view stays as it is."""
    return run if isinstance(run, RunView) else RunView(run.path)


def without_days(run: Run, days: list[int]) -> list[RunView]:
    """Return the run without each of some days, one view a day; a view on some seeds stays one."""
    whole = read_once(run)
    return [replace(whole, left_out=day, read=whole.read) for day in days]
