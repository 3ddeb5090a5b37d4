"""What a policy is (`market/policy.py`), and policies made of other ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.market import Market
from auctionsim.market.policy import Actor, Constant, DayPolicy, DayState, Participation, Policy, Reactive

__all__ = ["Actor", "Constant", "DayPolicy", "DayState", "Participation", "Policy", "Reactive", "Scaled"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scaled:
    """Bid as another policy does, times a factor."""

    policy: Policy
    factor: Array
    """Factor of each advertiser, `[advertisers]`."""

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Begin the day as the policy does."""
        actor, factor = self.policy.begin(market, day, n_policies), self.factor[:, None, None]

        def act(state: DayState) -> Array | Participation:
            action = actor.act(state)
            if isinstance(action, Participation):
                return action._replace(coefficients=action.coefficients * factor)
            return action * factor

        return replace(actor, act=act) if isinstance(actor, DayPolicy) else DayPolicy(act)
