"""Estimates of traffic volumes: by hour, by day of the week, and by query."""

from __future__ import annotations

import math

import numpy as np

from auctionsim.traffic.fit.components import Floats, log_volumes
from auctionsim.traffic.table import HOURS, Traffic

_DAYS_OF_WEEK = 7
MIN_SHARE = 1e-6
"""Share given to an hour without auctions, as the generator draws auctions in every hour."""


def volumes(traffic: Traffic) -> tuple[Floats, Floats, float]:
    """Estimate the volumes of hours and weekdays. The table's first day becomes the generator's Monday.

    Returns:
        Share of each hour in a day's auctions, `[24]`; volume of each hour of the week over that hour's mean, `[7, 24]`; and
        the number of auctions in a day of average size.
    """
    weekday = (traffic.day - traffic.days[0]) % _DAYS_OF_WEEK
    days = np.bincount((np.array(traffic.days) - traffic.days[0]) % _DAYS_OF_WEEK, minlength=_DAYS_OF_WEEK)
    volume = np.bincount(weekday * HOURS + traffic.hour, traffic.weight, minlength=_DAYS_OF_WEEK * HOURS).reshape(-1, HOURS)
    present = days > 0
    # The mean day of each weekday in the table. The mean week is the mean of these.
    daily = volume[present] / days[present, None]
    mean = daily.mean(axis=0)
    hours = np.maximum(mean / mean.sum(), MIN_SHARE)
    week = np.ones((_DAYS_OF_WEEK, HOURS))
    week[present] = (daily.sum(axis=1) / mean.sum())[:, None]
    if present.all():
        week = np.where(mean > 0, daily / np.maximum(mean, 1e-300), week)
    return hours / hours.sum(), np.maximum(week, MIN_SHARE), float(mean.sum())


def daily_counts(traffic: Traffic) -> Floats:
    """Count the auctions of each query on each day, in independent draws, `[days, queries]`."""
    n, unit = len(traffic.queries), _auctions_per_draw(traffic)
    day = np.searchsorted(np.array(traffic.days), traffic.day)
    counts = np.bincount(day * n + traffic.query, traffic.weight, minlength=len(traffic.days) * n).reshape(-1, n)
    return counts / unit


def query_volumes(traffic: Traffic, drift: float) -> tuple[float, float]:
    """Estimate the log standard deviation of query volumes on the first day, and the number of queries.

    Args:
        traffic: The table.
        drift: Variance per day of log volumes.
    """
    total = np.maximum(np.rint(daily_counts(traffic).sum(axis=0)), 1).astype(np.int64)
    if len(total) < 2:
        return 0.0, 1.0
    sigma, queries = log_volumes(total)
    # A random walk spreads volumes over the days beyond their spread on the first day.
    return math.sqrt(max(sigma * sigma - drift * mean_walk(len(traffic.days)), 0.0)), queries


def mean_walk(days: int) -> float:
    """Return the variance of the mean of a random walk over `days` days from 0 on, relative to a step's variance.

    For example, over 2 days the mean is half the one step, so its variance is 1/4: 1 x 3 / 12.
    """
    return (days - 1) * (2 * days - 1) / (6 * days)


def _auctions_per_draw(traffic: Traffic) -> float:
    """Return the auctions per independent draw: with cells of weight n, counts vary as if n times fewer had been drawn."""
    weight = traffic.weight.astype(np.float64)
    return float(np.square(weight).sum() / weight.sum())
