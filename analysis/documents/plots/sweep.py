"""Draw a sweep as parallel coordinates: one axis per swept key, and one for the figure at each rung."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.documents.plots.style import GREY, PALETTE
from auctionsim.names.lettering import label, labels

_TICKS = 5
_LONGEST_NAME = 16


@dataclass(frozen=True)
class Axis:
    """One vertical axis and where each trial crosses it."""

    name: str
    values: Sequence[Any]
    """The value of each trial: numbers, or words, which keep the order of their first appearance; None where it has none."""
    is_log: bool = False


def parallel_coordinates(axes: Sequence[Axis], best: Collection[int], dashed: Collection[int] = ()) -> Figure:
    """Return a figure with one line per trial over all axes. A line ends at the first axis that it has no value for.

    Args:
        axes: The axes from left to right, with as many values each as there are trials.
        best: The positions of the trials that are highlighted.
        dashed: The positions of the trials that are drawn dashed.
    """
    figure = Figure(figsize=(1.8 + 1.7 * len(axes), 3.8), layout="constrained")
    plot = figure.subplots()
    heights = np.empty((len(axes[0].values), len(axes)))
    for position, axis in enumerate(axes):
        heights[:, position], ticks = _scale(axis)
        plot.axvline(position, color=GREY, linewidth=0.8)
        for height, text in ticks:
            plot.annotate(
                text, (position, height), (-4, 0), textcoords="offset points", ha="right", va="center",
                fontsize=7, zorder=4,
                bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
            )  # fmt: skip
    order = sorted(range(len(heights)), key=lambda trial: (trial in best, trial))
    for trial in order:
        # The longer a trial went, the darker: 0.25 for one that ends at the first figure, 0.8 at the last.
        length = np.isfinite(heights[trial]).mean()
        is_best = trial in best
        color, opacity = (PALETTE[1], 1.0) if is_best else (PALETTE[0], 0.25 + 0.55 * length**4)
        plot.plot(
            heights[trial], color=color, alpha=opacity, lw=2 if is_best else 1, ls="--" if trial in dashed else "-",
            marker="o", markersize=4 if is_best else 2.5, clip_on=False,
        )  # fmt: skip
    plot.set_xticks(range(len(axes)), [_wrapped(axis.name) for axis in axes], fontsize=8)
    plot.set_xlim(-0.6, len(axes) - 0.8)
    plot.set_ylim(-0.04, 1.04)
    plot.set_yticks([])
    plot.spines[:].set_visible(False)
    return figure


def _scale(axis: Axis) -> tuple[NDArray[np.float64], list[tuple[float, str]]]:
    """Return every value's height in [0, 1], NaN where there is none, and the ticks as (height, label)."""
    given = [value for value in axis.values if value is not None]
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in given):
        words = list(dict.fromkeys(_word(value) for value in given))
        at = {word: k / (len(words) - 1) if len(words) > 1 else 0.5 for k, word in enumerate(words)}
        heights = np.array([np.nan if value is None else at[_word(value)] for value in axis.values])
        return heights, [(at[word], name) for word, name in zip(words, labels(words, _LONGEST_NAME), strict=True)]
    numbers = np.array([np.nan if value is None else float(value) for value in axis.values])
    scaled = arithmetic.log(numbers) if axis.is_log else numbers
    distinct = np.unique(scaled[np.isfinite(scaled)])
    if len(distinct) == 0:
        return np.full(len(numbers), np.nan), []
    low, width = float(distinct[0]), float(distinct[-1] - distinct[0])
    if width == 0:
        return np.where(np.isfinite(scaled), 0.5, np.nan), [(0.5, _number(numbers[np.isfinite(scaled)][0]))]
    marks = distinct if len(distinct) <= _TICKS else np.linspace(distinct[0], distinct[-1], _TICKS)
    written = [_number(float(arithmetic.exp(mark)) if axis.is_log else mark) for mark in marks.tolist()]
    return (scaled - low) / width, [((mark - low) / width, text) for mark, text in zip(marks.tolist(), written, strict=True)]


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def _wrapped(name: str) -> str:
    """Break a long name before its last part, and shorten each line."""
    if len(name) <= _LONGEST_NAME or "\n" in name:
        return "\n".join(label(line) for line in name.split("\n"))
    head, dot, tail = name.rpartition(".")
    return f"{label(head, _LONGEST_NAME)}{dot}\n{label(tail, _LONGEST_NAME)}" if dot else label(name, _LONGEST_NAME)
