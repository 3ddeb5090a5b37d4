"""Resolve the delays of a market's advertisers, and compute which share of an hour's conversions has arrived by a later hour.

Delays pass in a time of their own, which runs faster in some hours of the week than in others: a conversion of a click at
time t has arrived by time s with probability `F(T(s) - T(t))`, F the advertiser's distribution and T the sum of the hours'
speeds, whose mean over a week is 1. Clicks of an hour are spread evenly over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.scenario import AdvertiserGroup
from auctionsim.scenario.delays.section import DelaySection, DelaysSection, Estimate
from auctionsim.traffic.delays.distributions import arrived_share_of_hour
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

DAYS_OF_WEEK = 7
# Names of random streams, which are part of the seed.
_MEANS, _ARRIVALS = "delays advertiser", "delays"


def _scaled(speeds: Sequence[float]) -> Array:
    """Return speeds times a power of two that leaves the largest in [0.5, 1): exact, and no product overflows."""
    found = np.array(speeds)
    return np.ldexp(found, -int(np.frexp(found.max())[1]))


@dataclass(frozen=True, eq=False)
class Delays:
    """Delays of the n advertisers of a market, and how rewards count what has not arrived."""

    mean: Array
    """Mean delay, hours >= 0, `[n]`."""
    sigma: Array
    """Standard deviation of the logarithm of log-normal delays, 0 for exponential ones, `[n]`."""
    speed: Array
    """Speed at which delays pass, with a mean of 1, `[7, 24]`."""
    first_day: int
    """The traffic's first day, with which weeks begin."""
    rewards: Estimate
    window: int
    """Hours after which a click counts under `waiting-window` in rewards."""
    assumed: Delays | None = None
    """The delays that estimates take for these; None where they know them."""
    _known: dict[tuple[int, int], Array] = field(default_factory=dict, repr=False)
    """Shares by weekday and hour in which the rows begin, and their number."""

    @classmethod
    def of(cls, section: DelaysSection, groups: Sequence[AdvertiserGroup], first_day: int, seed: int) -> Delays:
        """Resolve a scenario's section.

        Args:
            section: The section.
            groups: The group of each advertiser, whose own distribution goes before the section's.
            first_day: The traffic's first day.
            seed: Seed of the advertisers' means.
        """
        # numba takes long to import, and importing environments must not.
        from auctionsim.auction.kernel.noise import hour_rng_key, normal

        section = section.model_copy(update={key: _scaled(getattr(section, key)) for key in ("hours", "weekdays")})
        own = [group.delay or section for group in groups]
        key = hour_rng_key(seed, 0, 0, _MEANS)
        error = np.array([section.advertiser * normal(key, 0, i) for i in range(len(groups))])
        mean = np.array([one.mean for one in own]) * (arithmetic.exp(error) if section.advertiser > 0 else 1.0)
        speed = np.outer(section.weekdays, section.hours)
        common = (speed / speed.mean(), first_day, section.rewards, section.window)
        assumed = None
        if section.assumed is not None:
            n = len(groups)
            assumed = cls(np.full(n, section.assumed.mean), np.full(n, _sigma(section.assumed)), *common)
        return cls(mean, np.array([_sigma(one) for one in own]), *common, assumed)

    def assumed_shares(self, first_hour: int, count: int) -> Array:
        """Return the shares that estimates take for `shares`, `[count, n]`."""
        return (self.assumed or self).shares(first_hour, count)

    def shares(self, first_hour: int, count: int) -> Array:
        """Return which share of the conversions of each hour's clicks has arrived by the end of the last of them, `[count, n]`.

        Args:
            first_hour: The first of the hours, counted from the first midnight of the traffic.
            count: Number of hours, one after the other.
        """
        position = first_hour % (DAYS_OF_WEEK * HOURS) if np.ptp(self.speed) > 0 else 0, count
        if position not in self._known:
            hours = (first_hour + np.arange(count)) % (DAYS_OF_WEEK * HOURS)
            left = np.cumsum(self.speed.ravel()[hours][::-1])[::-1]
            begin = np.append(left[1:], 0.0)
            kinds, index = np.unique(np.stack([self.mean, self.sigma]), axis=1, return_inverse=True)
            of_kinds = arrived_share_of_hour(begin[:, None], left[:, None], kinds[0], kinds[1])
            self._known[position] = of_kinds[:, index.ravel()]
        return self._known[position]

    def keys(self, day: int, hour: int, seeds: Sequence[int]) -> NDArray[np.uint64]:
        """Return the RNG key of each policy's arrivals of an hour's conversions, `[P]`."""
        from auctionsim.auction.kernel.noise import hour_rng_key

        known = {seed: hour_rng_key(seed, day, hour, _ARRIVALS) for seed in set(seeds)}
        return np.array([known[seed] for seed in seeds], dtype=np.uint64)


def _sigma(section: DelaySection) -> float:
    return section.sigma if section.distribution == "log-normal" else 0.0
