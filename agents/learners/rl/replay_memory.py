"""The replay buffer of many agents: a ring of whole days, so that each state is kept once, not as after and as before.

All agents act in every step, so a day is one block for all of them, and each agent samples its own transitions from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.rl.stacked_mlp import Batch
from auctionsim.extras import missing_extra

try:
    import torch
except ImportError as error:
    raise missing_extra("torch", __name__) from error

Arrays = dict[str, NDArray[Any]]

MASKED, TERMINAL, NON_TERMINAL = 0, 1, 2
"""The kind of a transition: not to be learned from, the last of its day, or one that goes on."""


@dataclass(frozen=True, eq=False)
class Days:
    """Parallel copies of a day that were rolled out."""

    state: NDArray[np.float16]
    """Before each step and at the end, `[copies, steps + 1, agents, inputs]`; 16 bits hold it: it lies within a few units."""
    action: NDArray[np.uint16] | NDArray[np.float32]
    """Indices or numbers, `[copies, steps, agents]`."""
    reward: NDArray[np.float32]
    """`[copies, steps, agents]`."""
    kind: NDArray[np.uint8]
    """`MASKED`, `TERMINAL` or `NON_TERMINAL`, `[copies, steps, agents]`."""


@dataclass(frozen=True, eq=False)
class JointBatch:
    """Transitions of all agents at once, for critics that see everybody."""

    state: torch.Tensor
    """All agents' states, `[batch, agents x inputs]`."""
    action: torch.Tensor
    """`[batch, agents]`, float32."""
    reward: torch.Tensor
    """`[batch, agents]`."""
    after: torch.Tensor
    """The next states, `[batch, agents x inputs]`."""
    non_terminal: torch.Tensor
    """1 where the day goes on after it, 0 at its end, `[batch]`."""


def empty_memory(days: int, steps: int, agents: int, inputs: int, *, action: type[np.generic] = np.uint16) -> Arrays:
    """Return a ring of `days` days; `action` is the type of an action."""
    return {
        "memory-state": np.zeros((days, steps + 1, agents, inputs), dtype=np.float16),
        "memory-action": np.zeros((days, steps, agents), dtype=action),
        "memory-reward": np.zeros((days, steps, agents), dtype=np.float32),
        "memory-kind": np.zeros((days, steps, agents), dtype=np.uint8),
        "memory-written": np.zeros(1, dtype=np.int64),
    }


def add(memory: Arrays, days: Days) -> None:
    """Write days over the oldest ones, in place."""
    capacity, written = len(memory["memory-action"]), int(memory["memory-written"][0])
    positions = (written + np.arange(len(days.action))) % capacity
    for name in ("state", "action", "reward", "kind"):
        memory[f"memory-{name}"][positions] = getattr(days, name)
    memory["memory-written"][0] += len(days.action)


def sample(memory: Arrays, rng: np.random.Generator, batch: int) -> Batch:
    """Sample transitions uniformly, with replacement, for each agent on its own."""
    filled = min(int(memory["memory-written"][0]), len(memory["memory-action"]))
    _, steps, agents = memory["memory-action"].shape
    agent = np.arange(agents)[:, None]
    day, step = rng.integers(filled, size=(agents, batch)), rng.integers(steps, size=(agents, batch))
    kind = memory["memory-kind"][day, step, agent]
    return Batch(
        state=torch.from_numpy(memory["memory-state"][day, step, agent].astype(np.float32)),
        action=torch.from_numpy(memory["memory-action"][day, step, agent].astype(np.int64)),
        reward=torch.from_numpy(memory["memory-reward"][day, step, agent]),
        after=torch.from_numpy(memory["memory-state"][day, step + 1, agent].astype(np.float32)),
        counts=torch.from_numpy((kind != MASKED).astype(np.float32)),
        non_terminal=torch.from_numpy((kind == NON_TERMINAL).astype(np.float32)),
    )


def sample_joint(memory: Arrays, rng: np.random.Generator, batch: int) -> JointBatch:
    """Sample transitions uniformly, with replacement, the same for all agents."""
    filled = min(int(memory["memory-written"][0]), len(memory["memory-action"]))
    steps = memory["memory-action"].shape[1]
    day, step = rng.integers(filled, size=batch), rng.integers(steps, size=batch)

    def joint(step: NDArray[np.int64]) -> torch.Tensor:
        return torch.from_numpy(memory["memory-state"][day, step].astype(np.float32).reshape(batch, -1))

    return JointBatch(
        state=joint(step),
        action=torch.from_numpy(memory["memory-action"][day, step].astype(np.float32)),
        reward=torch.from_numpy(memory["memory-reward"][day, step]),
        after=joint(step + 1),
        non_terminal=torch.from_numpy((memory["memory-kind"][day, step, 0] == NON_TERMINAL).astype(np.float32)),
    )
