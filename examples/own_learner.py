"""A learner of your own, inside auctionsim: `auctionsim train examples/one_seller.toml`, or `python examples/own_learner.py`.

The scenario names it as `own_learner:RandomSearch`, and it is found beside the scenario. It looks for better coefficients of
the bid formula near the best ones so far, the simplest evolution strategy. What comes with it: checkpoints, resuming bit for
bit, several seeds, Ray workers, evaluation, reports, and sweeps of its constants.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

import auctionsim
from auctionsim.agents.learners.base import Arrays, TaskBatch
from auctionsim.agents.policies.base import Constant
from auctionsim.market.bidding import market_coefficients, starting_coefficients
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Scenario, Section
from auctionsim.streams import stream


def bids(market: auctionsim.Market, logs: np.ndarray) -> Constant:
    """Log multipliers `[P, learners, 3]` on coefficients that bid about as the keyword bids do."""
    return Constant(market_coefficients(market, logs, starting_coefficients(market)))


def replay(market: auctionsim.Market, shared: Arrays, day: int) -> np.ndarray:
    """A task: the day's profit of the learners, of everybody, and the platform's revenue, over the baseline's: `[3, P]`."""
    logs, base = shared["logs"], market.baseline[day]
    outcome = simulate_day(market, day, bids(market, logs), n_policies=len(logs)).outcome
    own = outcome.profit[:, market.learners].sum(axis=(0, 1)) / base.profit[:, market.learners].sum()
    everybody, revenue = outcome.profit.sum(axis=(0, 1)) / base.profit.sum(), outcome.revenue.sum(axis=0) / base.revenue.sum()
    return np.stack([own, everybody, revenue])


class RandomSearch:
    class Constants(Section):
        candidates: int = 16
        """Bids tried in an iteration, the best ones so far among them."""
        step: float = 0.3
        """Standard deviation of the steps, in log coefficients."""

    def __init__(self, scenario: Scenario, constants: Constants) -> None:
        self.scenario, self.constants = scenario, constants

    def start(self, market: auctionsim.Market) -> Arrays:
        return {"best": np.zeros((len(market.learners), 3)), "iteration": np.zeros(1, dtype=np.int64)}

    def ask(self, market: auctionsim.Market, state: Arrays) -> TaskBatch:
        rng = stream(market.seed, "random-search", int(state["iteration"][0]))
        steps = self.constants.step * rng.standard_normal((self.constants.candidates, *state["best"].shape))
        steps[0] = 0.0
        return TaskBatch(replay, {"logs": state["best"] + steps}, self.scenario.traffic.train_days)

    def tell(self, market: auctionsim.Market, state: Arrays, results: Sequence[np.ndarray]) -> tuple[Arrays, dict[str, float]]:
        own, profit, revenue = np.mean(results, axis=0)
        best = self.ask(market, state).shared["logs"][own.argmax()]
        logged = {"own_profit": own.max(), "profit_ratio": profit.mean(), "revenue_ratio": revenue.mean()}
        return {"best": best, "iteration": state["iteration"] + 1}, {name: float(value) for name, value in logged.items()}

    def policy(self, market: auctionsim.Market, state: Arrays) -> Constant:
        return bids(market, state["best"][None])

    def replays_per_iteration(self, market: auctionsim.Market) -> int:
        return self.constants.candidates


def main(*arguments: str, out: str = "runs/own-learner") -> float:
    """Train in Python; print and return the seller's profit on test days over that of keyword bids."""
    file = Path(__file__).with_name("one_seller.toml")
    overrides = ("train.iterations=5",) if "--quick" in arguments else ()
    scenario, command = auctionsim.load_scenario(file, overrides=overrides), "python examples/own_learner.py"
    run = auctionsim.Run.create(Path(out), scenario, file.read_text(), seeds=(0, 1), command=command, overrides=overrides)
    auctionsim.train(run)
    profit = run.table("outcomes").filter(group="seller").group_by("arm").agg((pl.col("gmv") - pl.col("cost")).sum())
    ratio = float(profit.filter(arm="learned")["gmv"][0] / profit.filter(arm="reference")["gmv"][0])
    print(f"profit on test days over that of keyword bids: {ratio:.2f}\nnext: auctionsim report {out}")
    return ratio


if __name__ == "__main__":
    main(*sys.argv[1:])
