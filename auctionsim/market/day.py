"""A day of a market under way: the auction's replay, with the rules that bid hour by hour asked before every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.day import DayReplay
from auctionsim.auction.outcome import OUTCOMES
from auctionsim.market.policy import Actor, DayState, Participation, Policy, checked_action

if TYPE_CHECKING:
    from auctionsim.market.market import Market

Array = NDArray[np.float64]
Rules = Sequence[tuple[NDArray[np.int64], Policy]]


class MarketDay(DayReplay):
    """A day of a market under way.

    Args:
        market: The market, whose rules of the auction, seed and rule policies hold.
        day: A day of its traffic.
        arguments: As of `DayReplay`.
    """

    def __init__(self, market: Market, day: int, **arguments: Any) -> None:
        if arguments.get("steps") is not None and market.rule_policies:
            raise ValueError("steps: expected hours where rules bid, got others")
        super().__init__(day=day, rules=market.rules, **arguments)
        self._market = market
        self._actors: list[Actor] = []

    @property
    def state(self) -> DayState:
        """What a policy may look at before the next step; stays as it is when the day goes on."""
        n = len(OUTCOMES)
        return DayState(
            self.day, self.hour, self.steps_done, self.budget_left.copy(), self.last_step[:, :n], self.cumulative[:, :n]
        )

    def step(self, coefficients: Array, participation: Array | None = None) -> Array:
        """Replay the next step; NaN coefficients are those of advertisers whose rule bids."""
        return super().step(*self._with_rules(coefficients, participation))

    def _with_rules(self, coefficients: Array, share: Array | None) -> tuple[Array, Array | None]:
        """Coefficients with the rules' bids in place of NaN, and the shares of auctions that are entered."""
        rules = self._market.rule_policies
        if not any(np.isnan(coefficients[who]).any() for who, _ in rules):
            return coefficients, share
        n, n_policies = self.budget_left.shape
        self._actors = self._actors or [rule.begin(self._market, self.day, n_policies) for _, rule in rules]
        theta = np.array(np.broadcast_to(coefficients, (*coefficients.shape[:2], n_policies)))
        state = self.state
        for (who, rule), actor in zip(rules, self._actors, strict=True):
            theta[who], own_share = checked_action(actor.act(state.of(who)), theta[who].shape, type(rule).__name__)
            if (own_share < 1.0).any():
                share = np.ones((n, n_policies)) if share is None else share
                share[who] = own_share
        return theta, share


def split_action(action: Array | Participation) -> tuple[Array, Array | None]:
    """Return an action's coefficients, and its shares of auctions to enter or None for all."""
    return (action.coefficients, action.share) if isinstance(action, Participation) else (action, None)
