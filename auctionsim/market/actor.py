"""What a policy sees and does on one day: the state before a step, and the action that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.sources import TrafficSource
from auctionsim.market.delays.reports import Reports
from auctionsim.market.information.prices import HourPrices
from auctionsim.names.display import short_repr
from auctionsim.traffic.steps import Steps

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DayState:
    """What a policy may look at before a step: n advertisers, P policies side by side.

    The arrays stay as they are when the day goes on. Those of a whole market are read-only.
    """

    day: int
    hour: int
    """Hour in which the step begins, 0 to 23; 24 at the end of the day."""
    steps_done: int
    """Number of steps before this one; equal to `hour` where a step is an hour."""
    budget_left: Array
    """Currency that is left of each budget, infinite without one, `[n, P]`."""
    last_step: Array
    """Impressions, clicks, conversions, GMV and cost of the step before, 0 before the first, `[n, 5, P]`. With `[delays]`
    conversions and GMV are those that arrived in it, whenever they were clicked for."""
    cumulative: Array
    """The same summed over the day so far, `[n, 5, P]`."""
    delay: int = 0
    """Steps by which reports are late: budgets left, the step before and the day so far are those of so many steps ago."""
    prices: HourPrices | None = None
    """Prices of the last hour reported, where `[information]` shows any; None without the section and before a report."""
    reports: Reports | None = None
    """Reports on each hour's clicks, and estimates of the rest; None before the first hour and without `[delays]`."""

    __repr__ = short_repr

    @property
    def n_policies(self) -> int:
        """Return P, the number of policies side by side."""
        return self.budget_left.shape[1]

    @property
    def reported(self) -> int:
        """Return the number of steps that were reported; without delay, all before this one."""
        return max(self.steps_done - self.delay, 0)

    def of(self, advertisers: NDArray[np.int64]) -> DayState:
        """Return the state of some advertisers, copied.

        Args:
            advertisers: Indices of the advertisers, `[n]`.
        """
        return DayState(
            self.day, self.hour, self.steps_done, self.budget_left[advertisers], self.last_step[advertisers],
            self.cumulative[advertisers], self.delay, None if self.prices is None else self.prices.of(advertisers),
            None if self.reports is None else self.reports.of(advertisers),
        )  # fmt: skip


class Participation(NamedTuple):
    """Bids of advertisers that enter only some of their auctions, by chance (`auction/throttling.py`)."""

    coefficients: Array
    """Coefficients over `bid_formula.FEATURES` in the auctions that are entered, `[n, 4, P]` or `[n, 4, 1]`, >= 0."""
    share: Array
    """Share of its auctions that each advertiser enters, in [0, 1], `[n, P]` or `[n, 1]`."""


Action = Array | Participation
"""Coefficients over `bid_formula.FEATURES` for one step, `[n, 4, P]` or `[n, 4, 1]`, or these with a share of auctions."""


class Actor(Protocol):
    """A policy on one day.

    It may have an attribute `source`, traffic with bid features of its own, `steps`, the steps in which it acts, and `always`,
    what it does in each of them: see `DayPolicy`.
    """

    def act(self, state: DayState) -> Action:
        """Return the bids for the coming step.

        Args:
            state: The day so far.

        Returns:
            Coefficients over `bid_formula.FEATURES`, finite and >= 0, `[n, 4, P]`, or `[n, 4, 1]` for all P policies alike;
            NaN leaves an advertiser to its rule. A `Participation` also says which share of its auctions each enters.
        """


@dataclass(frozen=True, eq=False)
class DayPolicy:
    """An actor made of a function; may replay the day's traffic with bid features of its own, or in steps of its own."""

    act: Callable[[DayState], Action]
    source: TrafficSource | None = None
    """Traffic with the policy's own bid features; the market's where None."""
    steps: Steps | None = None
    """Steps in which the policy acts; hours where None."""
    always: Action | None = None
    """Action of every step, where it is known before the day and does not change; `act` returns it. Nobody looks at the day."""

    __repr__ = short_repr
