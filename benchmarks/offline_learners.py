"""Compare one bidder's pacing from logs with rules that need none: python -m benchmarks.offline_learners.

`three-arms` with 2,000 auctions a day and a budget of 6 for everyone, which keyword bids exhaust. One bidder follows another
policy, rivals bid by keyword; its own profit on the two test days, means over seeds that nothing was tuned on.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import auctionsim
from auctionsim.analysis.offline.exploration import Exploration
from auctionsim.analysis.statistics import compare_paired, mean_interval
from auctionsim.jobs.offline.dataset import read_dataset
from auctionsim.jobs.offline.export import log_days, write_dataset
from auctionsim.jobs.offline.learn import pacing_policy
from auctionsim.jobs.offline.plan import make_plan
from auctionsim.market.policy import Policy
from auctionsim.market.simulate import simulate_day

SEEDS = range(200, 210)
OVERRIDES = ("traffic.auctions_per_day=2000", "advertisers.0.budget=6")
LOGS = (("start", "scale", 100), ("start", "value", 100), ("dual-pacing", "value", 10), ("dual-pacing", "value", 100))
"""Behavior policy, bid model and episodes of each of the two training days."""
RULES = ("manual", "truthful", "pid", "dual-pacing", "uscb-oracle")


def main() -> None:
    """Print the table as Markdown."""
    earned: dict[str, list[float]] = {}
    for seed in SEEDS:
        for name, profit in of_seed(seed).items():
            earned.setdefault(name, []).append(profit)
    print("| policy | profit of the test days | less that of keyword bids |\n|---|---|---|")
    for name, profits in earned.items():
        print(f"| {name} | {mean_interval(profits)} | {compare_paired(profits, earned['manual']).difference} |")


def of_seed(seed: int) -> dict[str, float]:
    """Return each policy's profit on one seed."""
    market = auctionsim.build_market(auctionsim.load_scenario("three-arms", overrides=OVERRIDES), seed)
    logged = make_plan(market, "manual", bidder="seller_0").market
    policies: dict[str, Policy] = {}
    for rule in RULES:
        policies[rule] = make_plan(logged, rule).policy  # type: ignore[assignment]  (no rule is `start`)
    for behavior, model, episodes in LOGS:
        with tempfile.TemporaryDirectory() as folder:
            plan = make_plan(market, behavior, bidder="seller_0", bid_model=model)
            write_dataset(log_days(plan, Exploration(0.2, 0.05), per_day=episodes), Path(folder) / "logs", "benchmark")
            dataset = read_dataset(Path(folder) / "logs")
        policies[f"online-lp from {2 * episodes} days of `{behavior}` in `{model}`"] = pacing_policy(dataset, market, "profit")
    return {name: _profit(market, policy, logged) for name, policy in policies.items()}


def _profit(market: auctionsim.Market, policy: Policy, logged: auctionsim.Market) -> float:
    """Return the profit of the bidder that is logged, over the test days."""
    who, total = int(logged.learners[0]), 0.0
    for day in market.scenario.traffic.test_days:
        outcome = simulate_day(logged, day, policy).outcome
        total += float(np.sum(outcome.gmv[:, who] - outcome.cost[:, who]))
    return total


if __name__ == "__main__":
    main()
