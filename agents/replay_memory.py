"""The replay memory of many agents: a ring of whole days, so that each state is kept once, not as after and as before.

All agents act in every step, so a day is one block for all of them, and each agent draws its own transitions from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from auctionsim.agents.qnet import Batch
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

LEFT_OUT, LAST, GOES_ON = 0, 1, 2
"""What a transition is: not to be learned from, the last of its day, or one that goes on."""


@dataclass(frozen=True, eq=False)
class Days:
    """Copies of a day that were lived through."""

    state: NDArray[np.float16]
    """Before each step and at the end, `[copies, steps + 1, agents, inputs]`; 16 bits hold it: it lies within a few units."""
    action: NDArray[np.uint16]
    """`[copies, steps, agents]`."""
    reward: NDArray[np.float32]
    """`[copies, steps, agents]`."""
    kind: NDArray[np.uint8]
    """`LEFT_OUT`, `LAST` or `GOES_ON`, `[copies, steps, agents]`."""


def empty_memory(days: int, steps: int, agents: int, inputs: int) -> Arrays:
    """A ring of `days` days."""
    return {
        "memory-state": np.zeros((days, steps + 1, agents, inputs), dtype=np.float16),
        "memory-action": np.zeros((days, steps, agents), dtype=np.uint16),
        "memory-reward": np.zeros((days, steps, agents), dtype=np.float32),
        "memory-kind": np.zeros((days, steps, agents), dtype=np.uint8),
        "memory-written": np.zeros(1, dtype=np.int64),
    }


def remember(memory: Arrays, days: Days) -> None:
    """Write days over the oldest ones, in place."""
    capacity, written = len(memory["memory-action"]), int(memory["memory-written"][0])
    places = (written + np.arange(len(days.action))) % capacity
    for name in ("state", "action", "reward", "kind"):
        memory[f"memory-{name}"][places] = getattr(days, name)
    memory["memory-written"][0] += len(days.action)


def draw(memory: Arrays, rng: np.random.Generator, batch: int) -> Batch:
    """Transitions drawn evenly, with replacement, for each agent on its own."""
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
        counts=torch.from_numpy((kind != LEFT_OUT).astype(np.float32)),
        goes_on=torch.from_numpy((kind == GOES_ON).astype(np.float32)),
    )
