"""Simulate two Q-networks with budgets in second-price auctions: the game of MAAB (Wen et al., WSDM 2022, arXiv 2106.06224).

A day has 100 rounds. Values are uniform draws, scaled so that they sum to 101 over both agents and 101 rounds.
Each agent chooses one of 20 bids spaced evenly on [0, 1]; a bid wins only if it is above the slot price of 0.1. The higher bid
wins, ties at random, and pays the other bid, but never less than the slot price. A bid above the budget left cannot be chosen.

An agent observes its budget left, the time left and its value. It is trained on the value it won itself (private reward) or on
the value that both won (cooperative reward). Payments matter only through the budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from auctionsim.games.compiled import compiled, inlined
from auctionsim.games.q_network import Floats, adam_step, add_gradient, forward, new_network
from auctionsim.streams import stream

Array = NDArray[np.float64]
ReplayBuffer = tuple[Floats, NDArray[np.int64], Floats]
"""Transitions of both agents: states before and after `[2, transitions, 6]`; the bid's index and the number of bids that the
agent can afford afterwards, 0 at the end of the day, `[2, transitions, 2]`; rewards `[2, transitions]`."""

ROUNDS = 100
SLOT_PRICE = 0.1
BIDS = np.linspace(0.0, 1.0, 20)

_INPUTS = 3
# Scales the rewards that the networks are trained on, so that a whole day's value is of the order of 1.
_REWARD_SCALE = 1 / 32


@dataclass(frozen=True)
class Settings:
    """The game and its learners. Game, discount and `epsilon_end` are the paper's; networks and training are sized to a CPU."""

    is_cooperative: bool
    """True to train each agent on the value that both won, False on the value it won itself."""
    share: float = 0.5
    """Agent 0's share r of the total budget, in (0, 1)."""
    budget_ratio: float = 1.0
    """The total budget is 100 / budget_ratio."""
    days: int = 2000
    """Days of learning."""
    discount: float = 0.99
    n_hidden: int = 32
    """Width of both hidden layers."""
    learning_rate: float = 5e-4
    """Adam's learning rate on the first day; it falls to 0 linearly."""
    batch_size: int = 128
    """Transitions per gradient step."""
    gradient_steps: int = 6
    """Gradient steps after each day."""
    target_update_days: int = 20
    """Days between copies to the target network."""
    buffer_days: int = 500
    """Days that the replay buffer holds."""
    epsilon_end: float = 0.05
    """Last probability of a random bid."""
    exploration_days: int = 500
    """Days over which the probability of a random bid falls from 1 to `epsilon_end`."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Results of the greedy policies after each part of learning, means over held-out days."""

    days: NDArray[np.int64]
    """Days of learning so far, `[parts]`."""
    revenue: Array
    """Sum of what both agents pay a day, `[parts]`."""
    value: Array
    """Value that both agents win a day, `[parts]`."""
    values: Array
    """Value that each agent wins a day, `[parts, 2]`."""


def learn(seed: int, settings: Settings, parts: int = 8, test_days: int = 200) -> Curve:
    """Train both agents, and measure their greedy policies after each part of learning.

    Args:
        seed: The seed of values, exploration, ties and initial networks.
        settings: The game and its learners.
        parts: The number of equal parts of learning; the greedy policies are measured after each.
        test_days: The number of held-out days of each measurement; they are the same days every time.
    """
    reward = "cooperative" if settings.is_cooperative else "private"
    rng = stream(seed, "budgeted-pair", reward, round(1000 * settings.share), round(1000 * settings.budget_ratio))
    networks = np.stack([new_network(rng, _INPUTS, settings.n_hidden, len(BIDS)) for _ in range(2)])
    targets, moments = networks.copy(), np.zeros((2, 2, networks.shape[1]), dtype=np.float32)
    budgets = ROUNDS / settings.budget_ratio * np.array([settings.share, 1 - settings.share])
    buffer = _empty_buffer(settings.buffer_days * ROUNDS)
    day = np.arange(settings.days)
    rates = settings.learning_rate * (1 - day / settings.days)
    epsilons = np.maximum(settings.epsilon_end, 1 - (1 - settings.epsilon_end) * day / settings.exploration_days)
    edges = np.linspace(0, settings.days, parts + 1).astype(np.int64)
    measured = []
    for first, last in pairwise(edges.tolist()):
        _learn(
            rng, first, last, networks, targets, moments, buffer, budgets, BIDS, settings.is_cooperative, settings.n_hidden,
            settings.discount, rates, settings.batch_size, settings.gradient_steps, settings.target_update_days, epsilons,
        )  # fmt: skip
        measured.append(_greedy_days(stream(seed, "budgeted-pair-test"), networks, budgets, BIDS, settings.n_hidden, test_days))
    won, paid = np.stack(measured, axis=1)
    return Curve(edges[1:], paid.sum(axis=1), won.sum(axis=1), won)


def _empty_buffer(transitions: int) -> ReplayBuffer:
    states = np.zeros((2, transitions, 2 * _INPUTS), dtype=np.float32)
    return states, np.zeros((2, transitions, 2), dtype=np.int64), np.zeros((2, transitions), dtype=np.float32)


@compiled
def _learn(
    rng: np.random.Generator,
    first: int,
    last: int,
    networks: Floats,
    targets: Floats,
    moments: Floats,
    buffer: ReplayBuffer,
    budgets: Array,
    bids: Array,
    is_cooperative: bool,
    n_hidden: int,
    discount: float,
    rates: Array,
    batch_size: int,
    gradient_steps: int,
    target_update_days: int,
    epsilons: Array,
) -> None:
    """Simulate days `first` to `last - 1` and learn from them, in place on networks, targets, moments and buffer.

    Args:
        rng: The generator of values, exploration, ties and batches.
        first: The first day, counted from the start of learning.
        last: The day after the last one.
        networks: The agents' Q-networks, `[2, parameters]`.
        targets: The agents' target networks, `[2, parameters]`.
        moments: Adam's first and second moments of each agent, `[2, 2, parameters]`.
        buffer: The transitions of the last days, see `ReplayBuffer`.
        budgets: The agents' daily budgets, `[2]`.
        bids: The bids to choose from, ascending.
        is_cooperative: True for the cooperative reward, see `Settings`.
        n_hidden: The width of both hidden layers.
        discount: The discount factor per round.
        rates: Adam's learning rate on every day of learning, `[days]`.
        batch_size: The transitions per gradient step.
        gradient_steps: The gradient steps after each day.
        target_update_days: The days between copies to the target networks.
        epsilons: The probability of a random bid on every day of learning, `[days]`.
    """
    states, taken, rewards = buffer
    capacity = rewards.shape[1]
    hidden, back = np.zeros((2, n_hidden), dtype=np.float32), np.zeros((2, n_hidden), dtype=np.float32)
    out, gradient = np.zeros(len(bids), dtype=np.float32), np.zeros(networks.shape[1], dtype=np.float32)
    totals = np.zeros((2, 2))
    for day in range(first, last):
        offset = day * ROUNDS % capacity
        today = slice(offset, offset + ROUNDS)
        _day(
            rng, networks, budgets, bids, epsilons[day], is_cooperative, hidden, out, states[:, today], taken[:, today],
            rewards[:, today], totals,
        )  # fmt: skip
        filled = min((day + 1) * ROUNDS, capacity)
        for step in range(gradient_steps):
            for i in range(2):
                for _ in range(batch_size):
                    k = int(rng.random() * filled)
                    target = rewards[i, k]
                    if taken[i, k, 1] > 0:
                        forward(targets[i], states[i, k, _INPUTS:], hidden, out)
                        target += np.float32(discount) * out[: taken[i, k, 1]].max()
                    forward(networks[i], states[i, k, :_INPUTS], hidden, out)
                    bid = taken[i, k, 0]
                    error = (out[bid] - target) / np.float32(batch_size)
                    add_gradient(networks[i], states[i, k, :_INPUTS], hidden, bid, error, len(bids), back, gradient)
                adam_step(networks[i], gradient, moments[i], day * gradient_steps + step + 1, rates[day])
        if (day + 1) % target_update_days == 0:
            targets[:] = networks


@compiled
def _greedy_days(rng: np.random.Generator, networks: Floats, budgets: Array, bids: Array, n_hidden: int, days: int) -> Array:
    """Return the value and cost of each agent under its greedy policy, means over days: `[2 (value, cost), 2 agents]`."""
    hidden, out = np.zeros((2, n_hidden), dtype=np.float32), np.zeros(len(bids), dtype=np.float32)
    states = np.zeros((2, ROUNDS, 2 * _INPUTS), dtype=np.float32)
    taken, rewards = np.zeros((2, ROUNDS, 2), dtype=np.int64), np.zeros((2, ROUNDS), dtype=np.float32)
    totals = np.zeros((2, 2))
    for _ in range(days):
        _day(rng, networks, budgets, bids, 0.0, False, hidden, out, states, taken, rewards, totals)
    return totals / days


@compiled
def _day(
    rng: np.random.Generator,
    networks: Floats,
    budgets: Array,
    bids: Array,
    epsilon: float,
    is_cooperative: bool,
    hidden: Floats,
    out: Floats,
    states: Floats,
    taken: NDArray[np.int64],
    rewards: Floats,
    totals: Array,
) -> None:
    """Simulate a day, and write its transitions to `states`, `taken` and `rewards` and its sums to `totals`.

    The first three are the day's slices of a `ReplayBuffer`; `totals` `[2 (value, cost), 2 agents]` is added to.
    """
    value = rng.random((ROUNDS + 1, 2))
    value *= (ROUNDS + 1) / value.sum()
    left = budgets.copy()
    bid = np.zeros(2, dtype=np.int64)
    for t in range(ROUNDS):
        for i in range(2):
            _observe(states[i, t, :_INPUTS], left[i] / budgets[i], t, value[t, i])
            n = _n_affordable(bids, left[i])
            if rng.random() < epsilon:
                bid[i] = int(rng.random() * n)
            else:
                forward(networks[i], states[i, t, :_INPUTS], hidden, out)
                bid[i] = out[:n].argmax()
        winner = int(rng.random() < 0.5) if bid[0] == bid[1] else int(bid[1] > bid[0])
        gain = 0.0
        if bids[bid[winner]] > SLOT_PRICE:
            price = max(bids[bid[1 - winner]], SLOT_PRICE)
            left[winner] = max(left[winner] - price, 0.0)
            gain = value[t, winner]
            totals[0, winner] += gain
            totals[1, winner] += price
        for i in range(2):
            rewards[i, t] = gain * _REWARD_SCALE if i == winner or is_cooperative else 0.0
            taken[i, t, 0] = bid[i]
            taken[i, t, 1] = _n_affordable(bids, left[i]) if t + 1 < ROUNDS else 0
            _observe(states[i, t, _INPUTS:], left[i] / budgets[i], t + 1, value[t + 1, i])


@inlined
def _observe(state: Floats, budget_left: float, t: int, value: float) -> None:
    """Write an agent's observation: share of the budget left, share of the rounds left, value of this round."""
    state[0] = budget_left
    state[1] = 1.0 - t / ROUNDS
    state[2] = value


@inlined
def _n_affordable(bids: Array, left: float) -> int:
    """Count the bids, ascending, that are <= the budget left; the bid of 0 always counts."""
    n = 1
    while n < len(bids) and bids[n] <= left:
        n += 1
    return n
