"""Bid for the logged agents by what was learned from their logs, while the scenario's other learners follow their rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.envs.actions import MAX_MULTIPLIER
from auctionsim.jobs.offline.dataset import Dataset
from auctionsim.jobs.offline.plan import make_plan
from auctionsim.market.bidding import market_coefficients, starting_coefficients
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState

Array = NDArray[np.float64]
OwnActions = Callable[[DayState], Array]
"""Function from the day's state to the agents' actions, `[P, A, k]`."""


@dataclass(frozen=True, eq=False)
class FromLogs:
    """A policy of the logged agents; the scenario's other learners follow the rule that they followed in the logs."""

    market: Market
    """Market in which only the logged agents learn."""
    bid_model: str
    begin_agents: Callable[[int, int], OwnActions]
    """Function from a day and P to the function that acts on it."""

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (it has its own)
        """Begin a day for P copies."""
        own, start = self.begin_agents(day, n_policies), starting_coefficients(self.market, self.bid_model)
        rules = [(who, rule.begin(self.market, day, n_policies)) for who, rule in self.market.rule_policies]

        def act(state: DayState) -> Array:
            logs = arithmetic.log(MAX_MULTIPLIER) * np.clip(own(state), -1.0, 1.0)
            theta = market_coefficients(self.market, logs, start, self.bid_model)
            for who, rule in rules:
                theta[who] = np.asarray(rule.act(state.of(who)))
            return theta

        return DayPolicy(act)


def logged_market(dataset: Dataset, market: Market) -> Market:
    """Return the market in which only the logged agents learn."""
    settings = dataset.settings
    plan = make_plan(
        market, "start", bidder=settings["bidder"], rivals=settings["rivals"] or "manual", bid_model=settings["bid_model"]
    )
    return plan.market
