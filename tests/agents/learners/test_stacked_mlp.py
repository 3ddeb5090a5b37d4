"""The stacked Q-networks and their memory: each agent learns as if it were alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auctionsim.agents.learners.rl import stacked_mlp as mlp
from auctionsim.agents.learners.rl.replay_memory import MASKED, NON_TERMINAL, TERMINAL, Days, add, empty_memory, sample
from auctionsim.streams import stream

SIZES = (3, 8, 6, 5)


def batch_of(agents: int, size: int, *, non_terminal: float = 1.0) -> mlp.Batch:
    rng = stream(0, "test-batch", agents)
    return mlp.Batch(
        state=torch.from_numpy(rng.standard_normal((agents, size, 3)).astype(np.float32)),
        action=torch.from_numpy(rng.integers(5, size=(agents, size))),
        reward=torch.from_numpy(rng.standard_normal((agents, size)).astype(np.float32)),
        after=torch.from_numpy(rng.standard_normal((agents, size, 3)).astype(np.float32)),
        counts=torch.ones(agents, size),
        non_terminal=torch.full((agents, size), non_terminal),
    )


def only(parameters: mlp.Parameters, agent: int) -> mlp.Parameters:
    return {name: value[agent : agent + 1].clone() for name, value in parameters.items()}


def only_batch(batch: mlp.Batch, agent: int) -> mlp.Batch:
    return mlp.Batch(*(getattr(batch, name)[agent : agent + 1] for name in vars(batch)))


def test_a_step_of_all_agents_is_a_step_of_each():
    train = mlp.random_parameters(stream(0, "a"), 4, SIZES)
    target = mlp.random_parameters(stream(0, "b"), 4, SIZES)
    square = {name: torch.zeros_like(value) for name, value in train.items()}
    batch = batch_of(4, 7)
    together, _, losses = mlp.step(train, square, target, batch, gamma=0.9, learning_rate=0.01)
    for agent in range(4):
        alone, _, loss = mlp.step(
            only(train, agent),
            only(square, agent),
            only(target, agent),
            only_batch(batch, agent),
            gamma=0.9,
            learning_rate=0.01,
        )
        assert float(loss[0]) == pytest.approx(float(losses[agent]), rel=1e-5)
        for name, value in alone.items():
            np.testing.assert_allclose(value[0].numpy(), together[name][agent].numpy(), rtol=1e-4, atol=1e-6)


def test_the_optimizer_is_rmsprop_as_torch_has_it():
    train = mlp.random_parameters(stream(0, "a"), 1, SIZES)
    target = mlp.random_parameters(stream(0, "b"), 1, SIZES)
    square = {name: torch.zeros_like(value) for name, value in train.items()}
    theirs = {name: value.clone().requires_grad_() for name, value in train.items()}
    optimizer = torch.optim.RMSprop(list(theirs.values()), lr=1e-3, alpha=0.99, eps=1e-8)
    batch = batch_of(1, 6)
    for _ in range(3):
        train, square, _ = mlp.step(train, square, target, batch, gamma=0.5, learning_rate=1e-3)
        optimizer.zero_grad()
        mlp.loss(theirs, target, batch, 0.5).sum().backward()
        optimizer.step()
    for name, value in theirs.items():
        np.testing.assert_allclose(value.detach().numpy(), train[name].numpy(), rtol=1e-4, atol=1e-6)


def test_the_last_step_of_a_day_is_worth_its_reward_and_no_more():
    train = mlp.random_parameters(stream(0, "a"), 2, SIZES)
    target = {name: 1e6 * torch.ones_like(value) for name, value in train.items()}
    batch = batch_of(2, 5, non_terminal=0.0)
    taken = mlp.values(train, batch.state).gather(-1, batch.action[..., None])[..., 0]
    expected = ((batch.reward - taken) ** 2).mean(dim=-1)
    np.testing.assert_allclose(mlp.loss(train, target, batch, 1.0).numpy(), expected.numpy(), rtol=1e-6)


def test_what_is_left_out_teaches_nothing():
    train = mlp.random_parameters(stream(0, "a"), 1, SIZES)
    batch = batch_of(1, 6)
    batch.counts[0, 3:] = 0
    changed = mlp.Batch(**{**vars(batch), "reward": batch.reward.clone()})
    changed.reward[0, 3:] = 1e6
    assert torch.equal(mlp.loss(train, train, batch, 0.9), mlp.loss(train, train, changed, 0.9))


@pytest.mark.long
def test_a_known_bandit_is_learned_by_every_agent():
    rng = stream(0, "bandit")
    best = np.array([1, 4, 2])
    train = mlp.random_parameters(rng, 3, SIZES)
    square = {name: torch.zeros_like(value) for name, value in train.items()}
    for _ in range(300):
        action = rng.integers(5, size=(3, 32))
        reward = -np.abs(action - best[:, None]).astype(np.float32)
        state = torch.from_numpy(rng.standard_normal((3, 32, 3)).astype(np.float32))
        batch = mlp.Batch(
            state, torch.from_numpy(action), torch.from_numpy(reward), state, torch.ones(3, 32), torch.zeros(3, 32)
        )
        train, square, _ = mlp.step(train, square, train, batch, gamma=1.0, learning_rate=0.01)
    chosen = mlp.greedy(mlp.as_arrays(train), rng.standard_normal((3, 10, 3)).astype(np.float32))
    assert (chosen == best[:, None]).all()


def days(copies: int, value: float) -> Days:
    state = np.full((copies, 3, 2, 4), value, dtype=np.float16)
    state[:, :, 1] += 100
    kind = np.broadcast_to(np.array([NON_TERMINAL, TERMINAL], dtype=np.uint8)[None, :, None], (copies, 2, 2)).copy()
    kind[:, 0, 1] = MASKED
    return Days(
        state,
        np.full((copies, 2, 2), int(value), dtype=np.uint16),
        np.full((copies, 2, 2), value, dtype=np.float32),
        kind,
    )


def test_the_memory_forgets_the_oldest_days_and_gives_agents_their_own():
    memory = empty_memory(3, steps=2, agents=2, inputs=4)
    add(memory, days(1, 1.0))
    first = sample(memory, stream(0, "draw"), 50)
    assert set(first.reward.unique().tolist()) == {1.0}
    for value in (2.0, 3.0, 4.0):
        add(memory, days(1, value))
    batch = sample(memory, stream(0, "draw"), 200)
    assert set(batch.reward.unique().tolist()) == {2.0, 3.0, 4.0}
    assert (batch.state[0, :, 0] == batch.reward[0]).all()
    assert (batch.state[1, :, 0] == batch.reward[1] + 100).all()
    assert (batch.counts[0] == 1).all()
    assert set(batch.counts[1].unique().tolist()) == {0.0, 1.0}
    assert (batch.non_terminal <= batch.counts).all()
