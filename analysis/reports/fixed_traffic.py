"""Take a run's intervals over its replicates: over seeds if each has traffic of its own, over test days if all share one log.

With a traffic table, a seed varies the learner and nothing else: five seeds agree closely on days that may all have been lucky.
The question that a log is asked is about further days, so days are the replicates (`statistics.day_interval`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim.analysis.reports.run_view import without_days
from auctionsim.analysis.statistics import (
    TIE,
    Comparison,
    Interval,
    compare_paired,
    day_interval,
    mean_interval,
    pseudo_values,
)
from auctionsim.runs import Run
from auctionsim.scenario import Scenario

Measures = Mapping[str, ArrayLike]
"""Values by the name of the measure, `[seeds]` each."""


def has_fixed_traffic(scenario: Scenario) -> bool:
    """Return True if every seed has the same traffic: one table, and not one per seed."""
    return not scenario.traffic.is_synthetic and "{seed}" not in scenario.traffic.source


def intervals_of(run: Run, measure: Callable[[Run], Measures], *, sums: Collection[str] = ()) -> dict[str, Interval]:
    """Return the interval of each measure over the run's replicates; a measure that is not defined on each seed is left out.

    On fixed traffic a measure of all test days together is taken apart into days by leaving out each of them (the jackknife).
    So it may be a ratio of totals, a smallest ratio or a share. It has no interval if it is not defined without one of them.

    Args:
        run: The run, with its evaluation.
        measure: A function that measures a run over all its test days, `[seeds]` for each name.
        sums: The measures that are sums over days, such as revenue in currency; the others do not grow with the number of days.
    """
    whole = {name: np.asarray(values, dtype=np.float64) for name, values in measure(run).items()}
    whole = {name: values for name, values in whole.items() if np.isfinite(values).all()}
    if not has_fixed_traffic(run.scenario()):
        return {name: mean_interval(values) for name, values in whole.items()}
    found = {}
    for name, apart in _by_day(run, measure, whole, sums).items():
        mean = float(whole[name].mean())
        if not np.isfinite(apart).all():
            found[name] = Interval(mean, math.nan, math.nan, "days", "not defined without one of the days")
            continue
        spread = day_interval(apart)
        # The jackknife's mean corrects a bias of order 1 / days; the figure itself stays the one that the report states.
        shift = mean - spread.mean
        found[name] = Interval(mean, spread.low + shift, spread.high + shift, "days")
    return found


def differences_of(first: Run, other: Run, measure: Callable[[Run], Measures]) -> dict[str, Comparison]:
    """Compare two runs in sums over days, such as revenue: the other minus the first, paired by seed, or by day on one log.

    Args:
        first: The run to compare with.
        other: The other run, on the same seeds and test days.
        measure: A function that returns sums over a run's test days, `[seeds]` for each name.
    """
    one, two = ({name: np.asarray(v, dtype=np.float64) for name, v in measure(run).items()} for run in (first, other))
    if not (has_fixed_traffic(first.scenario()) and has_fixed_traffic(other.scenario())):
        return {name: compare_paired(two[name], one[name]) for name in one}
    ours, theirs = (_by_day(run, measure, whole, tuple(whole)) for run, whole in ((first, one), (other, two)))
    found = {}
    for name in one:
        base, days = ours[name], ours[name].shape[1]
        apart = theirs[name] - base
        apart = np.where(np.abs(apart) <= TIE * np.maximum(np.abs(theirs[name]), np.abs(base)), 0.0, apart)
        # Seeds share the log's days: a day's difference is its mean over seeds, and days are what signs are flipped on.
        signs = compare_paired(apart.mean(axis=0), np.zeros(days))
        mean, spread = float((two[name] - one[name]).mean()), day_interval(apart)
        found[name] = replace(signs, difference=replace(spread, mean=mean))
    return found


def _by_day(
    run: Run, measure: Callable[[Run], Measures], whole: Mapping[str, NDArray[np.float64]], sums: Collection[str]
) -> dict[str, NDArray[np.float64]]:
    """Return what each day by itself says of each measure of all days together, `[seeds, days]`."""
    days = run.table("outcomes")["day"].unique().sort().to_list()
    if len(days) == 1:
        return {name: values[:, None] for name, values in whole.items()}
    parts = [measure(view) for view in without_days(run, days)]
    found = {}
    for name, values in whole.items():
        without = np.stack([np.asarray(part[name], dtype=np.float64) for part in parts], axis=1)
        # A day's part of a sum is what is missing without it; all days like this one would bring so much each.
        found[name] = len(days) * (values[:, None] - without) if name in sums else pseudo_values(values, without)
    return found
