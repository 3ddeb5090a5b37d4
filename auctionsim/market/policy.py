"""One kind of policy: it begins a day for P policies side by side, and acts before every step of it.

A policy bids for everybody. A rule (`pid`, `dual-pacing`, a user's own class) is a policy of some advertisers: its arrays have
their rows only, and it is made for a market once, `Rule(market, advertisers)`. What changes over a day lives in what `begin`
returns, so that a policy holds nothing that depends on the days it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.actor import Action, Actor, DayPolicy, DayState, Participation
from auctionsim.market.market import Market, Policy, RuleClass
from auctionsim.names.display import short_repr

__all__ = ["Action", "Actor", "Constant", "DayPolicy", "DayState", "Participation", "Policy", "Reactive", "RuleClass"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Constant:
    """Bid with the same coefficients all day."""

    theta: Array
    """Coefficients over `bid_formula.FEATURES`, `[advertisers, 4, P]` or `[advertisers, 4, 1]`; NaN where a rule bids."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (bids are the same on every day)
        """Bid alike in every step."""
        return DayPolicy(lambda state: self.theta, always=self.theta)  # noqa: ARG005


@dataclass(frozen=True, eq=False)
class Reactive:
    """Bid by a function of the day's state, for example a rule that looks at what was paid so far."""

    act: Callable[[DayState], Action]
    """Function that returns the bids of the coming step, as `Actor.act` does."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (it looks at the state alone)
        """Ask the function before every step."""
        return DayPolicy(self.act)
