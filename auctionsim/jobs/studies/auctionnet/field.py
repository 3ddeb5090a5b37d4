"""Run a day in half-hours once for each advertiser, who follows a policy alone among rivals that follow theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.mixed import with_shares
from auctionsim.jobs.studies.auctionnet.policies import MINUTES
from auctionsim.market.actor import Action, DayPolicy, DayState, Participation
from auctionsim.market.market import Market, Policy
from auctionsim.traffic.steps import minutes_steps


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

        def act(state: DayState) -> Action:
            theta, share = with_shares(own.act(state), state.budget_left.shape)
            mine, my_share = theta[diagonal, :, diagonal], share[diagonal, diagonal]
            for actor, mask in others:
                bids, entered = with_shares(actor.act(state), state.budget_left.shape)
                theta[mask], share[mask] = bids[mask], entered[mask]
            theta[diagonal, :, diagonal], share[diagonal, diagonal] = mine, my_share
            return theta if (share == 1.0).all() else Participation(theta, share)

        return DayPolicy(act, getattr(own, "source", None), minutes_steps(market.traffic, day, MINUTES))
