"""What every learner offers to the training job: a shape, not a base class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from auctionsim.agents.policies.base import Policy
from auctionsim.market.market import Market

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Work:
    """A generation cut into tasks: `run(market, shared, task)` for each, in any process; results come back in order."""

    run: Callable[[Market, Any, Any], Any]
    shared: Arrays
    """What all tasks need; it goes to a node once."""
    tasks: Sequence[Any]

    def results(self, market: Market) -> list[Any]:
        """Of all tasks, in this process."""
        return [self.run(market, self.shared, task) for task in self.tasks]


class Learner(Protocol):
    """Ask and tell over a whole market.

    State is a dictionary of arrays whose names, shapes and types stay, so that any learner is saved and checked the same way.
    Randomness is keyed by the market's seed and the state's iteration; a learner holds nothing that changes.
    """

    def start(self, market: Market) -> Arrays:
        """The state before the first iteration."""

    def ask(self, market: Market, state: Arrays) -> Work:
        """The tasks of the next iteration."""

    def tell(self, market: Market, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float]]:
        """The state after the iteration, and what to log. `revenue_ratio` and `profit_ratio` are shown as progress."""

    def policy(self, market: Market, state: Arrays) -> Policy:
        """The learned policy, one set of bids (P = 1)."""


@runtime_checkable
class Replicated(Learner, Protocol):
    """A learner that workers can follow: what they share is its state, and scalars bring it forward, whatever its size."""

    def told(self, market: Market, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float], Arrays]:
        """What `tell` gives, and the scalars from which `advance` makes the same state."""

    @staticmethod
    def advance(market: Market, state: Arrays, scalars: Arrays) -> Arrays:
        """The state after the iteration, to the bit."""


def iterate(learner: Learner, market: Market, state: Arrays) -> tuple[Arrays, Mapping[str, float]]:
    """One iteration in this process: the state after it, and what to log."""
    return learner.tell(market, state, learner.ask(market, state).results(market))


def trained(learner: Learner, market: Market, iterations: int) -> Arrays:
    """The state after some iterations in this process, from the start."""
    state = learner.start(market)
    for _ in range(iterations):
        state, _logged = iterate(learner, market, state)
    return state
