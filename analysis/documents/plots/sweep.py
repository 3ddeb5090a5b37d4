"""Draw a sweep as parallel coordinates: one axis per swept key and one for the metric."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auctionsim.analysis.documents.plots.style import GREY, PALETTE

_TICKS = 5


def parallel_coordinates(trials: pl.DataFrame, keys: Mapping[str, bool], metric: str, *, is_max: bool) -> Figure:
    """Return a figure with one line per trial over all axes; the best trial is highlighted.

    Args:
        trials: One row per trial, with `rung`, the metric and a column per key.
        keys: The swept keys in order, with True for a key whose axis is logarithmic.
        metric: The column of the last axis.
        is_max: True if a larger metric is better.
    """
    names = [*keys, metric]
    heights, figure = np.empty((len(trials), len(names))), Figure(figsize=(1.8 + 1.7 * len(names), 3.6), layout="constrained")
    axes = figure.subplots()
    for i, name in enumerate(names):
        heights[:, i], ticks = _axis(trials[name], is_log=keys.get(name, False))
        axes.axvline(i, color=GREY, linewidth=0.8)
        for height, label in ticks:
            axes.annotate(label, (i, height), (-4, 0), textcoords="offset points", ha="right", va="center", fontsize=7)
    furthest = max(int(trials["rung"].to_numpy().max()), 1)
    scores = trials[metric].to_numpy()
    at_the_end = np.where(trials["rung"].to_numpy() == trials["rung"].max(), scores if is_max else -scores, np.nan)
    best = -1 if np.isnan(at_the_end).all() else int(np.nanargmax(at_the_end))
    for k, line in enumerate(heights):
        opacity = 0.2 + 0.6 * float(trials["rung"][k]) / furthest
        is_best = k == best
        axes.plot(line, color=PALETTE[1] if is_best else PALETTE[0], alpha=1.0 if is_best else opacity, lw=2 if is_best else 1)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_xlim(-0.6, len(names) - 0.8)
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return figure


def _axis(values: pl.Series, *, is_log: bool) -> tuple[NDArray[np.float64], list[tuple[float, str]]]:
    """Return every value's height in [0, 1], and the ticks as (height, label); words are in order of first appearance."""
    if not values.dtype.is_numeric():
        words = list(dict.fromkeys(str(value) for value in values))
        heights = {word: k / max(len(words) - 1, 1) for k, word in enumerate(words)}
        return np.array([heights[str(value)] for value in values]), [(height, word) for word, height in heights.items()]
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    scaled = np.log(numbers) if is_log else numbers
    if np.isnan(scaled).all():
        return np.full(len(numbers), np.nan), []
    low, high = float(np.nanmin(scaled)), float(np.nanmax(scaled))
    width = high - low or 1.0
    marks = np.linspace(low, high, _TICKS) if high > low else np.array([low])
    return (scaled - low) / width, [
        ((mark - low) / width, f"{np.exp(mark) if is_log else mark:.3g}") for mark in marks.tolist()
    ]
