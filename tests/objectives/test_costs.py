"""Costs of hours: additive, relative to the limits, and above 0 over a day exactly where a constraint is violated."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.market.goals import training_goals
from auctionsim.market.market import Market
from auctionsim.objectives.constraints import CONSTRAINTS
from auctionsim.objectives.costs import COSTS, CostRates, limits_of, violations_of
from auctionsim.objectives.fitness import violations
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

HOURS = 24
LINEAR = ("profit_floor", "spend_floor", "self_bidder_floor", "revenue_floor")
"""Constraints on an amount; the others are on a ratio."""


@pytest.fixture(scope="module")
def market() -> Market:
    """A market with every constraint, on three sellers and two self-bidders."""
    text = SMALL.replace("count = 5", "count = 3").replace(
        "profit_floor = 1.0",
        'profit_floor = 0.9\ncpc_cap = "baseline*1.1"\ncpa_cap = "baseline*1.1"\nroi_floor = "baseline*0.9"\nspend_floor = 1.0',
    )
    text += '\n[[advertisers]]\ngroup = "self"\ncount = 2\ncontroller = "manual"\n'
    return build_market(parse_scenario(text, "x.toml", overrides=["platform.self_bidder_floor=0.8"]))


def random_hours(market: Market, rng: np.random.Generator, n_policies: int = 1) -> np.ndarray:
    """Hours of a day near the baseline's, `[24, advertisers, 5, P]`."""
    day = np.stack([np.stack([getattr(market.baseline[0], name)[:, :, 0] for name in (
        "impressions", "clicks", "conversions", "gmv", "cost")], axis=-1)], axis=-1)  # fmt: skip
    return day * rng.gamma(2.0, 0.5, (HOURS, day.shape[1], 5, n_policies)) * rng.uniform(0.5, 1.5, (1, 1, 5, n_policies))


def test_the_costs_of_a_day_add_up_to_its_violations_and_have_their_signs(market: Market):
    goals, rng, signs = training_goals(market, 0), np.random.default_rng(0), {key: set() for key in COSTS}
    rates = CostRates.of(goals, HOURS)
    for _ in range(40):
        hours = random_hours(market, rng)
        costs = sum(rates.costs(hour, market.learners) for hour in hours)[0]
        found = violations_of(violations(hours.sum(axis=0), goals), market.learners, 1)[0]
        for i, key in enumerate(COSTS):
            if key in LINEAR:
                np.testing.assert_allclose(costs[:, i], found[:, i], rtol=1e-9, atol=1e-9)
            assert (np.sign(costs[:, i]) == np.sign(found[:, i])).all()
            signs[key] |= set(np.sign(costs[:, i]))
    assert all(both == {-1.0, 1.0} for both in signs.values())


def test_an_hour_costs_its_share_of_the_floor_less_what_it_brought(market: Market):
    goals = training_goals(market, 0).with_limits(revenue_floor=np.array([120.0]))
    totals = np.zeros((5, 5, 1))
    for revenue, cost in ((3.0, 1 / 24 - 3 / 120), (5.0, 0.0), (12.0, 1 / 24 - 0.1)):
        totals[1, 4] = revenue
        found = CostRates.of(goals, HOURS).costs(totals, market.learners)[0, :, COSTS.index("revenue_floor")]
        np.testing.assert_allclose(found, cost, atol=1e-15)


def test_without_a_limit_nothing_costs_and_nothing_is_violated():
    text = SMALL.replace("profit_floor = 1.0", "")
    market = build_market(parse_scenario(text, "x.toml", overrides=["platform.revenue_floor=0.0"]))
    goals, totals = training_goals(market, 0), np.random.default_rng(0).gamma(2.0, 1.0, (5, 5, 1))
    assert (CostRates.of(goals, HOURS).costs(totals, market.learners) == 0).all()
    assert (violations_of(violations(totals, goals), market.learners, 1) == -1).all()
    found = limits_of(goals, market.learners, 1)
    is_cap = [one.sense == "cap" for one in CONSTRAINTS]
    assert sum(is_cap) == 2
    assert (found[..., is_cap] == np.inf).all()
    # The floor on revenue is 0 where there is none.
    assert (found[..., ~np.array(is_cap)][..., :-1] == -np.inf).all()


def test_every_policy_has_the_costs_of_its_own_day_to_the_bit(market: Market):
    rng, index = np.random.default_rng(0), np.array([0, 1, 1, 0])
    each = [CostRates.of(training_goals(market, day), HOURS) for day in (0, 1)]
    totals = random_hours(market, rng, 4)[0]
    together = CostRates.of_policies(each, index).costs(totals, market.learners)
    for p, day in enumerate(index):
        alone = each[day].costs(totals[:, :, [p]], market.learners)
        np.testing.assert_array_equal(together[p], alone[0])


def test_costs_are_in_the_order_of_the_table_of_constraints():
    assert tuple(one.key for one in CONSTRAINTS) == COSTS
