"""A stacked MLP: the networks of many agents as one, with an agent axis first, so that a step of all is a few batched products.

Fully connected, with ReLU between layers and, as a Q-network, one output per action (SS-RTB, section 4.2: sizes
[15, 300, 200, 100]). Functions take parameters and return new ones; nothing is held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.extras import missing_extra

try:
    import torch
except ImportError as error:
    raise missing_extra("torch", __name__) from error

Parameters = dict[str, torch.Tensor]
"""`weight-k` `[agents, inputs, outputs]` and `bias-k` `[agents, 1, outputs]` of each layer."""

Value = TypeVar("Value")

_DECAY, _EPSILON = 0.99, 1e-8


@dataclass(frozen=True, eq=False)
class Batch:
    """Transitions of all agents, sampled for each on its own."""

    state: torch.Tensor
    """`[agents, batch, inputs]`."""
    action: torch.Tensor
    """Index of the action, `[agents, batch]`, int64."""
    reward: torch.Tensor
    """`[agents, batch]`."""
    after: torch.Tensor
    """The next state, `[agents, batch, inputs]`."""
    counts: torch.Tensor
    """1 where it is to be learned from, 0 where it is masked, `[agents, batch]`."""
    non_terminal: torch.Tensor
    """1 where the day goes on after it, 0 at its end, `[agents, batch]`."""


def flatten(prefix: str, arrays: Mapping[str, Value]) -> dict[str, Value]:
    """Name the arrays of one network for a state that holds several: `weight-0` becomes `train-weight-0`."""
    return {f"{prefix}{name}": value for name, value in arrays.items()}


def unflatten(prefix: str, state: Mapping[str, Value]) -> dict[str, Value]:
    """Return the arrays that `flatten` put into a state, by their own names."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def random_parameters(rng: np.random.Generator, agents: int, sizes: tuple[int, ...]) -> Parameters:
    """Draw weights uniform within 1 / sqrt(inputs), the last layer's at a tenth of it, so that no action starts ahead."""
    parameters = {}
    for k, (inputs, outputs) in enumerate(pairwise(sizes)):
        limit = (0.1 if k == len(sizes) - 2 else 1.0) / np.sqrt(inputs)
        for name, shape in ((f"weight-{k}", (agents, inputs, outputs)), (f"bias-{k}", (agents, 1, outputs))):
            parameters[name] = torch.from_numpy(arithmetic.uniform(rng, -limit, limit, shape).astype(np.float32))
    return parameters


def values(parameters: Mapping[str, torch.Tensor], state: torch.Tensor) -> torch.Tensor:
    """Return the networks' outputs: `[agents, rows, inputs]` to `[agents, rows, outputs]`."""
    layers = len(parameters) // 2
    for k in range(layers):
        state = torch.baddbmm(parameters[f"bias-{k}"], state, parameters[f"weight-{k}"])
        if k < layers - 1:
            state = torch.relu(state)
    return state


def loss(train: Mapping[str, torch.Tensor], target: Mapping[str, torch.Tensor], batch: Batch, gamma: float) -> torch.Tensor:
    """Return each agent's mean of (y - Q_train(s, a))^2, `[agents]`: y = r + gamma max_a' Q_target(s', a'), y = r at the end.

    SS-RTB, Algorithm 1, with max in place of its printed arg max.
    """
    wanted = batch.reward
    if gamma > 0:  # else the target network is not asked: its values would count for nothing
        with torch.no_grad():
            wanted = batch.reward + gamma * batch.non_terminal * values(target, batch.after).amax(dim=-1)
    taken = values(train, batch.state).gather(-1, batch.action[..., None])[..., 0]
    return (batch.counts * (wanted - taken) ** 2).sum(dim=-1) / batch.counts.sum(dim=-1).clamp(min=1)


def step(
    train: Parameters, square: Parameters, target: Parameters, batch: Batch, *, gamma: float, learning_rate: float
) -> tuple[Parameters, Parameters, torch.Tensor]:
    """Take one step of RMSProp (Tieleman and Hinton 2012).

    Args:
        train: Parameters that learn.
        square: Running means of their squared gradients.
        target: Parameters of the target network.
        batch: Transitions.
        gamma: Discount of the next step's value.
        learning_rate: Size of the step.

    Returns:
        Parameters and squares after the step, and the loss before it, `[agents]`.
    """
    leaves = {name: value.detach().requires_grad_() for name, value in train.items()}
    losses = loss(leaves, target, batch, gamma)
    # Summed: agents share no parameter, so each descends its own loss.
    gradients = torch.autograd.grad(losses.sum(), list(leaves.values()))
    after, squares = {}, {}
    for (name, value), gradient in zip(train.items(), gradients, strict=True):
        squares[name] = _DECAY * square[name] + (1 - _DECAY) * gradient**2
        after[name] = value - learning_rate * gradient / (squares[name].sqrt() + _EPSILON)
    return after, squares, losses.detach()


def greedy(parameters: Mapping[str, NDArray[np.float32]], state: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the best action of each agent in each row, `[agents, rows]`."""
    with one_thread(), torch.no_grad():
        best: NDArray[np.int64] = values(as_tensors(parameters), torch.from_numpy(state)).argmax(dim=-1).numpy()
    return best


def as_tensors(arrays: Mapping[str, NDArray[np.float32]]) -> Parameters:
    """Return arrays as tensors, without copying."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def as_arrays(parameters: Parameters) -> dict[str, NDArray[np.float32]]:
    """Return tensors as arrays, without copying."""
    return {name: value.numpy() for name, value in parameters.items()}


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread meanwhile: sums are then taken in one order, whatever the machine and its workers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
