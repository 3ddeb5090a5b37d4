"""Pacing learnt from logs: best level without a budget, the budget kept with one, and the program's own optimum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from auctionsim.analysis.offline.exploration import Exploration
from auctionsim.analysis.offline.online_lp import learn_pacing
from auctionsim.errors import InputError

HOURS = np.linspace(1, 3, 24)


def logs(n: int = 300):
    """Days on which bidding x brings (1.5 + x - x^2) per auction and costs exp(x), in hours of 1 to 3 auctions."""
    explored = Exploration(0.5, 0.1)
    actions = explored.draw(np.zeros((n, 24, 1)), np.random.default_rng(0).random((n, 24, 2)))[..., 0]
    values, costs = HOURS * (1.5 + actions - actions**2), HOURS * np.exp(actions)
    return actions, explored.log_density(actions[..., None], np.zeros((n, 24, 1))), values, costs, np.ones((n, 24), dtype=bool)


def test_without_a_budget_the_level_of_the_largest_value_is_bid_all_day():
    table = learn_pacing(*logs())
    for hour in range(24):
        assert table.action(hour, np.array([np.inf]))[0] == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_a_budget_is_spent_and_kept_when_the_plan_is_made_again_every_hour(share: float):
    table = learn_pacing(*logs())
    free = sum(HOURS[t] * np.exp(table.action(t, np.array([np.inf]))[0]) for t in range(24))
    left = budget = share * free
    for hour in range(24):
        left -= HOURS[hour] * np.exp(table.action(hour, np.array([left]))[0])
    assert left / budget + 0.02 >= 0
    assert left / budget < 0.08


def test_the_first_plan_reaches_the_linear_programs_optimum_but_for_one_hour():
    actions, densities, values, costs, live = logs()
    table = learn_pacing(actions, densities, values, costs, live)
    value = HOURS[:, None] * (1.5 + table.levels - table.levels**2)
    cost = HOURS[:, None] * np.exp(table.levels)
    budget = 0.75 * cost[:, -1].sum() * 0.6
    solved = linprog(
        -value.ravel(), A_ub=cost.ravel()[None], b_ub=[budget],
        A_eq=np.kron(np.eye(24), np.ones(len(table.levels))), b_eq=np.ones(24),
    )  # fmt: skip
    row = int((table.cost_to_go[:, 0] <= budget).argmax())
    planned = value[np.arange(24), table.choice[row]].sum()
    assert planned <= -solved.fun * 1.03
    assert planned >= -solved.fun - value.max() - 0.03 * abs(solved.fun)


def test_hours_without_budget_left_teach_nothing():
    actions, densities, values, costs, live = logs()
    spoiled = values.copy()
    spoiled[:100, 12:] = -1e6
    live[:100, 12:] = False
    assert (
        learn_pacing(actions, densities, spoiled, costs, live).levels
        == learn_pacing(actions, densities, values, costs, live).levels
    ).all()
    table = learn_pacing(actions, densities, spoiled, costs, live)
    assert table.action(20, np.array([np.inf]))[0] == pytest.approx(0.5, abs=0.15)


def test_an_agent_that_never_pays_is_refused():
    actions, densities, values, costs, live = logs(5)
    with pytest.raises(InputError, match="expected an agent that pays something"):
        learn_pacing(actions, densities, values, 0 * costs, live)
