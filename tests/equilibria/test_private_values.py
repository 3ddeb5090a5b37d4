"""Losses and distances of any bids: 0 at equilibria, known where bids are none, larger the more an equilibrium is broken."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.equilibria import PowerValues, first_price_equilibrium, uniform_values, utility_losses
from auctionsim.equilibria.private_values.bid_profile import BidProfile, profile_at_nodes
from auctionsim.equilibria.private_values.losses import Pricing, distances, losses, losses_against
from auctionsim.errors import InputError

UNIFORM = uniform_values()


def scaled(n: int, factor: float, nodes: int = 65) -> BidProfile:
    """Return the profile of n bidders with values from U[0, 1] who bid a multiple of them."""
    return profile_at_nodes([UNIFORM] * n, [lambda value: factor * value] * n, nodes)


@pytest.mark.parametrize(("n", "tolerance"), [(2, 2e-6), (5, 2e-5), (10, 1e-4)])
def test_nobody_gains_in_equilibrium_and_breaking_it_shows(n: int, tolerance: float):
    share = (n - 1) / n
    found = losses(scaled(n, share), "first")
    assert found.relative.max() < tolerance
    # Each of n bidders earns 1 / (n (n + 1)) in expectation.
    np.testing.assert_allclose(found.usual, 1 / (n * (n + 1)), rtol=tolerance)
    # A grid of bids misses the best response by as little: against equal rivals it is known.
    assert found.best == pytest.approx(1 / (n * (n + 1)), rel=tolerance)
    rising = [losses(scaled(n, share * factor), "first").relative.max() for factor in (1.0, 0.97, 0.9, 0.7)]
    assert rising[1] > 10 * tolerance
    assert rising == sorted(rising)
    above = [losses(scaled(n, share + (1 - share) * more), "first").relative.max() for more in (0.1, 0.3, 0.9)]
    assert above == sorted(above)
    assert above[0] > 10 * tolerance


def test_bidding_the_value_at_first_price_leaves_a_twelfth():
    np.testing.assert_allclose(losses(scaled(2, 1.0), "first").absolute, 1 / 12, rtol=1e-5)
    assert losses(scaled(2, 1.0), "first").relative == pytest.approx(1.0)


def test_the_value_is_dominant_at_second_price():
    found = losses(scaled(3, 1.0), "second")
    assert found.absolute.max() < 1e-9
    np.testing.assert_allclose(found.usual, 1 / 12, rtol=1e-5)
    # A bid above all others costs nothing more than the highest of them.
    alone = scaled(2, 0.4).with_bids(0, np.full(65, 3.0))
    assert losses(alone, "second").usual[0] == pytest.approx(1 / 2 - 0.2, rel=1e-5)
    assert losses(scaled(2, 0.5), "second").relative.min() > 0.05


@pytest.mark.parametrize("factor", [0.6, 0.9, 1.1])
def test_losses_are_those_of_the_solver_that_looks_for_best_responses_otherwise(factor: float):
    distributions = [UNIFORM, uniform_values(0, 2)]
    bids = [each.scaled(factor) for each in first_price_equilibrium(distributions).bids]
    ours = losses(profile_at_nodes(distributions, bids, 257), "first").absolute
    np.testing.assert_allclose(ours, utility_losses(distributions, bids), rtol=5e-3, atol=2e-6)


def test_values_that_are_not_uniform_have_their_equilibrium_too():
    distributions = [PowerValues(0, 1, 2.0)] * 3
    found = profile_at_nodes(distributions, first_price_equilibrium(distributions).bids, 257)
    assert losses(found, "first").relative.max() < 2e-4


def test_bids_may_fall_and_may_be_the_same_for_many_values():
    values = np.tile(np.linspace(0, 1, 5), (2, 1))
    profile = BidProfile((UNIFORM, UNIFORM), values, np.array([[0.2, 0.4, 0.2, 0.2, 0.6], [0.0, 0.25, 0.5, 0.75, 1.0]]))
    chances = profile.chances(np.array([0.1, 0.2, 0.3, 0.4, 0.6]))
    # Half of the first two segments lies below 0.3, all of the flat one from 0.2 on, a quarter of the last one.
    np.testing.assert_allclose(chances[0], [0, 0.25, 0.125 + 0.125 + 0.25 + 0.0625, 0.75 + 0.125, 1])
    np.testing.assert_allclose(chances[1], [0.1, 0.2, 0.3, 0.4, 0.6])
    assert (losses(profile, "first").absolute > 0).all()


@pytest.mark.parametrize("pricing", ["first", "second"])
@pytest.mark.parametrize("n", [2, 3, 7])
def test_bidders_who_bid_the_same_share_the_object_and_a_little_more_wins_it(pricing: Pricing, n: int):
    same = np.tile(np.linspace(0, 1, 9), (n, 1))
    nothing = losses(BidProfile((UNIFORM,) * n, same, np.zeros((n, 9))), pricing)
    np.testing.assert_allclose(nothing.usual, 1 / (2 * n), rtol=1e-6)
    np.testing.assert_allclose(nothing.best, 1 / 2, rtol=1e-6)
    np.testing.assert_allclose(nothing.relative, 1 - 1 / n, rtol=1e-6)
    # All but the last bid 0.3, and the last one, who bids up to 0.7, is below them with a chance of 3/7.
    bids = np.vstack([np.full((n - 1, 9), 0.3), np.linspace(0, 0.7, 9)[np.newaxis]])
    found = losses(BidProfile((UNIFORM,) * n, same, bids), pricing)
    price = 0.15 if pricing == "second" and n == 2 else 0.3
    np.testing.assert_allclose(found.usual[:-1], 3 / 7 / (n - 1) * (0.5 - price), atol=3e-4)


def test_bids_cut_at_a_cap_are_shared_as_drawn_auctions_share_them():
    values = np.tile(np.linspace(0, 1, 101), (2, 1))
    profile = BidProfile((UNIFORM, UNIFORM), values, np.minimum(values / 2, 0.25))
    # Below the cap a bidder wins by its value; at the cap half the time against the half that is capped too.
    usual = 1 / 48 + (0.75 - 0.25) * (1 / 2 + 1 / 2 * 1 / 2) * 1 / 2
    np.testing.assert_allclose(losses(profile, "first").usual, usual, rtol=1e-3)


def test_a_market_in_which_nobody_bids_has_no_loss_of_payoff_that_is_not_a_number():
    found = losses(scaled(2, 0.0), "first")
    assert np.isfinite(found.relative).all()


@pytest.mark.parametrize("pricing", ["first", "second"])
def test_losses_against_an_equilibrium_rise_with_the_distance_to_it(pricing: Pricing):
    best = 0.5 if pricing == "first" else 1.0
    equilibrium = scaled(2, best)
    assert np.abs(losses_against(equilibrium, equilibrium, pricing)).max() < 1e-12
    near, far = (scaled(2, best * factor) for factor in (0.9, 0.7))
    assert (losses_against(far, equilibrium, pricing) > 2 * losses_against(near, equilibrium, pricing)).all()
    # At first price a multiple a of v earns (1 - a) 2 a / 3 against v / 2, and 1 / 6 at a = 1 / 2.
    if pricing == "first":
        np.testing.assert_allclose(losses_against(near, equilibrium, pricing), 1 - 4 * 0.55 * 0.45, rtol=1e-4)
    np.testing.assert_allclose(distances(near, equilibrium), 0.1 * best / np.sqrt(3), rtol=1e-6)
    np.testing.assert_allclose(distances(equilibrium, equilibrium), 0, atol=1e-12)


def test_straight_bids_do_not_hold_the_equilibrium_of_unequal_bidders():
    # Half of the value is the weak bidder's best response to any straight bids that reach as high as its own.
    distributions = (UNIFORM, uniform_values(0, 2))
    best = {
        slope: losses(profile_at_nodes(distributions, [lambda v: 0.5 * v, lambda v, s=slope: s * v], 129), "first")
        for slope in (0.30, 0.328, 0.36)
    }
    assert best[0.328].usual[1] > max(best[0.30].usual[1], best[0.36].usual[1])
    np.testing.assert_allclose(best[0.328].relative, [0.0, 0.071], atol=1e-3)


def test_shapes_and_nodes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"bids: expected \[bidders, nodes\] for 2 >= 2 bidders"):
        BidProfile((UNIFORM, UNIFORM), np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(InputError, match=r"values\[1\]: expected nodes that rise from 0 to 1, got 0 to 0.5"):
        BidProfile((UNIFORM, UNIFORM), np.array([[0, 0.5, 1], [0, 0.2, 0.5]]), np.zeros((2, 3)))


def test_bent_bids_nearly_hold_the_equilibrium_of_unequal_bidders():
    # The least squares of theta0 + theta1 pcvr + theta2 value with theta >= 0, pcvr the square and the root of the share.
    distributions = (UNIFORM, uniform_values(0, 2))
    equilibrium = profile_at_nodes(distributions, first_price_equilibrium(distributions).bids, 129)
    bent = profile_at_nodes(
        distributions,
        [lambda v: 0.013 + 0.3645 * v + 0.2634 * v * v, lambda v: 0.2126 * v + 0.2792 * np.sqrt(v / 2)],
        129,
    )
    np.testing.assert_allclose(losses_against(bent, equilibrium, "first"), [0.0005, 0.0038], atol=1e-4)
