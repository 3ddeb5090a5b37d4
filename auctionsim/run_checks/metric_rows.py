"""Hold the rows of metrics.jsonl: a list of dictionaries that also is a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auctionsim.names.display import html_frame

if TYPE_CHECKING:
    import polars as pl


class MetricRows(list[dict[str, Any]]):
    """The numbers that training logged: a dictionary per iteration and seed, in the order in which they were written."""

    def __repr__(self) -> str:
        if not self:
            return "MetricRows(none)"
        last = max(row["iteration"] for row in self)
        return f"MetricRows({len(self)} rows: {len({row['seed'] for row in self})} seeds, up to iteration {last})"

    def _repr_html_(self) -> str:
        """Return the last rows for a notebook."""
        return html_frame(repr(self), self.to_frame().tail(10))

    def to_frame(self) -> pl.DataFrame:
        """Return a polars table with a row per iteration and seed: `iteration`, `seed`, then what was logged by its name."""
        import polars as pl

        first = ("iteration", "seed")
        if not self:
            return pl.DataFrame(schema=dict.fromkeys(first, pl.Int64))
        table = pl.DataFrame(list(self), infer_schema_length=None)
        return table.select(*first, *(name for name in table.columns if name not in first))
