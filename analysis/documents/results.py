"""Tabulate a study's results: means over seeds with intervals, and paired differences between arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.sections import Table
from auctionsim.analysis.statistics import INTERVALS, Interval, compare_paired, mean_interval


def by_seed(results: pl.DataFrame, scenario: str, arm: str, metric: str, split: str = "test") -> dict[int, float]:
    """Return one metric of one arm by seed; empty if it was not measured."""
    rows = results.filter(scenario=scenario, arm=arm, metric=metric, split=split).sort("seed")
    return dict(zip(rows["seed"].to_list(), rows["value"].to_list(), strict=True))


def interval(results: pl.DataFrame, scenario: str, arm: str, metric: str, split: str = "test") -> Interval | None:
    """Return one metric's mean over seeds with its interval; None if it was not measured."""
    values = list(by_seed(results, scenario, arm, metric, split).values())
    return mean_interval(values) if values else None


def paired_differences(
    results: pl.DataFrame, scenario: str, arm: str, other: str, metric: str, split: str = "test"
) -> NDArray[np.float64]:
    """Return `arm` minus `other` on each seed that both have, `[seeds]`."""
    one, two = paired_values(results, scenario, arm, other, metric, split)
    return one - two


def paired_values(
    results: pl.DataFrame, scenario: str, arm: str, other: str, metric: str, split: str = "test"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the values of two arms on the seeds that both have, `[seeds]` each, in the same order."""
    one, two = (by_seed(results, scenario, name, metric, split) for name in (arm, other))
    shared = sorted(one.keys() & two.keys())
    return np.array([one[seed] for seed in shared]), np.array([two[seed] for seed in shared])


def arms_table(
    results: pl.DataFrame,
    scenario: str,
    metrics: Mapping[str, str],
    *,
    split: str = "test",
    arms: Sequence[str] | None = None,
    over: str | None = None,
) -> Table:
    """Return a table with one row per arm and one column per metric: mean over seeds with its interval.

    Args:
        results: The rows of results.parquet.
        scenario: The scenario whose rows are shown.
        metrics: The column titles by metric name, in order.
        split: The days that are shown: `train` or `test`.
        arms: The arms to show, in order; all arms in the order of the rows if None.
        over: The text of the table's note on what each value is a mean over; the days of the split if None.
    """
    own = results.filter(scenario=scenario, split=split)
    names = list(own["arm"].unique(maintain_order=True)) if arms is None else [a for a in arms if a in set(own["arm"])]
    seeds = own.filter(pl.col("arm").is_in(names))["seed"].n_unique()
    rows = []
    for arm in names:
        cells = [interval(own, scenario, arm, metric, split) for metric in metrics]
        rows.append([arm, *("" if cell is None else str(cell) for cell in cells)])
    over = over or ("held-out test days" if split == "test" else "training days")
    return Table([scenario, *metrics.values()], rows, f"Means over {seeds} seeds with {INTERVALS}, {over}.")


def paired_table(
    results: pl.DataFrame,
    scenario: str,
    arm: str,
    rivals: Sequence[str],
    metrics: Mapping[str, str],
    *,
    split: str = "test",
    signs: bool = False,
) -> Table:
    """Return a table of one arm minus each rival, paired by seed; `*` marks a difference whose interval excludes 0.

    Args:
        results: The rows of results.parquet.
        scenario: The scenario whose rows are shown.
        arm: The arm that is compared.
        rivals: The arms it is compared with, in order; those that share no seed with it are left out.
        metrics: The column titles by metric name, in order.
        split: The days that are shown: `train` or `test`.
        signs: Whether to show on how many seeds the arm is above the rival.
    """
    rows = []
    for rival in rivals:
        cells = []
        for metric in metrics:
            own, other = paired_values(results, scenario, arm, rival, metric, split)
            found = compare_paired(own, other) if len(own) else None
            counted = f", {found.better} of {found.seeds}" if found is not None and signs else ""
            cells.append("" if found is None else f"{found.difference}{' *' if found.differs else ''}{counted}")
        if any(cells):
            rows.append([rival, *cells])
    note = f"Differences on the same seeds, means with {INTERVALS}; * the interval excludes 0."
    if signs:
        note += f" Then the number of seeds on which {arm} is above, of all that both have."
    return Table([f"{arm} minus", *metrics.values()], rows, note)
