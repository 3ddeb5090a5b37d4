"""Implement a small Q-network in numba: two hidden layers with ReLU, squared error, Adam. For loops too short for a framework.

The parameters of a network are one flat vector, so that a copy of it is a target network and Adam is one loop. Inner loops run
over contiguous outputs, which compile to vector instructions without reordering sums: same seed, same bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arithmetic.scalars import power
from auctionsim.games.compiled import compiled, inlined

Floats = NDArray[np.float32]

_BETA_1, _BETA_2, _EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


def new_network(rng: np.random.Generator, n_inputs: int, n_hidden: int, n_outputs: int) -> Floats:
    """Return the parameters of a new network: uniform weights within 1 / sqrt(inputs of the layer), biases 0."""
    parts = []
    for inputs, outputs in ((n_inputs, n_hidden), (n_hidden, n_hidden), (n_hidden, n_outputs)):
        parts += [arithmetic.uniform(rng, -1, 1, inputs * outputs) / np.sqrt(inputs), np.zeros(outputs)]
    return np.concatenate(parts).astype(np.float32)


@inlined
def forward(network: Floats, x: Floats, hidden: Floats, out: Floats) -> None:
    """Compute the Q-values of all actions.

    Args:
        network: The network's parameters, `[parameters]`.
        x: The observation, `[inputs]`.
        hidden: Both hidden layers after ReLU, `[2, hidden]`; written to.
        out: The Q-values, `[actions]`; written to.
    """
    offset = _layer(network, 0, x, hidden[0], True)
    offset = _layer(network, offset, hidden[0], hidden[1], True)
    _layer(network, offset, hidden[1], out, False)


@inlined
def _layer(network: Floats, offset: int, x: Floats, out: Floats, has_relu: bool) -> int:
    """Write a layer's outputs to `out`, and return the offset of the next layer's parameters."""
    n, m = len(x), len(out)
    bias = offset + n * m
    for j in range(m):
        out[j] = network[bias + j]
    for i in range(n):
        if x[i] != 0.0:
            row = offset + i * m
            for j in range(m):
                out[j] += x[i] * network[row + j]
    if has_relu:
        for j in range(m):
            out[j] = max(out[j], np.float32(0.0))
    return bias + m


@inlined
def add_gradient(
    network: Floats, x: Floats, hidden: Floats, action: int, error: float, n_actions: int, back: Floats, gradient: Floats
) -> None:
    """Add the gradient of `error^2 / 2` of one action's Q-value to `gradient`.

    Args:
        network: The network's parameters, `[parameters]`.
        x: The observation, `[inputs]`.
        hidden: Both hidden layers after ReLU, as `forward` wrote them for this observation, `[2, hidden]`.
        action: The index of the action taken.
        error: The action's Q-value minus its target.
        n_actions: The number of actions.
        back: Scratch for the errors of both hidden layers, `[2, hidden]`; written to.
        gradient: The gradient, `[parameters]`; added to.
    """
    n, h = len(x), hidden.shape[1]
    second = n * h + h
    third = second + h * h + h
    for j in range(h):
        back[1, j] = 0.0
        if hidden[1, j] > 0.0:
            gradient[third + j * n_actions + action] += error * hidden[1, j]
            back[1, j] = error * network[third + j * n_actions + action]
    gradient[third + h * n_actions + action] += error
    for i in range(h):
        back[0, i] = 0.0
        if hidden[0, i] > 0.0:
            row = second + i * h
            total = np.float32(0.0)
            for j in range(h):
                gradient[row + j] += hidden[0, i] * back[1, j]
                total += network[row + j] * back[1, j]
            back[0, i] = total
    for j in range(h):
        gradient[second + h * h + j] += back[1, j]
        gradient[n * h + j] += back[0, j]
    for i in range(n):
        for j in range(h):
            gradient[i * h + j] += x[i] * back[0, j]


@compiled
def adam_step(network: Floats, gradient: Floats, moments: Floats, step: int, rate: float) -> None:
    """Take one step of Adam (Kingma and Ba 2015, algorithm 1) in place, and set the gradient to 0.

    Args:
        network: The network's parameters, `[parameters]`; written to.
        gradient: The gradient of the loss, `[parameters]`; set to 0.
        moments: The first and second moments, `[2, parameters]`; written to.
        step: The number of this step, counted from 1.
        rate: The learning rate, > 0.
    """
    first_scale = np.float32(1.0 / (1.0 - power(0.9, np.float64(step))))
    second_scale = np.float32(1.0 / (1.0 - power(0.999, np.float64(step))))
    learning_rate = np.float32(rate)
    one = np.float32(1.0)
    for k in range(len(network)):
        g = gradient[k]
        moments[0, k] = _BETA_1 * moments[0, k] + (one - _BETA_1) * g
        moments[1, k] = _BETA_2 * moments[1, k] + (one - _BETA_2) * g * g
        network[k] -= learning_rate * moments[0, k] * first_scale / (np.sqrt(moments[1, k] * second_scale) + _EPSILON)
        gradient[k] = 0.0
