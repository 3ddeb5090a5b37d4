"""Measure `torch_env` in agent-steps per second, observations, rewards and infos included.

`python benchmarks/torch_env.py --device cpu --num-envs 64 1024 --advertisers 12 --auctions 833` prints, for each number of
copies, agent-steps per second over whole days, resets included; the time of a step and of the engine in it; and on the
processor those of `AuctionVectorEnv` with the same actions in the same rounds. Rounds alternate and the shortest counts,
since other work on the machine only ever adds time. Random actions lie on the device before the clock starts.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
import torch

from auctionsim.agents.device.devices import found_device
from auctionsim.auction.cuda.kernels.device import check_device
from auctionsim.envs import AuctionVectorEnv, torch_env
from auctionsim.envs.markets import market_of
from auctionsim.errors import InputError
from auctionsim.market.market import Market

HOURS = 24


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="device of the tensors: cpu, cuda or cuda:N")
    parser.add_argument("--auctions-on", help="device that clears the auctions; that of the tensors where not given")
    parser.add_argument("--num-envs", type=int, nargs="+", default=[64, 1024, 4096], help="numbers of copies")
    parser.add_argument("--scenario", default="three-arms", help="scenario of the market")
    parser.add_argument("--advertisers", type=int, help="advertisers of the first group; the scenario's where not given")
    parser.add_argument("--auctions", type=int, default=833, help="auctions in a mean hour")
    parser.add_argument("--rounds", type=int, default=4, help="rounds, of which the shortest counts")
    parser.add_argument("--same-day", action="store_true", help="all copies on the same day")
    asked = parser.parse_args()
    try:
        found_device("--device", asked.device)
        if (asked.auctions_on or asked.device) != "cpu":
            check_device("--auctions-on", asked.auctions_on or asked.device)
    except InputError as error:
        parser.error(str(error))
    overrides = [f"traffic.auctions_per_day={asked.auctions * HOURS}"]
    if asked.advertisers is not None:
        overrides += [f"advertisers.0.count={asked.advertisers}", f"traffic.candidates={min(asked.advertisers, 12)}"]
    market = market_of(asked.scenario, overrides)
    agents = len(market.learners)
    print(f"{asked.scenario}: {agents} agents, {asked.auctions} auctions a step, {_described(asked.device)}")
    print(f"  {'copies':>8}  {'environment':<18}  {'agent-steps/s':>14}  {'ms a step':>10}  {'ms in the engine':>16}")
    for num_envs in asked.num_envs:
        for name, (seconds, engine) in measured(market, num_envs, asked).items():
            rate = num_envs * agents * HOURS / seconds
            cells = f"{rate:14,.0f}  {1e3 * seconds / HOURS:10.2f}  {1e3 * engine / HOURS:16.2f}"
            print(f"  {num_envs:8}  {name:<18}  {cells}")
        if asked.device.startswith("cuda"):
            peak = torch.cuda.max_memory_allocated(asked.device) / (num_envs * len(market.advertisers))
            print(f"  {'':8}  {peak:,.0f} bytes of torch's memory on the GPU for each copy and advertiser, at most")
            torch.cuda.reset_peak_memory_stats(asked.device)
    return 0


def measured(market: Market, num_envs: int, asked: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Return the shortest seconds of a day, and of the engine in that day, of each environment."""
    given: dict[str, Any] = {"same_day": asked.same_day, "autoreset_mode": "DISABLED"}
    env = torch_env(market, num_envs, asked.device, auctions_on=asked.auctions_on, **given)
    actions = np.random.default_rng(0).uniform(-1, 1, (HOURS, num_envs, len(env.agents), 3)).astype(np.float32)
    runs: dict[str, tuple[Any, Any]] = {"torch_env": (env, torch.tensor(actions, device=env.device))}
    if asked.device == "cpu":
        runs["AuctionVectorEnv"] = AuctionVectorEnv(market, num_envs, **given), actions
    timers = {name: Timer(env.device, made) for name, (made, _) in runs.items()}
    shortest = dict.fromkeys(runs, (float("inf"), 0.0))
    # The first round compiles.
    for i in range(asked.rounds + 1):
        for name, (made, of_day) in runs.items():
            found = timers[name].day(made, of_day, seed=None if i else 0)
            shortest[name] = min(shortest[name], found) if i else shortest[name]
    return shortest


class Timer:
    """Times days of an environment, and the engine inside them; the device is waited for at both ends of each."""

    def __init__(self, device: torch.device, env: Any) -> None:
        self._device, self._engine = device, 0.0
        days = getattr(env, "_inner", env).batched_days
        step = days._engine.step

        def timed(coefficients: Any) -> Any:
            # On a GPU the engine is not waited for, so that its time is that of giving it work.
            began = time.perf_counter()
            found = step(coefficients)
            self._engine += time.perf_counter() - began
            return found

        days._engine.step = timed

    def day(self, env: Any, actions: Any, seed: int | None) -> tuple[float, float]:
        """Return the seconds of a day with its reset, and of the engine in it."""
        self._engine = 0.0
        self._wait()
        began = time.perf_counter()
        env.reset(seed=seed)
        for of_hour in actions:
            env.step(of_hour)
        self._wait()
        return time.perf_counter() - began, self._engine

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def _described(device: str) -> str:
    """Return the device in words."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"


if __name__ == "__main__":
    sys.exit(main())
