"""Have what another learner learns paced to the revenue floor within each day (`agents/policies/floor_paced.py`).

Training stays as it is: it aims at the floor in the mean of the training days. Pacing then gives back what a day brings beyond
it, and asks for what a day lacks. So a margin that validation days choose is on what pacing aims at, and training has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from auctionsim.agents.learners.base import Arrays, Learner, ReplicatedLearner, TaskBatch, learner_repr
from auctionsim.agents.policies.base import Policy
from auctionsim.agents.policies.floor_paced import FloorPaced
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario


def is_paced_to_floor(scenario: Scenario) -> bool:
    """Return True if there is a revenue floor, and learned bids are to be paced to it."""
    return scenario.learner.pace_to_floor and scenario.platform.revenue_floor > 0


def with_floor_pacing(scenario: Scenario, inside: Learner) -> Learner:
    """Return a scenario's learner with its policy paced to the floor; its state is that of the learner inside."""
    return (PacedReplicated if isinstance(inside, ReplicatedLearner) else PacedToFloor)(scenario, inside)


class PacedToFloor:
    """A learner whose policy is paced to the revenue floor; see the module's text."""

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario, inside: Learner) -> None:
        self._scenario, self._inside = scenario, inside

    def start(self, market: Market) -> Arrays:
        """Start as the learner inside does."""
        return self._inside.start(market)

    def ask(self, market: Market, state: Arrays) -> TaskBatch:
        """Return the tasks of the learner inside."""
        return self._inside.ask(market, state)

    def tell(self, market: Market, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float]]:
        """Tell the learner inside."""
        return self._inside.tell(market, state, results)

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return the learned policy, paced to the floor."""
        return FloorPaced(self._inside.policy(market, state))

    def replays_per_iteration(self, market: Market) -> int:
        """Return the replays of the learner inside: nothing is paced in training."""
        return self._inside.replays_per_iteration(market)


class PacedReplicated(PacedToFloor):
    """The same of a learner whose state workers update locally."""

    def tell_with_update(
        self, market: Market, state: Arrays, results: Sequence[Any]
    ) -> tuple[Arrays, Mapping[str, float], Arrays]:
        """Do what `tell` does, and return the update too."""
        assert isinstance(self._inside, ReplicatedLearner)
        return self._inside.tell_with_update(market, state, results)

    @property
    def apply_update(self) -> Callable[[Market, Arrays, Arrays], Arrays]:
        """Return the function of the learner inside."""
        assert isinstance(self._inside, ReplicatedLearner)
        return self._inside.apply_update
