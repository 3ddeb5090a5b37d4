"""Replay a day whose hours are split over the workers of a pool, and measure how far it is from the exact replay."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.day import DayReplay, run_day
from auctionsim.auction.outcome import CLICKS, COST, OUTCOMES, Outcome
from auctionsim.auction.rules import Rules
from auctionsim.auction.shards import BudgetSplitter, Shard, replay_shard, sync_windows
from auctionsim.auction.sources import TrafficSource
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.objectives.goals import day_totals
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]


def replay_sharded(
    pool: Pool,
    source: TrafficSource,
    day: int,
    rules: Rules,
    coefficients: Array,
    budgets: Array,
    *,
    shards: int,
    sync: int,
    seed: int = 0,
) -> Outcome:
    """Replay a day in shards (`auction/shards.py`); the result depends on their number and `sync`, not on the workers.

    Args:
        pool: Pool in which shards are replayed.
        source: The traffic.
        day: One of its days.
        rules: The auction's.
        coefficients: theta of the whole day, `[advertisers, 4, P]`.
        budgets: Currency, `[advertisers, P]`, infinite for none.
        shards: Number of replays that share a window.
        sync: Auctions after which budgets are reconciled.
        seed: Seed of the noise of `sampled` outcomes.

    Returns:
        The day's outcome, arrays `[24, advertisers, P]`.
    """
    shared = (pool.put(source), rules, pool.put(coefficients))
    splitter = BudgetSplitter(budgets)
    hours = np.zeros((HOURS, len(budgets), len(OUTCOMES), budgets.shape[1]))
    for hour in range(HOURS):
        weights = source.weights(day, hour)
        for window in sync_windows(weights, shards, sync):
            auctions = int(weights[window[0][0] : window[-1][1]].sum()) / len(window)
            allotments = splitter.allotments(auctions, len(window))
            tasks = [Shard(day, hour, buckets, own, seed) for buckets, own in zip(window, allotments, strict=True)]
            window_outcome = sum(pool.map(replay_shard, [(*shared, shard) for shard in tasks]))
            hours[hour] += window_outcome
            splitter.spend(window_outcome[:, COST])
    counted: dict[str, Any] = {name: hours[:, :, i] for i, name in enumerate(OUTCOMES)}
    return Outcome(**counted, advertisers=source.advertisers)


@dataclass(frozen=True)
class Deviation:
    """A replay in shards beside the exact one, shares of the exact figures."""

    shards: int
    sync: int
    seconds: float
    exact_seconds: float
    revenue: float
    """Relative error of the platform's revenue."""
    clicks: float
    """Mean over advertisers of the relative error of their clicks, without sign."""
    worst_clicks: float
    """The largest of them."""
    most_spent: float
    """The largest share of its budget that an advertiser spent."""


def deviations(
    pool: Pool,
    source: TrafficSource,
    day: int,
    rules: Rules,
    budget_share: float,
    settings: list[tuple[int, int]],
    report: Callable[[Deviation], None],
) -> list[dict[str, float]]:
    """Replay a day exactly, then for every (shards, sync), with keyword bids and budgets that run out.

    Args:
        pool: Pool in which shards are replayed.
        source: The traffic.
        day: One of its days.
        rules: The auction's.
        budget_share: Budgets as shares of what each advertiser spends where there are none.
        settings: Shards and sync.
        report: Told after each.
    """
    n = len(source.advertisers)
    theta = np.zeros((n, 4, 1))
    theta[:, 3] = 1.0
    free = _exact(source, day, rules, theta, np.full((n, 1), np.inf))
    budgets = budget_share * free[:, COST]
    began = time.perf_counter()
    exact = _exact(source, day, rules, theta, budgets)
    exact_seconds, found = time.perf_counter() - began, []
    for shards, sync in settings:
        began = time.perf_counter()
        outcome = replay_sharded(pool, source, day, rules, theta, budgets, shards=shards, sync=sync)
        seconds = time.perf_counter() - began
        totals = day_totals(outcome)
        cost, clicks = totals[:, COST], totals[:, CLICKS]
        has_clicks = exact[:, CLICKS] > 0
        off = np.abs(clicks - exact[:, CLICKS])[has_clicks] / exact[:, CLICKS][has_clicks]
        deviation = Deviation(
            shards,
            sync,
            seconds,
            exact_seconds,
            revenue=float(cost.sum() / exact[:, COST].sum() - 1),
            clicks=float(off.mean()),
            worst_clicks=float(off.max()),
            most_spent=float((cost[budgets > 0] / budgets[budgets > 0]).max()),
        )
        report(deviation)
        found.append(asdict(deviation))
    return found


def _exact(source: TrafficSource, day: int, rules: Rules, theta: Array, budgets: Array) -> Array:
    """Return the day's totals, auction by auction, `[advertisers, 5, P]`."""
    return day_totals(run_day(DayReplay(source, day, rules, policies=theta.shape[-1], budgets=budgets), lambda _: theta))
