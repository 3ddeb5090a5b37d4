"""Every game has an equilibrium from which nobody gains by departing, and one that is a little broken is exploitable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import auctionsim.games
from auctionsim.equilibria import Autobidders, uniform_values
from auctionsim.equilibria.finite_games import mixed_equilibrium, mixed_profile, pure_equilibria, pure_exploitability
from auctionsim.errors import InputError
from auctionsim.games.budgeted_equilibrium import MULTIPLIERS, BudgetedPair
from auctionsim.games.duopoly import Duopoly
from auctionsim.games.first_price import FirstPriceAuction
from auctionsim.games.oligopoly import Oligopoly
from auctionsim.games.price_family import BIDS, NASH_REVENUE, PriceFamily
from auctionsim.streams import stream

TOLERANCE = 1e-9
# What solves each module's game; learners of a module play the game of another.
GAMES = {
    "duopoly": "Duopoly", "oligopoly": "Oligopoly", "price_family": "PriceFamily", "first_price": "FirstPriceAuction",
    "budgeted_equilibrium": "BudgetedPair", "multiplicative_weights": "WholeBids",
}  # fmt: skip
LEARNERS = {
    "price_setters": "duopoly", "oligopoly_setters": "oligopoly", "budgeted_pair": "budgeted_equilibrium",
    "price_learning": "oligopoly",
}  # fmt: skip
# The rules of `adwords` have no rival; what `gradient_pacing` promises holds whether or not anything converges; whether users
# of `reporting` gain by a false report is asked of their agents' learning, whose rest nobody has in closed form.
NO_GAMES = {"__init__", "compiled", "q_network", "adwords", "gradient_pacing", "reporting"}


def test_every_module_of_games_is_accounted_for():
    modules = {path.stem for path in Path(str(auctionsim.games.__file__)).parent.glob("*.py")}
    assert modules == {*GAMES, *LEARNERS, *NO_GAMES}
    for module, name in GAMES.items():
        game = getattr(__import__(f"auctionsim.games.{module}", fromlist=[name]), name)
        assert callable(game.equilibrium)
        assert callable(game.exploitability)


@pytest.mark.parametrize("game", [Duopoly(), Duopoly(mu=0.1), Oligopoly((1.0, 0.875)), Oligopoly((1.0,) * 4)])
def test_price_setters(game: Duopoly | Oligopoly):
    found = game.equilibrium()
    assert 0 <= found.exploitability < TOLERANCE
    gains = [game.exploitability(found.strategies * factor) for factor in (1.0, 1.01, 1.05)]
    assert TOLERANCE < gains[1] < gains[2]
    assert game.exploitability(np.full(len(found.strategies), 10.0)) > 0.01


def test_the_monopoly_price_is_exploitable():
    game = Duopoly()
    assert game.exploitability(np.full(2, game.monopoly_price)) > 0.02


@pytest.mark.parametrize("a", [1.0, 1.3, 1.7, 2.0])
def test_price_family(a: float):
    game = PriceFamily(a)
    found = game.equilibrium()
    assert found.exploitability == game.exploitability(found.strategies) < TOLERANCE
    assert found.strategies.max() == NASH_REVENUE
    broken = found.strategies - np.array([0.05, 0.0])
    assert game.exploitability(broken) > 1e-3 or a == 1.0
    assert game.exploitability(np.array([0.5, 0.5])) == pytest.approx(
        max((1 - (2 - a) * own - (a - 1) * 0.5) * (1 if own > 0.5 else 0.5) for own in BIDS if own >= 0.5) - 0.25
    )


def test_the_first_price_auction_on_the_grid_has_the_second_equilibrium_that_the_paper_names():
    assert PriceFamily(1.0).equilibria().tolist() == [[0.9, 0.9], [0.95, 0.95]]


@pytest.mark.parametrize(
    "game",
    [
        FirstPriceAuction(),
        FirstPriceAuction((uniform_values(),) * 5),
        FirstPriceAuction((uniform_values(), uniform_values(0, 1.5))),
    ],
)
def test_first_price_auctions(game: FirstPriceAuction):
    found = game.equilibrium()
    assert 0 <= found.exploitability < 1e-6
    gains = [game.exploitability((found.bids[0].scaled(factor), *found.bids[1:])) for factor in (0.99, 0.95)]
    assert 2 * found.exploitability + 1e-7 < gains[0] < gains[1]


@pytest.mark.parametrize(
    "game", [BudgetedPair(days=20), BudgetedPair(share=0.25, budget_ratio=4, days=20), BudgetedPair(True, days=20)]
)
def test_budgeted_pair(game: BudgetedPair):
    found = game.equilibrium()
    assert 0 <= found.exploitability < TOLERANCE
    assert game.exploitability(found.strategies) == found.exploitability
    # One per cent of the first agent's bids go to the multiplier that is worst against the other's.
    one, two = found.strategies
    worst = int((game.payoffs[0] @ two).argmin())
    broken = 0.99 * one + 0.01 * np.eye(len(MULTIPLIERS))[worst]
    assert game.exploitability((broken, two)) > 0.01


def test_agents_that_meet_a_rival_with_less_budget_pace_less():
    payoffs = BudgetedPair(share=0.25, budget_ratio=4, days=20).payoffs
    found = pure_equilibria(payoffs)
    assert len(found)
    assert (MULTIPLIERS[found[:, 0]] <= MULTIPLIERS[found[:, 1]]).all()


@pytest.mark.parametrize("seed", range(8))
def test_mixed_equilibria_of_random_games(seed: int):
    payoffs = stream(seed, "test-bimatrix").random((2, 4, 5))
    found = mixed_equilibrium(payoffs)
    assert found.exploitability < 1e-6
    assert [strategy.sum() for strategy in found.strategies] == pytest.approx([1, 1])
    even = mixed_profile(payoffs, (np.full(4, 0.25), np.full(5, 0.2)))
    assert even.exploitability > 0.01


def test_matching_pennies_have_no_pure_and_the_even_mixed_equilibrium():
    payoffs = np.array([[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]])
    assert len(pure_equilibria(payoffs)) == 0
    assert pure_exploitability(payoffs, (0, 0)) == 2
    assert mixed_equilibrium(payoffs).strategies[0] == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("game", "wrong", "message"),
    [
        (Duopoly(), [1.5, np.nan], r"prices: expected finite numbers, one per firm, got"),
        (Duopoly(), [1.5], r"prices: expected 2 finite numbers, one per firm, got \[1.5\]"),
        (Oligopoly(), [1.5, np.nan], r"prices: expected finite numbers"),
        (PriceFamily(1.0), [0.97, 0.5], r"bids: expected two of 0.05, 0.1, ... 0.95, got \[0.97, 0.5\]"),
        (PriceFamily(1.0), [0.52, 0.5], r"bids: expected two of"),
        (Autobidders(np.array([[1.0, 2.0], [2.0, 1.0]])), [np.nan, 1.0], r"multipliers: expected finite numbers"),
    ],
)
def test_strategies_that_are_none_are_no_equilibrium(game: Any, wrong: list[float], message: str):
    with pytest.raises(InputError, match=message):
        game.exploitability(wrong)


def test_strategies_may_be_lists():
    assert Oligopoly().exploitability([1.6, 1.6]) == pytest.approx(Duopoly().exploitability([1.6, 1.6]), abs=1e-12)
    assert Autobidders(np.array([[1.0, 0.01], [0.01, 0.99]])).exploitability([200, 1]) == 0.0
