"""What an advertiser sees at the start of an hour: 15 named features, each inside [-1, 1]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.budget import spent_below
from auctionsim.market.engine import CLICKS, CONVERSIONS, COST, GMV, IMPRESSIONS
from auctionsim.market.setup import Market
from auctionsim.market.traffic import HOURS

Array = NDArray[np.float64]

FEATURES = (
    "time_left",
    "budget_left",
    "spend_speed",
    "impressions",
    "clicks",
    "conversions",
    "gmv",
    "cost",
    "profit",
    "ctr",
    "cvr",
    "ppc",
    "win_rate",
    "auctions",
    "platform_revenue",
)
"""`time_left` and `budget_left` are shares; `spend_speed` is the share spent over the share of the day gone; the rest
describe the last hour. Amounts and rates are ratios to the reference's mean hour, squashed by x / (1 + |x|): 0.5 is the
reference's level. `win_rate` is impressions over auctions entered. All are 0 in the first hour but the first three."""

_LOWEST = {"profit": -1.0}


def bounds() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lower and upper bound of each feature."""
    low = np.array([_LOWEST.get(name, 0.0) for name in FEATURES], dtype=np.float32)
    return low, np.ones(len(FEATURES), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Scales:
    """The reference's mean hour on the day under way, by which amounts are divided."""

    mean_hour: Array
    """`[advertisers, 5]`."""
    auctions: Array
    """Auctions entered in each hour, `[24, advertisers]`."""
    revenue: float

    @classmethod
    def of(cls, market: Market, day: int) -> Scales:
        """The scales of a day."""
        outcome = market.reference[day]
        hourly = (outcome.impressions, outcome.clicks, outcome.conversions, outcome.gmv, outcome.cost)
        mean = np.stack([amount[:, :, 0].mean(axis=0) for amount in hourly], axis=1)
        return cls(mean, market.hourly_auctions(day), float(outcome.revenue.mean()))


def observe(market: Market, scales: Scales, hour: int, budget_left: Array, last: Array | None) -> NDArray[np.float32]:
    """Observations of all advertisers at the start of `hour` (24: the end of the day).

    Args:
        market: The market.
        scales: Of the day under way.
        hour: Hours replayed so far.
        budget_left: Currency `[advertisers]`.
        last: Totals of the last hour `[advertisers, 5]`, None before the first.

    Returns:
        `[advertisers, 15]`.
    """
    n = len(market.advertisers)
    left = np.divide(budget_left, market.budgets, out=np.ones(n), where=np.isfinite(market.budgets))
    left = np.where(budget_left <= spent_below(market.budgets), 0.0, left)
    features = {name: np.zeros(n) for name in FEATURES}
    features["time_left"] = np.full(n, 1 - hour / HOURS)
    features["budget_left"] = left
    features["spend_speed"] = _squashed((1 - left) * HOURS / max(hour, 1))
    if last is not None:
        features |= _last_hour(scales, hour - 1, last)
    return np.stack([features[name] for name in FEATURES], axis=1).astype(np.float32)


def _last_hour(scales: Scales, hour: int, last: Array) -> dict[str, Array]:
    mean = scales.mean_hour
    amounts = {"impressions": IMPRESSIONS, "clicks": CLICKS, "conversions": CONVERSIONS, "gmv": GMV, "cost": COST}
    features = {name: _squashed(_ratio(last[:, k], mean[:, k])) for name, k in amounts.items()}
    rates = {"ctr": (CLICKS, IMPRESSIONS), "cvr": (CONVERSIONS, CLICKS), "ppc": (COST, CLICKS)}
    for name, (above, below) in rates.items():
        reference = _ratio(mean[:, above], mean[:, below])
        features[name] = _squashed(_ratio(_ratio(last[:, above], last[:, below]), reference))
    features["profit"] = _squashed(_ratio(last[:, GMV] - last[:, COST], np.abs(mean[:, GMV] - mean[:, COST])))
    features["win_rate"] = np.minimum(_ratio(last[:, IMPRESSIONS], scales.auctions[hour]), 1.0)
    features["auctions"] = _squashed(_ratio(scales.auctions[hour], scales.auctions.mean(axis=0)))
    revenue = last[:, COST].sum() / scales.revenue if scales.revenue > 0 else 0.0
    features["platform_revenue"] = _squashed(np.full(len(last), revenue))
    return features


def _squashed(ratio: Array) -> Array:
    return ratio / (1 + np.abs(ratio))


def _ratio(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
