"""SuperSuit's vector environments of a parallel environment, as the PettingZoo tutorials hand them to Stable-Baselines3."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from auctionsim.envs import parallel_env

from .matrix import all_finite, copies, default_market, is_finite, library, moved, run_section

supersuit = library("supersuit", "supersuit")
sb3 = library("stable_baselines3", "supersuit")
ENVS, AGENTS = 2, 12


def vector(base_class: str = "gymnasium", **arguments: Any) -> Any:
    """Two days side by side, each agent a row."""
    rows = supersuit.pettingzoo_env_to_vec_env_v1(parallel_env(default_market(), **arguments))
    return supersuit.concat_vec_envs_v1(rows, ENVS, base_class=base_class)


def test_ppo_makes_two_updates_with_one_policy_for_all_agents():
    env = vector("stable_baselines3")
    assert env.num_envs == ENVS * AGENTS
    model = sb3.PPO("MlpPolicy", env, n_steps=24, batch_size=288, n_epochs=2, device="cpu")
    start = copies(model.policy.parameters())
    model.learn(2 * 24 * ENVS * AGENTS)
    assert moved(start, model.policy.parameters())
    assert all_finite(model.policy.parameters())


def test_copies_of_an_environment_differ_and_days_go_on_by_themselves():
    env = vector()
    env.reset(seed=0)
    ends = 0
    for _ in range(25):
        observations, rewards, terminations, *_ = env.step(np.zeros((ENVS * AGENTS, 3), np.float32))
        ends += int(np.sum(terminations))
        assert env.observation_space.contains(observations[0])
        assert is_finite(rewards)
    assert ends == ENVS * AGENTS


@pytest.mark.parametrize(
    "wrap",
    [
        lambda env: supersuit.clip_reward_v0(env, -1, 1),
        lambda env: supersuit.frame_stack_v1(env, 3),
        lambda env: supersuit.dtype_v0(env, np.float64),
        lambda env: supersuit.normalize_obs_v0(env),
        lambda env: supersuit.pad_observations_v0(supersuit.pad_action_space_v0(env)),
        lambda env: supersuit.agent_indicator_v0(env),
        lambda env: supersuit.sticky_actions_v0(env, 0.1),
        lambda env: supersuit.max_observation_v0(env, 2),
        lambda env: supersuit.clip_actions_v0(env),
    ],
)
def test_its_wrappers_go_around_the_parallel_environment(wrap: Any):
    env = wrap(parallel_env(default_market()))
    observations, _ = env.reset(seed=0)
    while env.agents:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        observations, rewards, *_ = env.step(actions)
        assert all(env.observation_space(agent).contains(seen) for agent, seen in observations.items())
        assert is_finite(list(rewards.values()))


def test_the_page_runs():
    assert all_finite(run_section("SuperSuit")["model"].policy.parameters())
