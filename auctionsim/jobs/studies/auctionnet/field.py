"""Run a day in half-hours once for each advertiser, who follows a policy alone among rivals that follow theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.jobs.studies.auctionnet.policies import MINUTES
from auctionsim.market.actor import Actor, DayPolicy, DayState, Participation
from auctionsim.market.market import Market, Policy, RuleClass
from auctionsim.traffic.steps import minutes_steps

Array = NDArray[np.float64]


class Hourly:
    """Follow a rule of this package that acts once per hour: it sees whole hours, and its bids hold for both halves.

    Args:
        rule: The rule's class.
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, rule: RuleClass, market: Market, advertisers: NDArray[np.int64]) -> None:
        self._rule = rule(market, advertisers)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Begin a day of the rule."""
        actor = self._rule.begin(market, day, n_policies)
        before: Array | None = None
        action: Array | Participation | None = None

        def act(state: DayState) -> Array | Participation:
            nonlocal before, action
            if action is None or state.steps_done % 2 == 0:
                last = state.cumulative - (0.0 if before is None else before)
                before = state.cumulative.copy()
                hour = DayState(state.day, state.hour, state.hour, state.budget_left, last, state.cumulative)
                action = actor.act(hour)
            return action

        return DayPolicy(act)


@dataclass(frozen=True, eq=False)
class OneAmongRivals:
    """Replay a day once for each advertiser, side by side: in copy p advertiser p follows the arm, the others their rules."""

    arm: Policy
    """The policy of every advertiser in its own copy."""
    rivals: Sequence[tuple[Policy, NDArray[np.bool_]]]
    """Rules, each with the mask of the advertisers that follow it in the other copies, `[advertisers]`."""

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Begin a day in half-hours; there is a copy for each advertiser."""
        own = self.arm.begin(market, day, n_policies)
        others = [(rule.begin(market, day, n_policies), mask) for rule, mask in self.rivals]
        diagonal = np.arange(n_policies)

        def act(state: DayState) -> Participation:
            theta, share = _action(own, state)
            mine, my_share = theta[diagonal, :, diagonal], share[diagonal, diagonal]
            for actor, mask in others:
                bids, entered = _action(actor, state)
                theta[mask], share[mask] = bids[mask], entered[mask]
            theta[diagonal, :, diagonal], share[diagonal, diagonal] = mine, my_share
            return Participation(theta, share)

        return DayPolicy(act, getattr(own, "source", None), minutes_steps(market.traffic, day, MINUTES))


def _action(actor: Actor, state: DayState) -> tuple[Array, Array]:
    """Return an actor's coefficients `[n, 4, P]` and shares `[n, P]`, each an array of its own."""
    action = actor.act(state)
    n, n_policies = state.budget_left.shape
    theta, share = action if isinstance(action, Participation) else (action, np.ones((n, 1)))
    wide = (np.broadcast_to(theta, (n, len(FEATURES), n_policies)), np.broadcast_to(share, (n, n_policies)))
    return wide[0].copy(), wide[1].copy()
