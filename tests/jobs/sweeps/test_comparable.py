"""What trials may be ranked by: currency on the same auctions, fitness only under the same rules and weights."""

from __future__ import annotations

import pytest

from auctionsim.errors import InputError
from auctionsim.jobs.sweeps.comparable import changes_baseline, changes_traffic, checked_metric, default_metric
from auctionsim.jobs.sweeps.distributions import parse_parameter
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

CLICKS = "advertisers.0.objectives={clicks = 1.0}"


@pytest.mark.parametrize(
    "key",
    [
        "traffic.auctions_per_day",
        "traffic.test_days",
        "traffic",
        "advertisers.0.count",
        "advertisers.1.keywords",
        "advertisers",
    ],
)
def test_other_auctions_or_days_are_other_traffic(key: str):
    assert changes_traffic(key)


@pytest.mark.parametrize("key", ["mechanism.pricing", "platform.baseline", "advertisers.0.budget", "traffic.budgets"])
def test_rules_and_budgets_leave_the_auctions_and_change_the_baseline(key: str):
    assert not changes_traffic(key)
    assert changes_baseline(key)


@pytest.mark.parametrize("key", ["learner.sigma", "learner.penalty", "platform.revenue_floor", "advertisers.0.controller"])
def test_learners_controllers_and_floors_change_neither(key: str):
    assert not changes_traffic(key)
    assert not changes_baseline(key)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "profit"),
        (["learner.global_weight=0"], "learner_profit"),
        ([CLICKS], "fitness"),
        ([CLICKS, "learner.global_weight=0"], "learner_clicks"),
        (["advertisers.0.objectives={gmv = 1.0, profit = 1.0}", "learner.global_weight=0"], "fitness"),
        (["advertisers.0.controller=manual"], "profit"),
    ],
)
def test_the_default_is_what_the_learners_aim_at(overrides: list[str], expected: str):
    assert default_metric(parse_scenario(SMALL, "small.toml", overrides=overrides)) == expected


@pytest.mark.parametrize(
    "key", ["mechanism.pricing=grid(gsp, vcg)", "platform.revenue_floor=uniform(0, 1)", "learner.penalty=uniform(2, 30)"]
)
def test_fitness_is_refused_where_a_swept_key_changes_what_it_measures(key: str):
    scenario, parameters = parse_scenario(SMALL, "small.toml"), [parse_parameter(key)]
    with pytest.raises(InputError, match=r"--metric fitness: expected a figure that means the same in all trials") as caught:
        checked_metric("fitness", scenario, parameters)
    assert parameters[0].key in str(caught.value)
    assert checked_metric(None, scenario, parameters) == "profit"
    with pytest.raises(InputError, match="--metric: the default for these objectives is fitness"):
        checked_metric(None, parse_scenario(SMALL, "small.toml", overrides=[CLICKS]), parameters)


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(InputError, match="--metric: unknown 'profits'; choose from profit, revenue"):
        checked_metric("profits", parse_scenario(SMALL, "small.toml"), [])
