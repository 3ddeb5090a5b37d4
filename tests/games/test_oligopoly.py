"""Oligopolies: static solutions that no firm can better, learners against plain ones, and the duopoly as a special case."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.games.duopoly import Duopoly
from auctionsim.games.oligopoly import Oligopoly
from auctionsim.games.oligopoly_setters import first_values, greedy_cycle, joint_prices, simulate_session
from auctionsim.games.price_setters import Settings
from auctionsim.streams import stream

COSTS = [(1.0, 1.0), (1.0, 0.875), (1.0, 0.75), (1.0, 0.5), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0), (1.0, 0.9, 0.8)]


def test_two_equal_firms_are_the_duopoly():
    game, duopoly = Oligopoly(), Duopoly()
    assert game.nash_prices == pytest.approx([duopoly.nash_price] * 2, abs=1e-12)
    assert game.monopoly_prices == pytest.approx([duopoly.monopoly_price] * 2, abs=1e-12)
    assert game.grids() == pytest.approx(np.stack([duopoly.grid()] * 2), abs=1e-12)
    prices = np.array([1.6, 1.8])
    assert game.profits(prices) == pytest.approx([duopoly.profit(1.6, 1.8), duopoly.profit(1.8, 1.6)])
    assert game.profit_gain(game.profits(prices)) == pytest.approx(duopoly.profit_gain(float(game.profits(prices).mean())))


@pytest.mark.parametrize(
    ("cost", "quality", "outside", "mu"),
    [(5.0, 2.0, 0.0, 0.25), (1.0, 2.0, -20.0, 0.25), (1.0, 2.0, -5.0, 0.02), (20.0, 25.0, 0.0, 1.0)],
)
def test_a_cost_far_from_the_quality_and_an_outside_option_that_nobody_takes_have_their_prices(
    cost: float, quality: float, outside: float, mu: float
):
    duopoly, game = Duopoly(cost, quality, outside, mu), Oligopoly((cost, cost), quality, outside, mu)
    margins = np.linspace(0, max(quality - cost - outside, 0) + 5 * mu, 500_001)
    pull = np.exp((quality - cost - margins - outside) / mu)
    best = cost + margins[(margins * 2 * pull / (2 * pull + 1)).argmax()]
    assert duopoly.monopoly_price == pytest.approx(best, abs=1e-3 * (best - cost))
    assert game.monopoly_prices == pytest.approx([duopoly.monopoly_price] * 2, abs=1e-9)
    # The first-order condition of a price chosen alone.
    share = np.divide(1.0, 2.0 + np.exp((outside - quality + duopoly.nash_price) / mu))
    assert duopoly.nash_price - cost == pytest.approx(mu / (1 - share), rel=1e-9)
    assert game.nash_prices == pytest.approx([duopoly.nash_price] * 2, abs=1e-9)
    assert duopoly.equilibrium().exploitability < 1e-9


@pytest.mark.parametrize("costs", [(1.0, 1.5), (0.0, 4.0), (0.2, 1.0, 1.0)])
@pytest.mark.parametrize(("outside", "mu"), [(0.0, 0.05), (-4.0, 0.25), (0.0, 0.25)])
def test_nash_prices_of_close_substitutes_with_unequal_costs_are_an_equilibrium(
    costs: tuple[float, ...], outside: float, mu: float
):
    game = Oligopoly(costs, outside=outside, mu=mu)
    assert game.equilibrium().exploitability < 1e-9
    assert (game.nash_prices <= game.monopoly_prices.max() + 1e-9).all()


@pytest.mark.parametrize("costs", COSTS)
def test_no_firm_betters_its_nash_price_alone(costs: tuple[float, ...]):
    game = Oligopoly(costs)
    nash, tried = game.nash_prices, np.linspace(0.5, 3, 25_001)
    for i in range(len(costs)):
        prices = np.repeat(nash[None], len(tried), axis=0)
        prices[:, i] = tried
        assert tried[game.profits(prices)[:, i].argmax()] == pytest.approx(nash[i], abs=2e-4)


@pytest.mark.parametrize("costs", COSTS)
def test_no_prices_better_the_joint_profit_of_the_monopoly(costs: tuple[float, ...]):
    game = Oligopoly(costs)
    best, rng = game.monopoly_prices, np.random.default_rng(0)
    most = game.profits(best).sum()
    for scale in (1e-3, 1e-2, 0.1, 0.5):
        others = best + scale * rng.normal(size=(5000, len(costs)))
        assert (game.profits(others).sum(axis=1) <= most + 1e-12).all()
    assert game.profit_gain(game.profits(game.nash_prices)) == pytest.approx(0)
    assert game.profit_gain(game.profits(best)) == pytest.approx(1)
    assert game.profit_gains(game.profits(best)) == pytest.approx([1] * len(costs))


def plain_session(game: Oligopoly, seed: int, session: int, settings: Settings) -> tuple[np.ndarray, int]:
    """Simulate the learners with tables by tuples of prices, and search all prices in every period."""
    rng = stream(seed, "oligopoly-setters", session)
    n, firms = game.n_prices, len(game.costs)
    shape = (n,) * firms
    grids = game.grids()
    last = tuple(int(k) for k in np.unravel_index(int(rng.integers(n**firms)), shape))
    profit = {state: game.profits(np.array([grids[i][k] for i, k in enumerate(state)])) for state in np.ndindex(*shape)}
    start = [
        [np.mean([profit[s][i] for s in profit if s[i] == k]) / (1 - settings.discount) for k in range(n)] for i in range(firms)
    ]
    q = [{state: np.array(start[i]) for state in profit} for i in range(firms)]
    stable = period = 0
    while stable < settings.settled_for and period < settings.longest:
        epsilon = np.exp(-settings.decay * period)
        now = tuple(int(rng.random() * n) if rng.random() < epsilon else int(q[i][last].argmax()) for i in range(firms))
        stable += 1
        for i in range(firms):
            before = int(q[i][last].argmax())
            q[i][last][now[i]] += settings.rate * (profit[now][i] + settings.discount * q[i][now].max() - q[i][last][now[i]])
            stable = 0 if int(q[i][last].argmax()) != before else stable
        last, period = now, period + 1
    seen: list[tuple[int, ...]] = []
    while last not in seen:
        seen.append(last)
        last = tuple(int(q[i][last].argmax()) for i in range(firms))
    return np.mean([profit[state] for state in seen[seen.index(last) :]], axis=0), period


@pytest.mark.parametrize("costs", [(1.0, 0.75), (1.0, 1.0, 1.0), (1.0, 1.0, 0.9, 0.9)])
def test_compiled_firms_do_what_plain_ones_do(costs: tuple[float, ...]):
    game, settings = Oligopoly(costs, n_prices=3), Settings(decay=2e-3, settled_for=500, longest=6000)
    for session in range(2):
        ending = simulate_session(game, 0, session, settings)
        profits, periods = plain_session(game, 0, session, settings)
        assert ending.periods == periods
        assert ending.profits == pytest.approx(profits)
        assert ending.profits == pytest.approx(game.profits(ending.prices).mean(axis=0))


def test_states_number_the_prices_of_all_firms_in_order():
    grids = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    joint = joint_prices(grids)
    assert joint[0b101].tolist() == [2.0, 3.0, 6.0]
    values = first_values(grids, joint.T, 0.5)
    assert values[1, 0].tolist() == [6.0, 8.0], "the mean of a firm's own price is that price, over 1 - 0.5"
    one_up = np.array([[1, 1, 0, 0], [0, 1, 0, 1]])
    assert greedy_cycle(one_up, 0, 2) == [2, 0], "state 0 leads to prices (1, 0), which lead to (0, 0)"


def test_firms_with_equal_costs_reach_more_than_nash_in_a_short_session():
    ending = simulate_session(Oligopoly((1.0, 1.0, 1.0)), 0, 0, Settings(decay=2e-5, settled_for=20_000))
    assert ending.has_settled
    assert 0.2 < Oligopoly((1.0, 1.0, 1.0)).profit_gain(ending.profits) < 1
