"""Tianshou's PPO and DQN on its own vector environment of single bidders."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch

import auctionsim.envs  # noqa: F401  (registers the environment)

from .matrix import all_finite, copies, default_market, library, moved, run_section

tianshou = library("tianshou", "tianshou")
from tianshou.algorithm.modelfree.dqn import DQN, DiscreteQLearningPolicy  # noqa: E402
from tianshou.algorithm.modelfree.ppo import PPO  # noqa: E402
from tianshou.algorithm.modelfree.reinforce import ProbabilisticActorPolicy  # noqa: E402
from tianshou.algorithm.optim import AdamOptimizerFactory  # noqa: E402
from tianshou.data import Collector, VectorReplayBuffer  # noqa: E402
from tianshou.env import DummyVectorEnv, VectorEnvNormObs  # noqa: E402
from tianshou.trainer import OffPolicyTrainerParams, OnPolicyTrainerParams  # noqa: E402
from tianshou.utils.net.common import Net  # noqa: E402
from tianshou.utils.net.continuous import ContinuousActorProbabilistic, ContinuousCritic  # noqa: E402

ENVS = 4
QUIET: dict[str, Any] = {"verbose": False, "show_progress": False}


def make(**arguments: Any) -> gymnasium.Env:
    return gymnasium.make("auctionsim/SingleBidder-v0", scenario=default_market(), **arguments)


def run(algorithm: Any, params: Any) -> None:
    """Train; the algorithm moved, and lost no parameter to NaN."""
    start = copies(algorithm.parameters())
    algorithm.run_training(params)
    assert moved(start, algorithm.parameters())
    assert all_finite(algorithm.parameters())


def test_ppo_makes_two_updates_on_normalized_observations():
    torch.manual_seed(0)
    env = make()
    policy = ProbabilisticActorPolicy(
        actor=ContinuousActorProbabilistic(preprocess_net=Net(state_shape=15, hidden_sizes=[64]), action_shape=(3,)),
        dist_fn=lambda found: torch.distributions.Independent(torch.distributions.Normal(*found), 1),
        action_space=env.action_space,
    )
    critic = ContinuousCritic(preprocess_net=Net(state_shape=15, hidden_sizes=[64]))
    algorithm = PPO(policy=policy, critic=critic, optim=AdamOptimizerFactory(lr=3e-4), return_scaling=True)
    envs = VectorEnvNormObs(DummyVectorEnv([make] * ENVS))
    envs.seed(0)
    collector = Collector(algorithm, envs, VectorReplayBuffer(24 * ENVS, ENVS))
    steps: dict[str, Any] = {"epoch_num_steps": 2 * 24 * ENVS, "collection_step_num_env_steps": 24 * ENVS}
    run(algorithm, OnPolicyTrainerParams(training_collector=collector, max_epochs=1, **steps, **QUIET))
    assert np.isfinite(envs.get_obs_rms().mean).all()


def test_dqn_survives_the_last_hour():
    torch.manual_seed(0)
    arguments: dict[str, Any] = {"bid_model": "value", "action_mode": "discrete"}
    env = make(**arguments)
    net = Net(state_shape=15, action_shape=int(env.action_space.n), hidden_sizes=[64])
    policy = DiscreteQLearningPolicy(model=net, action_space=env.action_space, eps_training=0.1)
    algorithm = DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=1.0, target_update_freq=10)
    envs = DummyVectorEnv([lambda: make(**arguments)] * ENVS)
    collector = Collector(algorithm, envs, VectorReplayBuffer(48 * ENVS, ENVS), exploration_noise=True)
    steps: dict[str, Any] = {"epoch_num_steps": 2 * 24 * ENVS, "collection_step_num_env_steps": 24 * ENVS}
    run(algorithm, OffPolicyTrainerParams(training_collector=collector, max_epochs=1, **steps, **QUIET))
    assert abs(collector.buffer.rew).max() < 1e4


def test_the_page_runs():
    assert all_finite(run_section("Tianshou")["algorithm"].parameters())
