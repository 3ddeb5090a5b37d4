"""Draw the quality of a log: auctions by day and hour, candidates per auction, and the calibration of click rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from auctionsim.analysis.documents.plots.style import GREY, PALETTE, plain
from auctionsim.names.lettering import labels

_MAX_NAMED = 20
_MIN_HEIGHT, _DAY_HEIGHT, _MAX_HEIGHT = 2.2, 0.22, 9.0


def volume_figure(days: Sequence[str], volume: Sequence[Sequence[int]]) -> Figure:
    """Return a map of auctions by day and hour. Hours without auctions are white with a cross.

    Args:
        days: Names of the days.
        volume: Auctions of each day by hour, `[days, 24]`.
    """
    counts = np.array(volume, dtype=np.float64)
    height = min(max(_MIN_HEIGHT, 1.1 + _DAY_HEIGHT * len(days)), _MAX_HEIGHT)
    figure = Figure(figsize=(8.0, height), layout="constrained")
    axes = figure.subplots()
    drawn = axes.imshow(np.where(counts > 0, counts, np.nan), aspect="auto", cmap="Blues", vmin=0)
    empty = np.argwhere(counts == 0)
    axes.scatter(empty[:, 1], empty[:, 0], marker="x", color=GREY, s=12, linewidths=0.8)
    step = -(-len(days) // _MAX_NAMED)
    axes.set_yticks(range(0, len(days), step), labels=labels(days[::step]))
    axes.set_xticks(range(0, 24, 3))
    axes.set_xlabel("hour of the day")
    bar = figure.colorbar(drawn, ax=axes, label="auctions")
    bar.ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return figure


def candidates_figure(candidates: Sequence[int], auctions: Sequence[int]) -> Figure:
    """Return a bar chart of the auctions with each number of candidates."""
    figure = Figure(figsize=(8.0, 2.6), layout="constrained")
    axes = figure.subplots()
    total = sum(auctions)
    axes.bar(candidates, [100 * count / total for count in auctions], color=PALETTE[0])
    axes.set_xlim(min(0, min(candidates) - 1), max(candidates) + 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set(xlabel="candidates of an auction", ylabel="auctions, %")
    plain(axes)
    return figure


def calibration_figure(predicted: Sequence[float], observed: Sequence[float], errors: Sequence[float]) -> Figure:
    """Return a figure of observed over predicted click rates with 95 % intervals; calibrated rates lie on the diagonal.

    Args:
        predicted: Predicted click rate of each group of impressions.
        observed: Clicks per impression of each group.
        errors: Standard error of the observed rate of each group.
    """
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    axes = figure.subplots()
    top = 1.1 * max(max(predicted), max(o + 2 * e for o, e in zip(observed, errors, strict=True)), 1e-9)
    axes.plot([0, top], [0, top], color=GREY, linewidth=1, linestyle="--")
    axes.errorbar(predicted, observed, yerr=[1.96 * error for error in errors], fmt="o", color=PALETTE[0], capsize=2)
    axes.set(xlabel="predicted click rate", ylabel="observed click rate", xlim=(0, top), ylim=(0, top))
    plain(axes)
    return figure
