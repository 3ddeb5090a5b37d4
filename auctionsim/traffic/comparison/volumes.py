"""Aggregates of volumes, rates, prices, spreads and budgets, which every profile has."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.traffic.comparison.aggregate import Aggregate, Kind
from auctionsim.traffic.comparison.week import Week
from auctionsim.traffic.fit.estimates import price_per_click
from auctionsim.traffic.profile import Profile
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Measure = Callable[[Week], float]

_SPREADS = {
    "click-through rates": ("query_ctr", "advertiser_ctr", "pair_ctr"),
    "conversion rates": ("query_cvr", "pair_cvr"),
    "values per conversion": ("query_value", "advertiser_value", "pair_value"),
}


def volume_aggregates(profile: Profile) -> Iterator[Aggregate]:
    """Yield the aggregates that belong to any profile, whether measured or assumed."""
    hours, week = profile.hour_share, profile.hour_share * profile.week_factor
    mean = week.sum(axis=0)

    def one(name: str, key: str, kind: Kind, published: float, tolerance: float, measure: Measure) -> Aggregate:
        return Aggregate(name, key, kind, published, tolerance, measure)

    yield one("shares of hours", "hours.share", "distance", 0.0, 0.005, lambda w: _apart(w.volume.sum(axis=0), mean))
    yield one("evening over night", "hours.share", "direction", _evening(hours), 0.0, lambda w: _evening(w.volume.sum(axis=0)))
    yield one("hours of the week", "week.factor", "distance", 0.0, 0.005, lambda w: _apart(w.volume, week))
    by_day = week.sum(axis=1)
    if not np.allclose(by_day, by_day[0]):
        yield one("weekend over weekdays", "week.factor", "direction", _weekend(week), 0.0, lambda w: _weekend(w.volume))
    categories = profile.category_share
    yield one(
        "shares of categories", "categories.share", "distance", 0.0, 0.12,
        lambda w: _apart(_categories(w, len(categories)), categories),
    )  # fmt: skip
    cpc = float(profile.cpc * (hours * profile.cpc_hour_factor).sum())
    yield one("price of a click at keyword bids", "prices.cpc", "level", cpc, 0.25 * cpc, lambda w: price_per_click(w.traffic))
    curve = np.asarray(arithmetic.log(profile.cpc_hour_factor))
    yield one("prices by hour", "prices.hour_factor", "distance", 0.0, 0.15, lambda w: _curve_apart(_hourly_logs(w), curve))
    if np.ptp(curve) > 0:
        yield one(
            "prices at 12 over 4 h", "prices.hour_factor", "direction", float(curve[12] - curve[4]), 0.0,
            lambda w: float(np.diff(_hourly_logs(w).mean(axis=0)[[4, 12]])[0]),
        )  # fmt: skip
    yield one(
        "spread of hourly prices", "prices.log_sd", "level", profile.cpc_log_sd, 0.2 * profile.cpc_log_sd + 1e-6,
        lambda w: _spread_of_hours(_hourly_logs(w)),
    )  # fmt: skip
    ctr, cvr = profile.ctr, profile.cvr
    yield one("click-through rate", "rates.ctr", "level", ctr, 0.2 * ctr, lambda w: float(np.median(w.world.ctr)))
    yield one("conversion rate", "rates.cvr", "level", cvr, 0.2 * cvr, lambda w: float(np.median(w.world.cvr)))
    purchases = np.asarray(arithmetic.log(profile.cvr_hour_factor))
    yield one(
        "purchases by hour", "purchases.hour_factor", "distance", 0.0, 0.05,
        lambda w: float(np.abs(_purchases(w) - purchases).mean()),
    )  # fmt: skip
    yield one("budgets over their median", "budgets.quantiles", "distance", 0.0, 0.05, lambda w: _budgets_apart(w, profile))
    yield one(
        "spread of query volumes", "spreads.query_volume", "level", profile.spreads.query_volume,
        0.25 * profile.spreads.query_volume + 1e-6, _volume_spread,
    )  # fmt: skip


def spread_aggregates(profile: Profile) -> Iterator[Aggregate]:
    """Yield the spreads of rates and values over queries, advertisers and pairs together, where one of them is measured."""
    arrays: tuple[Measure, ...] = (
        lambda w: _log_sd(w.world.ctr),
        lambda w: _log_sd(w.world.cvr),
        lambda w: _log_sd(w.world.item_price),
    )
    for (name, parts), measure in zip(_SPREADS.items(), arrays, strict=True):
        measured = [f"spreads.{part}" for part in parts if f"spreads.{part}" in profile.marks.measured]
        if measured:
            spread = math.sqrt(sum(np.square(getattr(profile.spreads, part)) for part in parts))
            yield Aggregate(f"spread of {name}", measured[0], "level", spread, 0.25 * spread + 1e-6, measure)


def _apart(drawn: Array, published: Array) -> float:
    """Return the total variation between two distributions given by their weights."""
    return 0.5 * float(np.abs(drawn / drawn.sum() - published / published.sum()).sum())


def _evening(by_hour: Array) -> float:
    """Return the share of 18 to 23 h less that of 0 to 5 h."""
    return float((by_hour[18:].sum() - by_hour[:6].sum()) / by_hour.sum())


def _weekend(week: Array) -> float:
    """Return the mean volume of a day of the weekend less that of another day, over the mean."""
    days = week.sum(axis=1)
    return float((days[5:].mean() - days[:5].mean()) / days.mean())


def _categories(week: Week, n: int) -> Array:
    return np.bincount(week.world.category, week.query_share, minlength=n).astype(np.float64)


def _hourly_logs(week: Week) -> Array:
    """Return the logarithm of each hour's price level, by keyword bids over those of the world, `[7, 24]`."""
    traffic, found = week.traffic, np.zeros((len(week.traffic.days), HOURS))
    for day in range(len(found)):
        for hour in range(HOURS):
            cell, _ = traffic.cells_of(day, hour)
            bid = traffic.keyword_bid[traffic.cell_start[cell]]
            found[day, hour] = arithmetic.log(bid / week.world.keyword_bid[traffic.query[cell], 0])
    return found


def _spread_of_hours(logs: Array) -> float:
    """Return the standard deviation of hours of days around the mean of that hour, without bias."""
    return math.sqrt(np.square(logs - logs.mean(axis=0)).sum() / ((len(logs) - 1) * HOURS))


def _curve_apart(drawn: Array, published: Array) -> float:
    return float(np.abs(drawn.mean(axis=0) - published).mean())


def _purchases(week: Week) -> Array:
    """Return the logarithm of true over predicted conversions by hour, `[24]`."""
    traffic = week.traffic
    true, predicted = (np.bincount(traffic.row_hour, rate, minlength=HOURS) for rate in (traffic.cvr, traffic.pcvr))
    return np.asarray(arithmetic.log(true / predicted))


def _budgets_apart(week: Week, profile: Profile) -> float:
    """Return the largest difference between the distribution of budgets and the profile's, at the profile's quantiles."""
    levels = np.linspace(0.0, 1.0, len(profile.budget_quantiles))
    below = (week.budget_factors[:, None] <= profile.budget_quantiles * (1 + 1e-9)).mean(axis=0)
    above = (week.budget_factors[:, None] < profile.budget_quantiles * (1 - 1e-9)).mean(axis=0)
    return float(np.maximum(np.maximum(levels - below, above - levels), 0.0).max())


def _volume_spread(week: Week) -> float:
    """Return the log standard deviation of the shares of a category's queries, over all categories with two or more."""
    logs, category = np.asarray(arithmetic.log(week.world.query_share)), week.world.category
    count = np.bincount(category)
    mean = np.bincount(category, logs) / np.maximum(count, 1)
    freedom = (np.maximum(count - 1, 0)).sum()
    return math.sqrt(np.square(logs - mean[category]).sum() / freedom) if freedom else math.nan


def _log_sd(array: Array) -> float:
    return float(np.std(arithmetic.log(array)))
