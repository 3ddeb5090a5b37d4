"""Stable-Baselines3's PPO as the single bidder: `python examples/sb3_single_bidder.py [--quick]`.

Needs `pip install 'auctionsim[sb3]'`. One seller seeks its own profit under the scenario's floors. It sets the multiple of a
click's value that it bids, hour by hour, against rivals that bid by keyword. It begins at a third of what keyword bids come to,
which neither its profit floor nor the platform's revenue floor allows, and learns its way back. Prints the return of the
starting and the learned policy on test days, penalties included.
"""

from __future__ import annotations

import sys

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor

import auctionsim
from auctionsim.envs.adapters.sb3 import single_bidder

HOURS, ENVS = 24, 16


def make(split: str, num_envs: int, auctions: int) -> VecMonitor:
    """The environments on training or test days."""
    selfish = ["learner.own_weight=1.0", "learner.global_weight=0.0", f"traffic.auctions_per_day={auctions}"]
    scenario = auctionsim.load_scenario("three-arms", overrides=selfish)
    return VecMonitor(single_bidder(scenario, num_envs, split=split, bid_model="value", max_multiplier=10.0))


def tested(model: PPO, auctions: int) -> float:
    """Return of a test day, mean over both: neighbouring seeds begin on different days."""
    env = make("test", 2, auctions)
    env.seed(0)
    return float(evaluate_policy(model, env, n_eval_episodes=2)[0])


def main(*arguments: str) -> tuple[float, float]:
    """Train and print; returns what the starting and the learned policy bring on test days."""
    days, auctions = (160, 1000) if "--quick" in arguments else (800, 20_000)
    torch.set_num_threads(1)  # small networks: more threads only get in each other's way
    model = PPO(
        "MlpPolicy", make("train", ENVS, auctions), n_steps=HOURS, batch_size=96, learning_rate=3e-3, gamma=1.0, seed=0,
        device="cpu", policy_kwargs={"log_std_init": -1.5},
    )  # fmt: skip
    torch.nn.init.constant_(model.policy.action_net.bias, -0.5)  # 10^-0.5 is a third
    start = tested(model, auctions)
    model.learn(days * HOURS)
    learned = tested(model, auctions)
    print(f"test days: {start:.4f} at the start, {learned:.4f} learned")
    return start, learned


if __name__ == "__main__":
    main(*sys.argv[1:])
