"""Pace revenue within the day, so that it ends at the platform's floor: one factor on all learned bids, hour by hour.

Bids that are fixed before a day bring what the day allows: 3 % more than the floor on one, 1 % less on the next. What is more
is profit given away, and what is less breaks the platform's constraint. A common factor moves revenue and leaves the winners
about as they are. So it is for revenue what multiplicative pacing is for a budget (docs/macg.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import Action, DayPolicy, DayState, Policy, scaled_action
from auctionsim.agents.policies.baseline_course import PRIOR, baseline_course
from auctionsim.auction.outcome import COST
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
from auctionsim.objectives.constraints import trained_revenue_floor
from auctionsim.objectives.goals import of_all

Array = NDArray[np.float64]

LEAST, MOST = 0.8, 1.25
"""Range of the factor: bids that miss the floor by more are not a matter of the day."""
ROOM = 0.002
"""Excess of the revenue aimed at: what the last hours bring is not known before they are over."""


@dataclass(frozen=True, eq=False)
class FloorPaced:
    """Bid as another policy does, times one factor for all who learn, which aims at the revenue floor of the day.

    The floor is that of training, with its margin (`objectives.constraints.trained_revenue_floor`). At the start of an hour
    the day's floor is a share of what the baseline brought so far and is expected to bring from then on. Revenue at a factor
    of 1, over the baseline's, is estimated from the hours that are over. The factor is what then ends the day at the floor.
    """

    policy: Policy
    """The policy whose bids are paced."""
    aims_at_floor: ClassVar[bool] = True
    """It reads the floor that training aims at when a day begins, so that a higher one raises revenue, and not higher bids."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Begin the day as the policy does, on its bid features and in its steps; P policies have a factor each."""
        actor, course, learners = self.policy.begin(market, day, n_policies), baseline_course(market, day), market.learners
        floor = trained_revenue_floor(market.scenario) * (1 + ROOM)
        usual = PRIOR * float(of_all(course.usual[:, COST]))
        before, coming = (of_all(by_hour[:, :, COST].T) for by_hour in (course.before, course.coming))
        # What revenue would have been so far at a factor of 1, and the factor of the step before, each `[P]`.
        plain, factor, begun = np.zeros(n_policies), np.ones(n_policies), -1

        def act(state: DayState) -> Action:
            nonlocal plain, factor, begun
            plain = plain + of_all(state.last_step[:, COST]) / factor
            hour = state.hour
            # Within an hour the factor stays: the baseline's hour is not known, and beside it revenue would look ahead.
            if hour > begun:
                ratio = (plain + floor * usual) / max(float(before[hour]) + usual, 1e-12)
                needed = floor * float(before[hour] + coming[hour]) - of_all(state.cumulative[:, COST])
                factor, begun = np.clip(needed / np.maximum(ratio * float(coming[hour]), 1e-12), LEAST, MOST), hour
            of_each = np.ones((len(market.advertisers), 1, n_policies))
            of_each[learners] = factor
            return scaled_action(actor.act(state), of_each)

        return DayPolicy(act, getattr(actor, "source", None), getattr(actor, "steps", None))
