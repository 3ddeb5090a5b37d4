"""Goals of value maximizers and shared budgets in the scenario: what is accepted, what it resolves to, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.errors import InputError
from auctionsim.market.goals import goals_of
from auctionsim.scenario.file import load_scenario, parse_scenario
from auctionsim.scenario.text import scenario_text

ACME = '[[accounts]]\naccount = "acme"\nbudget = 10.0\n'


def text_of(group: str, accounts: str = "") -> str:
    return f'name = "x"\n{accounts}[[advertisers]]\ngroup = "a"\ncount = 3\n{group}\n'


@pytest.mark.parametrize(
    ("group", "objectives"),
    [
        ('controller = "target-cpa"\ncpa_cap = 3.0', {"conversions": 1.0}),
        ('goal = "target-cpa"\ncpa_cap = "baseline*1.2"\nbudget = 5.0', {"conversions": 1.0}),
        ('controller = "target-roas"\nroas_floor = 4.0', {"gmv": 1.0}),
        ('goal = "target-roas"\nroi_floor = 3.0', {"gmv": 1.0}),
        ('controller = "max-value"\nbudget = 5.0', {"gmv": 1.0}),
        ('controller = "max-value"\nbudget = 5.0\nobjectives = { clicks = 2.0 }', {"clicks": 2.0}),
        ('goal = "max-value"\nroas_floor = 2.0\nobjectives = { conversions = 1.0, profit = 0.0 }', {"conversions": 1.0}),
    ],
)
def test_a_goal_stands_for_the_weights_that_training_rewards_bounds_and_reports_read(group: str, objectives: dict[str, float]):
    scenario = parse_scenario(text_of(group), "x.toml")
    (found,) = scenario.advertisers
    assert found.objectives == objectives
    assert found.goal is not None
    # A run folder's copy says the same.
    assert parse_scenario(scenario_text(scenario), "x.toml").model_dump() == scenario.model_dump()


@pytest.mark.parametrize(
    ("group", "accounts", "message"),
    [
        ('controller = "target-cap"', "", "advertisers[0].controller: unknown 'target-cap'; choose from "),
        ('controller = "target-cpa"', "", "advertisers[0].cpa_cap: expected a target > 0 with the goal 'target-cpa', got none"),
        ('controller = "target-roas"\nroas_floor = 0.0', "",
         "roas_floor: expected a target > 0 with the goal 'target-roas', got none"),
        ('controller = "max-value"', "", "advertisers[0].budget: expected a budget or a target with the goal 'max-value'"),
        ('goal = "target-roas"\nroas_floor = 2.0\nroi_floor = 1.0', "",
         "roas_floor: expected roas_floor or roi_floor, got both"),
        ('goal = "max-value"\nbudget = 1.0\nobjectives = { profit = 1.0 }', "",
         "expected a weight on one of gmv, conversions, clicks"),
        ('controller = "pid"\nautobid = { method = "min" }', "",
         "autobid: expected only with a controller target-cpa, target-roas"),
        ('controller = "max-value"\nbudget = 1.0\nautobid = { steps = 0.1 }', "",
         "unknown key; choose from method, step, budget_step"),
        ('controller = "max-value"\nbudget = 1.0\nautobid = { method = "mn" }', "", "unknown 'mn'; choose from dual, min,"),
        ('controller = "max-value"\ncpa_cap = 1.0\nautobid = { method = "pid" }', "",
         "expected 'dual' with cpa_cap, which is no target on"),
        ('controller = "target-cpa"\ncpa_cap = 1.0\nautobid = { method = "throttle" }', "",
         "expected a budget with 'throttle', got none"),
        ('controller = "target-cpa"\ngoal = "max-value"\ncpa_cap = 1.0', "",
         "goal: expected 'target-cpa', which the controller bids for"),
        ('account = "amce"', ACME, "advertisers[0].account: unknown 'amce'; choose from acme (did you mean 'acme'?)"),
        ('account = "acme"', "", "advertisers[0].account: expected none, as there are no [[accounts]], got 'acme'"),
        ("", ACME, "accounts[0].account: expected advertisers of account 'acme', got none"),
        ('account = "acme"\nbudget = 3.0', ACME,
         "advertisers[0].budget: expected none in an account, whose budget is shared, got 3.0"),
        ('account = "acme"\naccount_floor = 0.4', ACME, "expected account_floor of its campaigns that add up to <= 1, got 1.2"),
        ('account = "acme"\naccount_floor = 0.4\naccount_ceiling = 0.3', ACME,
         "expected a number <= account_ceiling = 0.3, got 0.4"),
        ("account_floor = 0.4", ACME,
         "account: expected the name of an account with account_floor or account_ceiling, got none"),
        ('account = "acme"', ACME + "min_spend = 11.0\n", "accounts[0].min_spend: expected a level <= budget = 10.0, got 11.0"),
        ('account = "acme"', ACME + "min_spend = 1.0\n",
         "accounts[0].min_spend: expected controllers target-cpa, target-roas, max"),
        ('account = "acme"', ACME + ACME, "accounts: expected a different name for each account, got 'acme' twice"),
        ('account = "acme"', ACME.replace("10.0", "-1.0"),
         "accounts[0].budget: expected a number > 0 or 'baseline*SHARE', got -1.0"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_in_one_line(group: str, accounts: str, message: str):
    with pytest.raises(InputError, match=r"^x\.toml: [^\n]*" + re.escape(message)):
        parse_scenario(text_of(group, accounts), "x.toml")


def test_a_floor_on_gmv_over_cost_is_one_more_than_a_floor_on_roi():
    few = ["traffic.auctions_per_day=200", "traffic.queries=10"]
    limits = []
    for target in ("roas_floor = 3.0", "roi_floor = 2.0"):
        market = build_market(parse_scenario(text_of(f'goal = "target-roas"\n{target}'), "x.toml", overrides=few))
        limits.append(goals_of(market, 2).limits["roi_floor"])
    np.testing.assert_array_equal(*limits)
    assert (limits[0] == 2.0).all()
    relative = parse_scenario(text_of('goal = "target-roas"\nroas_floor = "baseline*0.5"'), "x.toml", overrides=few)
    market = build_market(relative)
    outcome = market.baseline[2]
    roas = (outcome.gmv.sum(axis=0) / outcome.cost.sum(axis=0))[:, 0]
    np.testing.assert_allclose(goals_of(market, 2).limits["roi_floor"][:, 0], 0.5 * roas - 1.0)


def test_the_built_in_market_has_value_and_utility_maximizers():
    groups = load_scenario("autobidding").advertisers
    assert {group.controller for group in groups} == {"target-cpa", "target-roas", "max-value", "learner"}
    assert {group.goal for group in groups if group.controller == "learner"} == {None, "target-roas"}
