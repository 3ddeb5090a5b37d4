"""Two Q-networks with budgets in second-price auctions: the two-agent game of MAAB (Wen et al., WSDM 2022, arXiv 2106.06224).

A day has 100 rounds. Values of both agents are uniform draws, scaled so that they sum to 101 over both agents and 101 rounds.
Each agent bids one of 20 bids evenly on [0, 1]; only a bid above the slot price of 0.1 takes part. The higher bid wins, ties by
lot, and pays the other's bid, at least the slot price. A bid above what is left of the budget is not available.

An agent sees its budget left, the time left and its value. It is trained on the value it won itself (private) or on the value
that both won (cooperative); what is paid matters only through the budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from auctionsim.games.compiled import compiled, inlined
from auctionsim.games.q_network import Floats, add_gradient, descend, forward, new_network
from auctionsim.streams import stream

Array = NDArray[np.float64]
Memory = tuple[Floats, NDArray[np.int64], Floats]
"""Transitions of both agents: states before and after `[2, transitions, 6]`; the bid's index and how many bids can be afforded
afterwards, 0 at the end of the day, `[2, transitions, 2]`; rewards `[2, transitions]`."""

ROUNDS = 100
SLOT_PRICE = 0.1
BIDS = np.linspace(0.0, 1.0, 20)

_INPUTS = 3
# Rewards as the networks see them, so that values of a whole day are of the order of 1.
_REWARD_SCALE = 1 / 32


@dataclass(frozen=True)
class Settings:
    """Game and learners. Game, discount and last exploration are the paper's; networks and learning are sized to a CPU."""

    is_cooperative: bool
    """Trained on the value that both won, or each on its own."""
    share: float = 0.5
    """Share r of the total budget that agent 0 has."""
    budget_ratio: float = 1.0
    """The total budget is 100 / budget_ratio."""
    days: int = 2000
    discount: float = 0.99
    n_hidden: int = 32
    rate: float = 5e-4
    """Adam's first step; it falls to 0 linearly."""
    batch: int = 128
    """Transitions of a step of learning."""
    steps: int = 6
    """Steps of learning after each day."""
    target_days: int = 20
    """Days between copies to the target network."""
    memory_days: int = 500
    exploration: float = 0.05
    explore_days: int = 500
    """Days over which the chance of a random bid falls from 1 to `exploration`."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Greedy play after each stretch of learning, means over days that were not trained on."""

    days: NDArray[np.int64]
    """Days of learning."""
    revenue: Array
    value: Array
    """Won by both agents."""
    values: Array
    """Won by each, `[stretches, 2]`."""


def learn(seed: int, settings: Settings, stretches: int = 8, test_days: int = 200) -> Curve:
    """Learn, and measure greedy play after every stretch.

    Args:
        seed: Draws values, exploration, lots and the networks' start.
        settings: Game and learners.
        stretches: How often greedy play is measured.
        test_days: On how many days; the same ones each time.
    """
    kind = "cooperative" if settings.is_cooperative else "private"
    rng = stream(seed, "budgeted-pair", kind, round(1000 * settings.share), round(1000 * settings.budget_ratio))
    networks = np.stack([new_network(rng, _INPUTS, settings.n_hidden, len(BIDS)) for _ in range(2)])
    targets, moments = networks.copy(), np.zeros((2, 2, networks.shape[1]), dtype=np.float32)
    budgets = ROUNDS / settings.budget_ratio * np.array([settings.share, 1 - settings.share])
    memory = _empty_memory(settings.memory_days * ROUNDS)
    day = np.arange(settings.days)
    rates = settings.rate * (1 - day / settings.days)
    explorations = np.maximum(settings.exploration, 1 - (1 - settings.exploration) * day / settings.explore_days)
    edges = np.linspace(0, settings.days, stretches + 1).astype(np.int64)
    measured = []
    for first, last in pairwise(edges.tolist()):
        _learn(
            rng, first, last, networks, targets, moments, memory, budgets, BIDS, settings.is_cooperative, settings.n_hidden,
            settings.discount, rates, settings.batch, settings.steps, settings.target_days, explorations,
        )  # fmt: skip
        measured.append(_greedy_days(stream(seed, "budgeted-pair-test"), networks, budgets, BIDS, settings.n_hidden, test_days))
    won, paid = np.stack(measured, axis=1)
    return Curve(edges[1:], paid.sum(axis=1), won.sum(axis=1), won)


def _empty_memory(transitions: int) -> Memory:
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
    memory: Memory,
    budgets: Array,
    bids: Array,
    is_cooperative: bool,
    n_hidden: int,
    discount: float,
    rates: Array,
    batch: int,
    steps: int,
    target_days: int,
    explorations: Array,
) -> None:
    """Play and learn on days `first:last`; networks, targets, moments and memory are written to.

    Args:
        rng: Draws everything.
        first: First day, counted from the start of learning.
        last: The day after the last one.
        networks: `[2, parameters]`.
        targets: Likewise.
        moments: Adam's, `[2, 2, parameters]`.
        memory: Of the last days: see `Memory`.
        budgets: `[2]`.
        bids: The bids to choose from.
        is_cooperative: Which reward.
        n_hidden: Width of the hidden layers.
        discount: Per round.
        rates: Adam's step on every day of learning.
        batch: As of `Settings`.
        steps: As of `Settings`.
        target_days: As of `Settings`.
        explorations: Chance of a random bid on every day of learning.
    """
    states, taken, rewards = memory
    capacity = rewards.shape[1]
    hidden, back = np.zeros((2, n_hidden), dtype=np.float32), np.zeros((2, n_hidden), dtype=np.float32)
    out, gradient = np.zeros(len(bids), dtype=np.float32), np.zeros(networks.shape[1], dtype=np.float32)
    totals = np.zeros((2, 2))
    for day in range(first, last):
        place = day * ROUNDS % capacity
        today = slice(place, place + ROUNDS)
        _day(
            rng, networks, budgets, bids, explorations[day], is_cooperative, hidden, out, states[:, today], taken[:, today],
            rewards[:, today], totals,
        )  # fmt: skip
        known = min((day + 1) * ROUNDS, capacity)
        for step in range(steps):
            for i in range(2):
                for _ in range(batch):
                    k = int(rng.random() * known)
                    target = rewards[i, k]
                    if taken[i, k, 1] > 0:
                        forward(targets[i], states[i, k, _INPUTS:], hidden, out)
                        target += np.float32(discount) * out[: taken[i, k, 1]].max()
                    forward(networks[i], states[i, k, :_INPUTS], hidden, out)
                    bid = taken[i, k, 0]
                    error = (out[bid] - target) / np.float32(batch)
                    add_gradient(networks[i], states[i, k, :_INPUTS], hidden, bid, error, len(bids), back, gradient)
                descend(networks[i], gradient, moments[i], day * steps + step + 1, rates[day])
        if (day + 1) % target_days == 0:
            targets[:] = networks


@compiled
def _greedy_days(rng: np.random.Generator, networks: Floats, budgets: Array, bids: Array, n_hidden: int, days: int) -> Array:
    """Value won and cost of each agent, means over days of greedy play, `[2 (value, cost), 2 agents]`."""
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
    exploration: float,
    is_cooperative: bool,
    hidden: Floats,
    out: Floats,
    states: Floats,
    taken: NDArray[np.int64],
    rewards: Floats,
    totals: Array,
) -> None:
    """Play a day; the last four arrays are written to, the first three of them as of `Memory`, with a day's rounds."""
    value = rng.random((ROUNDS + 1, 2))
    value *= (ROUNDS + 1) / value.sum()
    left = budgets.copy()
    bid = np.zeros(2, dtype=np.int64)
    for t in range(ROUNDS):
        for i in range(2):
            _see(states[i, t, :_INPUTS], left[i] / budgets[i], t, value[t, i])
            n = _n_affordable(bids, left[i])
            if rng.random() < exploration:
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
            _see(states[i, t, _INPUTS:], left[i] / budgets[i], t + 1, value[t + 1, i])


@inlined
def _see(state: Floats, budget_left: float, t: int, value: float) -> None:
    state[0] = budget_left
    state[1] = 1.0 - t / ROUNDS
    state[2] = value


@inlined
def _n_affordable(bids: Array, left: float) -> int:
    """How many of the bids, lowest first, are not above what is left; the bid of 0 always is one."""
    n = 1
    while n < len(bids) and bids[n] <= left:
        n += 1
    return n
