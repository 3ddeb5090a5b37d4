"""Have the whole population of an evolution strategy cleared on a GPU at once, with the bytes of the CPU (docs/gpu.md).

What is a task for a worker, a few candidates on a training day, is a block of policies of one replay here. Parameters come from
the same keyed streams, and each block is scored by itself, so that no sum has another order. Noise, scores and steps are
computed on the CPU: they are short beside clearing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from auctionsim.agents.learners.base import Arrays, Learner, TaskBatch, learner_repr
from auctionsim.agents.learners.es.generations import (
    CandidateBlock,
    PairBlock,
    candidate_parameters,
    pair_parameters,
    run_candidates,
    run_pairs,
)
from auctionsim.agents.learners.es.scores import Scores, score_blocks
from auctionsim.agents.policies.base import Policy
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario

Block = PairBlock | CandidateBlock

_PARAMETERS: Mapping[Callable[..., Scores], Callable[..., Any]] = {
    run_pairs: pair_parameters, run_candidates: candidate_parameters,
}  # fmt: skip
_MOST_AT_ONCE = 32
"""Blocks that are cleared at once, of up to 32 candidates each: 1,024 policies fill a GPU."""


class PopulationOnDevice:
    """An evolution strategy whose population is cleared on the device of `learner.device`; see the module's text.

    It gives no tasks to workers: an iteration stays in the process that has the device.
    """

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario, inside: Learner) -> None:
        self._scenario, self._inside = scenario, inside

    @property
    def follows_margin(self) -> bool:
        """Whether revenue is charged where results are told, as the learner inside does."""
        return bool(getattr(self._inside, "follows_margin", False))

    def start(self, market: Market) -> Arrays:
        """Start as the learner inside does."""
        return self._inside.start(market)

    def ask(self, market: Market, state: Arrays) -> TaskBatch:
        """Return no tasks: `tell` clears the population."""
        return TaskBatch(self._inside.ask(market, state).run, {}, [])

    def tell(self, market: Market, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float]]:  # noqa: ARG002  (none)
        """Clear the population on the device, and tell the learner inside."""
        batch = self._inside.ask(market, state)
        return self._inside.tell(market, state, scored_on_device(market, batch, self._scenario.learner.device))

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return the learned policy, which bids on any machine."""
        return self._inside.policy(market, state)

    def replays_per_iteration(self, market: Market) -> int:
        """Return the replays of the learner inside."""
        return self._inside.replays_per_iteration(market)


def scored_on_device(market: Market, batch: TaskBatch, device: str) -> list[Scores]:
    """Compute all tasks of a generation on a device; return the results that its workers would.

    Args:
        market: The market.
        batch: The tasks of an evolution strategy.
        device: Name of the device, `cuda` or `cuda:N`.

    Raises:
        InputError: There is no such device, or a day does not fit into its memory.
    """
    parameters_of, found = _PARAMETERS[batch.run], list[Scores]()
    for run in _together(batch.tasks):
        blocks = [parameters_of(market, batch.shared, task) for task in run]
        multipliers, first = batch.shared.get("multipliers"), run[0]
        found += score_blocks(market, first.day, blocks, multipliers, local_credit=first.local_credit, device=device)
    return found


def _together(tasks: Sequence[Block]) -> Iterator[list[Block]]:
    """Yield runs of tasks of the same day, in their order, as many as are cleared at once."""
    run: list[Block] = []
    for task in tasks:
        if run and (task.day != run[0].day or len(run) == _MOST_AT_ONCE):
            yield run
            run = []
        run.append(task)
    if run:
        yield run
