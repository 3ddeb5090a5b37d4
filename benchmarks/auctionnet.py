"""Run a period of AuctionNet's and days of as many auctions here, end to end: `python benchmarks/auctionnet.py CHECKOUT`.

CHECKOUT is a copy of github.com/alimama-tech/AuctionNet (commit c20de63). Its own generator draws 500,000 auctions, and its own
environment clears them in 48 steps for 48 advertisers under its own PID strategy, with its budgets, the history that its test
keeps, and the bids that it takes back where a step cost more than was left. Its learned strategies, which are pickles, are not
loaded. Here a market of two days of 250,000 auctions, as many candidates and slots, is built, its baseline among it, and both
days are run under `pid` with budgets. Every measurement is a process of its own, one after the other in each round; what is
imported and compiled is not part of it.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from market_building import TOUCH, touch

SCENARIO = """
name = "auctionnet-size"
[traffic]
auctions_per_day = {auctions}
candidates = 48
train_days = [0]
test_days = [1]
[mechanism]
slot_effect = [1.0, 0.8, 0.6]
[[advertisers]]
group = "bidder"
count = 48
controller = "pid"
budget = {budget}
[learner]
algorithm = "macg-es"
"""
BUDGET_AN_AUCTION = 0.002
"""Budget, currency for each auction of a day, which nearly everybody spends, as under AuctionNet's budgets."""
TICKS, AGENTS = 48, 48


def main() -> None:
    """Measure both in turn, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path, help="folder of AuctionNet")
    parser.add_argument("--auctions", type=int, default=500_000, help="auctions in all (default: 500000)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default: 3)")
    parser.add_argument("--touch", type=int, metavar="GIB", default=0, help=TOUCH)
    parser.add_argument("--measure", choices=["AuctionNet", "auctionsim"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure = auctionnet if args.measure == "AuctionNet" else auctionsim_days
        print(json.dumps(measure(args.checkout, args.auctions)))
        return
    found: dict[str, list[dict[str, float]]] = {"AuctionNet": [], "auctionsim": []}
    for _ in range(args.rounds):
        for name, own in found.items():
            touch(args.touch)
            command = [sys.executable, __file__, str(args.checkout), "--auctions", str(args.auctions), "--measure", name]
            own.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout))
    print(f"{'medians':24}" + "".join(f"{name:>14}" for name in found) + "         times less")
    for key in found["AuctionNet"][0]:
        theirs, ours = (statistics.median(one[key] for one in own) for own in found.values())
        print(f"{key:24}{theirs:>14.2f}{ours:>14.2f}{theirs / ours if ours else math.nan:>14.1f}")


def measured(build: Callable[[], Any], run: Callable[[Any], float]) -> dict[str, float]:
    """Return seconds of building and of running, and the peak memory of the process."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    built = build()
    ready = time.perf_counter()
    spent = run(built)
    done, after = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    return {
        "building, s": ready - began,
        "running, s": done - ready,
        "both, s": done - began,
        "both, user s": after.ru_utime - before.ru_utime,
        "both, system s": after.ru_stime - before.ru_stime,
        "peak, GiB": after.ru_maxrss / 2**20,
        "budgets spent, share": spent,
    }


def auctionsim_days(_: Path, auctions: int) -> dict[str, float]:
    """Measure a market of two days here."""
    from auctionsim import load_scenario
    from auctionsim.agents.build import build_market
    from auctionsim.market.market import Market
    from auctionsim.market.simulate import simulate_day

    def build(size: int) -> Market:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "market.toml")
            path.write_text(SCENARIO.format(auctions=size // 2, budget=BUDGET_AN_AUCTION * size / 2))
            return build_market(load_scenario(path))

    def run(market: Market) -> float:
        days = [simulate_day(market, day, market.rule_policies[0][1]) for day in market.traffic.days]
        return float(np.mean([(day.outcome.cost.sum(axis=(0, 2)) / market.budgets).mean() for day in days]))

    run(build(2000))
    return measured(lambda: build(auctions), run)


def auctionnet(checkout: Path, auctions: int) -> dict[str, float]:
    """Measure a period of AuctionNet's."""
    gin: Any = types.ModuleType("gin")
    gin.configurable = lambda one: one
    sys.modules["gin"] = gin
    sys.path.insert(0, str(checkout))
    from simul_bidding_env.Environment.BiddingEnv import BiddingEnv  # type: ignore[import-not-found]
    from simul_bidding_env.PvGenerator.NeurIPSPvGen import NeurIPSPvGen  # type: ignore[import-not-found]
    from simul_bidding_env.strategy.pid_bidding_strategy import PidBiddingStrategy  # type: ignore[import-not-found]

    winners, take_back = (functions_of(checkout / "run" / "run_test.py")[name] for name in ("get_winner", "adjust_over_cost"))
    budgets = listed_in(checkout / "simul_bidding_env" / "Controller" / "Controller.py", "calculate_budget")
    environment = BiddingEnv(reserve_pv_price=0.0001)
    environment.reset(episode=0)

    def run(generator: Any) -> float:
        agents = [PidBiddingStrategy(budget=budget, exp_tempral_ratio=np.ones(TICKS)) for budget in budgets]
        for agent in agents:
            agent.reset()
        history: list[list[Any]] = [[], [], [], [], []]
        for tick in range(TICKS):
            values, sigmas = generator.pv_values[tick], generator.pValueSigmas[tick]
            columns = [
                agent.bidding(
                    tick, values[:, i], sigmas[:, i], *([one[i] for one in own] for own in history[:4]), history[4]
                )
                if agent.remaining_budget >= environment.min_remaining_budget
                else np.zeros(len(values))
                for i, agent in enumerate(agents)
            ]  # fmt: skip
            bids = np.maximum(np.array(columns).transpose(), 0.0)
            left = np.array([agent.remaining_budget for agent in agents])
            over, shown = np.full(AGENTS, -1.0), np.zeros((0, 3))
            while (over != 0).any():
                if over.max() > 0:
                    take_back(bids, over, environment.slot_coefficients, shown)
                won, slot, cost, exposed, converted, least, _ = environment.simulate_ad_bidding(values, sigmas, bids)
                paid, shown = (cost * exposed).sum(axis=1), winners(slot)
                over = np.maximum((paid - left) / (paid + 1e-4), 0)
            for agent, one in zip(agents, paid, strict=True):
                agent.remaining_budget -= one
            kept = (
                np.stack((values.T, sigmas.T), -1),
                bids.T,
                np.stack((won, slot, cost), -1),
                np.stack((exposed, converted), -1),
            )
            for own, one in zip(history, (*kept, least), strict=True):
                own.append(one)
        return float(np.mean([1 - agent.remaining_budget / agent.budget for agent in agents]))

    return measured(lambda: NeurIPSPvGen(pv_num=auctions), run)


def functions_of(path: Path) -> dict[str, Any]:
    """Return the functions of a module whose other imports are not installed, such as torch 1.12 and gin."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [one for one in tree.body if isinstance(one, ast.FunctionDef) and not one.decorator_list]
    names: dict[str, Any] = {"np": np, "math": math, "List": list, "Optional": dict, "PlayerAnalysis": None}
    exec(compile(tree, str(path), "exec"), names)
    return names


def listed_in(path: Path, function: str) -> list[float]:
    """Return the numbers of the first list in a method, without running it."""
    for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(one, ast.FunctionDef) and one.name == function:
            found = next(node for node in ast.walk(one) if isinstance(node, ast.List) and len(node.elts) == AGENTS)
            return [float(number) for number in ast.literal_eval(found)]
    raise ValueError(f"{path}: expected a method {function}, got none")


if __name__ == "__main__":
    main()
