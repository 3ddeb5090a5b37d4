"""Hold what has been reported of the conversions of each hour's clicks, and estimate the rest.

- `naive`: what has arrived, as if nothing were missing.
- `waiting-window`: clicks count once they are old enough, with what has arrived of them by now.
- `delay-corrected`: what has arrived of an hour's clicks over the share that has arrived by now, which is importance weighting
  by the delay's distribution function (compare Chapelle 2014, Modeling delayed feedback in display advertising; Yasui et al.
  2020). An hour counts from a share of `LEAST_SHARE` on, since the weight of an arrival is the inverse of it.
- `survival`: what has arrived, and for every click the chance that its conversion is still to come: the survival function times
  the rate of arrivals per click at risk (the exposure of survival analysis), one rate for all hours.
- `oracle`: all that will arrive, which nobody can know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import CLICKS, CONVERSIONS, GMV, OUTCOMES
from auctionsim.errors import InputError
from auctionsim.market.delays.arrivals import Delays
from auctionsim.names.display import short_repr
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

LEAST_SHARE = 0.05
"""Least share of an hour's conversions that has arrived when `delay-corrected` begins to count the hour."""
LATE = slice(CONVERSIONS, GMV + 1)
"""Columns that arrive late, conversions and GMV."""


@dataclass(frozen=True, eq=False)
class At:
    """What was reported by the end of one hour, of T hours of clicks; n advertisers, P policies."""

    arrived: Array
    """Conversions and GMV that have arrived, `[T, n, 2, P]`."""
    share: Array
    """Share of conversions that has arrived by the delays that are assumed, the true ones without others, `[T, n]`."""

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class Reports:
    """What is known at the end of an hour, and what will be: the truth is for `oracle` alone."""

    totals: Array
    """Impressions, clicks, conversions, GMV and cost of each hour of clicks, conversions and GMV as they will be when all have
    arrived, `[T, n, 5, P]`; the hours of days before come first."""
    now: At
    before: At
    """The same an hour ago, with one hour less."""

    __repr__ = short_repr

    def of(self, advertisers: NDArray[np.int64]) -> Reports:
        """Return the reports of some advertisers, `[n]`."""
        now, before = (At(at.arrived[:, advertisers], at.share[:, advertisers]) for at in (self.now, self.before))
        return Reports(self.totals[:, advertisers], now, before)

    def step(self, estimate: str, window: int) -> Array:
        """Return what an estimate learned in the last hour: of that hour's clicks, and of earlier ones by what arrived since.

        Args:
            estimate: One of `scenario.delays.section.ESTIMATES`.
            window: Hours after which a click counts under `waiting-window`.

        Returns:
            Impressions, clicks, conversions, GMV and cost of the clicks that count from now on, conversions and GMV with the
            changes of the others, `[n, 5, P]`; a change may be negative.
        """
        if estimate == "oracle":
            return self.totals[-1].copy()
        known, is_new = self._known(self.now, estimate, window)
        known_before, counted = self._known(self.before, estimate, window)
        change, is_new = known.copy(), is_new.copy()
        change[:-1] -= known_before
        is_new[:-1] &= ~counted
        found = np.zeros_like(self.totals[-1])
        for hour in np.flatnonzero(is_new.any(axis=1)):
            found += np.where(is_new[hour, :, None, None], self.totals[hour], 0.0)
        found[:, LATE] = change.sum(axis=0)
        return found

    def _known(self, at: At, estimate: str, window: int) -> tuple[Array, NDArray[np.bool_]]:
        """Return an estimate of each hour's conversions and GMV, `[T, n, 2, P]`, and whose clicks count, `[T, n]`."""
        arrived, share, everybody = at.arrived, at.share, np.ones(at.share.shape, dtype=bool)
        if estimate == "waiting-window":
            everybody[max(len(share) - window, 0) :] = False
            return np.where(everybody[:, :, None, None], arrived, 0.0), everybody
        if estimate == "delay-corrected":
            counts = share >= LEAST_SHARE
            return np.where(counts, 1.0 / np.where(counts, share, 1.0), 0.0)[:, :, None, None] * arrived, counts
        if estimate == "survival":
            clicks = self.totals[: len(share), :, CLICKS]
            exposed = (clicks * share[:, :, None]).sum(axis=0)[:, None]
            sums = arrived.sum(axis=0)
            rate = np.divide(sums, exposed, out=np.zeros_like(sums), where=exposed > 0)
            return arrived + (clicks * (1.0 - share)[:, :, None])[:, :, None] * rate, everybody
        return arrived, everybody


class ConversionLog:
    """Collects the hours of a day, and what has arrived by the end of each.

    Args:
        delays: The delays of the market.
        day: The day.
        hour: The hour in which it begins.
        shape: Numbers of advertisers and policies.
        seeds: Seed of each policy's arrivals, `[P]`, where outcomes are sampled; None where expected ones arrive.
        earlier: The log of the days before, of the same policies, whose conversions may still arrive.
    """

    def __init__(
        self,
        delays: Delays,
        day: int,
        hour: int,
        shape: tuple[int, int],
        seeds: Sequence[int] | None,
        earlier: ConversionLog | None,
    ) -> None:
        self._delays, self._seeds = delays, seeds
        self.next_hour = (day - delays.first_day) * HOURS + hour
        """Hour of the next clicks, counted from the first midnight of the traffic."""
        if earlier is not None and earlier.next_hour != self.next_hour:
            raise InputError(f"carried: expected reports up to midnight of day {day}, got others")
        self.last: Array = np.zeros((shape[0], len(OUTCOMES), shape[1]))
        """Totals reported in the last hour, `[n, 5, P]`: clicks and cost of the hour, conversions and GMV that arrived."""
        self.cumulative: Array = np.zeros_like(self.last)
        """The same of the day so far."""
        self.rewarded: Array = np.zeros_like(self.last)
        """Totals by which the last hour is paid, `[n, 5, P]`."""
        self.rewarded_so_far: Array = np.zeros_like(self.last)
        """The same of the day so far."""
        begun = 0 if earlier is None else len(earlier._now.share)
        if earlier is not None and earlier.last.shape != self.last.shape:
            raise InputError(f"carried: expected arrays {list(self.last.shape)}, got {list(earlier.last.shape)}")
        # Rows of hours to come are written once; nobody has seen them before.
        self._totals = np.zeros((begun + HOURS, *self.last.shape))
        self._keys = np.zeros((begun + HOURS, shape[1]), dtype=np.uint64)
        self._now: At = At(np.zeros((0, *self.last[:, LATE].shape)), np.zeros((0, shape[0])))
        if earlier is not None:
            self._totals[:begun], self._keys[:begun] = earlier._totals[:begun], earlier._keys[:begun]
            self._now = earlier._now
        self._before = self._now

    def add(self, totals: Array) -> None:
        """Add an hour: what its clicks will bring when all has arrived, `[n, 5, P]`."""
        done = len(self._now.share)
        self._totals[done] = totals
        if self._seeds is not None:
            day, hour = divmod(self.next_hour, HOURS)
            self._keys[done] = self._delays.keys(self._delays.first_day + day, hour, self._seeds)
        self.next_hour += 1
        hours = (self.next_hour - done - 1, done + 1)
        arrived = self._arrived(self._delays.shares(*hours))
        self._before, self._now = self._now, At(arrived, self._delays.assumed_shares(*hours))
        reports = self.reports
        self.last = reports.step("naive", 0)
        self.cumulative = self.cumulative + self.last
        rewards = self._delays.rewards
        self.rewarded = self.last if rewards == "naive" else reports.step(rewards, self._delays.window)
        self.rewarded_so_far = self.rewarded_so_far + self.rewarded

    @property
    def reports(self) -> Reports:
        """Return what is known, and what will be."""
        return Reports(self._totals[: len(self._now.share)], self._now, self._before)

    def _arrived(self, share: Array) -> Array:
        """Return conversions and GMV of each hour's clicks that have arrived, `[T, n, 2, P]`: of GMV the same share."""
        late = self._totals[: len(share), :, LATE]
        if self._seeds is None:
            return late * share[:, :, None, None]
        from auctionsim.market.delays.counting import count_arrived

        arrived = np.zeros(late.shape)
        count_arrived(late, share, self._keys, arrived)
        return arrived
