"""Observe an advertiser's state at the start of an hour: 15 named features, each inside [-1, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.budgets import exhausted_threshold
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV, IMPRESSIONS
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
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
describe the last hour. `spend_speed`, amounts and rates pass through softsign, x / (1 + |x|). Amounts and rates are ratios to
the baseline's mean hour, so that 0.5 is the baseline's level. `win_rate` is impressions over auctions participated in. All but
the first three are 0 in the first hour."""

_LOWEST = {"profit": -1.0}
_AMOUNTS = slice(FEATURES.index("impressions"), FEATURES.index("cost") + 1)
_RATES = slice(FEATURES.index("ctr"), FEATURES.index("cpc") + 1)
# ctr is clicks over impressions, cvr conversions over clicks, cpc cost over clicks.
_NUMERATORS, _DENOMINATORS = [CLICKS, CONVERSIONS, COST], [IMPRESSIONS, CLICKS, CLICKS]
# Scale in place of 0, where the baseline has none of an amount: any amount over it is 0 in the observation.
_INFINITE_SCALE = 1e200


def bounds() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lower and upper bound of each feature, `[15]` each."""
    low = np.array([_LOWEST.get(name, 0.0) for name in FEATURES], dtype=np.float32)
    return low, np.ones(len(FEATURES), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Scales:
    """Scales that features are divided by: the baseline's mean hour of the day that is replayed.

    D is 1 where all policies are on the same day, else the number of policies, each on a day of its own.
    """

    budgets: Array
    """Daily budget, currency `[observed, 1]`, infinite where there is none."""
    amounts: Array
    """Impressions, clicks, conversions, GMV and cost of the mean hour, `[observed, 5, D]`, > 0."""
    rates: Array
    """CTR, CVR and CPC of the mean hour, `[observed, 3, D]`, > 0."""
    profit: Array
    """Profit of the mean hour in absolute value, currency `[observed, D]`, > 0."""
    auctions: Array
    """Auctions in which the advertiser is a candidate, in each hour, `[24, observed, D]`."""
    mean_auctions: Array
    """The same in the mean hour, `[observed, D]`, > 0."""
    revenue: Array
    """Revenue of the platform in the mean hour, currency `[D]`, > 0; practically infinite where bidders may not know it."""
    delay: int = 0
    """Hours by which reports are late."""

    __repr__ = short_repr

    @classmethod
    def of(cls, market: Market, day: int, observed: NDArray[np.int64] | None = None) -> Scales:
        """Return the scales of a day.

        Args:
            market: The market.
            day: A training or test day.
            observed: Indices of the advertisers that are observed, `[observed]`; all where None.
        """
        who = np.arange(len(market.advertisers)) if observed is None else observed
        outcome = market.baseline[day]
        hourly = (outcome.impressions, outcome.clicks, outcome.conversions, outcome.gmv, outcome.cost)
        mean = np.stack([amount[:, who].mean(axis=0) for amount in hourly], axis=1)
        rates = np.divide(
            mean[:, _NUMERATORS], mean[:, _DENOMINATORS], out=np.zeros_like(mean[:, :3]), where=mean[:, _DENOMINATORS] > 0
        )
        auctions = market.hourly_auctions(day)[:, who, None]
        known = market.information
        is_shown = known is None or known.shows("full")
        return cls(
            budgets=market.budgets[who, None],
            amounts=_or_infinite(mean),
            rates=_or_infinite(rates),
            profit=_or_infinite(np.abs(mean[:, GMV] - mean[:, COST])),
            auctions=auctions,
            mean_auctions=_or_infinite(auctions.mean(axis=0)),
            # Any revenue over an infinite one is 0 in the observation.
            revenue=_or_infinite(outcome.revenue.mean(axis=0) if is_shown else np.zeros(1)),
            delay=0 if known is None else known.delay,
        )

    @classmethod
    def of_policies(cls, scales: Sequence[Scales], day: NDArray[np.int64]) -> Scales:
        """Return the scales of policies on days of their own.

        Args:
            scales: Scales of the different days, each with D = 1.
            day: Index into `scales` of each policy's day, `[P]`.
        """
        names = ("amounts", "rates", "profit", "auctions", "mean_auctions", "revenue")
        by_day = {name: np.concatenate([getattr(one, name) for one in scales], axis=-1)[..., day] for name in names}
        return cls(scales[0].budgets, **by_day, delay=scales[0].delay)


def observe(
    scales: Scales, hour: NDArray[np.int64], budget_left: Array, last_step: Array, revenue: Array
) -> NDArray[np.float32]:
    """Return the observations at the start of an hour, for P policies.

    Args:
        scales: Scales of the observed advertisers and of the day that is replayed.
        hour: Number of hours replayed so far, `[P]`; 24 at the end of the day. Where reports are late, what follows is that
            of the last hour reported.
        budget_left: Currency that is left of each budget, `[observed, P]`.
        last_step: Impressions, clicks, conversions, GMV and cost of the last hour, `[observed, 5, P]`; 0 before the first.
        revenue: Revenue of the platform in the last hour, currency `[P]`; 0 before the first.

    Returns:
        Observations in the order of `FEATURES`, each inside its bounds, `[P, observed, 15]`.
    """
    n_observed, n_policies = budget_left.shape
    # `like` keeps arrays where they are, on a GPU too.
    seen = np.empty((n_observed, len(FEATURES), n_policies), like=budget_left)
    feature = {name: seen[:, k] for k, name in enumerate(FEATURES)}
    feature["time_left"][:] = 1 - hour / HOURS
    hour = np.maximum(hour - scales.delay, 0) if scales.delay else hour
    feature["budget_left"][:] = left = _budget_left(scales.budgets, budget_left)
    feature["spend_speed"][:] = _softsign((1 - left) * HOURS, np.maximum(hour, 1))
    seen[:, _AMOUNTS] = _softsign(last_step, scales.amounts)
    seen[:, _RATES] = _softsign(last_step[:, _NUMERATORS], last_step[:, _DENOMINATORS] * scales.rates)
    feature["profit"][:] = _softsign(last_step[:, GMV] - last_step[:, COST], scales.profit)
    column = np.arange(n_policies, like=hour) % scales.auctions.shape[-1]
    entered = scales.auctions[np.maximum(hour - 1, 0), :, column].T
    feature["win_rate"][:] = np.minimum(last_step[:, IMPRESSIONS] / np.maximum(entered, 1.0), 1.0)
    feature["auctions"][:] = np.where(hour > 0, _softsign(entered, scales.mean_auctions), 0.0)
    feature["platform_revenue"][:] = _softsign(revenue, scales.revenue)
    return seen.transpose(2, 0, 1).astype(np.float32, order="C")


def _budget_left(budgets: Array, budget_left: Array) -> Array:
    """Return the share of the budget that is left; 1 without a budget, 0 from the exhaustion threshold down."""
    whole = np.where(np.isfinite(budgets) & (budgets > 0), budgets, 1.0)
    return np.where(budget_left <= exhausted_threshold(budgets), 0.0, np.minimum(budget_left / whole, 1.0))


def _softsign(amount: Array, scale: Array | NDArray[np.int64]) -> Array:
    """Return `x / (1 + |x|)` of `x = amount / scale`; 0 where both are 0."""
    return amount / np.maximum(np.abs(amount) + scale, 1.0 / _INFINITE_SCALE)


def _or_infinite(scale: Array) -> Array:
    """Return a scale with a practically infinite one in place of 0."""
    return np.where(scale > 0, scale, _INFINITE_SCALE)
