"""Best-response dynamics: an equilibrium, a cycle and neither are told apart, on published instances."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.equilibria import MultiplierGame, follow_best_responses

WHOLE = np.full(2, np.inf)
# Conitzer et al. (the gap of pure equilibria): two bidders with utility as their goal, first prices.
CYCLING = MultiplierGame(np.array([(0.75, 0), (1, 1)]), np.array([0.75, 2]), np.arange(1, 201) / 200)
GRID = np.arange(1, 65) / 8


def targets(values: list[tuple[float, float]]) -> MultiplierGame:
    """Bidders who want value within a target, at second price, ties to the first: the setting of Li and Tang (IJCAI 2024)."""
    return MultiplierGame(np.array(values), WHOLE, GRID[GRID >= 1], "second", "value", shares_ties=False)


@pytest.mark.parametrize("start", [(1, 1), (0.5, 0.5), (0.005, 1)])
def test_best_responses_go_round_where_no_pure_equilibrium_exists(start: tuple[float, float]):
    path = follow_best_responses(CYCLING.best_multiplier, start)
    assert (path.ending, path.period) == ("cycle", 100)
    assert (path.profiles[-1] == path.profiles[-101]).all()


def test_no_profile_of_a_coarse_grid_is_an_equilibrium_there():
    game = MultiplierGame(CYCLING.values, CYCLING.budgets, np.arange(0, 21) / 20)
    gains = [game.exploitability(np.array([one, two])) for one in game.grid for two in game.grid]
    assert min(gains) > 0.01


@pytest.mark.parametrize(("start", "end"), [((2, 2), (2, 2)), ((3, 1), (3, 1)), ((1, 3), (1, 3)), ((1, 1), (7.875 + 0.125, 1))])
def test_the_equilibria_of_li_and_tang_are_found_from_their_starts(start: tuple[float, float], end: tuple[float, float]):
    path = follow_best_responses(targets([(2, 1), (1, 2)]).binding_multiplier, start)
    assert path.ending == "equilibrium"
    assert path.last == pytest.approx(end)


@pytest.mark.parametrize("start", [(1, 1), (2, 2), (3, 1), (1, 3), (8, 8)])
def test_their_market_without_a_pure_equilibrium_cycles(start: tuple[float, float]):
    path = follow_best_responses(targets([(1, 1), (0, 3)]).binding_multiplier, start)
    assert path.ending == "cycle"
    assert path.period > 1


def test_running_out_of_rounds_is_no_verdict():
    path = follow_best_responses(CYCLING.best_multiplier, (1, 1), rounds=20)
    assert (path.ending, path.period) == ("undecided", 0)


def test_a_dominant_bidder_ends_in_an_equilibrium_that_a_departure_breaks():
    game = MultiplierGame(np.array([(1.0, 1.0), (0.2, 0.1)]), np.array([3.0, 3.0]), np.arange(0, 101) / 100)
    path = follow_best_responses(game.best_multiplier, (1, 1))
    assert path.ending == "equilibrium"
    assert game.exploitability(path.last) == 0
    assert game.exploitability(path.last + np.array([0.1, 0])) == pytest.approx(0.2)
    assert game.exploitability(np.array([0.05, 1.0])) > 0.5


def test_a_broken_budget_is_no_payoff():
    game = MultiplierGame(np.array([(1.0, 1.0)]), np.array([0.5]), np.arange(0, 101) / 100)
    assert game.payoff(np.array([0.3]), 0) == -np.inf
    assert game.payoff(np.array([0.25]), 0) == pytest.approx(1.5)
    assert game.exploitability(np.array([0.3])) == np.inf
