"""Outcomes in which nobody colludes: competition, budgets, and bidders that learned nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.economics.auctions import Auctions, within_budgets
from auctionsim.analysis.economics.best_response_gap import SHARES
from auctionsim.analysis.economics.clearing import profit_at, sums_by

Array = NDArray[np.float64]
Rng = np.random.Generator


def truthful(auctions: Auctions, rng: Rng) -> Array:  # noqa: ARG001  (nothing is drawn)
    """Bid the value of a click."""
    return auctions.value


def nearly_truthful(auctions: Auctions, rng: Rng) -> Array:
    """Bid a share of 0.8 to 1.1 of the value, each its own."""
    return own_shares(auctions, 0.8, 1.1, rng)


def second_value(auctions: Auctions, rng: Rng) -> Array:  # noqa: ARG001
    """Bid what the second best is worth, if best; else one's own value: the first price under complete information."""
    score = np.where(auctions.exists, auctions.quality * auctions.value, 0.0)
    ranked = -np.sort(-np.hstack([score, np.zeros((len(score), 1))]), axis=1)
    second = np.where(score >= ranked[:, :1], ranked[:, 1:2], score)
    return np.maximum(second / auctions.quality, np.minimum(auctions.value, auctions.rules.reserve))


def honest_shading(auctions: Auctions, rng: Rng) -> Array:  # noqa: ARG001
    """Shade all values alike, to (n - 1) / n of them for n candidates: the first price with uniform values."""
    n = auctions.exists.sum(axis=1, keepdims=True)
    above = np.maximum(auctions.value - auctions.rules.reserve, 0.0)
    return np.where(above > 0, auctions.rules.reserve + above * (n - 1) / np.maximum(n, 1), 0.0)


def learned_shares(auctions: Auctions, rng: Rng) -> Array:
    """Let each learn the best share of its values against the others' shares, in turns, until nobody changes."""
    n, share = len(auctions.names), arithmetic.uniform(rng, 0.6, 1.0, len(auctions.names))
    for _ in range(8):
        before = share.copy()
        for i in range(n):
            share[i] = _best_share(auctions, share, i)
        if np.array_equal(share, before):
            break
    return auctions.value * share[auctions.who]


def failed(auctions: Auctions, rng: Rng) -> Array:
    """Bid 5 to 25 % of the value, each its own share."""
    return own_shares(auctions, 0.05, 0.25, rng)


def failed_by_hour(auctions: Auctions, rng: Rng) -> Array:
    """Bid 5 to 25 % of the value, drawn anew in each hour."""
    return auctions.value * arithmetic.uniform(rng, 0.05, 0.25, (24, len(auctions.names)))[auctions.hour[:, None], auctions.who]


def failed_by_query(auctions: Auctions, rng: Rng) -> Array:
    """Bid 5 to 25 % of the value, drawn anew for each query."""
    shape = (int(auctions.query.max()) + 1, len(auctions.names))
    return auctions.value * arithmetic.uniform(rng, 0.05, 0.25, shape)[auctions.query[:, None], auctions.who]


def failed_by_auction(auctions: Auctions, rng: Rng) -> Array:
    """Bid 5 to 25 % of the value, drawn anew in each auction."""
    return auctions.value * arithmetic.uniform(rng, 0.05, 0.25, auctions.value.shape)


def failed_flat(auctions: Auctions, rng: Rng) -> Array:
    """Bid one low number each, whatever a click is worth."""
    level = (
        0.1
        * float(np.median(auctions.value[auctions.exists]))
        * arithmetic.exp(0.5 * arithmetic.normal(rng, len(auctions.names)))
    )
    return level[auctions.who] + auctions.rules.reserve * (rng.random() < 0.5)


def keyword_bids(auctions: Auctions, rng: Rng) -> Array:  # noqa: ARG001
    """Bid the generator's keyword bid."""
    return auctions.bid


def low_keyword_bids(auctions: Auctions, rng: Rng) -> Array:
    """Bid a fifth to a half of the generator's keyword bid, all alike."""
    return auctions.bid * arithmetic.uniform(rng, 0.2, 0.5)


def common_share(auctions: Auctions, rng: Rng) -> Array:
    """Bid about the same low share of the value, all: a start that a rule of thumb sets, before anybody learns."""
    share = arithmetic.uniform(rng, 0.05, 0.15)
    return auctions.value * share * arithmetic.exp(0.15 * arithmetic.normal(rng, auctions.value.shape))


def competitive_share(auctions: Auctions, rng: Rng) -> Array:
    """Bid about the same large share of the value, all."""
    share = arithmetic.uniform(rng, 0.7, 1.0)
    return auctions.value * share * arithmetic.exp(0.1 * arithmetic.normal(rng, auctions.value.shape))


def bids_alike(auctions: Auctions, rng: Rng) -> Array:
    """Bid about the same low number, all, whatever a click is worth: usual bids of a trade, before anybody learns."""
    level = arithmetic.uniform(rng, 0.05, 0.15) * float(np.median(auctions.value[auctions.exists]))
    return level * arithmetic.exp(0.15 * arithmetic.normal(rng, auctions.value.shape))


def still_learning(auctions: Auctions, rng: Rng) -> Array:
    """Bid 1.2 to 3.5 times what one began with, everybody by about the same step so far."""
    step = arithmetic.uniform(rng, 1.2, 3.5) * arithmetic.exp(0.08 * arithmetic.normal(rng, len(auctions.names)))
    return auctions.bid * step[auctions.who]


def own_hours(auctions: Auctions, rng: Rng) -> Array:
    """Bid the value in one's own business hours, a random half to three quarters of the day, and nothing outside."""
    open_ = rng.random((24, len(auctions.names))) < arithmetic.uniform(rng, 0.5, 0.75, len(auctions.names))
    return auctions.value * open_[auctions.hour[:, None], auctions.who]


def hours_in_a_row(auctions: Auctions, rng: Rng) -> Array:
    """Bid the value in 8 to 14 hours on end of one's own choice, and nothing outside."""
    n = len(auctions.names)
    first, length = rng.integers(0, 24, n), rng.integers(8, 15, n)
    is_open = (np.arange(24)[:, None] - first) % 24 < length
    return auctions.value * is_open[auctions.hour[:, None], auctions.who]


def opening_hours(auctions: Auctions, rng: Rng) -> Array:
    """Bid the value in one's opening hours, which all have by day and nobody by night, and nothing outside."""
    n, hour = len(auctions.names), np.arange(24)[:, None]
    first = rng.integers(5, 15, n)
    is_open = (hour >= first) & (hour < first + rng.integers(6, 10, n))
    return auctions.value * is_open[auctions.hour[:, None], auctions.who]


def low_at_night(auctions: Auctions, rng: Rng) -> Array:
    """Bid 2 to 10 % of the value in the small hours, as all close then, and the value by day."""
    night = arithmetic.uniform(rng, 0.02, 0.1, len(auctions.names))
    return auctions.value * np.where(auctions.hour[:, None] < 6, night[auctions.who], 1.0)


def low_on_rare_queries(auctions: Auctions, rng: Rng) -> Array:
    """Bid little on the queries with the least traffic, which none has data on, and the value elsewhere."""
    number = np.bincount(auctions.query)
    is_rare = number < np.quantile(number[number > 0], 0.4)
    share = arithmetic.uniform(rng, 0.02, 0.1, len(auctions.names))
    return auctions.value * np.where(is_rare[auctions.query][:, None], share[auctions.who], 1.0)


def own_queries(auctions: Auctions, rng: Rng) -> Array:
    """Bid the value on a random fifth to half of the queries, each its own, and nothing elsewhere."""
    n = len(auctions.names)
    chosen = rng.random((int(auctions.query.max()) + 1, n)) < arithmetic.uniform(rng, 0.2, 0.5, n)
    return auctions.value * chosen[auctions.query[:, None], auctions.who]


def days_off(auctions: Auctions, rng: Rng) -> Array:
    """Bid the value but for days off, a quarter of all, each its own."""
    day = np.unique(auctions.day, return_inverse=True)[1]
    is_off = rng.random((int(day.max()) + 1, len(auctions.names))) < 0.25
    return auctions.value * ~is_off[day[:, None], auctions.who]


def entries_and_exits(auctions: Auctions, rng: Rng) -> Array:
    """Bid the value from the day on which one enters the market to that on which one leaves it, if one does."""
    day = np.unique(auctions.day, return_inverse=True)[1]
    n, days = len(auctions.names), int(day.max()) + 1
    first = np.where(rng.random(n) < 0.5, 0, rng.integers(0, days, n))
    last = np.where(rng.random(n) < 0.5, days, rng.integers(1, days + 1, n))
    is_there = (np.arange(days)[:, None] >= first) & (np.arange(days)[:, None] < last)
    return auctions.value * is_there[day[:, None], auctions.who]


def drifting_by_hour(auctions: Auctions, rng: Rng) -> Array:
    """Bid a share of the value that goes a random way from hour to hour, each its own."""
    return auctions.value * _random_walks(24, len(auctions.names), 0.4, rng)[auctions.hour[:, None], auctions.who]


def drifting_by_day(auctions: Auctions, rng: Rng) -> Array:
    """Bid a share of the value that goes a random way from day to day, each its own."""
    day = np.unique(auctions.day, return_inverse=True)[1]
    return auctions.value * _random_walks(int(day.max()) + 1, len(auctions.names), 0.5, rng)[day[:, None], auctions.who]


def own_targets(auctions: Auctions, rng: Rng) -> Array:
    """Bid what a target return of 1 to 8 leaves of the value, each its own, as target-ROAS bidders do."""
    return auctions.value / arithmetic.uniform(rng, 1.0, 8.0, len(auctions.names))[auctions.who]


def some_way_to_competition(auctions: Auctions, rng: Rng) -> Array:
    """Go a third to two thirds of the way from what one began with to 0.8 of the value, all the same part of it."""
    step = arithmetic.uniform(rng, 0.33, 0.67)
    return (1 - step) * auctions.bid + step * 0.8 * auctions.value


def lower_at_night(auctions: Auctions, rng: Rng) -> Array:
    """Bid half to three quarters of the value in the small hours, since clicks then bring less, and the value by day."""
    night = arithmetic.uniform(rng, 0.5, 0.75, len(auctions.names))
    return auctions.value * np.where(auctions.hour[:, None] < 6, night[auctions.who], 1.0)


def one_is_absent(auctions: Auctions, rng: Rng) -> Array:
    """Bid the value, but for two that do not bid at all."""
    gone = rng.choice(len(auctions.names), 2, replace=False)
    return auctions.value * ~np.isin(auctions.who, gone)


def throttled(auctions: Auctions, rng: Rng) -> Array:
    """Bid the value in half to nine tenths of the auctions, chosen at random by each for itself."""
    share = arithmetic.uniform(rng, 0.5, 0.9, len(auctions.names))
    return np.where(rng.random(auctions.value.shape) < share[auctions.who], auctions.value, np.nan)


def paced(auctions: Auctions, rng: Rng) -> Array:  # noqa: ARG001
    """Bid the share of the value that just spends the budget, found by halving and doubling."""
    n_days, share = len(np.unique(auctions.day)), np.ones(len(auctions.names))
    free = replace(auctions, budgets=np.full(len(share), np.inf), is_in=auctions.exists)
    for _ in range(60):
        bid = auctions.value * share[auctions.who]
        done = replace(free, bid=bid).outcome()
        spent = sums_by(done.advertiser(free.who), done.cost, len(share))
        share = np.clip(share * np.where(spent > n_days * auctions.budgets, 0.93, 1.03), 0.0, 1.0)
    return auctions.value * share[auctions.who]


def with_budgets(auctions: Auctions, share: float) -> Auctions:
    """Return the market with budgets of a share of what each would spend in competition."""
    done = auctions.competition()
    spent = sums_by(done.advertiser(auctions.who), done.cost, len(auctions.names))
    return replace(auctions, budgets=share * spent / len(np.unique(auctions.day)) + 1e-9)


def bidding(auctions: Auctions, bid: Array) -> Auctions:
    """Return the auctions with other bids, within the budgets; NaN for no bid."""
    bids = np.where(auctions.exists, bid, np.nan)
    own = np.where(np.isnan(bids), 0.0, bids)
    return within_budgets(replace(auctions, bid=own, is_in=np.isfinite(bids)))


def own_shares(auctions: Auctions, low: float, high: float, rng: Rng) -> Array:
    """Bid one share of the value each, drawn evenly."""
    return auctions.value * arithmetic.uniform(rng, low, high, len(auctions.names))[auctions.who]


def _random_walks(steps: int, n: int, log_sd: float, rng: Rng) -> Array:
    """Return shares of at most 1 that go random ways in logs, `[steps, n]`."""
    way = np.cumsum(log_sd * arithmetic.normal(rng, (steps, n)), axis=0)
    return arithmetic.exp(way - way.max(axis=0))


def _best_share(auctions: Auctions, share: Array, i: int) -> float:
    """Return the best of `SHARES` for one advertiser against the others' shares."""
    row, column = np.nonzero(auctions.who == i)
    score = np.where(auctions.exists, auctions.quality * auctions.value * share[auctions.who], 0.0)[row]
    score[np.arange(len(row)), column] = 0.0
    slots = len(auctions.rules.slot_effect)
    rivals = -np.sort(-np.hstack([score, np.zeros((len(row), slots))]), axis=1)[:, :slots]
    quality, value, clicks = (array[row, column] for array in (auctions.quality, auctions.value, auctions.clicks))
    profit, _ = profit_at(value[:, None] * SHARES, quality, value, clicks, rivals, auctions.rules)
    return float(SHARES[int(profit.argmax())]) if len(row) else 1.0
