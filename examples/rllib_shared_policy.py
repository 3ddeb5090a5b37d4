"""RLlib's PPO, one policy shared by all sellers: `python examples/rllib_shared_policy.py [--quick]`.

Needs `pip install 'auctionsim[rllib]'`. Twelve sellers climb the total profit with one network, on the parallel environment
through RLlib's own wrapper. Nothing protects the platform here, so it learns to bid low: prints total profit and platform
revenue on test days, over those of keyword bids, before and after.
"""

from __future__ import annotations

import os
import sys

# Read by Ray when it is imported: no usage statistics, and servers on the loopback address alone.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "OMP_NUM_THREADS": "1"}

import numpy as np
import ray
import torch
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.tune.registry import register_env

import auctionsim
from auctionsim.auction.outcome import COST, GMV
from auctionsim.envs import parallel_env

HOURS = 24
TOTAL_PROFIT = ("learner.own_weight=0.0", "platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0")


def make(split: str, auctions: int):
    """The environment on training or test days."""
    scenario = auctionsim.load_scenario("three-arms", overrides=[*TOTAL_PROFIT, f"traffic.auctions_per_day={auctions}"])
    return parallel_env(scenario, split=split, bid_model="value", max_multiplier=10.0)


def tested(algorithm: Algorithm, auctions: int) -> tuple[float, float]:
    """Total profit and revenue of test days without noise, over the reference's."""
    env, module, found = make("test", auctions), algorithm.get_module("shared"), []
    for seed in (0, 1):  # neighbouring seeds begin on different days
        observations, _ = env.reset(seed=seed)
        while env.agents:
            seen = torch.from_numpy(np.stack([observations[agent] for agent in env.agents]))
            with torch.no_grad():
                mean, _ = module.forward_inference({"obs": seen})["action_dist_inputs"].chunk(2, dim=-1)
            observations, *_ = env.step(dict(zip(env.agents, mean.numpy(), strict=True)))
        totals, reference = env.batched_days.cumulative[:, :, 0].sum(axis=0), env.market.baseline[env.day]
        found.append(((totals[GMV] - totals[COST]) / reference.profit.sum(), totals[COST] / reference.revenue.sum()))
    profit, revenue = np.mean(found, axis=0)
    return float(profit), float(revenue)


def main(*arguments: str) -> list[tuple[float, float]]:
    """Train and print; returns profit and revenue ratio before and after."""
    iterations, days, auctions = (4, 10, 1000) if "--quick" in arguments else (30, 20, 20_000)
    # A Ray of its own, whatever else runs on the machine.
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    register_env("auctionsim", lambda _: ParallelPettingZooEnv(make("train", auctions)))
    config = (
        PPOConfig()
        .environment("auctionsim")
        .env_runners(num_env_runners=0)
        .multi_agent(policies={"shared"}, policy_mapping_fn=lambda agent, episode, **_: "shared")
        .rl_module(rl_module_spec=MultiRLModuleSpec(rl_module_specs={"shared": RLModuleSpec()}))
        .training(train_batch_size_per_learner=days * HOURS, minibatch_size=120, num_epochs=4, lr=1e-3, gamma=1.0)
        .debugging(seed=0, log_level="ERROR")
    )
    algorithm = config.build_algo()
    results = [tested(algorithm, auctions)]
    for iteration in range(iterations):
        result = algorithm.train()
        print(f"iteration {iteration + 1:3d}  return {result['env_runners']['episode_return_mean']:.4f}")
    results.append(tested(algorithm, auctions))
    algorithm.stop()
    ray.shutdown()
    for when, (profit, revenue) in zip(("start", "learned"), results, strict=True):
        print(f"test days, {when}: total profit {profit:.3f}, platform revenue {revenue:.3f} of the reference's")
    return results


if __name__ == "__main__":
    main(*sys.argv[1:])
