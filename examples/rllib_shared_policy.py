"""RLlib's PPO, one policy shared by all sellers: `python examples/rllib_shared_policy.py [--quick]`.

Needs `pip install 'auctionsim[rllib]'`. Twelve sellers learn one network on the parallel environment, through RLlib's wrapper:
total profit counts, and every floor of the scenario is on, the platform's revenue and each seller's profit. They begin at
an action of 0, bids that are mostly a constant: the platform's revenue is below its floor, and some sellers earn too little.
They learn to keep the floors. Prints the return of a test day, and total profit and platform revenue over those of keyword
bids, before and after.
"""

from __future__ import annotations

import os
import sys

# Read by Ray when it is imported: no usage statistics, and servers on the loopback address alone.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "OMP_NUM_THREADS": "1"}

import numpy as np
import ray
import torch
from pettingzoo.utils import BaseParallelWrapper
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.tune.registry import register_env

import auctionsim
from auctionsim.auction.outcome import COST, GMV
from auctionsim.envs import parallel_env
from auctionsim.market.market import Market

HOURS, HELD, ENVS, DAYS = 24, 6, 8, 64  # hours of a day and of an action; days side by side, and in an iteration


class HeldBids(BaseParallelWrapper):
    """Actions that stand for six hours: four decisions a day, each with six times the effect of an hour's on the return."""

    def step(self, actions):
        """Play an action for `HELD` hours and add up their rewards."""
        earned = dict.fromkeys(actions, 0.0)
        for _ in range(HELD):
            observations, rewards, *ends, infos = self.env.step(actions)
            earned = {agent: earned[agent] + reward for agent, reward in rewards.items()}
        return observations, earned, *ends, infos


class NearKeywordBids(DefaultPPOTorchRLModule):
    """RLlib's network, but it begins at an action of 0 with little exploration: a wide one misses the floors every day."""

    def setup(self):
        """Build the network and set its last layer."""
        super().setup()
        last = [layer for layer in self.pi.net.modules() if isinstance(layer, torch.nn.Linear)][-1]
        with torch.no_grad():
            last.weight.mul_(0.01)
            last.bias.zero_()
            self.pi.log_std.fill_(-2.7)
        # It stays there. Noise raises prices, so a policy may learn to keep the revenue floor by its noise alone.
        self.pi.log_std.register_hook(torch.zeros_like)


def made(market: Market, split: str) -> HeldBids:
    """The environment on training or test days."""
    return HeldBids(parallel_env(market, split=split, bid_model="macg", max_multiplier=10.0))


def tested(algorithm: Algorithm, market: Market) -> tuple[float, float, float]:
    """Return of a seller on test days without noise, and total profit and revenue over the reference's."""
    env, module, found = made(market, "test"), algorithm.get_module("shared"), []
    for seed in (0, 1):  # neighbouring seeds begin on different days
        (observations, _), earned = env.reset(seed=seed), 0.0
        while env.agents:
            seen = torch.from_numpy(np.stack([observations[agent] for agent in env.agents]))
            with torch.no_grad():
                mean, _ = module.forward_inference({"obs": seen})["action_dist_inputs"].chunk(2, dim=-1)
            observations, rewards, *_ = env.step(dict(zip(env.agents, mean.numpy(), strict=True)))
            earned += float(np.mean(list(rewards.values())))
        totals, reference = env.unwrapped.batched_days.cumulative[:, :, 0].sum(axis=0), market.baseline[env.unwrapped.day]
        profit, revenue = (totals[GMV] - totals[COST]) / reference.profit.sum(), totals[COST] / reference.revenue.sum()
        found.append((earned, profit, revenue))
    earned, profit, revenue = np.mean(found, axis=0)
    return float(earned), float(profit), float(revenue)


def main(*arguments: str) -> list[tuple[float, float, float]]:
    """Train and print; returns return, profit and revenue before and after."""
    iterations, auctions = (20, 1000) if "--quick" in arguments else (40, 20_000)
    market = auctionsim.build_market(
        auctionsim.load_scenario("three-arms", overrides=[f"traffic.auctions_per_day={auctions}"])
    )  # fmt: skip
    # A Ray of its own, whatever else runs on the machine.
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    register_env("auctionsim", lambda _: ParallelPettingZooEnv(made(market, "train")))
    network = DefaultModelConfig(fcnet_hiddens=[32, 32], free_log_std=True, vf_share_layers=False)
    config = (
        PPOConfig()
        .environment("auctionsim")
        .env_runners(num_env_runners=0, num_envs_per_env_runner=ENVS)
        .multi_agent(policies={"shared"}, policy_mapping_fn=lambda agent, episode, **_: "shared")
        .rl_module(
            rl_module_spec=MultiRLModuleSpec(rl_module_specs={"shared": RLModuleSpec(NearKeywordBids, model_config=network)})
        )
        .training(train_batch_size_per_learner=DAYS * HOURS // HELD, minibatch_size=192, num_epochs=8)
        # Large steps first; they shrink to almost nothing, so that what is tested is not wherever the last large step led.
        .training(lr=[[0, 1.5e-3], [iterations * DAYS * HOURS // HELD, 1e-4]])
        # What a day violated is charged in its last hour and in full to all that came before: no discount, and lambda is 1.
        # It may be far more than RLlib's critic is allowed to be wrong by at first.
        .training(gamma=1.0, lambda_=1.0, clip_param=0.3, use_kl_loss=False, vf_clip_param=float("inf"), grad_clip=0.5)
        .debugging(seed=0, log_level="ERROR")
    )
    algorithm = config.build_algo()
    results = [tested(algorithm, market)]
    for iteration in range(iterations):
        result = algorithm.train()
        earned = result["env_runners"]["episode_return_mean"] / len(market.learners)
        print(f"iteration {iteration + 1:3d}  return {earned:.4f}", flush=True)
    results.append(tested(algorithm, market))
    algorithm.stop()
    ray.shutdown()
    for when, (earned, profit, revenue) in zip(("start", "learned"), results, strict=True):
        told = f"return {earned:.4f}, total profit {profit:.3f}, platform revenue {revenue:.3f} of the reference's"
        print(f"test days, {when}: {told}")
    return results


if __name__ == "__main__":
    main(*sys.argv[1:])
