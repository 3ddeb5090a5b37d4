"""A loop in CleanRL's style: PPO in plain torch with the wrappers of its `ppo_continuous_action.py`, in a page."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.wrappers import vector as wrappers
from torch import nn

import auctionsim.envs  # noqa: F401  (registers the environment)

from .matrix import all_finite, copies, default_market, is_finite, moved, run_section

ENVS, STEPS, UPDATES, GAMMA = 4, 48, 2, 0.99


def make_env():
    """One environment under CleanRL's wrappers."""
    env = gymnasium.make("auctionsim/SingleBidder-v0", scenario=default_market())
    env = gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.wrappers.FlattenObservation(env))
    env = gymnasium.wrappers.NormalizeObservation(gymnasium.wrappers.ClipAction(env))
    env = gymnasium.wrappers.TransformObservation(env, lambda seen: np.clip(seen, -10, 10), env.observation_space)
    env = gymnasium.wrappers.NormalizeReward(env, gamma=GAMMA)
    return gymnasium.wrappers.TransformReward(env, lambda reward: float(np.clip(reward, -10, 10)))


def separate():
    return gymnasium.vector.SyncVectorEnv([make_env] * ENVS)


def together():
    """The environments that share calls of the kernel, under the wrappers' vector forms."""
    env = gymnasium.make_vec("auctionsim/SingleBidder-v0", ENVS, scenario=default_market())
    env = wrappers.NormalizeReward(wrappers.NormalizeObservation(wrappers.ClipAction(wrappers.RecordEpisodeStatistics(env))))
    return wrappers.TransformReward(env, lambda reward: np.clip(reward, -10, 10))


class Agent(nn.Module):
    def __init__(self, n_features: int, n_actions: int):
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(n_features, 64), nn.Tanh(), nn.Linear(64, 1))
        self.actor = nn.Sequential(nn.Linear(n_features, 64), nn.Tanh(), nn.Linear(64, n_actions))
        self.logstd = nn.Parameter(torch.zeros(1, n_actions))

    def dist(self, seen: torch.Tensor) -> torch.distributions.Normal:
        return torch.distributions.Normal(self.actor(seen), self.logstd.exp().expand(len(seen), -1))


def update(agent: Agent, optimizer: torch.optim.Optimizer, seen, actions, logprobs, advantages, returns) -> None:
    """One epoch of PPO over the batch."""
    dist = agent.dist(seen)
    ratio = (dist.log_prob(actions).sum(-1) - logprobs).exp()
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    policy_loss = torch.max(-advantages * ratio, -advantages * ratio.clamp(0.8, 1.2)).mean()
    loss = policy_loss + 0.5 * ((agent.critic(seen)[:, 0] - returns) ** 2).mean() - 0.01 * dist.entropy().mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
    optimizer.step()


@pytest.mark.parametrize("make", [separate, together])
def test_ppo_in_plain_torch_makes_two_updates_on_the_default_scenario(make):
    torch.manual_seed(0)
    envs = make()
    agent = Agent(envs.single_observation_space.shape[0], envs.single_action_space.shape[0])
    optimizer, start = torch.optim.Adam(agent.parameters(), lr=3e-4, eps=1e-5), copies(agent.parameters())
    seen, done, episodes = torch.as_tensor(envs.reset(seed=0)[0], dtype=torch.float32), torch.zeros(ENVS), []
    for _ in range(UPDATES):
        rollout, rewards, dones = [], [], []
        for _ in range(STEPS):
            with torch.no_grad():
                dist = agent.dist(seen)
                action = dist.sample()
                rollout.append((seen, action, dist.log_prob(action).sum(-1), agent.critic(seen)[:, 0]))
            dones.append(done)
            observations, reward, terminations, truncations, infos = envs.step(action.numpy())
            ended = infos.get("final_info", infos)
            episodes += ended["episode"]["r"][ended["_episode"]].tolist() if "episode" in ended else []
            assert is_finite(observations)
            assert is_finite(reward)
            rewards.append(torch.as_tensor(reward, dtype=torch.float32))
            seen, done = (torch.as_tensor(x, dtype=torch.float32) for x in (observations, terminations | truncations))
        observations, actions, logprobs, values = map(torch.stack, zip(*rollout, strict=True))
        with torch.no_grad():
            following, advantage, advantages = agent.critic(seen)[:, 0], torch.zeros(ENVS), torch.zeros(STEPS, ENVS)
            for t in reversed(range(STEPS)):
                alive = 1 - (done if t == STEPS - 1 else dones[t + 1])
                delta = rewards[t] + GAMMA * following * alive - values[t]
                advantage = advantages[t] = delta + GAMMA * 0.95 * alive * advantage
                following = values[t]
        flat = [x.flatten(0, 1) for x in (observations, actions, logprobs, advantages, advantages + values)]
        update(agent, optimizer, *flat)
    assert all_finite(agent.parameters())
    assert moved(start, agent.parameters())
    assert len(episodes) >= ENVS * (UPDATES * STEPS // 25)
    assert is_finite(episodes)
    envs.close()


def test_the_page_runs():
    assert is_finite(run_section("CleanRL-style loop")["rewards"])
