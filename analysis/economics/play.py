"""Policies as measures see them: coefficients that hold all day, or a rule that looks at the day so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.day import DayReplay
from auctionsim.auction.kernel.engine import OUTCOMES
from auctionsim.auction.outcome import Outcome
from auctionsim.auction.sources import Feed, TableFeed
from auctionsim.market.market import Market
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DaySoFar:
    """What a rule may look at before an hour begins. P days run side by side, which differ in what was forced upon them."""

    hour: int
    totals: Array
    """Impressions, clicks, conversions, GMV and cost of the hours so far, `[hour, advertisers, 5, P]`."""
    budget_left: Array
    """Currency, `[advertisers, P]`."""


class Bidders(Protocol):
    """What learners give: they open the day, perhaps with bid features of their own, and look at the day under way."""

    def open(self, market: Market, day: int) -> DayReplay:
        """The day, at its start."""

    def coefficients(self, market: Market, under_way: DayReplay) -> Array:
        """Coefficients of the next hour over `bids.FEATURES`, `[advertisers, 4, P]` or `[advertisers, 4, 1]`."""


Rule = Callable[[DaySoFar], Array]
"""Coefficients of the coming hour over `bids.FEATURES`: `[advertisers, 4, P]`, or `[advertisers, 4, 1]` for all days alike."""
Policy = Array | Rule | Bidders
"""Coefficients `[advertisers, 4, 1]` for the whole day, a rule, or what a learner gives."""


@dataclass(frozen=True, eq=False)
class Played:
    """A day as it went."""

    outcome: Outcome
    coefficients: Array
    """What was bid with, `[24, advertisers, 4, P]`."""
    feed: Feed
    """The traffic with the features that were bid on."""

    @property
    def phi(self) -> Array | None:
        """Features of every row of the table; None where it is not in memory."""
        return self.feed.phi if isinstance(self.feed, TableFeed) else None


def play(
    market: Market,
    day: int,
    policy: Policy,
    n_days: int = 1,
    force: Callable[[int, Array], None] | None = None,
    feed: Feed | None = None,
) -> Played:
    """Play a day under a policy.

    Args:
        market: The market, with its budgets and rules.
        day: Of its traffic.
        policy: Everybody's bids, fixed rules' included.
        n_days: P, how many copies of the day run side by side.
        force: Told the hour and the coefficients `[advertisers, 4, P]`, which it may write to before they are bid with.
        feed: The traffic with other bid features; the policy's own or the market's where None.
    """
    if feed is None and not isinstance(policy, np.ndarray) and not callable(policy):
        feed = policy.open(market, day).feed
    replay = market.day(day, n_days, feed=feed)
    n = len(market.advertisers)
    totals = np.zeros((HOURS, n, len(OUTCOMES), n_days))
    used = np.zeros((HOURS, n, len(FEATURES), n_days))
    for hour in range(HOURS):
        if isinstance(policy, np.ndarray):
            used[hour] = policy
        elif callable(policy):
            used[hour] = policy(DaySoFar(hour, totals[:hour], replay.budget_left.copy()))
        else:
            used[hour] = policy.coefficients(market, replay)
        if force is not None:
            force(hour, used[hour])
        totals[hour] = replay.step(used[hour])
        used[hour] = replay.coefficients  # controllers' bids in place of NaN
    return Played(Outcome(**{name: totals[:, :, i] for i, name in enumerate(OUTCOMES)}), used, replay.feed)


def frozen(played: Played) -> Rule:
    """The bids of a day that was played, whatever happens: rivals that do not react."""
    return lambda so_far: played.coefficients[so_far.hour]


def rematched(policies: list[Array], controlled: NDArray[np.bool_]) -> list[Array]:
    """Advertisers that learned in different trainings put into one market.

    Args:
        policies: Learned coefficients of the same market from independent trainings, `[advertisers, 4, 1]` each, at least 2.
        controlled: Which advertisers are learners, `[advertisers]`; the others keep their bids.

    Returns:
        As many policies: in the k-th, neighbouring learners come from different trainings, and each comes from each once.
    """
    if len(policies) < 2:
        raise ValueError(f"policies: expected at least 2 trainings, got {len(policies)}")
    place = np.cumsum(controlled) - 1
    mixed = []
    for k, own in enumerate(policies):
        theta = own.copy()
        for i in np.flatnonzero(controlled):
            theta[i] = policies[(k + int(place[i])) % len(policies)][i]
        mixed.append(theta)
    return mixed
