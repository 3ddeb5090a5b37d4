"""Stable-Baselines3's PPO as the single bidder: `python examples/sb3_single_bidder.py [--quick]`.

Needs `pip install 'auctionsim[sb3]'`. One seller that seeks its own profit sets the multiple of a click's value that it bids,
hour by hour, against rivals that bid by keyword. Prints what the starting and the learned policy bring on test days, without
noise.
"""

from __future__ import annotations

import sys

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO

import auctionsim.envs

HOURS = 24
SELFISH = ("learner.own_weight=1.0", "learner.global_weight=0.0")
NO_FLOORS = ("platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0")


def make(split: str, auctions: int) -> gymnasium.Env:
    """The environment on training or test days."""
    scenario = auctionsim.load_scenario("three-arms", overrides=[*SELFISH, *NO_FLOORS, f"traffic.auctions_per_day={auctions}"])
    return gymnasium.make("auctionsim/SingleBidder-v0", scenario=scenario, split=split, bid_model="value", max_multiplier=10.0)


def tested(model: PPO, auctions: int) -> float:
    """Return of a test day, mean over both."""
    env, returns = make("test", auctions), []
    for seed in (0, 1):  # neighbouring seeds begin on different days
        observation, _ = env.reset(seed=seed)
        rewards, is_over = [], False
        while not is_over:
            action, _ = model.predict(observation, deterministic=True)
            observation, reward, is_over, _, _ = env.step(action)
            rewards.append(reward)
        returns.append(sum(rewards))
    return float(np.mean(returns))


def main(*arguments: str) -> tuple[float, float]:
    """Train and print; returns what the starting and the learned policy bring on test days."""
    days, auctions = (60, 1000) if "--quick" in arguments else (400, 20_000)
    torch.set_num_threads(1)  # small networks: more threads only get in each other's way
    model = PPO(
        "MlpPolicy", make("train", auctions), n_steps=10 * HOURS, batch_size=60, learning_rate=3e-3, gamma=1.0, seed=0,
        device="cpu", policy_kwargs={"log_std_init": -1.5},
    )  # fmt: skip
    start = tested(model, auctions)
    model.learn(days * HOURS)
    learned = tested(model, auctions)
    print(f"test days: {start:.4f} at the start, {learned:.4f} learned")
    return start, learned


if __name__ == "__main__":
    main(*sys.argv[1:])
