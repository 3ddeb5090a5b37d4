"""Let several policies bid on one day: each for some advertisers, in the finest steps that one of them asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.actor import Action, Actor, DayPolicy, DayState, Participation
from auctionsim.market.market import Market, Policy
from auctionsim.traffic.steps import Steps
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HourByHour:
    """Act at the first step of each hour, as if hours were the steps, and hold the bids until the next hour."""

    policy: Policy
    """The policy, whose steps are hours."""

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Begin a day of the policy."""
        actor = self.policy.begin(market, day, n_policies)
        hour, before, action = -1, np.zeros(()), Participation(np.zeros(()), np.zeros(()))

        def act(state: DayState) -> Action:
            nonlocal hour, before, action
            if state.hour != hour:
                last = state.cumulative - before
                hour, before = state.hour, state.cumulative.copy()
                action = with_shares(
                    actor.act(replace(state, hour=hour, steps_done=hour, last_step=last)),
                    state.budget_left.shape,
                )
            return Participation(action.coefficients.copy(), action.share.copy())

        return DayPolicy(act, getattr(actor, "source", None))


@dataclass(frozen=True, eq=False)
class Mixed:
    """Bid by several policies, each a policy of the whole market, of which some advertisers' bids count."""

    parts: Sequence[tuple[Policy, NDArray[np.bool_]]]
    """Policies with the mask of the advertisers that follow them, `[advertisers]`; a later one counts where masks overlap."""

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Begin a day of each; where one has steps of its own, the others act at the first step of each hour.

        Raises:
            ValueError: Two of them have other steps, or one has bid features of its own: no replay of a day has both.
        """
        actors = [policy.begin(market, day, n_policies) for policy, _ in self.parts]
        if any(getattr(actor, "source", None) is not None for actor in actors):
            raise ValueError("policies: expected the market's bid features for a mixture, got features of a policy's own")
        finer = [_finer_steps(actor) for actor in actors]
        steps = _the_one(finer)
        held: list[Actor] = [
            actor if steps is None or own is not None else HourByHour(policy).begin(market, day, n_policies)
            for actor, own, (policy, _) in zip(actors, finer, self.parts, strict=True)
        ]

        def act(state: DayState) -> Action:
            shape = state.budget_left.shape
            theta, share = np.full((shape[0], len(FEATURES), shape[1]), np.nan), np.ones(shape)
            for actor, (_, mask) in zip(held, self.parts, strict=True):
                bids, entered = with_shares(actor.act(state), shape)
                theta[mask], share[mask] = bids[mask], entered[mask]
            return theta if (share == 1.0).all() else Participation(theta, share)

        return DayPolicy(act, steps=steps)


def with_shares(action: Action, shape: tuple[int, ...]) -> Participation:
    """Return an action with coefficients `[n, 4, P]` and shares `[n, P]`, arrays of its own.

    Args:
        action: The action, whose arrays may have one column for all policies.
        shape: Numbers of advertisers and policies, (n, P).
    """
    theta, share = action if isinstance(action, Participation) else (action, np.ones((shape[0], 1)))
    return Participation(
        np.broadcast_to(theta, (shape[0], len(FEATURES), shape[1])).copy(), np.broadcast_to(share, shape).copy()
    )


def _finer_steps(actor: Actor) -> Steps | None:
    """Return the steps that an actor asks for, None where they are hours."""
    steps: Steps | None = getattr(actor, "steps", None)
    return None if steps is None or np.array_equal(steps.hour, np.arange(HOURS + 1)) else steps


def _the_one(found: Sequence[Steps | None]) -> Steps | None:
    """Return the steps that all agree on, None where nobody asks for any."""
    given = [steps for steps in found if steps is not None]
    if any(not np.array_equal(steps.edges, given[0].edges) for steps in given):
        raise ValueError("policies: expected the same steps or hours, got two with other steps")
    return given[0] if given else None
