"""What an advertiser sees at the start of an hour: 15 named features, each inside [-1, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.budgets import exhausted_threshold
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV, IMPRESSIONS
from auctionsim.market.market import Market
from auctionsim.traffic.table import HOURS

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
    "cpc",
    "win_rate",
    "auctions",
    "platform_revenue",
)
"""`time_left` and `budget_left` are shares; `spend_speed` is the share spent over the share of the day gone; the rest
describe the last hour. Amounts and rates are ratios to the reference's mean hour, squashed by x / (1 + |x|): 0.5 is the
reference's level. `win_rate` is impressions over auctions entered. All are 0 in the first hour but the first three."""

_LOWEST = {"profit": -1.0}
_AMOUNTS = slice(FEATURES.index("impressions"), FEATURES.index("cost") + 1)
_RATES = slice(FEATURES.index("ctr"), FEATURES.index("cpc") + 1)
# Above and below of ctr, cvr and cpc.
_ABOVE, _BELOW = [CLICKS, CONVERSIONS, COST], [IMPRESSIONS, CLICKS, CLICKS]
# Where the reference has nothing to measure by, everything is as nothing.
_BEYOND_MEASURE = 1e200


def bounds() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lower and upper bound of each feature."""
    low = np.array([_LOWEST.get(name, 0.0) for name in FEATURES], dtype=np.float32)
    return low, np.ones(len(FEATURES), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Scales:
    """What the observed advertisers' features are measured by: the reference's mean hour of the day under way.

    D is 1 where all policies are on the same day, else the number of policies, each on a day of its own.
    """

    budgets: Array
    """Currency `[observed, 1]`, infinite where there is none."""
    amounts: Array
    """Impressions, clicks, conversions, GMV and cost, `[observed, 5, D]`."""
    rates: Array
    """CTR, CVR and CPC, `[observed, 3, D]`."""
    profit: Array
    """`[observed, D]`, its size."""
    auctions: Array
    """Auctions entered in each hour, `[24, observed, D]`."""
    mean_auctions: Array
    """`[observed, D]`."""
    revenue: Array
    """The platform's, `[D]`."""

    @classmethod
    def of(cls, market: Market, day: int, observed: NDArray[np.int64] | None = None) -> Scales:
        """The scales of a day, for some advertisers or all."""
        who = np.arange(len(market.advertisers)) if observed is None else observed
        outcome = market.baseline[day]
        hourly = (outcome.impressions, outcome.clicks, outcome.conversions, outcome.gmv, outcome.cost)
        mean = np.stack([amount[:, who].mean(axis=0) for amount in hourly], axis=1)
        rates = np.divide(mean[:, _ABOVE], mean[:, _BELOW], out=np.zeros_like(mean[:, :3]), where=mean[:, _BELOW] > 0)
        auctions = market.hourly_auctions(day)[:, who, None]
        return cls(
            budgets=market.budgets[who, None],
            amounts=_or_beyond(mean),
            rates=_or_beyond(rates),
            profit=_or_beyond(np.abs(mean[:, GMV] - mean[:, COST])),
            auctions=auctions,
            mean_auctions=_or_beyond(auctions.mean(axis=0)),
            revenue=_or_beyond(outcome.revenue.mean(axis=0)),
        )

    @classmethod
    def of_policies(cls, scales: Sequence[Scales], day: NDArray[np.int64]) -> Scales:
        """The scales of policies on days of their own: of `scales[day[p]]` for policy p."""
        names = ("amounts", "rates", "profit", "auctions", "mean_auctions", "revenue")
        by_day = {name: np.concatenate([getattr(one, name) for one in scales], axis=-1)[..., day] for name in names}
        return cls(scales[0].budgets, **by_day)


def observe(scales: Scales, hour: NDArray[np.int64], budget_left: Array, last: Array, revenue: Array) -> NDArray[np.float32]:
    """Observations at the start of an hour, for P policies.

    Args:
        scales: Of the observed advertisers and the day under way.
        hour: Hours replayed so far, `[P]`; 24 at the end of the day.
        budget_left: Currency `[observed, P]`.
        last: Totals of the last hour `[observed, 5, P]`; 0 before the first.
        revenue: The platform's in the last hour, `[P]`; 0 before the first.

    Returns:
        `[P, observed, 15]`.
    """
    n_observed, n_policies = budget_left.shape
    seen = np.empty((n_observed, len(FEATURES), n_policies))
    feature = {name: seen[:, k] for k, name in enumerate(FEATURES)}
    feature["time_left"][:] = 1 - hour / HOURS
    feature["budget_left"][:] = left = _budget_left(scales.budgets, budget_left)
    feature["spend_speed"][:] = _squashed((1 - left) * HOURS, np.maximum(hour, 1))
    seen[:, _AMOUNTS] = _squashed(last, scales.amounts)
    seen[:, _RATES] = _squashed(last[:, _ABOVE], last[:, _BELOW] * scales.rates)
    feature["profit"][:] = _squashed(last[:, GMV] - last[:, COST], scales.profit)
    entered = scales.auctions[np.maximum(hour - 1, 0), :, np.arange(n_policies) % scales.auctions.shape[-1]].T
    feature["win_rate"][:] = np.minimum(last[:, IMPRESSIONS] / np.maximum(entered, 1.0), 1.0)
    feature["auctions"][:] = np.where(hour > 0, _squashed(entered, scales.mean_auctions), 0.0)
    feature["platform_revenue"][:] = _squashed(revenue, scales.revenue)
    return seen.transpose(2, 0, 1).astype(np.float32, order="C")


def _budget_left(budgets: Array, budget_left: Array) -> Array:
    """The share of the budget that is left; 1 where there is none, 0 where what is left counts as nothing."""
    whole = np.where(np.isfinite(budgets) & (budgets > 0), budgets, 1.0)
    return np.where(budget_left <= exhausted_threshold(budgets), 0.0, np.minimum(budget_left / whole, 1.0))


def _squashed(amount: Array, scale: Array | NDArray[np.int64]) -> Array:
    """`x / (1 + |x|)` of `x = amount / scale`; 0 where both are 0."""
    return amount / np.maximum(np.abs(amount) + scale, 1.0 / _BEYOND_MEASURE)


def _or_beyond(scale: Array) -> Array:
    return np.where(scale > 0, scale, _BEYOND_MEASURE)
