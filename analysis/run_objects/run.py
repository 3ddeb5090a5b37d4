"""The run folder as `auctionsim.Run`: with its tables for polars and pandas, and its figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from auctionsim import runs
from auctionsim.arguments import one_of
from auctionsim.errors import InputError, shown
from auctionsim.extras import is_installed
from auctionsim.names.display import cut, html_table

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.run_objects.plot import RunPlot


@dataclass(frozen=True, repr=False)
class Run(runs.Run):
    """A run folder.

    Example:
        run = auctionsim.Run.open("runs/mine")
        run.plot.learning()
        run.to_pandas("metrics")
    """

    def __repr__(self) -> str:
        if not (self.path / "manifest.json").is_file():
            return cut(f"Run({shown(str(self.path), 200)})")
        manifest = self.manifest()
        return cut(f"Run({shown(str(self.path), 200)}: seeds {list(manifest['seeds'])}, {manifest['status']})")

    def _repr_html_(self) -> str:
        """Return the run's status, scenario and outcome for a notebook."""
        manifest = self.manifest()
        parts: dict[str, object] = {"folder": str(self.path), "status": manifest["status"], "seeds": str(manifest["seeds"])}
        resolved = self.path / "resolved.json"
        if resolved.is_file():
            scenario = json.loads(resolved.read_text(encoding="utf-8"))
            parts["scenario"] = str(scenario.get("name"))
            parts["learner"] = str(scenario.get("learner", {}).get("algorithm"))
        if (self.path / "outcomes.parquet").is_file():
            from auctionsim.analysis.reports.summary import summarize

            parts["on test days"] = summarize(self).sentence
        parts["tables"] = ", ".join(self.tables) or "none yet"
        return html_table(repr(self), parts)

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables that the folder has: `metrics`, `outcomes`, `benchmarks`, `punishment` and others."""
        found = {entry.name.removesuffix(".parquet") for entry in self.path.glob("*.parquet")} - {"traffic"}
        if (self.path / "metrics.jsonl").is_file():
            found.add("metrics")
        return tuple(sorted(found))

    def to_polars(self, table: str = "outcomes") -> pl.DataFrame:
        """Return one of the run's tables for polars.

        Args:
            table: One of `tables`: `outcomes` has a row for each arm, seed, day, hour and advertiser on the test days,
                `metrics` one for each iteration and seed.

        Raises:
            InputError: The run has no such table.
        """
        if not self.tables:
            raise InputError(f"{self.path}: expected tables, got none yet (run: auctionsim resume {self.path})")
        if one_of("table", table, self.tables) == "metrics":
            return self.metrics().to_frame()
        return self.table(table)

    def to_pandas(self, table: str = "outcomes") -> Any:
        """Return one of the run's tables as a pandas DataFrame; what is not defined is NaN.

        Args:
            table: One of `tables`, as of `to_polars`.

        Raises:
            InputError: The run has no such table, or pandas is not installed.
        """
        if not is_installed("pandas"):
            raise InputError("to_pandas: expected pandas to be installed, got none (pip install pandas, or to_polars)")
        pandas: Any = import_module("pandas")
        # Column by column: polars' own conversion needs pyarrow too.
        return pandas.DataFrame({column.name: column.to_numpy() for column in self.to_polars(table)})

    @property
    def plot(self) -> RunPlot:
        """Return the run's figures: `run.plot.learning()`, `hourly()`, `arms()`, `advertisers()` and `trade_off()`."""
        from auctionsim.analysis.run_objects.plot import RunPlot

        return RunPlot(self)
