"""Curves of one advertiser: what other bids and other budgets would deliver, marginal costs, and what meets a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.whatif.replays import ADVERTISER_FIGURES, Replays, estimate
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV
from auctionsim.names.display import short_repr
from auctionsim.ratios import NotDefined, safe_ratios

Array = NDArray[np.float64]

BID_FACTORS = arithmetic.powers_of_two(-4, 3, 3)[2:]
"""Factors on an advertiser's bids, 0.1 to 8, and on its budget where it has one; one of the 20 is 1."""
SPEND_SHARES = np.linspace(0.05, 1.0, 20)
"""Budgets of an advertiser that has none, as shares of what it spends a day."""
SHOWN = ("impressions", "clicks", "spend", "conversions", "profit", "gmv")
TARGETS = ("cpa", "roas")
"""Targets: cost per conversion at most so much, or GMV per cost at least so much."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Outcomes of one advertiser at P bids or budgets."""

    advertiser: str
    kind: str
    """`bid` or `budget`."""
    rivals: str
    """`fixed` or `adapting`."""
    x: Array
    """Mean bid, currency per click, or budget, currency per day, rising, `[P]`."""
    factor: Array
    """Factor on the own bid or budget, or share of the own spend where there is no budget, `[P]`."""
    replays: Replays
    """Outcomes, with the P points in place of advertisers."""
    is_settled: bool | None = None
    """Whether the rivals settled; None where they are fixed."""
    exploitability: float | None = None
    """Largest exploitability of the rivals that is left; None where they are fixed."""

    __repr__ = short_repr

    def table(self) -> pl.DataFrame:
        """Return a row for each point.

        Columns: `advertiser`, `curve`, `rivals`, `factor`, `x` (bid or budget); impressions, clicks, spend, conversions, profit
        and gmv with `NAME_low` and `NAME_high`; `cpc`, `cpa`, `roas`; `marginal_cpc`, the cost of the clicks beyond the point
        before over their number, with its interval. Currency and counts, all days together; null where not defined.
        """
        points = len(self.x)
        columns: dict[str, object] = {
            "advertiser": [self.advertiser] * points, "curve": [self.kind] * points, "rivals": [self.rivals] * points,
            "factor": self.factor, "x": self.x,
        }  # fmt: skip
        for name in SHOWN:
            columns |= _columns(name, ADVERTISER_FIGURES[name], self.replays)
        total = self.replays.total
        columns["cpc"] = _nulls(ADVERTISER_FIGURES["cpc"](total))
        columns["cpa"] = _nulls(cost_per_conversion(total))
        columns["roas"] = _nulls(return_on_spend(total))
        columns |= _columns("marginal_cpc", marginal_cpc, self.replays)
        return pl.DataFrame(columns)

    @property
    def profits(self) -> Array:
        """Return the profit at each point, currency, `[P]`."""
        return ADVERTISER_FIGURES["profit"](self.replays.total)

    def meeting(self, target: str, level: float) -> float | NotDefined:
        """Return the largest bid or budget that meets a target, between two points by a straight line.

        Args:
            target: One of `TARGETS`.
            level: The target, currency per conversion, or GMV per cost.
        """
        total = self.replays.total
        spare = level * total[:, CONVERSIONS] - total[:, COST] if target == "cpa" else total[:, GMV] - level * total[:, COST]
        if np.isnan(spare).all():
            return NotDefined(f"this traffic knows no {'conversions' if target == 'cpa' else 'value of conversions'}")
        # Clicks for nothing meet every return on ad spend.
        bought = total[:, CONVERSIONS] > 0 if target == "cpa" else (total[:, COST] > 0) | (total[:, GMV] > 0)
        meets = np.flatnonzero((spare >= 0) & bought)
        if not len(meets):
            return NotDefined("no point meets the target" if bought.any() else "no point buys anything")
        last = int(meets[-1])
        if last == len(self.x) - 1:
            return float(self.x[last])
        share = spare[last] / (spare[last] - spare[last + 1]) if spare[last + 1] < 0 else 0.0
        return float(self.x[last] + share * (self.x[last + 1] - self.x[last]))


def cost_per_conversion(totals: Array) -> Array:
    """Return cost per conversion (CPA), currency, NaN without conversions, from outcomes `[..., 5]`."""
    return safe_ratios(totals[..., COST], totals[..., CONVERSIONS])


def return_on_spend(totals: Array) -> Array:
    """Return GMV per cost (ROAS), NaN without cost, from outcomes `[..., 5]`."""
    return safe_ratios(totals[..., GMV], totals[..., COST])


def marginal_cpc(totals: Array) -> Array:
    """Return the cost of each point's clicks beyond the point before over their number, `[..., P]`, from `[..., P, 5]`.

    The first point is compared with no bid at all. It is NaN where there are no more clicks than before.
    """
    before = np.concatenate([np.zeros_like(totals[..., :1, :]), totals[..., :-1, :]], axis=-2)
    more = totals - before
    is_more = more[..., CLICKS] > 1e-9 * totals[..., CLICKS]
    return np.where(is_more, safe_ratios(more[..., COST], more[..., CLICKS]), np.nan)


def meeting_table(curves: Sequence[Curve], target: str, level: float) -> pl.DataFrame:
    """Return the bid or budget that meets a target, a row per curve; columns `advertiser`, `curve`, `rivals`, `x`, `reason`."""
    rows = []
    for curve in curves:
        found = curve.meeting(target, level)
        is_defined = not isinstance(found, NotDefined)
        row = {"advertiser": curve.advertiser, "curve": curve.kind, "rivals": curve.rivals, "target": target, "level": level}
        rows.append({**row, "x": found if is_defined else None, "reason": "" if is_defined else str(found)})
    return pl.DataFrame(rows, schema_overrides={"x": pl.Float64, "level": pl.Float64}, infer_schema_length=None)


def _columns(name: str, figure: Callable[[Array], Array], replays: Replays) -> dict[str, pl.Series]:
    found = estimate(figure, replays)
    return {f"{name}{end}": _nulls(getattr(found, key)) for end, key in (("", "value"), ("_low", "low"), ("_high", "high"))}


def _nulls(values: Array) -> pl.Series:
    return pl.Series(values, nan_to_null=True)
