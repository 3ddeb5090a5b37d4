"""The study `autobidding`: its games do what their texts say, and its committed figures are those of the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.equilibria.formats.correlated import least_revenue
from auctionsim.equilibria.formats.randomized import RandomizedPair, lower_bound_instance, settle
from auctionsim.games.pacing.return_pacing import draw_values, pace, regret_exponents
from auctionsim.games.pacing.scaled_slots import random_queries, settled_revenue
from auctionsim.games.reporting import utilities
from auctionsim.jobs.studies.autobidding import instances, targets
from auctionsim.jobs.studies.autobidding.figures import FIGURES

RESULTS = Path(__file__).parents[3] / "docs" / "results" / "autobidding.parquet"
SLOTS = np.array([1.0, 0.5])


@pytest.mark.parametrize("is_first_price", [True, False])
def test_pacing_by_gradients_never_breaks_a_budget_or_a_return(is_first_price: bool):
    for kind in ("uniform", "normal", "correlated"):
        for rho in (0.03, 0.15):
            run = pace(kind, 3, 1500, rho, is_first_price=is_first_price)
            assert run.violation <= 1e-9
            assert run.liquid_welfare >= 0.5
    assert (run.multipliers[0] == 1 / 0.15 - 1).all()
    assert (run.multipliers[-1] < run.multipliers[0]).all()
    # Who bids the value would break a budget of 0.03, and at first prices the return.
    assert run.values.max(axis=1).sum() / 8 > 2 * 0.03 * 1500


def test_regret_is_that_of_the_best_multiplier():
    # With rivals that bid nothing everything is won at any multiplier: nothing is missed.
    run = pace("uniform", 1, 400, 0.5, is_first_price=False)
    sample = draw_values("uniform", 1, "sample", 500)
    alone = np.full(8, 1e12)
    assert run._loss(sample, alone, 0) == pytest.approx(run._loss(sample, alone, 7), abs=0.1)
    low, high = np.full(8, 0.5), np.full(8, 0.5)
    high[0] = 40.0
    assert run._loss(sample, high, 0) > run._loss(sample, low, 0) >= -0.01
    rounds, curve = run.regret(sample)
    assert rounds[-1] == 400
    assert curve[-1] > curve[0] > 0
    found = regret_exponents("uniform", 1, (300, 900), 0.15, is_first_price=True)
    assert 0 < found["of_horizons"] < 1.1


def test_the_instance_of_the_truthful_auction_is_an_equilibrium_and_a_departure_is_not():
    pair, bids = lower_bound_instance(1.4)
    assert pair.price_of_anarchy(bids) == pytest.approx(1 + 2 * np.log(1.4) / (1.4 - 1 / 1.4), abs=1e-6)
    assert pair.exploitability(bids) < 1e-6
    lower = bids.copy()
    lower[0] /= 1.2
    assert pair.exploitability(lower) > 0.1


def test_replies_in_randomized_auctions_are_the_best_of_a_grid():
    rng = np.random.default_rng(4)
    for is_truthful in (False, True):
        pair = RandomizedPair(np.exp(rng.standard_normal((2, 1))), 1.4, is_truthful)
        bids = pair.values * np.array([[1.0], [0.9]])
        grid = np.linspace(0, 3, 3001) * bids[1, 0]
        rival = np.full_like(grid, bids[1, 0])
        chance, pays = pair.chances(grid, rival), pair.payments(grid, rival)
        assert (np.diff(chance) >= 0).all()
        keeps = pays <= chance * pair.values[0, 0] + 1e-12
        best = float((chance[keeps] * pair.values[0, 0]).max())
        reply = pair.reply(bids, 0)
        assert float((pair.chances(reply, bids[1]) * pair.values[0]).sum()) == pytest.approx(best, rel=2e-3)
        assert pair.chances(np.array([1.0, 1.4, 0.5, 0.0]), np.array([1.0, 1.0, 1.0, 0.0])).tolist() == [0.5, 1.0, 0.0, 0.5]
    # A truthful payment is what bidding up to there is worth: its slope is the bid times the chance's slope.
    pair = RandomizedPair(np.ones((2, 1)), 1.4, is_truthful=True)
    own = np.linspace(0.75, 1.35, 2001)
    slope = np.diff(pair.payments(own, np.ones(2001))) / np.diff(pair.chances(own, np.ones(2001)))
    np.testing.assert_allclose(slope, (own[1:] + own[:-1]) / 2, rtol=1e-4)


def test_replies_settle_in_an_equilibrium():
    pair = RandomizedPair(np.array([(1.0, 0.2), (0.3, 0.8)]), 1.4)
    bids = settle(pair, 2 * pair.values)
    assert pair.exploitability(bids) < 1e-3 * pair.optimum
    assert 1 <= pair.price_of_anarchy(bids) <= 1.8


def test_the_least_revenue_without_swap_regret_is_a_step_below_the_second_value():
    # Both bid 1/2 of 1 and 3/4 on a grid of 1/4: an equilibrium, and none earns less.
    assert least_revenue((1.0, 0.75), 4) == pytest.approx(0.5)
    for k in (4, 10):
        assert least_revenue((1.0, 1.0), k) >= 1 - 2 / k - 1e-9
    assert least_revenue((1.0, 0.75), 8, 0.01) < least_revenue((1.0, 0.75), 8) - 0.01
    # Swap regret of the whole value forbids nothing.
    assert least_revenue((1.0, 0.75), 4, 1.0) == pytest.approx(0, abs=1e-9)


def test_a_false_report_pays_with_second_prices_and_not_with_first():
    values = (10, 7)
    assert utilities(values, values, 0, is_first_price=False)[1] < 0.5
    assert utilities(values, (10, 20), 0, is_first_price=False)[1] > 0.5
    assert utilities(values, (10, 20), 0, is_first_price=True)[1] < 0


def test_scaled_bids_earn_all_value_with_first_prices_and_prices_are_those_of_one_query():
    values = random_queries(2, queries=60)
    revenue, welfare = settled_revenue(values, SLOTS, "first")
    order = np.sort(values, axis=1)[:, ::-1]
    assert revenue == pytest.approx(float((order[:, :2] * SLOTS).sum()))
    assert welfare == pytest.approx(revenue)
    one = np.array([[8.0, 4.0, 2.0]])
    # In the first round nobody has scaled: clicks of 1 and 1/2 at prices of 4 and 2; or 4 / 2 + 2 / 2 and 2 / 2.
    assert settled_revenue(one, SLOTS, "gsp", rounds=1)[0] == pytest.approx(4 + 1)
    assert settled_revenue(one, SLOTS, "vcg", rounds=1)[0] == pytest.approx(2 + 1 + 1)


def test_throttling_comes_near_half_of_the_best_as_bidders_become_many():
    few, many = (instances.throttling_instance(n) for n in (5, 40))
    assert 0.5 <= many < few - 0.05


def test_a_raised_target_moves_others_only_where_they_meet():
    # Two bidders that want different queries, and a third that wants one of the second's.
    values = np.array([(2.0, 0.0, 0.0), (0.0, 2.0, 1.0), (0.0, 0.9, 1.05)])
    before = targets.settled(values, np.ones(3))
    assert before is not None
    moved = targets._moved(values, before, np.array([1.04, 1.0, 1.0]))
    # The first wins what it won: the same conversions at a higher target.
    assert moved is not None
    np.testing.assert_allclose(moved, 0, atol=1e-12)
    # All targets raised alike change no ratio of bids and no allocation.
    everybody = targets._moved(values, before, np.full(3, 1.04))
    assert everybody is not None
    np.testing.assert_allclose(everybody, 0, atol=1e-12)


def test_small_changes_of_targets_move_some_bidders_far():
    found = targets.sensitivity(0)
    kept = pl.read_parquet(RESULTS).filter(scenario="changes of targets", seed=0)
    assert found == dict(kept.select("metric", "value").iter_rows())
    for name in targets.SIZES:
        assert 0 < found[f"one_{name}"] < found[f"all_{name}"] <= 1
        assert -1 <= found[f"least_{name}"] < -targets.CHANGE
        assert found[f"most_{name}"] > targets.MOVED
        assert 0 < found[f"settled_{name}"] <= 1


def test_figures_are_named_once_and_the_committed_results_measure_each():
    metrics = [metric for _, metric, _ in FIGURES]
    assert len(metrics) == len(set(metrics))
    assert all(figure.low <= figure.high for _, _, figure in FIGURES)
    results = pl.read_parquet(RESULTS)
    assert set(metrics) - set(results["metric"]) <= {metric for metric in metrics if metric.startswith("exponent, ")}
    assert results.filter(metric="broken")["value"].max() == 0
