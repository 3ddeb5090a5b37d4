"""Local credit of constraints: a learner is charged for its own in full, and for another's by how often the two meet."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.objectives import fitness
from auctionsim.objectives.base import Constraint
from auctionsim.objectives.fitness import common_charge, movable_charge

LEARNERS = np.array([0, 1, 3])
"""Advertiser 2 bids by itself."""
FOUND = {
    "profit_floor": np.array([[0.1, -1.0], [0.2, 0.3], [0.4, 0.0], [0.0, 0.05]]),
    "self_bidder_floor": np.array([0.5, -1.0]),
}


def price(_: Constraint, violation: np.ndarray) -> np.ndarray:
    return np.maximum(violation, 0.0)


def test_a_learner_pays_its_own_shortfall_in_full_and_another_s_by_the_share_of_meetings():
    found = {"profit_floor": FOUND["profit_floor"]}
    # Learner 0: its own 0.1; a quarter of the 0.2 and 0.0 of learners 1 and 3; the self-bidder's 0.4, which has no other payer.
    expected = (0.1 + 0.25 * (0.2 + 0.0) + 0.4) / 4
    assert movable_charge(found, price, LEARNERS, 0.25)[0, 0] == pytest.approx(expected)


def test_what_is_on_several_advertisers_together_is_paid_alike_by_all():
    paid = movable_charge({"self_bidder_floor": FOUND["self_bidder_floor"]}, price, LEARNERS, 0.25)
    np.testing.assert_array_equal(np.broadcast_to(paid, (3, 2)), [[0.5, 0.0]] * 3)


def test_where_everybody_meets_everybody_it_is_the_common_charge():
    paid, common = movable_charge(FOUND, price, LEARNERS, 1.0), common_charge(FOUND, price)
    np.testing.assert_allclose(paid, np.tile(common, (3, 1)), rtol=1e-15)


def test_what_owners_pay_alone_is_no_part_of_it():
    found = {**FOUND, "cpc_cap": np.ones((4, 2))}
    np.testing.assert_array_equal(movable_charge(found, price, LEARNERS, 0.5), movable_charge(FOUND, price, LEARNERS, 0.5))


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_penalty_beyond_the_largest_number_is_infinite_and_no_missing_number(share: float):
    found = {"profit_floor": np.array([[np.inf, 0.0], [0.2, 0.0], [0.4, 0.0], [0.0, 0.0]])}
    paid = movable_charge(found, price, LEARNERS, share)
    assert paid[0, 0] == np.inf
    assert not np.isnan(paid).any()
    assert (paid[1, 0] == np.inf) == (share > 0)
    assert paid[:, 1].tolist() == [0.0, 0.0, 0.0]


def test_the_floors_of_hundreds_of_others_are_no_noise_in_what_a_learner_pays():
    n = 400
    rng = np.random.default_rng(0)
    violation = rng.normal(0.0, 0.1, (n, 64))
    violation[0] = np.linspace(-0.1, 0.1, 64)
    own = price(fitness.constraints_in(["profit_floor"])[0], violation[0]) / n
    paid = movable_charge({"profit_floor": violation}, price, np.arange(n), 7 / (n - 1))[0]
    common = common_charge({"profit_floor": violation}, price)
    # Of the variance of what it pays a quarter is the others' doing, and of the common charge nearly all.
    assert np.corrcoef(paid, own)[0, 1] ** 2 > 0.7
    assert np.corrcoef(common, own)[0, 1] ** 2 < 0.1
