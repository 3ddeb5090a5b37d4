"""A sweep's table as a document: which settings came out best, and how trials were stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from auctionsim.analysis.documents.plots.sweep import parallel_coordinates
from auctionsim.analysis.documents.sections import Note, Picture, Section, Table, Text

_SHOWN = 20


def sweep_sections(
    results: pl.DataFrame,
    keys: Mapping[str, bool],
    metric: str,
    on_test_days: Mapping[int, Mapping[str, float]],
    *,
    is_max: bool,
    seeds: int,
) -> list[Section]:
    """The document of a sweep.

    Args:
        results: One row per trial and rung: trial, rung, iterations, is_kept, fitness, profit, revenue and a column per key.
        keys: The swept keys, and whether each is logarithmic.
        metric: What trials were judged by.
        on_test_days: Revenue and profit of the trials that came to the end.
        is_max: Whether more of the metric is better.
        seeds: How many seeds each trial had.
    """
    # Trials that came further rank above those that were stopped: their figures are of more training.
    last = results.sort("rung").group_by("trial", maintain_order=True).last()
    ranked = last.sort(["rung", metric, "trial"], descending=[True, is_max, False], nulls_last=True)
    best = ranked.row(0, named=True)
    settings = ", ".join(f"{key} = {_text(best[key])}" for key in keys)
    rungs = [
        f"{len(rows)} to iteration {iterations}" for (iterations,), rows in results.group_by("iterations", maintain_order=True)
    ]
    header = ["Trial", *keys, "Iterations", "Fitness", "Profit", "Revenue", "Profit, test days", "Revenue, test days"]
    return [
        Text(f"Best by {metric}: trial {best['trial']} with {settings}; {metric} {best[metric]:.4f} on training days."),
        Table(header, [_row(row, keys, on_test_days) for row in ranked.head(_SHOWN).iter_rows(named=True)], _note(seeds)),
        Picture(
            "parallel-coordinates",
            parallel_coordinates(last, keys, metric, is_max=is_max),
            f"Every line is a trial, the darker the further it came; the best one is marked. Axes: the swept keys, and "
            f"{metric} on training days when the trial ended.",
        ),
        Note(f"Successive halving, trials: {', '.join(rungs)}. Who goes on is decided when all trials of a rung have come."),
    ]


def _row(row: Mapping[str, object], keys: Mapping[str, bool], on_test_days: Mapping[int, Mapping[str, float]]) -> Sequence[str]:
    tested = on_test_days.get(int(str(row["trial"])), {})
    return [
        str(row["trial"]),
        *(_text(row[key]) for key in keys),
        str(row["iterations"]),
        *(f"{float(str(row[name])):.4f}" for name in ("fitness", "profit", "revenue")),
        *(f"{tested[name]:.4f}" if name in tested else "" for name in ("profit", "revenue")),
    ]


def _note(seeds: int) -> str:
    return (
        f"Means over {seeds} seed{'s' if seeds > 1 else ''}; profit and revenue are ratios to the reference's. Trials were "
        "judged on training days; test days, of trials that came to the end, are for information and chose nothing."
    )


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
