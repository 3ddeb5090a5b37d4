"""Offer what a policy is made of (`market/policy.py`), and policies made of other ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.market import Market
from auctionsim.market.policy import Action, Actor, Constant, DayPolicy, DayState, Participation, Policy, Reactive
from auctionsim.names.display import short_repr

__all__ = [
    "Action",
    "Actor",
    "Constant",
    "DayPolicy",
    "DayState",
    "Participation",
    "Policy",
    "Reactive",
    "Scaled",
    "scaled_action",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scaled:
    """Bid as another policy does, times a factor."""

    policy: Policy
    """The policy whose bids are scaled."""
    factor: Array
    """Factor on the bids of each advertiser, `[advertisers]`, >= 0; it does not touch what is left to a rule."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Begin the day as the policy does, on its bid features and in its steps."""
        actor, factor = self.policy.begin(market, day, n_policies), self.factor[:, None, None]

        def act(state: DayState) -> Action:
            return scaled_action(actor.act(state), factor)

        return DayPolicy(act, getattr(actor, "source", None), getattr(actor, "steps", None))


def scaled_action(action: Action, factor: Array) -> Action:
    """Return an action with its bids times a factor, `[advertisers, 1, P]` or `[advertisers, 1, 1]`; shares stay."""
    if isinstance(action, Participation):
        return action._replace(coefficients=action.coefficients * factor)
    return action * factor
