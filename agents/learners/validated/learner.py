"""Train another learner towards a revenue floor with a margin that validation days choose.

The promise is that a further day keeps the floor with a probability of 95 %. Validation days that were not trained on say how
much the revenue of days differs at the same bids, and how far it lies from that of training days. Two things follow from them:

- While learning, a learner whose `follows_margin` is True aims at a floor with a margin. In the last three quarters of training
  the margin moves by half of what the validation days' lower prediction bound lies from the floor. So the learner itself weighs
  revenue against caps and objectives.
- What is still missing at the end is made up for by one factor >= 1, on all learned bids, or on the floor that a policy aims at
  which adapts within the day. Other learners have this alone.

Test days play no part. Both are functions of the market and the state, so that a resumed run has the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from auctionsim import arithmetic
from auctionsim.agents.learners.base import Arrays, Learner, ReplicatedLearner, TaskBatch, learner_repr
from auctionsim.agents.learners.validated.aimed import with_margin
from auctionsim.agents.learners.validated.raised import Validation, raised_policy, raised_until_held, validated
from auctionsim.agents.policies.base import Policy
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.scenario.learner import VALIDATED

MAX_MARGIN = 0.1
"""The largest margin that training aims at."""
_FROM, _TIMES, _GAIN = 0.25, 40, 0.5
_MARGIN, _COUNT = "validated_margin", "validated_iteration"


def has_validated_floor(scenario: Scenario) -> bool:
    """Return True if the margin above a revenue floor is to be chosen on validation days."""
    return scenario.learner.floor_margin == VALIDATED and scenario.platform.revenue_floor > 0


def with_validated_floor(scenario: Scenario, make: Callable[[Scenario], Learner]) -> Learner:
    """Return a scenario's learner, which chooses the margin itself.

    Args:
        scenario: The scenario, for which `has_validated_floor` is True.
        make: Function that makes the learner of a scenario whose margin is a number.
    """
    inside = make(with_margin(scenario, 0.0))
    return (ValidatedReplicated if isinstance(inside, ReplicatedLearner) else ValidatedFloor)(scenario, make, inside)


class ValidatedFloor:
    """A learner whose margin above the revenue floor is chosen on validation days; see the module's text.

    Its state is that of the learner inside, with the margin and the number of iterations.
    """

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario, make: Callable[[Scenario], Learner], inside: Learner) -> None:
        self._scenario, self._make, self._plain = scenario, make, inside

    def start(self, market: Market) -> Arrays:
        """Start as the learner inside does, without a margin."""
        return {**self._plain.start(market), _MARGIN: np.zeros(1), _COUNT: np.zeros(1, dtype=np.int64)}

    def ask(self, market: Market, state: Arrays) -> TaskBatch:
        """Return the tasks of the learner inside."""
        return self._inside(state).ask(market, _own(state))

    def tell(self, market: Market, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float]]:
        """Have the learner inside aim at the floor with the margin, then move the margin."""
        return self._after(market, state, *self._inside(state).tell(market, _own(state), results))

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return the learned policy, its bids raised where validation days ask for it."""
        return self.raised(market, state, self.choice(market, state)[1])

    def replays_per_iteration(self, market: Market) -> int:
        """Return the replays of the learner inside; those of validation days are few."""
        return self._plain.replays_per_iteration(market)

    def choice(self, market: Market, state: Arrays) -> tuple[float, Validation]:
        """Return the margin of the state, and what validation days say of its policy with its bids raised."""
        return float(state[_MARGIN][0]), raised_until_held(market, self._plain.policy(market, _own(state)))

    def raised(self, market: Market, state: Arrays, choice: Validation) -> Policy:
        """Return the learned policy, its bids raised as a choice says that was made before."""
        return raised_policy(market, self._plain.policy(market, _own(state)), choice.factor)

    def _inside(self, state: Arrays) -> Learner:
        return self._make(with_margin(self._scenario, float(state[_MARGIN][0])))

    def _after(
        self, market: Market, before: Arrays, own: Arrays, logged: Mapping[str, float]
    ) -> tuple[Arrays, Mapping[str, float]]:
        """Return the state after an iteration and what to log of it."""
        count, margin = int(before[_COUNT][0]) + 1, float(before[_MARGIN][0])
        last = self._scenario.train.iterations
        is_due = count >= _FROM * last and count % max(1, last // _TIMES) == 0
        if is_due and getattr(self._plain, "follows_margin", False):
            margin = moved_margin(margin, validated(market, self._plain.policy(market, own)).bound)
        state = {**own, _MARGIN: np.array([margin]), _COUNT: np.array([count], dtype=np.int64)}
        return state, {**logged, "floor_margin": margin}


class ValidatedReplicated(ValidatedFloor):
    """The same of a learner whose state workers update locally: what they hold is the state of the learner inside."""

    def tell_with_update(
        self, market: Market, state: Arrays, results: Sequence[Any]
    ) -> tuple[Arrays, Mapping[str, float], Arrays]:
        """Do what `tell` does, and return the update of the learner inside too."""
        inside = self._inside(state)
        assert isinstance(inside, ReplicatedLearner)
        own, logged, update = inside.tell_with_update(market, _own(state), results)
        return (*self._after(market, state, own, logged), update)

    @property
    def apply_update(self) -> Callable[[Market, Arrays, Arrays], Arrays]:
        """Return the function of the learner inside."""
        assert isinstance(self._plain, ReplicatedLearner)
        return self._plain.apply_update


def moved_margin(margin: float, bound: float) -> float:
    """Return the margin after a look at the validation days, in [0, `MAX_MARGIN`].

    For example, with a margin of 0.02 and a bound of 0.98 of the floor: 1.02 / 0.98^0.5 - 1 = 0.030.
    """
    if not 0 < bound < float("inf"):
        return margin
    return min(max((1 + margin) * float(arithmetic.exp(-_GAIN * float(arithmetic.log(bound)))) - 1, 0.0), MAX_MARGIN)


def _own(state: Arrays) -> Arrays:
    """Return the state of the learner inside."""
    return {name: array for name, array in state.items() if name not in (_MARGIN, _COUNT)}
