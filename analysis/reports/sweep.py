"""Report a sweep: which settings were best, and how its trials were stopped."""

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
    """Return the sections of a sweep's report: the best trial, a ranking, a figure, and how trials were stopped.

    Args:
        results: One row per trial and rung: trial, rung, iterations, is_kept, fitness, profit, revenue and a column per key.
        keys: The swept keys in order, with True for a key whose axis is logarithmic.
        metric: The metric that trials were ranked by: `fitness`, `profit` or `revenue`.
        on_test_days: Revenue and profit on test days by trial number, for the trials that finished.
        is_max: True if a larger metric is better.
        seeds: The number of seeds each trial was trained on.
    """
    # Trials that reached a later rung rank above those that were stopped: their metrics come from more training.
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
            f"One line per trial, darker the longer it was trained; the best trial is highlighted. Axes: the swept keys, and "
            f"{metric} on training days at the trial's last rung.",
        ),
        Note(f"Successive halving, trials: {', '.join(rungs)}. A rung is decided when all of its trials have finished it."),
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
        f"Means over {seeds} seed{'s' if seeds > 1 else ''}; profit and revenue are ratios to the baseline. Trials are ranked "
        "on training days. Test days are shown for the trials that finished; they chose nothing."
    )


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
