"""Games of the literature: their static solutions, their learners against plain ones, and their studies' short forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim import arithmetic
from auctionsim.analysis.documents.published import Published, published_table, verdict
from auctionsim.analysis.documents.results import interval
from auctionsim.analysis.statistics import Interval
from auctionsim.compiled_code.jit import digest
from auctionsim.games import budgeted_pair, price_family, price_setters, q_network
from auctionsim.games.duopoly import Duopoly
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.studies.base import Options, run_study
from auctionsim.streams import stream

GAME = Duopoly()


def test_static_prices_and_profits_are_the_published_ones():
    # Calvano et al. 2020: 1.47 and 1.92.
    assert GAME.nash_price == pytest.approx(1.473, abs=5e-4)
    assert GAME.monopoly_price == pytest.approx(1.925, abs=5e-4)
    assert float(GAME.profit(GAME.nash_price, GAME.nash_price)) == pytest.approx(0.2229, abs=1e-4)
    assert float(GAME.profit(GAME.monopoly_price, GAME.monopoly_price)) == pytest.approx(0.3375, abs=1e-4)


def test_no_price_does_better_against_the_nash_price_or_together():
    prices = np.linspace(1, 3, 20_001)
    assert prices[GAME.profit(prices, GAME.nash_price).argmax()] == pytest.approx(GAME.nash_price, abs=1e-4)
    assert prices[GAME.profit(prices, prices).argmax()] == pytest.approx(GAME.monopoly_price, abs=1e-4)


def test_the_profit_gain_is_zero_at_nash_and_one_at_monopoly():
    nash, monopoly = (float(GAME.profit(price, price)) for price in (GAME.nash_price, GAME.monopoly_price))
    assert [GAME.profit_gain(profit) for profit in (nash, monopoly, (nash + monopoly) / 2)] == pytest.approx([0, 1, 0.5])


def test_the_grid_reaches_a_tenth_beyond_nash_and_monopoly():
    grid, gap = GAME.grid(), GAME.monopoly_price - GAME.nash_price
    assert (len(grid), grid[0], grid[-1]) == pytest.approx((15, GAME.nash_price - gap / 10, GAME.monopoly_price + gap / 10))


def plain_bidders(a: float, seed: int, session: int, settings: price_family.Settings) -> tuple[list[int], float]:
    """Simulate the learners of `price_family` with plain loops that search all bids in every period."""
    rng = stream(seed, "price-family", round(a * 1000), session)
    q = (1 + settings.start_spread * rng.random((2, 19))) / (1 - settings.discount)
    for period in range(settings.periods):
        epsilon = settings.exploration * np.exp(-settings.decay * period)
        bid = []
        for i in range(2):
            greedy = int(q[i].argmax())
            bid.append(int(rng.random() * 19) if rng.random() < epsilon else greedy)
        winner = int(rng.random() < 0.5) if bid[0] == bid[1] else int(bid[1] > bid[0])
        own, other = (price_family.BIDS[bid[k]] for k in (winner, 1 - winner))
        for i in range(2):
            payoff = 1 - (2 - a) * own - (a - 1) * other if i == winner else 0.0
            q[i, bid[i]] += settings.rate * (payoff + settings.discount * q[i].max() - q[i, bid[i]])
    greedy_bids = [int(k) for k in q.argmax(axis=1)]
    high, low = max(greedy_bids), min(greedy_bids)
    return greedy_bids, (2 - a) * price_family.BIDS[high] + (a - 1) * price_family.BIDS[low]


@pytest.mark.parametrize("a", [1.0, 1.4, 2.0])
def test_compiled_bidders_do_what_plain_ones_do(a: float):
    settings = price_family.Settings(periods=3000, exploration=0.2, rate=0.3)
    for session in range(3):
        bids, revenue = plain_bidders(a, 0, session, settings)
        ending = price_family.simulate_session(a, 0, session, settings)
        assert list(ending.bids) == [price_family.BIDS[k] for k in bids]
        assert ending.revenue == pytest.approx(revenue)


def test_sessions_repeat_and_differ():
    settings = price_family.Settings(periods=2000)
    endings = [price_family.simulate_session(1.0, 0, session, settings) for session in range(8)]
    assert endings == [price_family.simulate_session(1.0, 0, session, settings) for session in range(8)]
    assert len({ending.bids for ending in endings}) > 1


def strategies(rule) -> np.ndarray:
    """Both firms' prices by a rule (own last, rival's last) -> price index."""
    n = GAME.n_prices
    one = [rule(own, rival) for own in range(n) for rival in range(n)]
    two = [rule(own, rival) for rival in range(n) for own in range(n)]
    return np.array([one, two])


def test_greedy_play_ends_in_its_cycle():
    up_and_over = strategies(lambda own, rival: (own + 1) % 3)
    assert price_setters.cycle(up_and_over, (7, 7), GAME.n_prices) == [(2, 2), (0, 0), (1, 1)]


def test_a_deviation_from_punishing_firms_loses_and_from_blind_ones_gains():
    high, low = 12, 2
    grim = strategies(lambda own, rival: high if (own, rival) == (high, high) else low)
    punished = price_setters.deviation(GAME, grim, (high, high), 0.95)
    grid = GAME.grid()
    assert punished.gain < 0
    assert punished.rival[:3].tolist() == [grid[high], grid[high], grid[low]]
    assert punished.deviator[1] == grid[GAME.profit(grid, grid[high]).argmax()]
    blind = price_setters.deviation(GAME, strategies(lambda own, rival: high), (high, high), 0.95)
    assert blind.gain > 0
    assert (blind.rival == grid[high]).all()


def test_price_setters_stop_when_settled_or_at_the_longest():
    short = price_setters.Settings(settled_for=10**9, longest=500)
    trained = price_setters.train(GAME, 0, 0, short)
    assert (trained.periods, trained.has_settled) == (500, False)
    again = price_setters.train(GAME, 0, 0, short)
    assert np.array_equal(trained.strategies, again.strategies)
    settled = price_setters.train(GAME, 0, 0, price_setters.Settings(decay=0.01, settled_for=1000))
    assert settled.has_settled
    assert settled.periods < 10**6


def test_the_network_s_gradient_is_the_slope_of_its_error():
    rng = np.random.default_rng(0)
    network = q_network.new_network(rng, 3, 8, 5)
    x, action, target = rng.random(3).astype(np.float32), 2, 0.7

    def half_squared_error(parameters: np.ndarray) -> tuple[float, np.ndarray, float]:
        hidden, out = np.zeros((2, 8), np.float32), np.zeros(5, np.float32)
        q_network.forward(parameters.astype(np.float32), x, hidden, out)
        return (float(out[action]) - target) ** 2 / 2, hidden, float(out[action]) - target

    _, hidden, error = half_squared_error(network)
    gradient = np.zeros_like(network)
    q_network.add_gradient(network, x, hidden, action, np.float32(error), 5, np.zeros((2, 8), np.float32), gradient)
    step = 1e-2
    for k in range(len(network)):
        ends = []
        for sign in (1, -1):
            moved = network.astype(np.float64)
            moved[k] += sign * step
            ends.append(half_squared_error(moved)[0])
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(gradient[k], abs=2e-3)


def test_adam_walks_to_the_bottom_of_a_parabola():
    point, moments = np.array([3.0, -2.0], np.float32), np.zeros((2, 2), np.float32)
    for step in range(1, 2001):
        q_network.adam_step(point, point.copy(), moments, step, 0.01)
    assert np.abs(point).max() < 0.01


def test_budgeted_days_keep_budgets_and_bounds():
    for is_cooperative in (False, True):
        settings = budgeted_pair.Settings(is_cooperative, 0.25, budget_ratio=4.0, days=20, exploration_days=10, n_hidden=8)
        curve = budgeted_pair.learn(0, settings, parts=2, test_days=20)
        assert (curve.revenue <= 100 / 4 + 1e-9).all()
        assert (curve.value <= 101).all()
        assert curve.value == pytest.approx(curve.values.sum(axis=1))
        again = budgeted_pair.learn(0, settings, parts=2, test_days=20)
        assert np.array_equal(curve.values, again.values)


def test_a_published_figure_holds_at_its_ends():
    figure = Published("m", "0.85", 0.8, 0.9)
    inside, outside = Interval(0.9, 0.89, 0.91), Interval(0.91, 0.9, 0.92)
    assert figure.holds(inside)
    assert not figure.holds(outside)
    assert [row[-1] for row in published_table([(figure, inside), (figure, outside)], "x").rows] == ["yes", "no"]
    assert verdict([(figure, inside)]) == "Reproduced: 1 of 1 simulated figures inside the published range."
    assert verdict([(figure, inside), (figure, outside)]).endswith(
        "1 of 2 simulated figures inside the published range; not: m."
    )


def test_a_closed_form_is_no_reproduction():
    formula, simulated = Published("price", "1.47", 1.47, 1.48, is_closed_form=True), Published("Delta", "0.85", 0.8, 0.9)
    pairs = [(formula, Interval(1.473, 1.473, 1.473)), (simulated, Interval(0.7, 0.69, 0.71))]
    assert verdict(pairs) == (
        "Reproduced: 0 of 1 simulated figures inside the published range; not: Delta. 1 of 1 closed forms agree; they check "
        "the code and are no reproductions."
    )
    assert [row[-1] for row in published_table(pairs, "x").rows] == ["yes (closed form)", "no"]


def quick(name: str, out: Path) -> tuple[pl.DataFrame, str]:
    run_study(name, Options((0,), quick=True), SerialPool(), out, "c", lambda *_: None)
    return pl.read_parquet(out / "results.parquet"), (out / "table.md").read_text()


def test_first_price_learners_collude_and_second_price_learners_do_not(tmp_path: Path):
    results, table = quick("banchio-skrzypacz", tmp_path)
    assert "Reproduced: 2 of 2 simulated figures inside the published range." in table
    shares = [interval(results, "drawn start", f"a = {a}", "collusive").mean for a in (1.0, 2.0)]
    assert shares == [1.0, 0.0]


def test_price_setters_reach_the_published_profit_gain_and_only_memory_punishes(tmp_path: Path):
    results, table = quick("calvano", tmp_path)
    assert "| Nash price | 1.473" in table

    def mean(arm: str, metric: str) -> float:
        return interval(results, "logit duopoly", arm, metric).mean

    assert 0.7 < mean("memory of one period", "profit_gain") < 1
    assert mean("memory, no patience", "profit_gain") < 0.5
    assert mean("memory of one period", "deviation_loses") > 0.5
    assert mean("no memory", "deviation_loses") == 0


def test_cooperative_agents_pay_the_platform_less(tmp_path: Path):
    results, _ = quick("maab-game", tmp_path)
    by_arm = {arm: interval(results, "r = 0.5", f"{arm} reward", "revenue").mean for arm in ("private", "cooperative")}
    assert by_arm["cooperative"] < 0.75 * by_arm["private"]


@pytest.mark.long
def test_measures_detect_the_colluding_arm_and_acquit_the_competing_one(tmp_path: Path):
    results, table = quick("is-it-collusion", tmp_path)
    called = {
        (scenario, arm): interval(results, scenario, arm, "verdict coordination").mean
        for scenario in ("no budgets", "tight budgets")
        for arm in ("competing", "colluding")
    }
    assert called == {key: float(key[1] == "colluding") for key in called}
    assert "| colluding, no budgets | 0 of 1 | 0 of 1 | 0 of 1 | 1 of 1 | 0 of 1 |" in table
    assert interval(results, "no budgets", "competing", "exploitability").mean < 0.1
    # The profit gain alone would mistake pacing for collusion.
    assert interval(results, "tight budgets", "competing", "profit gain truthful").mean > 0.5


def test_compiled_code_is_named_after_the_contents_of_its_sources(tmp_path: Path):
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("ONE = 1\n")
    other.write_text("ONE = 1\n")
    before = digest([one, other])
    sources = [path for room in (price_family, arithmetic) for path in sorted(Path(str(room.__file__)).parent.rglob("*.py"))]
    assert any(source.name == "return_pacing.py" for source in sources)
    assert price_family._learn.py_func.__qualname__.endswith(digest(sources))
    other.write_text("ONE = 2\n")
    assert digest([one, other]) != before
