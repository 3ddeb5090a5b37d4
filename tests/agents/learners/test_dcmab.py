"""`dcmab`: clusters, bids, and the losses of actors and critics on numbers that can be checked by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.grouped.clusters import by_revenue
from auctionsim.agents.learners.grouped.dcmab import _bids, actor_loss, critic_loss
from auctionsim.agents.learners.rl.replay_memory import (
    NON_TERMINAL,
    TERMINAL,
    Days,
    JointBatch,
    add,
    empty_memory,
    sample_joint,
)
from auctionsim.market.market import Market
from auctionsim.scenario import DcmabSection
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

INPUTS, C = 1, 2
SETTINGS = DcmabSection(gamma=0.5, max_adjustment=0.9)
BATCH = JointBatch(
    state=torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
    action=torch.tensor([[0.1, -0.2], [0.3, 0.4]]),
    reward=torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
    after=torch.tensor([[0.0, 0.0], [1.0, 1.0]]),
    non_terminal=torch.tensor([1.0, 0.0]),
)


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(parse_scenario(SMALL, "x.toml", overrides=["advertisers.0.count=12"]))


def linear(weights: list[list[float]], bias: list[float]) -> dict[str, torch.Tensor]:
    """Networks without a hidden layer, one per cluster."""
    return {"weight-0": torch.tensor(weights)[:, :, None], "bias-0": torch.tensor(bias)[:, None, None]}


# Q_1 = s_1 + 2 a_1 + 3 a_2, Q_2 = 1 + 5 a_1 - a_2.
CRITIC = linear([[1.0, 0.0, 2.0, 3.0], [0.0, 0.0, 5.0, -1.0]], [0.0, 1.0])
# mu_1 = 0.9 tanh(s_1 + s_2), mu_2 = 0.9 tanh(0.5).
ACTOR = linear([[1.0, 1.0], [0.0, 0.0]], [0.0, 0.5])


def test_the_critic_aims_at_the_reward_and_the_next_hours_value_under_the_target_actors():
    networks = {"actor-target": ACTOR, "critic-target": CRITIC}
    state = {f"{name}/{key}": value.numpy() for name, one in networks.items() for key, value in one.items()}
    found = critic_loss(state, CRITIC, BATCH, SETTINGS)
    mu_2 = 0.9 * np.tanh(0.5)
    # In the first row mu_1(0, 0) = 0; the second row ends the day.
    wanted = [[1.0 + 0.5 * (3 * mu_2), 3.0], [2.0 + 0.5 * (1 - mu_2), 4.0]]
    taken = [[1 + 0.2 - 0.6, 0.6 + 1.2], [1 + 0.5 + 0.2, 1 + 1.5 - 0.4]]
    np.testing.assert_allclose(found.numpy(), np.mean((np.array(taken) - wanted) ** 2, axis=1), rtol=1e-5)


def test_an_actor_climbs_its_own_critic_through_its_own_action_alone():
    leaves = {name: value.clone().requires_grad_() for name, value in ACTOR.items()}
    losses = actor_loss(leaves, CRITIC, BATCH, SETTINGS)
    mu_1, mu_2 = 0.9 * np.tanh(1.0), 0.9 * np.tanh(0.5)
    decay = 1e-3 * np.array([1.0, 0.25])
    own = [np.mean([1 + 2 * mu_1 - 0.6, 2 * mu_1 + 1.2]), np.mean([1 + 0.5 - mu_2, 1 + 1.5 - mu_2])]
    np.testing.assert_allclose(losses.detach().numpy(), -np.array(own) + decay, rtol=1e-5)
    (slope,) = torch.autograd.grad(losses.sum(), [leaves["bias-0"]])
    # Each cluster's bias moves by its own coefficient, 2 and -1: what the rivals' critics think of it does not enter.
    expected = [-2 * 0.9 * (1 - np.tanh(1.0) ** 2) + 2e-3, 0.9 * (1 - np.tanh(0.5) ** 2) + 1e-3]
    np.testing.assert_allclose(slope[:, 0, 0].numpy(), expected, rtol=1e-4)


def test_joint_transitions_are_of_one_copy_and_hour_and_end_with_the_day():
    copies, steps, agents = 3, 4, 2
    memory = empty_memory(copies, steps, agents, 1, action=np.float32)
    # States name their copy and step, actions and rewards likewise, apart by agent.
    name = 10 * np.arange(copies)[:, None, None] + np.arange(steps + 1)[None, :, None] + 100 * np.arange(agents)[None, None]
    kind = np.full((copies, steps, agents), NON_TERMINAL, dtype=np.uint8)
    kind[:, -1] = TERMINAL
    add(memory, Days(name[..., None].astype(np.float16), name[:, :-1] / 8.0, name[:, :-1].astype(np.float32), kind))
    batch = sample_joint(memory, np.random.default_rng(0), 200)
    assert (batch.after == batch.state + 1).all()
    assert (batch.state[:, 1] == batch.state[:, 0] + 100).all()
    assert (batch.action * 8 == batch.state).all()
    assert (batch.reward == batch.state).all()
    assert ((batch.state[:, 0] % 10 == steps - 1) == (batch.non_terminal == 0)).all()
    assert len(set(batch.state[:, 0].tolist())) == copies * steps


@pytest.mark.parametrize("most", [1, 3, 12, 50])
def test_clusters_part_the_learners_by_revenue_into_about_equal_presence(market: Market, most: int):
    clusters = by_revenue(market, most)
    assert sorted(np.concatenate(clusters).tolist()) == list(range(12))
    gmv = np.sum([market.baseline[day].gmv[:, :, 0].sum(axis=0) for day in (0, 1)], axis=0)
    presence = np.sum([market.hourly_auctions(day).sum(axis=0) for day in (0, 1)], axis=0)
    for above, below in pairwise(clusters):
        assert gmv[above].min() >= gmv[below].max()
    for own in clusters:
        assert abs(presence[own].sum() / presence.sum() - 1 / most) <= presence.max() / presence.sum() or most > 12
    assert len(clusters) <= most


def test_an_adjustment_moves_the_mean_bid_by_itself_and_0_is_the_keyword_bid(market: Market):
    clusters = by_revenue(market, 3)
    for adjustment in (-0.9, -0.3, 0.0, 0.4, 0.9):
        theta = _bids(market, clusters, np.full((1, 3), adjustment))[:, :, 0]
        assert (theta >= 0).all()
        mean = market.mean_features
        np.testing.assert_allclose((theta * mean).sum(axis=1), (1 + adjustment) * mean[:, 3])
    unadjusted = _bids(market, clusters, np.zeros((1, 3)))[:, :, 0]
    assert (unadjusted == [0.0, 0.0, 0.0, 1.0]).all()
