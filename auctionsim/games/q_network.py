"""A small Q-network in numba: two hidden layers with ReLU, Adam, mean squared error. For loops too short for a framework.

All parameters of a network are one flat vector, so that copying it makes a target network and Adam is one loop. Inner
loops run over contiguous outputs, which compiles to vector instructions without reordering sums: same seed, same bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.games.compiled import compiled, inlined

Floats = NDArray[np.float32]

_DECAY_1, _DECAY_2, _EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


def new_network(rng: np.random.Generator, n_inputs: int, n_hidden: int, n_outputs: int) -> Floats:
    """Parameters of a fresh network: uniform weights within 1 / sqrt(inputs of the layer), biases 0."""
    parts = []
    for inputs, outputs in ((n_inputs, n_hidden), (n_hidden, n_hidden), (n_hidden, n_outputs)):
        parts += [rng.uniform(-1, 1, inputs * outputs) / np.sqrt(inputs), np.zeros(outputs)]
    return np.concatenate(parts).astype(np.float32)


@inlined
def forward(network: Floats, x: Floats, hidden: Floats, out: Floats) -> None:
    """Values of all actions.

    Args:
        network: Parameters.
        x: Input `[inputs]`.
        hidden: Written to, `[2, hidden]`: both layers after ReLU.
        out: Written to, `[actions]`.
    """
    place = _layer(network, 0, x, hidden[0], True)
    place = _layer(network, place, hidden[0], hidden[1], True)
    _layer(network, place, hidden[1], out, False)


@inlined
def _layer(network: Floats, place: int, x: Floats, out: Floats, has_relu: bool) -> int:
    n, m = len(x), len(out)
    bias = place + n * m
    for j in range(m):
        out[j] = network[bias + j]
    for i in range(n):
        if x[i] != 0.0:
            row = place + i * m
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
    """Add the gradient of `error^2 / 2` in one action's value.

    Args:
        network: Parameters.
        x: Input.
        hidden: As `forward` left it for this input.
        action: The action taken.
        error: Its value less its target.
        n_actions: How many actions there are.
        back: Scratch `[2, hidden]`.
        gradient: Added to, of the network's length.
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
def descend(network: Floats, gradient: Floats, moments: Floats, step: int, rate: float) -> None:
    """One step of Adam (Kingma and Ba 2015); `network`, `moments` `[2, parameters]` and `gradient` (to 0) are written to."""
    first_scale = np.float32(1.0 / (1.0 - 0.9**step))
    second_scale = np.float32(1.0 / (1.0 - 0.999**step))
    rate_ = np.float32(rate)
    one = np.float32(1.0)
    for k in range(len(network)):
        g = gradient[k]
        moments[0, k] = _DECAY_1 * moments[0, k] + (one - _DECAY_1) * g
        moments[1, k] = _DECAY_2 * moments[1, k] + (one - _DECAY_2) * g * g
        network[k] -= rate_ * moments[0, k] * first_scale / (np.sqrt(moments[1, k] * second_scale) + _EPSILON)
        gradient[k] = 0.0
