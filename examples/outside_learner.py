"""A learner outside auctionsim, in plain torch on the Gymnasium environment: `python examples/outside_learner.py [--quick]`.

Policy gradient with the copies' mean as baseline (REINFORCE). The seller sets the multiple of a click's value that it bids,
hour by hour; 64 copies of the market replay the same day at once. What it learned is written as a run folder, so that
`auctionsim report` and `compare` show it beside the learners inside. Any other library does as well: it takes a function from
observations to actions (`as_policy`) and one call (`write_run`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium
import numpy as np
import polars as pl
import torch

import auctionsim
from auctionsim.envs import as_policy

SCENARIO = Path(__file__).with_name("one_seller.toml")
COPIES, HOURS, NOISE = 64, 24, 0.1


def play(env: gymnasium.vector.VectorEnv, policy: torch.nn.Module, seed: int) -> tuple[list, np.ndarray]:
    """A day in all copies: mean and taken action of every hour, and rewards `[copies, hours]`."""
    observations, _ = env.reset(seed=seed)
    taken, rewards = [], []
    for _ in range(HOURS):
        mean = policy(torch.from_numpy(observations))
        action = (mean + NOISE * torch.randn(mean.shape)).detach()
        observations, reward, *_ = env.step(action.numpy())
        taken.append((mean, action))
        rewards.append(reward)
    return taken, np.stack(rewards, 1)


def learn(env: gymnasium.vector.VectorEnv, iterations: int) -> torch.nn.Module:
    """Climb the mean return of training days."""
    policy = torch.nn.Sequential(torch.nn.Linear(15, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
    torch.nn.init.zeros_(policy[2].weight)
    torch.nn.init.zeros_(policy[2].bias)
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)
    for iteration in range(iterations):
        taken, rewards = play(env, policy, iteration)
        to_come = rewards[:, ::-1].cumsum(1)[:, ::-1]
        advantage = torch.tensor((to_come - to_come.mean(0)) / (to_come.std(0) + 1e-12))
        likelihood = torch.stack([-((action - mean) ** 2).sum(-1) / (2 * NOISE**2) for mean, action in taken], 1)
        optimizer.zero_grad()
        (-(likelihood * advantage).mean()).backward()
        optimizer.step()
        if iteration % 10 == 9:
            print(f"iteration {iteration + 1:3d}  return {rewards.sum(1).mean():.4f}")
    return policy


def earned(run: auctionsim.Run) -> float:
    """The seller's profit on test days over that of keyword bids, all seeds together."""
    rows = run.table("outcomes").filter(group="seller").group_by("arm").agg((pl.col("gmv") - pl.col("cost")).sum())
    return float(rows.filter(arm="learned")["gmv"][0] / rows.filter(arm="reference")["gmv"][0])


def main(*arguments: str, out: str = "runs/outside-learner") -> tuple[float, float]:
    """Train on two seeds and write the run folders of the starting and of the learned policy; print what they earn."""
    torch.manual_seed(0)
    start, learned = {}, {}
    for seed in (0, 1):
        scenario = auctionsim.load_scenario(SCENARIO, overrides=[f"seed={seed}"])
        env = gymnasium.make_vec(
            "auctionsim/SingleBidder-v0", COPIES, scenario=scenario, same_day=True, bid_model="value", max_multiplier=10.0
        )
        network = learn(env, 10 if "--quick" in arguments else 60)
        start[seed] = as_policy(lambda agent, seen: [0.0], env)
        learned[seed] = as_policy(lambda agent, seen, network=network: network(torch.tensor(seen)).detach().numpy(), env)
    runs = [
        auctionsim.write_run(f"{out}/{name}", SCENARIO, policies, learner="REINFORCE in plain torch")
        for name, policies in (("start", start), ("learned", learned))
    ]
    before, after = (earned(run) for run in runs)
    print(f"profit on test days over that of keyword bids: {before:.2f} at the start, {after:.2f} learned")
    print(f"next: auctionsim compare {runs[0].path} {runs[1].path}")
    return before, after


if __name__ == "__main__":
    main(*sys.argv[1:])
