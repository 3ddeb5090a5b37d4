"""Draw the week of traffic on which the generator is compared with its profile."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auctionsim.scenario import TrafficSection
from auctionsim.traffic.generator import make_traffic
from auctionsim.traffic.profile import Profile
from auctionsim.traffic.profiles.external import PER_IMPRESSION
from auctionsim.traffic.profiles.figures import WEEKDAYS
from auctionsim.traffic.table import HOURS, Traffic
from auctionsim.traffic.world import World, budget_factors, make_world

Array = NDArray[np.float64]

AUCTIONS_PER_DAY = 10_000
"""Auctions of a mean day."""
ADVERTISERS = 100
_NEEDED = {
    "auctions_per_day": AUCTIONS_PER_DAY,
    "weight": 1,
    "days": WEEKDAYS,
    "train_days": tuple(range(WEEKDAYS - 1)),
    "test_days": (WEEKDAYS - 1,),
    "validation_days": (),
}


class Week(NamedTuple):
    """A week of traffic, and the world that it was drawn from."""

    world: World
    traffic: Traffic
    budget_factors: Array
    """Daily budgets of advertisers over their median, `[ADVERTISERS]`."""

    @property
    def volume(self) -> Array:
        """Return the auctions of each hour, `[7, 24]`."""
        at = self.traffic.day * HOURS + self.traffic.hour
        return np.bincount(at, self.traffic.weight, minlength=WEEKDAYS * HOURS).reshape(WEEKDAYS, HOURS).astype(np.float64)

    @property
    def query_share(self) -> Array:
        """Return the share of each query in the week's auctions, `[queries]`."""
        counts = np.bincount(self.traffic.query, self.traffic.weight, minlength=len(self.world.query_share))
        return counts / counts.sum()

    @property
    def price(self) -> Array:
        """Return the best score from outside, per thousand impressions, `[auctions]`."""
        return self.traffic.market_ecpm / PER_IMPRESSION


def draw_week(section: TrafficSection, profile: Profile, seed: int) -> Week:
    """Draw a week with the queries, candidates and noise of a scenario, and with days and advertisers of its own.

    Args:
        section: The scenario's traffic section, synthetic.
        profile: The profile that the generator is given.
        seed: The seed of the world and of its days.
    """
    names = tuple(f"advertiser-{k}" for k in range(ADVERTISERS))
    own = section.model_copy(update=_NEEDED)
    return Week(
        make_world(own, profile, ADVERTISERS, seed),
        make_traffic(own, profile, names, seed),
        budget_factors(profile, ADVERTISERS, seed),
    )
