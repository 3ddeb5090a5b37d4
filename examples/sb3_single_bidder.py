"""Stable-Baselines3's PPO as the single bidder: `python examples/sb3_single_bidder.py [--quick]`.

Needs `pip install 'auctionsim[sb3]'`. One seller seeks its own profit under the scenario's floors, against rivals that bid by
keyword. It begins where the environment does, at an action of 0: bids that are mostly a constant, which earn less than its
profit floor. It learns how much of them should follow the value of a click. Prints the return of a test day, penalties
included, and the seller's profit over that of keyword bids, for the starting and the learned policy.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor

import auctionsim
from auctionsim.envs import COSTS
from auctionsim.envs.adapters.sb3 import AuctionVecEnv, single_bidder

HOURS, ENVS = 24, 16


def make(split: str, num_envs: int, auctions: int) -> AuctionVecEnv:
    """The environments on training or test days."""
    selfish = ["learner.own_weight=1.0", "learner.global_weight=0.0", f"traffic.auctions_per_day={auctions}"]
    scenario = auctionsim.load_scenario("three-arms", overrides=selfish)
    return single_bidder(scenario, num_envs, split=split, bid_model="macg", max_multiplier=10.0)


def tested(model: PPO, auctions: int) -> tuple[float, float]:
    """Return of a test day and profit over that of keyword bids, mean over both: neighbouring seeds begin on different days."""
    env = make("test", 2, auctions)
    env.seed(0)
    seen, earned = env.reset(), 0.0
    for _ in range(HOURS):
        seen, rewards, _, infos = env.step(model.predict(seen, deterministic=True)[0])
        earned += rewards.mean()
    # The floor is the profit of keyword bids, and a violation the share of it that is missing.
    missing = np.mean([info["violations"][COSTS.index("profit_floor")] for info in infos])
    return float(earned), float(1.0 - missing)


def main(*arguments: str) -> list[tuple[float, float]]:
    """Train and print; returns what the starting and the learned policy bring on test days, return and profit."""
    days, auctions = (640, 1000) if "--quick" in arguments else (1600, 20_000)
    torch.set_num_threads(1)  # small networks: more threads only get in each other's way
    # What a day violated is charged in its last hour: no discount, lambda 1, and exploration that stays the same for a day.
    model = PPO(
        "MlpPolicy", VecMonitor(make("train", ENVS, auctions)), n_steps=HOURS, batch_size=96, gamma=1.0, gae_lambda=1.0, seed=0,
        learning_rate=lambda left: 2e-3 * left, use_sde=True, device="cpu",
        policy_kwargs={"log_std_init": -2.0, "net_arch": [32, 32]},
    )  # fmt: skip
    results = [tested(model, auctions)]
    model.learn(days * HOURS)
    results.append(tested(model, auctions))
    for when, (earned, profit) in zip(("start", "learned"), results, strict=True):
        print(f"test days, {when}: return {earned:.4f}, own profit {profit:.3f} of the profit under keyword bids")
    return results


if __name__ == "__main__":
    main(*sys.argv[1:])
