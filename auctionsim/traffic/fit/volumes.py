"""How many auctions when, and of which keywords."""

from __future__ import annotations

import numpy as np

from auctionsim.traffic.fit.components import Floats, log_volumes
from auctionsim.traffic.table import HOURS, Traffic

_DAYS_OF_WEEK = 7
LEAST_SHARE = 1e-6
"""Of an hour without auctions: the generator knows none."""


def volumes(traffic: Traffic) -> tuple[Floats, Floats, float]:
    """Hour shares, week factors (day 0 of the table is the generator's Monday), and auctions of a day of average size."""
    weekday = (traffic.day - traffic.days[0]) % _DAYS_OF_WEEK
    days = np.bincount((np.array(traffic.days) - traffic.days[0]) % _DAYS_OF_WEEK, minlength=_DAYS_OF_WEEK)
    volume = np.bincount(weekday * HOURS + traffic.hour, traffic.weight, minlength=_DAYS_OF_WEEK * HOURS).reshape(-1, HOURS)
    there = days > 0
    # A mean day of each weekday that is there; the week's mean is that of these.
    daily = volume[there] / days[there, None]
    mean = daily.mean(axis=0)
    hours = np.maximum(mean / mean.sum(), LEAST_SHARE)
    week = np.ones((_DAYS_OF_WEEK, HOURS))
    week[there] = (daily.sum(axis=1) / mean.sum())[:, None]
    if there.all():
        week = np.where(mean > 0, daily / np.maximum(mean, 1e-300), week)
    return hours / hours.sum(), np.maximum(week, LEAST_SHARE), float(mean.sum())


def daily_counts(traffic: Traffic) -> Floats:
    """Auctions of each query on each day, counted in draws, `[days, queries]`."""
    n, unit = len(traffic.queries), _unit(traffic)
    day = np.searchsorted(np.array(traffic.days), traffic.day)
    counts = np.bincount(day * n + traffic.query, traffic.weight, minlength=len(traffic.days) * n).reshape(-1, n)
    return counts / unit


def query_volumes(traffic: Traffic, drift: float) -> tuple[float, float]:
    """Log standard deviation of keyword volumes on the first day, and how many keywords; `drift` is the variance a day."""
    total = np.maximum(np.rint(daily_counts(traffic).sum(axis=0)), 1).astype(np.int64)
    if len(total) < 2:
        return 0.0, 1.0
    sigma, queries = log_volumes(total)
    # Volumes that walk lie further apart over the days than they did on the first.
    return max(sigma**2 - drift * mean_walk(len(traffic.days)), 0.0) ** 0.5, queries


def mean_walk(days: int) -> float:
    """Variance of the mean over days of a random walk that starts at 0 with the first, in variances of a step."""
    return (days - 1) * (2 * days - 1) / (6 * days)


def _unit(traffic: Traffic) -> float:
    """Auctions that are drawn at once: cells of weight n vary as if n times fewer had been drawn."""
    weight = traffic.weight.astype(np.float64)
    return float((weight**2).sum() / weight.sum())
