"""The results of a study as tables: means over seeds with intervals, and paired differences between arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.sections import Table
from auctionsim.analysis.reports.metrics import Interval, bootstrap


def by_seed(results: pl.DataFrame, scenario: str, arm: str, metric: str, split: str = "test") -> dict[int, float]:
    """One metric of one arm, by seed; empty where it was not measured."""
    rows = results.filter(scenario=scenario, arm=arm, metric=metric, split=split).sort("seed")
    return dict(zip(rows["seed"].to_list(), rows["value"].to_list(), strict=True))


def interval(results: pl.DataFrame, scenario: str, arm: str, metric: str, split: str = "test") -> Interval | None:
    """Mean over seeds with its interval; None where it was not measured."""
    values = list(by_seed(results, scenario, arm, metric, split).values())
    return bootstrap(values) if values else None


def paired(results: pl.DataFrame, scenario: str, arm: str, other: str, metric: str, split: str = "test") -> NDArray[np.float64]:
    """`arm` less `other`, seed by seed, over the seeds that both have."""
    one, two = (by_seed(results, scenario, name, metric, split) for name in (arm, other))
    return np.array([one[seed] - two[seed] for seed in sorted(one.keys() & two.keys())])


def arms_table(
    results: pl.DataFrame,
    scenario: str,
    metrics: Mapping[str, str],
    *,
    split: str = "test",
    arms: Sequence[str] | None = None,
    over: str | None = None,
) -> Table:
    """One row per arm, one column per metric: mean and 95 % interval over seeds.

    Args:
        results: Rows of results.parquet.
        scenario: Whose rows.
        metrics: Column title by metric name.
        split: `train` or `test`.
        arms: Which and in what order; as they come where None.
        over: What each value is a mean over, for the note; the days of the split where None.
    """
    own = results.filter(scenario=scenario, split=split)
    names = list(own["arm"].unique(maintain_order=True)) if arms is None else [a for a in arms if a in set(own["arm"])]
    seeds = own["seed"].n_unique()
    rows = []
    for arm in names:
        cells = [interval(own, scenario, arm, metric, split) for metric in metrics]
        rows.append([arm, *("" if cell is None else str(cell) for cell in cells)])
    over = over or ("days not trained on" if split == "test" else "training days")
    return Table([scenario, *metrics.values()], rows, f"Means over {seeds} seeds with 95 % bootstrap intervals, {over}.")
