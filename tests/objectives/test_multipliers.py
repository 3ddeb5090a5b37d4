"""Multipliers: the price of a constraint is found, and what is learned with them."""

from __future__ import annotations

import numpy as np
import pytest

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
