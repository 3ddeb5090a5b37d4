"""Winners and losers of a change, by advertiser, those who lose most first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.statistics import TIE
from auctionsim.analysis.whatif.replays import ADVERTISER_FIGURES, Estimates, Figure, Replays, estimate
from auctionsim.auction.outcome import COST, GMV
from auctionsim.ratios import ROUNDING, safe_ratios

Array = NDArray[np.float64]


def judged_figure(unchanged: Replays) -> str:
    """Return what advertisers gain or lose: `profit`, or `clicks` where no conversion has a value, as in a log of clicks."""
    return "profit" if unchanged.sums[:, GMV].sum() > 0 else "clicks"


def advertiser_changes(label: str, unchanged: Replays, changed: Replays, advertisers: Sequence[str]) -> pl.DataFrame:
    """Return what a change brings each advertiser, those who lose most first.

    Columns: `set` (the change), `advertiser`; then for profit, spend, impressions, clicks, conversions, cpc and gmv the figure
    `NAME_unchanged` and `NAME`; for profit, spend and clicks the difference `NAME_change` with its interval `NAME_change_low`,
    `NAME_change_high`, and `NAME_relative`, the difference over the unchanged figure, null where that is not above 0. Currency,
    counts, currency per click, all days together; what is not defined is null.

    Args:
        label: The change as it was written.
        unchanged: The replays without it.
        changed: The replays under it.
        advertisers: Names of the advertisers.
    """
    columns: dict[str, object] = {"set": [label] * len(advertisers), "advertiser": list(advertisers)}
    for name, figure in ADVERTISER_FIGURES.items():
        before, after = figure(unchanged.total), figure(changed.total)
        columns |= {f"{name}_unchanged": _nulls(before), name: _nulls(after)}
        if name in ("profit", "spend", "clicks"):
            found = difference(figure, changed, unchanged)
            columns |= {f"{name}_change": _nulls(found.value)}
            columns |= {f"{name}_change_low": _nulls(found.low), f"{name}_change_high": _nulls(found.high)}
            columns[f"{name}_relative"] = _nulls(_relative(name, found.value, before, unchanged))
    order = np.argsort(
        np.asarray(difference(ADVERTISER_FIGURES[judged_figure(unchanged)], changed, unchanged).value), kind="stable"
    )
    return pl.DataFrame(columns)[order.tolist()]


def difference(figure: Figure, changed: Replays, unchanged: Replays) -> Estimates:
    """Return a figure's difference, changed minus unchanged, on the same auctions; less than rounding counts as 0."""

    def apart(one: Array, other: Array) -> Array:
        after, before = figure(one), figure(other)
        # A profit is a difference of money itself, so that rounding is a share of the turnover.
        scale = np.maximum(np.nansum(np.abs(one), axis=-1), np.nansum(np.abs(other), axis=-1))
        return np.where(np.abs(after - before) <= TIE * scale, 0.0, after - before)

    return estimate(apart, changed, unchanged)


def gains_and_losses(change: Array) -> tuple[int, int]:
    """Count the advertisers that gain and those that lose."""
    return int((change > 0).sum()), int((change < 0).sum())


def _relative(name: str, change: Array, before: Array, unchanged: Replays) -> Array:
    turnover = unchanged.total[:, GMV] + unchanged.total[:, COST] if name == "profit" else before
    return np.where(before > ROUNDING * turnover, safe_ratios(change, before), np.nan)


def _nulls(values: Array) -> pl.Series:
    return pl.Series(values, nan_to_null=True)
