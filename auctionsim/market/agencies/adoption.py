"""Draw who adopts an optimizer: one keyed order for a seed, so that the adopters at 25 % are among those at 50 %."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from auctionsim.scenario import AdvertiserGroup, Scenario
from auctionsim.scenario.agencies.adoption import adopting_groups
from auctionsim.streams import stream


def adoption_order(seed: int, who: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return advertisers in the order in which they adopt a bidding product, drawn by the seed.

    Args:
        seed: The seed.
        who: Their indices, `[n]`.
    """
    return stream(seed, "adoption").permutation(who)


def first_adopters(seed: int, who: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Return the indices of those that adopt at a share, ascending: the first `share x n`, rounded half up, of the order.

    Args:
        seed: The seed.
        who: Indices of all that might adopt, `[n]`.
        share: Share of them that do, in [0, 1].
    """
    # 0.29 x 50 is 14.499999999999998, and means 14.5.
    return np.sort(adoption_order(seed, who)[: math.floor(round(share * len(who), 9) + 0.5)])


def groups_of(scenario: Scenario, seed: int) -> tuple[AdvertiserGroup, ...]:
    """Return the group of each advertiser; that of a non-adopter has the controller `adoption.otherwise`.

    Args:
        scenario: The scenario.
        seed: Seed of the market, which draws the adopters.
    """
    groups = [group for group in scenario.advertisers for _ in range(group.count)]
    adoption = scenario.adoption
    if adoption is None:
        return tuple(groups)
    names = adopting_groups(adoption, scenario.advertisers)
    who = np.array([i for i, group in enumerate(groups) if group.group in names], dtype=np.int64)
    without = {
        group.group: group.model_copy(update={"controller": adoption.otherwise})
        for group in scenario.advertisers
        if group.group in names
    }
    for i in np.setdiff1d(who, first_adopters(seed, who, adoption.share)).tolist():
        groups[i] = without[groups[i].group]
    return tuple(groups)
