"""Compare the speed of AuctionVectorEnv with that of separate parallel_envs in one process.

`python benchmarks/vector_env.py [SCENARIO]` prints agent-steps per second of both and their ratio for 64 copies, and exits
with 1 if it is below 20. Both take the same actions for whole days, resets included. Rounds alternate, and of every call of
`reset` and `step` the shortest round counts, since other work on the machine only ever adds time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np

from auctionsim.envs import AuctionParallelEnv, AuctionVectorEnv, parallel_env
from auctionsim.envs.markets import market_of

COPIES, HOURS, ROUNDS, LEAST_RATIO = 64, 24, 21, 20.0


def main(scenario: str) -> int:
    """Measure, print, and return the exit code."""
    market = market_of(scenario)
    agents = len(market.learners)
    actions = np.random.default_rng(0).uniform(-1, 1, (HOURS, COPIES, agents, 3)).astype(np.float32)
    vectors = {
        "a day for each copy": AuctionVectorEnv(market, COPIES),
        "a day for each copy, one thread": AuctionVectorEnv(market, COPIES, threads=1),
        "the same day": AuctionVectorEnv(market, COPIES, same_day=True),
        "the same day, one thread": AuctionVectorEnv(market, COPIES, same_day=True, threads=1),
    }
    singles = [parallel_env(market) for _ in range(COPIES)]
    rounds: dict[str, list[list[float]]] = {name: [] for name in ("separate", *vectors)}
    for _ in range(ROUNDS):
        rounds["separate"].append(durations(play_singles(singles, actions)))
        for name, env in vectors.items():
            rounds[name].append(durations(play_vector(env, actions)))
    seconds = {name: float(np.min(hours, axis=0).sum()) for name, hours in rounds.items()}
    print(f"{scenario}: {COPIES} copies of {agents} agents, agent-steps per second")
    for name, day in seconds.items():
        print(f"  {COPIES * agents * HOURS / day:12,.0f}  {seconds['separate'] / day:5.1f} x  {name}")
    return int(seconds["separate"] / seconds["a day for each copy"] < LEAST_RATIO)


def durations(parts: Iterator[None]) -> list[float]:
    """Return the seconds from each pause of a run to the next."""
    taken, began = [], time.perf_counter()
    for _ in parts:
        now = time.perf_counter()
        taken.append(now - began)
        began = now
    return taken


def play_singles(envs: list[AuctionParallelEnv], actions: np.ndarray) -> Iterator[None]:
    """Run a day in every environment, hour by hour, and pause after every call."""
    for i, env in enumerate(envs):
        env.reset(seed=i)
        yield
    for of_hour in actions:
        for env, own in zip(envs, of_hour, strict=True):
            env.step(dict(zip(env.agents, own, strict=True)))
            yield


def play_vector(env: AuctionVectorEnv, actions: np.ndarray) -> Iterator[None]:
    """Run the same day in all copies at once, and pause after every call."""
    env.reset(seed=0)
    yield
    for of_hour in actions:
        env.step(of_hour)
        yield


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["three-arms"])))
