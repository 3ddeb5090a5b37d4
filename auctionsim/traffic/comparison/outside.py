"""Aggregates of competition from outside: win rates, floors and prices, and what they say of one another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.traffic.comparison.aggregate import Aggregate
from auctionsim.traffic.comparison.week import Week
from auctionsim.traffic.profile import Profile
from auctionsim.traffic.profiles.external import External
from auctionsim.traffic.profiles.figures import WEEKDAYS
from auctionsim.traffic.profiles.quantiles import Quantiles

Array = NDArray[np.float64]

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ROUNDING = 1e-9
_PUBLISHED = {
    "floor_mean": ("mean floor of all auctions", "external.floor"),
    "won_floor_mean": ("mean floor of won auctions", "external.won_floor"),
    "price_mean": ("mean price of won auctions", "external.price"),
    "win_rate": ("win rate, all days", "external.win_rate"),
}


def outside_aggregates(profile: Profile) -> Iterator[Aggregate]:
    """Yield the aggregates of a profile's competition from outside, none where it states none."""
    own = profile.external
    if own is None:
        return
    for day, rate in enumerate(own.win_rate.tolist()):
        yield Aggregate(f"win rate, {_DAYS[day]}", "external.win_rate", "level", rate, 0.03, partial(_win_rate, own, day))
    yield Aggregate(
        "floors of all auctions", "external.floor", "distance", 0.0, 0.06, lambda w: _distance(_floors(w), own.floor)
    )
    yield Aggregate(
        "floors of won auctions", "external.won_floor", "distance", 0.0, 0.05,
        lambda w: _distance(_floors(w)[_wins(w, own)], own.won_floor),
    )  # fmt: skip
    yield Aggregate(
        "prices of won auctions", "external.price", "distance", 0.0, 0.03,
        lambda w: _distance(w.price[_wins(w, own)], own.price),
    )  # fmt: skip
    for price, share in _jumps(own.price).items():
        name = f"share of prices at {price:g}"
        yield Aggregate(name, "external.price", "level", share, 0.01, partial(_share_at, own, price))
    yield Aggregate(
        "spread of rivals above the bid", "external.tail_log_sd", "level", own.tail_log_sd, 0.1 * own.tail_log_sd + 1e-6,
        lambda w: math.sqrt(_mean(np.square(arithmetic.log(w.price[~_wins(w, own)] / own.bid)))),
    )  # fmt: skip
    yield from _not_given(profile, own)
    yield from _directions(profile, own)


def _not_given(profile: Profile, own: External) -> Iterator[Aggregate]:
    """Yield what the generator is not told: it follows from the rest and from the assumptions."""
    measures = {
        "floor_mean": lambda w: _mean(_floors(w)),
        "won_floor_mean": lambda w: _mean(_floors(w)[_wins(w, own)]),
        "price_mean": lambda w: _mean(w.price[_wins(w, own)]),
        "win_rate": lambda w: _mean(_wins(w, own)),
    }
    for name, value in profile.published.items():
        words, key = _PUBLISHED[name]
        yield Aggregate(words, key, "level", value, 0.1 * value, measures[name], is_given=False)


def _directions(profile: Profile, own: External) -> Iterator[Aggregate]:
    volume = (profile.hour_share * profile.week_factor).sum(axis=1)
    if np.ptp(own.win_rate) > 0 and np.ptp(volume) > 0:
        yield Aggregate(
            "win rate with a day's auctions, correlation", "external.win_rate", "direction",
            _correlation(volume, own.win_rate), 0.0, lambda w: _correlation(*_by_day(w, own)), is_given=False,
        )  # fmt: skip
    if {"floor_mean", "won_floor_mean"} <= profile.published.keys():
        yield Aggregate(
            "floors won less all, means", "external.won_floor", "direction",
            profile.published["won_floor_mean"] - profile.published["floor_mean"], 0.0,
            lambda w: _mean(_floors(w)[_wins(w, own)]) - _mean(_floors(w)), is_given=False,
        )  # fmt: skip
    if "price_mean" in profile.published:
        yield Aggregate(
            "price, mean less median", "external.price", "direction",
            profile.published["price_mean"] - float(own.price.at(0.5)), 0.0,
            lambda w: _over_median(w.price[_wins(w, own)]), is_given=False,
        )  # fmt: skip


def _wins(week: Week, own: External) -> NDArray[np.bool_]:
    """Return which auctions a bid of `bid` for a thousand impressions wins."""
    return week.price <= own.bid * (1 + _ROUNDING / 10)


def _floors(week: Week) -> Array:
    """Return the floor of each auction, per thousand impressions."""
    placements = week.world.placements
    assert placements is not None
    found: Array = placements.floor[week.traffic.query]
    return found


def _win_rate(own: External, day: int, week: Week) -> float:
    return _mean(_wins(week, own)[week.traffic.day % WEEKDAYS == day])


def _share_at(own: External, price: float, week: Week) -> float:
    return _mean(np.abs(week.price[_wins(week, own)] - price) <= _ROUNDING * price)


def _mean(array: NDArray[Any]) -> float:
    """Return the mean; NaN of nothing."""
    return float(array.mean()) if array.size else math.nan


def _over_median(array: Array) -> float:
    """Return the mean less the median; NaN of nothing."""
    return _mean(array) - float(np.median(array)) if array.size else math.nan


def _distance(drawn: Array, published: Quantiles) -> float:
    """Return the largest difference between two distributions at the published quantiles, jumps counted once."""
    values, last = np.unique(published.values, return_index=True)
    levels = np.append(published.levels[last[1:] - 1], 1.0)
    below = np.array([_mean(drawn <= value * (1 + _ROUNDING)) for value in values.tolist()])
    # A lowest quantile at level 0 is the end of the range and says nothing else.
    chosen = levels > 0
    return float(np.abs(below - levels)[chosen].max())


def _jumps(published: Quantiles) -> dict[float, float]:
    """Return the values > 0 that have a share of their own, with it."""
    is_jump = (np.diff(published.values) == 0) & (published.values[1:] > 0)
    shares = np.diff(published.levels)[is_jump]
    return dict(zip(published.values[1:][is_jump].tolist(), shares.tolist(), strict=True))


def _correlation(x: Array, y: Array) -> float:
    """Return Pearson's correlation; NaN where one of the two does not vary."""
    x, y = x - x.mean(), y - y.mean()
    size = math.sqrt(np.square(x).sum() * np.square(y).sum())
    return float((x * y).sum()) / size if size > 0 else math.nan


def _by_day(week: Week, own: External) -> tuple[Array, Array]:
    """Return the auctions of each day of the week and the share of them that is won, `[7]` each."""
    day = week.traffic.day % WEEKDAYS
    volume = np.bincount(day, week.traffic.weight, minlength=WEEKDAYS).astype(np.float64)
    wins = np.bincount(day, _wins(week, own), minlength=WEEKDAYS) / np.maximum(np.bincount(day, minlength=WEEKDAYS), 1)
    return volume, wins
