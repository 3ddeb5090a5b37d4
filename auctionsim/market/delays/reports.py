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
from auctionsim.market.delays.arrivals import Delays, count_arrived
from auctionsim.names.display import short_repr
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

LEAST_SHARE = 0.05
"""Least share of an hour's conversions that has arrived when `delay-corrected` begins to count the hour."""
LATE = (CONVERSIONS, GMV)
"""Columns that arrive late."""


Known = tuple[Array, NDArray[np.bool_] | bool]
"""Estimate of an hour's conversions and GMV, `[n, 2, P]`, and whose clicks of it count, all or `[n]`."""


@dataclass(frozen=True, eq=False)
class At:
    """What was reported by the end of one hour, of T hours of clicks; n advertisers, P policies."""

    arrived: tuple[Array, ...]
    """Conversions and GMV that have arrived, `[n, 2, P]` for each hour of clicks."""
    share: Array
    """Share of conversions that has arrived, `[T, n]`."""

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class Reports:
    """What is known at the end of an hour, and what will be: the truth is for `oracle` alone."""

    totals: tuple[Array, ...]
    """Impressions, clicks, conversions, GMV and cost of each hour of clicks, conversions and GMV as they will be when all have
    arrived, `[n, 5, P]` each; the hours of days before come first."""
    now: At
    before: At
    """The same an hour ago, with one hour less."""

    __repr__ = short_repr

    def of(self, advertisers: NDArray[np.int64]) -> Reports:
        """Return the reports of some advertisers, `[n]`."""
        now, before = (
            At(tuple(one[advertisers] for one in at.arrived), at.share[:, advertisers]) for at in (self.now, self.before)
        )
        return Reports(tuple(one[advertisers] for one in self.totals), now, before)

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
        found = np.zeros_like(self.totals[-1])
        rates = [self._rate(at) if estimate == "survival" else None for at in (self.now, self.before)]
        for hour, totals in enumerate(self.totals):
            age = len(self.totals) - 1 - hour
            after = self._known(self.now, rates[0], hour, age, estimate, window)
            earlier = self._known(self.before, rates[1], hour, age - 1, estimate, window) if age else None
            _add(found, totals, after, earlier)
        return found

    def _known(self, at: At, rate: Array | None, hour: int, age: int, estimate: str, window: int) -> Known:
        """Return what is known of an hour's clicks at the end of another one."""
        arrived, share = at.arrived[hour], at.share[hour]
        if estimate == "waiting-window":
            return (arrived, True) if age >= window else (np.zeros_like(arrived), False)
        if estimate == "delay-corrected":
            counts = share >= LEAST_SHARE
            return np.where(counts, 1.0 / np.where(counts, share, 1.0), 0.0)[:, None, None] * arrived, counts
        if rate is not None:
            missing = self.totals[hour][:, CLICKS] * (1.0 - share)[:, None]
            return arrived + missing[:, None] * rate, True
        return arrived, True

    def _rate(self, at: At) -> Array:
        """Return conversions and GMV for a click whose report is complete, `[n, 2, P]`."""
        rows = range(len(at.arrived))
        arrived = sum((at.arrived[k] for k in rows), np.zeros_like(self.totals[-1][:, :2]))
        exposed = sum((self.totals[k][:, CLICKS] * at.share[k][:, None] for k in rows), np.zeros_like(arrived[:, 0]))[:, None]
        return np.divide(arrived, exposed, out=np.zeros_like(arrived), where=exposed > 0)


def _add(found: Array, totals: Array, after: Known, earlier: Known | None) -> None:
    """Add what was learned of an hour's clicks since the hour before."""
    known, counts = after
    is_new = np.logical_and(counts, True if earlier is None else np.logical_not(earlier[1]))
    found[:, LATE] += known if earlier is None else known - earlier[0]
    weight = np.where(is_new, 1.0, 0.0)
    for column in range(totals.shape[1]):
        if column not in LATE:
            found[:, column] += np.reshape(weight, (-1, 1)) * totals[:, column]


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
            raise ValueError(f"carried: expected reports up to midnight of day {day}, got others")
        self.last: Array = np.zeros((shape[0], len(OUTCOMES), shape[1]))
        """What was reported in the last hour, `[n, 5, P]`: clicks and cost of the hour, conversions and GMV that arrived."""
        self.cumulative: Array = np.zeros_like(self.last)
        """The same of the day so far."""
        self.rewarded: Array = np.zeros_like(self.last)
        """What the last hour is paid by, `[n, 5, P]`."""
        self.rewarded_so_far: Array = np.zeros_like(self.last)
        """The same of the day so far."""
        self._totals: tuple[Array, ...] = ()
        self._keys: tuple[NDArray[np.uint64], ...] = ()
        self._now = At((), np.zeros((0, shape[0])))
        if earlier is not None:
            if earlier.last.shape != self.last.shape:
                raise ValueError(f"carried: expected arrays {list(self.last.shape)}, got {list(earlier.last.shape)}")
            self._totals, self._keys, self._now = earlier._totals, earlier._keys, earlier._now
        self._before = self._now

    def add(self, totals: Array) -> None:
        """Add an hour: what its clicks will bring when all has arrived, `[n, 5, P]`."""
        self._totals = (*self._totals, totals)
        if self._seeds is not None:
            day, hour = divmod(self.next_hour, HOURS)
            self._keys = (*self._keys, self._delays.keys(self._delays.first_day + day, hour, self._seeds))
        self.next_hour += 1
        share = self._delays.shares(self.next_hour - len(self._totals), len(self._totals))
        arrived = tuple(self._arrived(hour, share[hour]) for hour in range(len(self._totals)))
        self._before, self._now = self._now, At(arrived, share)
        reports = self.reports
        self.last = reports.step("naive", 0)
        self.cumulative = self.cumulative + self.last
        rewards = self._delays.rewards
        self.rewarded = self.last if rewards == "naive" else reports.step(rewards, self._delays.window)
        self.rewarded_so_far = self.rewarded_so_far + self.rewarded

    @property
    def reports(self) -> Reports:
        """What is known, and what will be."""
        return Reports(self._totals, self._now, self._before)

    def _arrived(self, hour: int, share: Array) -> Array:
        """Return conversions and GMV of an hour's clicks that have arrived, `[n, 2, P]`: of GMV the same share."""
        late = self._totals[hour][:, LATE]
        if self._seeds is None:
            return late * share[:, None, None]
        conversions = np.ascontiguousarray(late[:, 0])
        counted = np.empty_like(conversions)
        count_arrived(conversions, np.ascontiguousarray(share), self._keys[hour], counted)
        part = np.divide(counted, conversions, out=np.zeros_like(counted), where=conversions > 0)
        return np.stack([counted, late[:, 1] * part], axis=1)
