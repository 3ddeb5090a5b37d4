"""Multipliers: the price of a constraint is found, and what is learned with them."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.auction.outcome import COST
from auctionsim.objectives import goals as obj
from auctionsim.objectives.multipliers import Multipliers, cost
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

FREE = ("platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0")


def test_a_multiplier_grows_until_its_constraint_holds_and_falls_with_slack():
    # Maximize x under x <= 1 by gradient steps on x less the cost of x - 1: the multiplier is the price of the constraint, 1.
    scenario = parse_scenario(SMALL.replace("count = 5", "count = 2"), "x.toml", overrides=["traffic.candidates=2"])
    x, found = 3.0, Multipliers.start(scenario)
    slack = {key: -np.ones_like(one) for key, one in found.by_key.items()}
    for _ in range(400):
        price = found.by_key["revenue_floor"]
        slope = (cost(np.array([x - 1 + 1e-6]), price) - cost(np.array([x - 1 - 1e-6]), price))[0] / 2e-6
        x += 0.02 * (1.0 - slope)
        found = found.after({**slack, "revenue_floor": np.array([x - 1])}, rate=0.05)
    assert x == pytest.approx(1.0, abs=1e-3)
    assert found.by_key["revenue_floor"][0] == pytest.approx(1.0, abs=1e-2)
    for _ in range(100):
        found = found.after({**slack, "revenue_floor": np.array([-0.1])}, rate=0.2)
    assert found.vector.tolist() == [0.0] * 8


def test_learners_that_collude_when_free_spend_at_least_what_their_multipliers_make_them():
    # Everybody spends 1.0 of the baseline at first, and 0.2 or less when total profit is all that counts.
    colluding = (
        *FREE, "learner.own_weight=0.0", 'learner.constraint="lagrangian"', "traffic.auctions_per_day=2000",
        "train.iterations=100", "learner.learning_rate=0.1", "learner.population=16",
    )  # fmt: skip

    def spend(*overrides: str) -> tuple[np.ndarray, np.ndarray]:
        """Spend over the baseline's on training days, `[days, advertisers]`; multipliers of spend floors after 5 iterations."""
        market = build_market(parse_scenario(SMALL, "x.toml", overrides=[*colluding, *overrides]))
        learner = make_learner(market.scenario)
        policy = learner.policy(market, trained(learner, market, 100))
        early = Multipliers.of(trained(learner, market, 5)["multipliers"], market.scenario)
        days = market.scenario.traffic.train_days
        spent = [obj.day_totals(market.outcome(day, policy.theta))[:, COST, 0] for day in days]
        usual = [obj.day_totals(market.baseline[day])[:, COST, 0] for day in days]
        return np.array(spent) / np.array(usual), early.by_key.get("spend_floor", np.zeros(1))

    free, _ = spend()
    kept, multipliers = spend('advertisers.0.spend_floor="baseline*1.2"')
    assert (free < 0.25).all()
    assert (kept >= 1.2).all()
    assert multipliers.max() > 1


def test_a_learner_s_state_has_room_for_spend_floors_only_where_the_scenario_asks_for_one():
    # Checkpoints of scenarios without one have 3 n + 2 multipliers, as before there was such a constraint.
    sizes = {}
    for name, overrides in {"without": (), "with": ("advertisers.0.spend_floor=1.0",)}.items():
        market = build_market(parse_scenario(SMALL, "x.toml", overrides=['learner.constraint="lagrangian"', *overrides]))
        learner = make_learner(market.scenario)
        sizes[name] = len(learner.start(market)["multipliers"])
        assert trained(learner, market, 1)["multipliers"].shape == (sizes[name],)
    assert sizes == {"without": 17, "with": 22}
