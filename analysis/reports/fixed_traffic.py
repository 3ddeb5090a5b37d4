"""Take a run's intervals over its replicates: over seeds if each has traffic of its own, over test days if all share one log.

With a traffic table, a seed varies the learner and nothing else: five seeds agree closely on days that may all have been lucky.
The question that a log is asked is about further days, so days are the replicates (`statistics.day_interval`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from auctionsim.analysis.statistics import INTERVALS, Interval, day_interval, mean_interval, pseudo_values
from auctionsim.runs import Run
from auctionsim.scenario import Scenario

Measures = Mapping[str, ArrayLike]
"""Values by the name of the measure, `[seeds]` each."""


@dataclass(frozen=True)
class RunWithoutDay(Run):
    """A run as it would be without one of its test days: its tables lack that day's rows."""

    left_out: int

    def table(self, name: str) -> pl.DataFrame:
        """Return a table of the run without the rows of the day."""
        table = super().table(name)
        return table.filter(pl.col("day") != self.left_out) if "day" in table.columns else table


def has_fixed_traffic(scenario: Scenario) -> bool:
    """Return True if every seed has the same traffic: one table, and not one per seed."""
    return not scenario.traffic.is_synthetic and "{seed}" not in scenario.traffic.source


def interval_caption(scenario: Scenario) -> str:
    """Return what a report's intervals are, for its captions."""
    if has_fixed_traffic(scenario):
        return f"{INTERVALS} over days (the traffic is the same for all seeds, which vary the learner alone)"
    return f"{INTERVALS} over seeds"


def intervals_of(run: Run, measure: Callable[[Run], Measures], *, sums: Collection[str] = ()) -> dict[str, Interval]:
    """Return the interval of each measure over the run's replicates; a measure that is not defined on all of them is left out.

    On fixed traffic a measure of all test days together is taken apart into days by leaving out each of them (the jackknife).
    So it may be a ratio of totals, a smallest ratio or a share.

    Args:
        run: The run, with its evaluation.
        measure: A function that measures a run over all its test days, `[seeds]` for each name.
        sums: The measures that are sums over days, such as revenue in currency; the others do not grow with the number of days.
    """
    whole = {name: np.asarray(values, dtype=np.float64) for name, values in measure(run).items()}
    if not has_fixed_traffic(run.scenario()):
        return {name: mean_interval(values) for name, values in whole.items() if np.isfinite(values).all()}
    days = run.table("outcomes")["day"].unique().sort().to_list()
    if len(days) == 1:
        return {name: day_interval(values[:, None]) for name, values in whole.items() if np.isfinite(values).all()}
    parts = [measure(RunWithoutDay(run.path, day)) for day in days]
    found = {}
    for name, values in whole.items():
        without = np.stack([np.asarray(part[name], dtype=np.float64) for part in parts], axis=1)
        # A day's part of a sum is what is missing without it; all days like this one would bring so much each.
        apart = len(days) * (values[:, None] - without) if name in sums else pseudo_values(values, without)
        if np.isfinite(values).all() and np.isfinite(apart).all():
            spread = day_interval(apart)
            # The jackknife's mean corrects a bias of order 1 / days; the figure itself stays the one that the report states.
            shift = float(values.mean()) - spread.mean
            found[name] = Interval(float(values.mean()), spread.low + shift, spread.high + shift, "days")
    return found
