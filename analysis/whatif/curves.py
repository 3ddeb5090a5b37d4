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
INSIDE, LOWER_END, UPPER_END = "inside", "lower end", "upper end"
"""Positions of a point in the range of bids or budgets that were replayed. Beyond an end nothing is known."""


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

    def best(self) -> int:
        """Return the index of the point of highest profit; of equal profits the one nearest to what there is.

        A tie is no advice to change anything.
        """
        ties = np.flatnonzero(self.profits == self.profits.max())
        factors = self.factor[ties]
        return int(ties[np.maximum(factors, 1.0 / factors).argmin()])

    def range_of_best(self) -> str:
        """Return where the point of highest profit stands in the range: `INSIDE`, `LOWER_END` or `UPPER_END`.

        A curve that is flat everywhere, such as that of an advertiser that buys nothing, hints at nothing beyond its ends.
        """
        best = self.best()
        if len(self.x) > 1 and (self.profits == self.profits[best]).all():
            return INSIDE
        return UPPER_END if best == len(self.x) - 1 else LOWER_END if best == 0 else INSIDE

    def meeting(self, target: str, level: float) -> float | NotDefined:
        """Return the largest bid or budget that meets a target, between two points by a straight line.

        At the upper end of the range it is the largest that was replayed, and a larger one may meet the target too.

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
            missed = f"no point from {self.x[0]:.4g} to {self.x[-1]:.4g} meets the target"
            return NotDefined(missed if bought.any() else "no point buys anything")
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


def best_table(curves: Sequence[Curve]) -> pl.DataFrame:
    """Return the point of highest profit, a row per curve whose profits are known.

    Columns: `advertiser`, `curve`, `rivals`, `x`, `factor`, `profit`, `profit_now` (at factor 1; null where no point has it),
    and `range`: `inside`, or `lower end` or `upper end` where the range ends at the point, so that one beyond may earn more.
    """
    rows: list[dict[str, object]] = []
    for curve in curves:
        if np.isnan(curve.profits).any():
            continue
        best, now = curve.best(), np.flatnonzero(curve.factor == 1.0)
        rows.append({
            **_names(curve), "x": float(curve.x[best]), "factor": float(curve.factor[best]),
            "profit": float(curve.profits[best]), "profit_now": float(curve.profits[now[0]]) if len(now) else None,
            "range": curve.range_of_best(),
        })  # fmt: skip
    numbers = dict.fromkeys(("x", "factor", "profit", "profit_now"), pl.Float64)
    return pl.DataFrame(rows, schema=dict.fromkeys(_NAMES, pl.String) | numbers | {"range": pl.String})


def meeting_table(curves: Sequence[Curve], target: str, level: float) -> pl.DataFrame:
    """Return the bid or budget that meets a target, a row per curve.

    Columns: `advertiser`, `curve`, `rivals`, `target`, `level`, `x`, `reason`, and `range`: `inside`, `upper end` where it is
    the largest that was replayed, so that a larger one may meet the target too, and null where none meets it.
    """
    rows = []
    for curve in curves:
        found = curve.meeting(target, level)
        row = {**_names(curve), "target": target, "level": level}
        if isinstance(found, NotDefined):
            rows.append({**row, "x": None, "reason": str(found), "range": None})
        else:
            rows.append({**row, "x": found, "reason": "", "range": UPPER_END if found == curve.x[-1] else INSIDE})
    types = {"x": pl.Float64, "level": pl.Float64, "range": pl.String}
    return pl.DataFrame(rows, schema_overrides=types, infer_schema_length=None)


_NAMES = ("advertiser", "curve", "rivals")


def _names(curve: Curve) -> dict[str, object]:
    return dict(zip(_NAMES, (curve.advertiser, curve.kind, curve.rivals), strict=True))


def _columns(name: str, figure: Callable[[Array], Array], replays: Replays) -> dict[str, pl.Series]:
    found = estimate(figure, replays)
    return {f"{name}{end}": _nulls(getattr(found, key)) for end, key in (("", "value"), ("_low", "low"), ("_high", "high"))}


def _nulls(values: Array) -> pl.Series:
    return pl.Series(values, nan_to_null=True)
