"""The shape of a learner: ask for tasks, be told their results, keep the whole state in arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import Policy
from auctionsim.market.market import Market
from auctionsim.names.display import parts_repr, short_repr

Arrays = dict[str, NDArray[Any]]

METHODS = ("start", "ask", "tell", "policy", "replays_per_iteration")
"""The methods that every learner has."""


@dataclass(frozen=True)
class TaskBatch:
    """Tasks of one iteration: `run(market, shared, task)` is called for each, in any process; results keep their order."""

    run: Callable[[Market, Any, Any], Any]
    """A function of a module, without side effects."""
    shared: Arrays
    """Arrays that all tasks need; they travel once to each machine."""
    tasks: Sequence[Any]

    __repr__ = short_repr

    def results(self, market: Market) -> list[Any]:
        """Compute all tasks in this process."""
        return [self.run(market, self.shared, task) for task in self.tasks]


class Learner(Protocol):
    """Learn everybody's bids by ask and tell over a whole market.

    A class is called with the scenario. If it has an attribute `Constants`, a subclass of `auctionsim.scenario.Section`, it is
    called with the scenario and the constants, read from the section `[learner.constants]` of the scenario file.

    The state is a dictionary of arrays. Their names, shapes and types never change, so that every learner is saved and checked
    the same way. Random numbers come from streams keyed by the market's seed and the state's iteration
    (`auctionsim.streams.stream`). A learner keeps nothing else that changes.
    """

    def start(self, market: Market) -> Arrays:
        """Return the state before the first iteration."""

    def ask(self, market: Market, state: Arrays) -> TaskBatch:
        """Return the tasks of the next iteration."""

    def tell(self, market: Market, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float]]:
        """Return the state after the iteration, and what to log.

        The log holds `revenue_ratio` and `profit_ratio`, the platform's revenue and all advertisers' profit on the training
        days over the baseline's. Both are shown as progress and drawn as learning curves.
        """

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return the learned policy, one set of bids (P = 1)."""

    def replays_per_iteration(self, market: Market) -> int:
        """Return how often an iteration replays each training day; progress counts auctions by it."""


@runtime_checkable
class ReplicatedLearner(Learner, Protocol):
    """A learner whose state workers can update locally from a few scalars instead of receiving it in full."""

    def tell_with_update(
        self, market: Market, state: Arrays, results: Sequence[Any]
    ) -> tuple[Arrays, Mapping[str, float], Arrays]:
        """Return what `tell` does, and the update: the scalars from which `apply_update` makes the same state."""

    @staticmethod
    def apply_update(market: Market, state: Arrays, update: Arrays) -> Arrays:
        """Return the state after the iteration, equal to the bit to the one that `tell` returned."""


def is_finite(state: Arrays) -> bool:
    """Return whether a state holds neither NaN nor infinity."""
    return all(np.isfinite(array).all() for array in state.values())


def learner_repr(self: Any) -> str:
    """Return the name of a built-in learner and that of its scenario."""
    scenario = self._scenario
    return parts_repr(type(self).__name__, {"algorithm": scenario.learner.algorithm, "scenario": scenario.name})


def iterate(learner: Learner, market: Market, state: Arrays) -> tuple[Arrays, Mapping[str, float]]:
    """Run one iteration in this process; return the state after it, and what to log."""
    return learner.tell(market, state, learner.ask(market, state).results(market))


def trained(learner: Learner, market: Market, iterations: int) -> Arrays:
    """Run some iterations in this process, from the start; return the state after them."""
    state = learner.start(market)
    for _ in range(iterations):
        state, _logged = iterate(learner, market, state)
    return state
