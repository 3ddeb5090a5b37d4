"""Compare the speed of TorchRL's own wrapper of PettingZoo with the adapter that holds many markets in one tensor.

`python benchmarks/torchrl_env.py [SCENARIO]`, where torchrl is installed, prints agent-steps per second of random rollouts
in one process: of the wrapper, and of the adapter with one market and with 64. Rounds alternate and the shortest of each
counts, since other work on the machine only ever adds time.
"""

from __future__ import annotations

import sys
import time
import warnings

from torchrl.envs import EnvBase, PettingZooWrapper

from auctionsim.envs import parallel_env
from auctionsim.envs.adapters.torchrl import AuctionEnv
from auctionsim.envs.markets import market_of

HOURS, ROUNDS = 24, 7


def main(scenario: str) -> int:
    """Measure and print; returns the exit code."""
    market = market_of(scenario)
    warnings.filterwarnings("ignore", "PettingZoo in TorchRL is tested using")
    envs = {
        "PettingZooWrapper": PettingZooWrapper(parallel_env(market)),
        "AuctionEnv, 1 market": AuctionEnv(market),
        "AuctionEnv, 64 markets": AuctionEnv(market, 64),
        "AuctionEnv, 64 markets, the same day": AuctionEnv(market, 64, same_day=True),
    }
    shortest = dict.fromkeys(envs, float("inf"))
    for _ in range(ROUNDS):
        for name, env in envs.items():
            shortest[name] = min(shortest[name], seconds(env))
    rates = {name: HOURS * env.batch_size.numel() * len(market.learners) / shortest[name] for name, env in envs.items()}
    print(f"{scenario}: {len(market.learners)} agents, agent-steps per second of random rollouts")
    for name, rate in rates.items():
        print(f"  {rate:12,.0f}  {rate / rates['PettingZooWrapper']:6.1f} x  {name}")
    return 0


def seconds(env: EnvBase) -> float:
    """Return the seconds of a day, reset included."""
    began = time.perf_counter()
    env.rollout(HOURS)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["three-arms"])))
