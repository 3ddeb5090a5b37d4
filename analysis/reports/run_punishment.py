"""Read how rivals responded to a deviation in a run: as lines over the hours since, with intervals over seeds."""

from __future__ import annotations

import polars as pl

from auctionsim.analysis.documents.curves import Line, line_over_x
from auctionsim.analysis.economics.responses import LAST_HOUR
from auctionsim.traffic.table import HOURS

# Every seed has these hours, whichever its deviation's hour was: up to LAST_HOUR, so 8 hours always follow.
_BEFORE, _AFTER = 3, HOURS - 1 - LAST_HOUR


def response_lines(table: pl.DataFrame) -> tuple[Line, Line]:
    """Return the change of the rivals' bids and the deviator's cumulative gain, over the hours since the deviation.

    Args:
        table: The rows of punishment.parquet, all seeds.
    """
    table = table.sort("seed", "hours_since").with_columns(pl.col("profit").cum_sum().over("seed").alias("gained"))
    shown = table.filter(pl.col("hours_since").is_between(-_BEFORE, _AFTER))
    return line_over_x(shown, "hours_since", "rival_bids"), line_over_x(shown, "hours_since", "gained")
