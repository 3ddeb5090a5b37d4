"""Compare Stable-Baselines3's own vector environment of single environments with ours, which share calls of the kernel.

`python benchmarks/sb3_vec_env.py [SCENARIO]` prints frames per second of both and their ratio for 64 environments, and exits
with 1 if the ratio is below 10. Both are stepped as a learner does, with the same actions for whole days, resets included.
Rounds alternate, and the shortest one counts, since other work on the machine only ever adds time. Needs
`pip install 'auctionsim[sb3]'`.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from auctionsim.envs import SingleBidderEnv
from auctionsim.envs.adapters.sb3 import single_bidder
from auctionsim.envs.markets import market_of

ENVS, HOURS, ROUNDS, LEAST_RATIO = 64, 24, 5, 10.0


def main(scenario: str) -> int:
    """Measure, print, and return the exit code."""
    market = market_of(scenario)
    actions = np.random.default_rng(0).uniform(-1, 1, (HOURS, ENVS, 3)).astype(np.float32)
    envs = {
        "DummyVecEnv": DummyVecEnv([lambda: SingleBidderEnv(market) for _ in range(ENVS)]),
        "AuctionVecEnv": single_bidder(market, ENVS),
    }
    for env in envs.values():
        env.seed(0)
        env.reset()
        seconds_of_a_day(env, actions)  # compiled code is loaded with the first day
    seconds = dict.fromkeys(envs, np.inf)
    for _ in range(ROUNDS):
        seconds = {name: min(seconds[name], seconds_of_a_day(env, actions)) for name, env in envs.items()}
    print(f"{scenario}: {ENVS} environments, frames per second")
    for name, day in seconds.items():
        print(f"  {ENVS * HOURS / day:10,.0f}  {seconds['DummyVecEnv'] / day:5.1f} x  {name}")
    return int(seconds["DummyVecEnv"] / seconds["AuctionVecEnv"] < LEAST_RATIO)


def seconds_of_a_day(env: VecEnv, actions: np.ndarray) -> float:
    """Return how long a day takes in all environments, the beginning of the next one included."""
    began = time.perf_counter()
    for of_hour in actions:
        env.step(of_hour)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["three-arms"])))
