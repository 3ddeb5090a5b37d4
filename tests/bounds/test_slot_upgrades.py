"""A knapsack over slots: the published toy, and a ceiling that no choice of slots passes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from auctionsim.bounds.slot_upgrades import knapsack_ceiling, slot_efficiencies, upgrade_efficiencies
from auctionsim.streams import stream

TOY = np.array([0.1, 0.04]), np.array([1.0, 0.8]), np.array([(1.0, 0.375), (1.0, 0.875)])


def test_the_toy_of_chiappa_et_al_has_its_efficiencies():
    assert slot_efficiencies(*TOY).round(3).tolist() == [[0.1, 0.267], [0.04, 0.046]]
    assert upgrade_efficiencies(*TOY).round(3).tolist() == [[0.029], [0.027]]


@pytest.mark.parametrize("seed", range(20))
def test_no_choice_of_slots_within_the_budget_wins_more_and_the_ceiling_is_near(seed: int):
    rng = stream(seed, "test-slots")
    values, exposures = rng.random(5), np.array([1.0, 0.7, 0.3])
    costs = np.sort(rng.random((5, 3)), axis=1)[:, ::-1]
    budget = float(0.5 * costs.sum() / 3)
    best = 0.0
    for choice in product(range(4), repeat=5):
        taken = [(k, slot) for k, slot in enumerate(choice) if slot < 3]
        if sum(costs[k, slot] * exposures[slot] for k, slot in taken) <= budget:
            best = max(best, sum(values[k] * exposures[slot] for k, slot in taken))
    ceiling = knapsack_ceiling(values, exposures, costs, budget)
    # In part at most one upgrade is bought: the ceiling passes the best choice by less than one opportunity's value.
    assert best - 1e-12 <= ceiling <= best + values.max()


def test_with_money_for_everything_the_best_slots_are_bought_and_with_none_nothing():
    assert knapsack_ceiling(*TOY, 10.0) == pytest.approx(0.14)
    assert knapsack_ceiling(*TOY, 0.0) == 0
    # 0.3 buys slot 2 of the first; the next 0.2 go to its upgrade's better rival, slot 2 of the second, in part.
    assert knapsack_ceiling(*TOY, 0.5) == pytest.approx(0.08 + 0.2 / 0.7 * 0.032)
