"""Measure external and swap regret of advertisers against fixed bids, per day and over all days, while rivals repeat theirs.

External regret compares with the best fixed coefficients: a multiple of the keyword bid or of the value of a click, from 1/16
to 16, or no bids at all. Swap regret compares with the best rule that says, for every level of bids that the advertiser used,
what it should have bid instead in those hours. It is never below external regret, nor below 0. Both are over the bids
searched, so they are lower bounds of the regret against all bids. Where budgets bind, hours are not independent of each other:
the rule that is found hour by hour is replayed as a whole, so that what it earns is exact, and another rule may earn more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy
from auctionsim.market.simulate import Recorded, Trajectory, simulate_day
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

MULTIPLIERS = arithmetic.powers_of_two(-4, 4, 2)
"""Multiples of the keyword bid and of the value of a click that are searched; they are also the levels of bids."""

AMOUNTS = ("earned", "external_regret", "swap_regret", "cumulative_external_regret", "cumulative_swap_regret")
"""Columns of `regret_rows` in currency."""

_MOST_BIDDERS = 16_384
"""Advertisers times bids of a day that are replayed side by side: memory of some megabytes, at which a step's cost grows."""


def fixed_bids() -> Array:
    """Return the coefficients of all fixed bids, `[candidates, 4]`: none at all, then multiples of the two kinds of bids."""
    kinds = [np.array(STATIC_BIDS[name]) for name in ("manual", "truthful")]
    return np.vstack([np.zeros((1, 4)), *(MULTIPLIERS[:, np.newaxis] * kind for kind in kinds)])


@dataclass(frozen=True, eq=False)
class Regret:
    """What one advertiser earned and could have earned on some days, in currency."""

    earned: Array
    """Profit of each day as it went, `[days]`."""
    fixed: Array
    """Profit of each day with each fixed bid of `fixed_bids`, `[days, candidates]`."""
    swapped: Array
    """Profit of each day with the rule that was best for that day, `[days]`."""
    swapped_through: Array
    """Profit of each day (first axis) with the rule that was best for all days up to another one, `[days, days]`."""

    @property
    def external(self) -> Array:
        """Return the regret of each day against its best fixed bid, `[days]`; below 0 where bids were better than any."""
        return np.asarray(self.fixed.max(axis=1) - self.earned)

    @property
    def swap(self) -> Array:
        """Return the regret of each day against the best rule found for it, >= 0, `[days]`."""
        return np.maximum(np.maximum(self.swapped - self.earned, self.external), 0.0)

    @property
    def cumulative_external(self) -> Array:
        """Return the regret of all days up to each one together against one fixed bid for all of them, `[days]`."""
        return np.asarray(np.cumsum(self.fixed, axis=0).max(axis=1) - np.cumsum(self.earned))

    @property
    def cumulative_swap(self) -> Array:
        """Return the regret of all days up to each one together against one rule for all of them, >= 0, `[days]`."""
        days = range(len(self.earned))
        gained = np.array([self.swapped_through[: k + 1, k].sum() for k in days]) - np.cumsum(self.earned)
        return np.maximum(np.maximum(gained, self.cumulative_external), 0.0)


def regret(market: Market, days: Sequence[int], policy: Policy, advertiser: int) -> Regret:
    """Measure an advertiser's regret while its rivals repeat what they bid.

    Args:
        market: The market.
        days: The days to simulate, one or more.
        policy: The policy of all advertisers.
        advertiser: The index of the advertiser.
    """
    return regrets(market, days, policy, [advertiser])[0]


def regrets(market: Market, days: Sequence[int], policy: Policy, advertisers: Sequence[int]) -> list[Regret]:
    """Measure the regret of each of some advertisers while its rivals repeat what they bid.

    The days as they went are simulated once for all of them. The bids that several of them might have made are replayed side by
    side, where a step of a day costs hardly more than for one.

    Args:
        market: The market.
        days: The days to simulate, one or more.
        policy: The policy of all advertisers.
        advertisers: The indices of the advertisers.
    """
    trajectories = [simulate_day(market, day, policy) for day in days]
    together = max(1, _MOST_BIDDERS // (len(market.advertisers) * len(fixed_bids())))
    parts = [advertisers[first : first + together] for first in range(0, len(advertisers), together)]
    return [one for part in parts for one in _regrets(market, days, trajectories, part)]


def _regrets(market: Market, days: Sequence[int], trajectories: Sequence[Trajectory], who: Sequence[int]) -> list[Regret]:
    """Return the regret of some advertisers, whose other bids are replayed side by side."""
    bids, went = fixed_bids(), list(zip(days, trajectories, strict=True))
    levels = [np.array([_levels(market, day, found, one) for day, found in went]) for one in who]
    every_hour = [np.broadcast_to(bids.T, (HOURS, *bids.T.shape))] * len(who)
    hourly = _by_advertiser([_profits(market, day, found, who, every_hour) for day, found in went])
    own = [np.array([found.outcome.profit[:, one, 0] for found in trajectories]) for one in who]
    rules = [_rules(*of_one) for of_one in zip(levels, hourly, own, strict=True)]
    tried = [
        [_swap(found, one, levels[k][d], [rules[k][0][d], *rules[k][1]], bids) for k, one in enumerate(who)]
        for d, found in enumerate(trajectories)
    ]
    swapped = _by_advertiser([
        [profit.sum(axis=0) for profit in _profits(market, day, found, who, theta)]
        for (day, found), theta in zip(went, tried, strict=True)
    ])  # fmt: skip
    return [
        Regret(earned.sum(axis=1), fixed.sum(axis=1), swap[:, 0], swap[:, 1:])
        for earned, fixed, swap in zip(own, hourly, swapped, strict=True)
    ]


def _by_advertiser(by_day: Sequence[Sequence[Array]]) -> list[Array]:
    """Return lists of the advertisers' arrays, one list a day, as one array for each advertiser, days first."""
    return [np.array(days) for days in zip(*by_day, strict=True)]


def regret_rows(seed: int, market: Market, policy: Policy, days: Sequence[int], most: int = 40) -> pl.DataFrame:
    """Return the regret of each controlled advertiser by day, and of all days up to each one, in currency.

    Args:
        seed: The seed of the market.
        market: The market.
        policy: The policy of all advertisers.
        days: The days to simulate.
        most: The number of advertisers audited, the first ones.
    """
    rows = []
    audited = market.learners[:most].tolist()
    for i, found in zip(audited, regrets(market, days, policy, audited), strict=True):
        columns = (found.earned, found.external, found.swap, found.cumulative_external, found.cumulative_swap)
        rows += [(seed, day, market.advertisers[i], *(float(column[d]) for column in columns)) for d, day in enumerate(days)]
    schema = {"seed": pl.Int64, "day": pl.Int64, "advertiser": pl.String}
    return pl.DataFrame(rows, schema={**schema, **dict.fromkeys(AMOUNTS, pl.Float64)}, orient="row")


def _profits(market: Market, day: int, found: Trajectory, advertisers: Sequence[int], theta: Sequence[Array]) -> list[Array]:
    """Return each advertiser's profit by hour, `[24, P]`, at its own coefficients `[24, 4, P]`, while rivals repeat theirs."""
    each = theta[0].shape[-1]
    columns = [slice(k * each, (k + 1) * each) for k in range(len(advertisers))]

    def deviate(hour: int, coefficients: Array) -> None:
        for one, own, tried in zip(advertisers, columns, theta, strict=True):
            coefficients[one, :, own] = tried[hour]

    replayed = simulate_day(market, day, Recorded(found), n_policies=each * len(advertisers), intervene=deviate)
    profit = replayed.outcome.profit
    return [profit[:, one, own] for one, own in zip(advertisers, columns, strict=True)]


def _levels(market: Market, day: int, found: Trajectory, advertiser: int) -> NDArray[np.int64]:
    """Return the level of bids in each hour, `[24]`: the nearest multiple of the value of a click; 0 for none."""
    features = market.hourly_features(day, found.source)[:, advertiser]
    bid = arithmetic.dot(features, found.coefficients[:, advertiser, :, 0])
    value = arithmetic.dot(features, np.array(STATIC_BIDS["truthful"]))
    ratio = np.where(bid > 0, bid / np.maximum(value, 1e-300), 0.0)
    edges = np.sqrt(MULTIPLIERS[:-1] * MULTIPLIERS[1:])
    return np.where(ratio > 0, 1 + np.searchsorted(edges, ratio), 0)


def _rules(levels: NDArray[np.int64], hourly: Array, own: Array) -> tuple[list[dict[int, int]], list[dict[int, int]]]:
    """Return the best rule of each day, and that of all days up to each one; arguments as of `_rule`."""
    days = range(len(levels))
    of_day = [_rule(levels[d : d + 1], hourly[d : d + 1], own[d : d + 1]) for d in days]
    return of_day, [_rule(levels[: d + 1], hourly[: d + 1], own[: d + 1]) for d in days]


def _rule(levels: NDArray[np.int64], hourly: Array, own: Array) -> dict[int, int]:
    """Return the best fixed bid for each level, -1 to keep one's own: by the profit of the hours of that level.

    Args:
        levels: The level of each hour, `[days, 24]`.
        hourly: The profit of each hour with each fixed bid, `[days, 24, candidates]`.
        own: The profit of each hour as it went, `[days, 24]`.
    """
    rule = {}
    for level in np.unique(levels).tolist():
        chosen = levels == level
        profit = hourly[chosen].sum(axis=0)
        best = int(profit.argmax())
        rule[level] = best if profit[best] > own[chosen].sum() else -1
    return rule


def _swap(found: Trajectory, advertiser: int, levels: NDArray[np.int64], rules: Sequence[dict[int, int]], bids: Array) -> Array:
    """Return an advertiser's coefficients under some rules, `[24, 4, rules]`; a level that a rule does not know stays."""
    theta = np.repeat(found.coefficients[:, advertiser, :, :1], len(rules), axis=-1)
    for k, rule in enumerate(rules):
        for hour, level in enumerate(levels.tolist()):
            if rule.get(level, -1) >= 0:
                theta[hour, :, k] = bids[rule[level]]
    return theta
