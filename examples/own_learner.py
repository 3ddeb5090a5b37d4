"""A learner of your own in plain torch: `python examples/own_learner.py [--quick]`.

Policy gradient with the copies' mean as baseline. One seller that seeks its own profit sets the multiple of a click's value
that it bids, hour by hour, against rivals that bid by keyword; 64 copies of the market replay the same day at once. Prints the
mean return of a training day as it learns, then what the starting and the learned policy bring, without noise, on test days.
"""

from __future__ import annotations

import sys

import gymnasium
import numpy as np
import torch

import auctionsim.envs

COPIES, HOURS, NOISE = 64, 24, 0.1
SELFISH = ("own_weight=1.0", "global_weight=0.0")
NO_FLOORS = ("platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0")


def play(env: gymnasium.vector.VectorEnv, policy: torch.nn.Module, seed: int, noise: float) -> tuple[list, np.ndarray]:
    """A day in all copies: mean and taken action of every hour, and rewards `[copies, hours]`."""
    observations, _ = env.reset(seed=seed)
    taken, rewards = [], []
    for _ in range(HOURS):
        mean = policy(torch.from_numpy(observations))
        action = (mean + noise * torch.randn(mean.shape)).detach()
        observations, reward, *_ = env.step(action.numpy())
        taken.append((mean, action))
        rewards.append(reward)
    return taken, np.stack(rewards, 1)


def main(*arguments: str) -> tuple[float, float]:
    """Train and print; returns what the starting and the learned policy bring on test days."""
    torch.manual_seed(0)
    scenario = auctionsim.load_scenario("three-arms", overrides=[*(f"learner.{key}" for key in SELFISH), *NO_FLOORS])
    train, test = (
        gymnasium.make_vec(
            "auctionsim/SingleBidder-v0",
            COPIES,
            scenario=scenario,
            split=split,
            same_day=True,
            bid_model="value",
            max_multiplier=10.0,
        )
        for split in ("train", "test")
    )
    policy = torch.nn.Sequential(torch.nn.Linear(15, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
    torch.nn.init.zeros_(policy[2].weight)
    torch.nn.init.zeros_(policy[2].bias)
    optimiser = torch.optim.Adam(policy.parameters(), lr=0.01)
    tested = [np.mean([play(test, policy, seed, 0.0)[1].sum(1).mean() for seed in (0, 1)])]
    for iteration in range(10 if "--quick" in arguments else 60):
        taken, rewards = play(train, policy, iteration, NOISE)
        to_come = rewards[:, ::-1].cumsum(1)[:, ::-1]
        advantage = torch.tensor((to_come - to_come.mean(0)) / (to_come.std(0) + 1e-12))
        likelihood = torch.stack([-((action - mean) ** 2).sum(-1) / (2 * NOISE**2) for mean, action in taken], 1)
        optimiser.zero_grad()
        (-(likelihood * advantage).mean()).backward()
        optimiser.step()
        if iteration % 10 == 9:
            print(f"iteration {iteration + 1:3d}  return {rewards.sum(1).mean():.4f}")
    tested.append(np.mean([play(test, policy, seed, 0.0)[1].sum(1).mean() for seed in (0, 1)]))
    print(f"test days: {tested[0]:.4f} at the start, {tested[1]:.4f} learned")
    return float(tested[0]), float(tested[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
