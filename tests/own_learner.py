"""A learner of a user's own, as tests write it to a folder outside the package."""

from __future__ import annotations

from pathlib import Path

CODE = '''
"""Random search over one factor on everybody's keyword bids."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from lab_constants import FEATURES
from auctionsim.agents.learners.base import TaskBatch
from auctionsim.agents.policies.base import Constant
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Section
from auctionsim.streams import stream


@dataclass
class Found:
    revenue: np.ndarray
    profit: np.ndarray


def coefficients(market, factors):
    theta = np.repeat(market.fixed[:, :, None], len(factors), axis=2)
    theta[market.learners] = 0.0
    theta[market.learners, FEATURES - 1] = factors
    return theta


def replay(market, shared, day):
    factors = shared["factors"]
    outcome = simulate_day(market, day, Constant(coefficients(market, factors)), n_policies=len(factors)).outcome
    baseline = market.baseline[day]
    revenue = outcome.cost.sum(axis=(0, 1)) / baseline.cost.sum()
    return Found(revenue, (outcome.gmv - outcome.cost).sum(axis=(0, 1)) / (baseline.gmv - baseline.cost).sum())


class Factor:
    class Constants(Section):
        tries: int = Field(default=4, ge=2)
        step: float = 0.3

    def __init__(self, scenario, constants):
        self.scenario, self.constants = scenario, constants

    def start(self, market):
        return {"factor": np.ones(1), "iteration": np.zeros(1, dtype=np.int64)}

    def ask(self, market, state):
        rng = stream(market.seed, "factor", int(state["iteration"][0]))
        noise = rng.standard_normal(self.constants.tries)
        noise[0] = 0.0
        factors = state["factor"] * np.exp(self.constants.step * noise)
        return TaskBatch(replay, {"factors": factors}, list(self.scenario.traffic.train_days))

    def tell(self, market, state, results):
        assert all(isinstance(found, Found) for found in results)
        profit = np.mean([found.profit for found in results], axis=0)
        factors = self.ask(market, state).shared["factors"]
        after = {"factor": factors[[profit.argmax()]], "iteration": state["iteration"] + 1}
        revenue = np.mean([found.revenue.mean() for found in results])
        return after, {"revenue_ratio": float(revenue), "profit_ratio": float(profit.mean())}

    def policy(self, market, state):
        return Constant(coefficients(market, state["factor"]))

    def replays_per_iteration(self, market):
        return self.constants.tries
'''


RULE = '''
"""A rule that bids a constant share of the keyword bid."""

import numpy as np

from lab_constants import FEATURES
from auctionsim.market.policy import DayPolicy


class Steady:
    def __init__(self, market, advertisers):
        self.theta = np.zeros((len(advertisers), FEATURES, 1))
        self.theta[:, FEATURES - 1] = 0.7

    def begin(self, market, day, n_policies):
        return DayPolicy(lambda state: np.repeat(self.theta, n_policies, axis=2))
'''


def write_lab(folder: Path) -> str:
    """Write the learner, a rule and a module they import to a folder; return the learner's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lab_learner.py").write_text(CODE)
    (folder / "lab_rule.py").write_text(RULE)
    (folder / "lab_constants.py").write_text("FEATURES = 4\n")
    return "lab_learner:Factor"
