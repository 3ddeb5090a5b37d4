"""Clear parallel copies of a market's days, hour by hour, with their accounts in memory.

Copies on the same day and hour are policies of one replay, so that an hour costs one call of the auction's kernel however many
they are; copies on different days cost one call per day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import OUTCOMES
from auctionsim.market.copies.groups import Group, without
from auctionsim.market.day import MarketDay
from auctionsim.market.information.prices import PRICES
from auctionsim.market.market import Market

Array = NDArray[np.float64]
# One thread replays fewer copies as fast as two do.
_COPIES_PER_THREAD = 32


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Return the pool of so many threads, made once."""
    return ThreadPoolExecutor(threads)


def _side_by_side(calls: Sequence[Callable[[], Array]], threads: int) -> list[Array]:
    """Return the results of calls, in order, each call on a thread of its own.

    The calling thread runs the last call itself: waiting for another thread takes as long as the Python part of a call.
    """
    if threads == 1 or len(calls) <= 1:
        return [call() for call in calls]
    others = [_pool(threads - 1).submit(call) for call in calls[:-1]]
    last = calls[-1]()
    return [*(other.result() for other in others), last]


class ParallelDays:
    """P copies in one market, each on a day and in an hour of its own.

    Args:
        market: The market.
        copies: P, the number of copies.
        threads: Number of threads over which copies on the same day are split; it never changes a result.
        device: Device that clears the hours, `cpu`, `cuda` or `cuda:N`; it never changes a result. A GPU takes one day after
            the other, whatever `threads` is.
    """

    def __init__(self, market: Market, copies: int, threads: int = 1, device: str = "cpu") -> None:
        self._market, self._copies, self._device = market, copies, device
        self._threads = threads if device == "cpu" else 1
        self._groups: list[Group[MarketDay]] = []
        n = len(market.advertisers)
        self.last_step = np.zeros((n, len(OUTCOMES), copies))
        """Impressions, clicks, conversions, GMV and cost of the last hour, `[advertisers, 5, P]`; never written to. With
        `[delays]` conversions and GMV are those that arrived in it."""
        self.rewarded: Array | None = None
        """Totals that learners are paid by for the last hour, `[advertisers, 5, P]`; None where it is `last_step`."""
        self.budget_left = np.zeros((n, copies))
        """Currency that is left of each budget, infinite without one, `[advertisers, P]`."""
        self.prices = np.zeros((n, len(PRICES), copies))
        """Prices of the last hour reported that bidders may see, by `PRICES`, currency `[advertisers, 2, P]`; 0 for
        none."""

    def begin(self, copies: NDArray[np.int64], days: NDArray[np.int64], noise_seeds: Sequence[int]) -> None:
        """Begin a day from midnight in some copies, wherever they were.

        Args:
            copies: Indices of the copies, `[E]`.
            days: Day of each of them, `[E]`.
            noise_seeds: Seed of the sampling noise of each of them, E.
        """
        self.stop(copies)
        self.last_step = self.last_step.copy()
        self.last_step[:, :, copies] = 0.0
        self.prices[:, :, copies] = 0.0
        seed = dict(zip(copies.tolist(), noise_seeds, strict=True))
        for day in np.unique(days).tolist():
            on_day = copies[days == day]
            for members in np.array_split(on_day, min(self._threads, -(-len(on_day) // _COPIES_PER_THREAD))):
                seeds = [seed[copy] for copy in members.tolist()]
                replay = self._market.day(day, len(members), noise_seeds=seeds, device=self._device)
                replay.keep_shown()
                self.budget_left[:, members] = replay.budget_left
                self._groups.append(Group.of(replay, members))

    def stop(self, copies: NDArray[np.int64]) -> None:
        """Stop some copies before the end of their day.

        Args:
            copies: Indices of the copies.
        """
        self._groups = without(self._groups, copies)

    def step(self, coefficients: Array) -> tuple[Array, Array]:
        """Replay the next hour of every copy that is on a day; the others get zeros.

        Args:
            coefficients: theta over `bid_formula.FEATURES`, `[advertisers, 4, P]`; NaN where a rule bids.

        Returns:
            Totals of the hour as they are reported, `[advertisers, 5, P]`, and what is left of each budget, `[advertisers, P]`.
        """
        if len(self._groups) != 1 or not self._groups[0].is_everybody(self._copies):
            self.last_step = np.zeros_like(self.last_step)
            self.rewarded = None if self._market.delays is None else np.zeros_like(self.last_step)
            calls = [partial(group.replay.step, coefficients[:, :, group.index]) for group in self._groups]
            _side_by_side(calls, self._threads)
            for group in self._groups:
                copies, budget_left, totals = group.index, group.replay.budget_left, group.replay.observed_step
                paid = group.replay.rewarded_step
                if not group.is_live.all():
                    copies, totals, paid, budget_left = (
                        group.members[group.is_live], totals[:, :, group.is_live], paid[:, :, group.is_live],
                        budget_left[:, group.is_live],
                    )  # fmt: skip
                self.last_step[:, :, copies] = totals
                if self.rewarded is not None:
                    self.rewarded[:, :, copies] = paid
                self.budget_left[:, copies] = budget_left
        else:
            # The common case, all copies in one replay: its arrays are taken as they are.
            (group,) = self._groups
            group.replay.step(coefficients)
            self.last_step, self.budget_left = group.replay.observed_step, group.replay.budget_left.copy()
            self.rewarded = None if self._market.delays is None else group.replay.rewarded_step
        self._show_prices()
        self._groups = [group for group in self._groups if not group.replay.is_over]
        return self.last_step, self.budget_left

    def _show_prices(self) -> None:
        """Compute the prices that bidders may see; nothing where they see none, since it takes as long as the hour."""
        information = self._market.information
        if information is None or not information.shows("winning-price"):
            return
        self.prices = np.zeros_like(self.prices)
        for group in self._groups:
            found = group.replay.state.prices
            if found is not None:
                shown = np.stack([found.winning_price, found.least_winning_cost], axis=1)
                self.prices[:, :, group.members[group.is_live]] = np.nan_to_num(shown[:, :, group.is_live])
