"""A day so far as a picture, for `render_mode="rgb_array"`. Imported when the first picture is asked for."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auctionsim.auction.outcome import COST, GMV, Outcome
from auctionsim.traffic.table import HOURS

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#666666"
_MOST_NAMES = 20


def day_frame(
    totals: NDArray[np.float64], reference: Outcome | None, advertisers: tuple[str, ...], title: str
) -> NDArray[np.uint8]:
    """Revenue by hour, and each advertiser's profit so far, beside the reference's.

    Args:
        totals: Of the hours so far, `[hours, advertisers, 5]`.
        reference: Of the whole day; None before the first.
        advertisers: Their names.
        title: Shown above.

    Returns:
        The picture, `[400, 800, 3]`.
    """
    figure = Figure(figsize=(8.0, 4.0), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    revenue, profit = figure.subplots(1, 2)
    hours = np.arange(len(totals))
    revenue.bar(hours, totals[:, :, COST].sum(axis=1), color=_BLUE, label="revenue")
    if reference is not None:
        revenue.plot(reference.revenue[:, 0], color=_GREY, linestyle="--", label="reference")
    revenue.set(xlabel="Hour of the day", ylabel="Platform revenue (currency)", xlim=(-0.6, HOURS - 0.4))
    revenue.legend(frameon=False, fontsize=8, loc="upper left")
    place = np.arange(len(advertisers))
    profit.barh(place, (totals[:, :, GMV] - totals[:, :, COST]).sum(axis=0), color=_ORANGE, label="profit so far")
    if reference is not None:
        so_far = reference.profit[: len(totals), :, 0].sum(axis=0)
        profit.plot(so_far, place, "|", color=_GREY, markersize=8, label="reference")
    profit.set_yticks(place, advertisers if len(place) <= _MOST_NAMES else [""] * len(place), fontsize=7)
    profit.invert_yaxis()
    profit.set_xlabel("Profit (currency)")
    profit.legend(frameon=False, fontsize=8, loc="lower right")
    for axes in (revenue, profit):
        axes.spines[["top", "right"]].set_visible(False)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba())[:, :, :3].copy()  # type: ignore[no-untyped-call]
