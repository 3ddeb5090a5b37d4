"""Draw a day so far, for `render_mode="rgb_array"`. Imported only when a picture is drawn."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auctionsim.auction.outcome import COST, GMV, Outcome
from auctionsim.names.lettering import labels, letter
from auctionsim.traffic.table import HOURS

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#666666"
_MAX_NAMES = 20


def day_frame(
    totals: NDArray[np.float64], baseline: Outcome | None, advertisers: tuple[str, ...], title: str
) -> NDArray[np.uint8]:
    """Draw revenue by hour and each advertiser's profit so far, beside those of the baseline.

    Args:
        totals: Impressions, clicks, conversions, GMV and cost of the hours so far, `[hours, advertisers, 5]`.
        baseline: Outcome of the whole day under the baseline; None before the first day.
        advertisers: Names of the advertisers.
        title: Title above the picture.

    Returns:
        The picture in RGB, 0 to 255, `[400, 800, 3]`.
    """
    figure = Figure(figsize=(8.0, 4.0), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    revenue, profit = figure.subplots(1, 2)
    hours = np.arange(len(totals))
    revenue.bar(hours, totals[:, :, COST].sum(axis=1), color=_BLUE, label="revenue")
    if baseline is not None:
        revenue.plot(baseline.revenue[:, 0], color=_GREY, linestyle="--", label="baseline")
    revenue.set(xlabel="Hour of the day", ylabel="Platform revenue (currency)", xlim=(-0.6, HOURS - 0.4))
    revenue.legend(frameon=False, fontsize=8, loc="upper left")
    bar = np.arange(len(advertisers))
    profit.barh(bar, (totals[:, :, GMV] - totals[:, :, COST]).sum(axis=0), color=_ORANGE, label="profit so far")
    if baseline is not None:
        baseline_profit = baseline.profit[: len(totals), :, 0].sum(axis=0)
        profit.plot(baseline_profit, bar, "|", color=_GREY, markersize=8, label="baseline")
    profit.set_yticks(bar, labels(advertisers) if len(bar) <= _MAX_NAMES else [""] * len(bar), fontsize=7)
    profit.invert_yaxis()
    profit.set_xlabel("Profit (currency)")
    profit.legend(frameon=False, fontsize=8, loc="lower right")
    for axes in (revenue, profit):
        axes.spines[["top", "right"]].set_visible(False)
    letter(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba())[:, :, :3].copy()  # type: ignore[no-untyped-call]
