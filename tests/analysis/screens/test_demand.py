"""Counterfactual demand, the hole at margin 0, and the published figures of a real cartel's bids."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.analysis.screens.by_auction import AUCTION_MEASURES, Separation, separation
from auctionsim.analysis.screens.demand import (
    _least_weight,
    best_response,
    demand,
    gains_at,
    hole,
    least_collusive_share,
    margins,
)
from auctionsim.analysis.screens.labeled import labeled_bids
from auctionsim.analysis.screens.log import BidLog
from auctionsim.analysis.screens.screen import screen
from auctionsim.ratios import NotDefined

from .logs import HAS_BIDS, SHARED_DATA, log_of, market

needs_bids = pytest.mark.skipif(not HAS_BIDS, reason="the public bids are not in ../shared/data/tsuchiura_bids")


@pytest.fixture(scope="module")
def city() -> tuple[BidLog, np.ndarray]:
    return labeled_bids(SHARED_DATA, over_reserve=True)


@needs_bids
def test_the_published_demand_and_least_collusive_share_come_out(city: tuple[BidLog, np.ndarray]):
    log, _ = city
    assert demand(log, -0.02) == pytest.approx(0.693839, abs=1e-6)
    assert demand(log, 0.0) == pytest.approx(0.25017, abs=1e-6)
    assert least_collusive_share(log) == pytest.approx(0.303379, abs=1e-5)
    assert int((log.counts >= 2).sum()) == 1469
    # The authors' tests: with a tolerance of 0.01 no mixture comes near the demand.
    assert isinstance(least_collusive_share(log, tolerance=0.01), NotDefined)


@needs_bids
def test_the_cartels_bids_have_a_hole_at_margin_0(city: tuple[BidLog, np.ndarray]):
    log, is_cartel = city
    found = hole(log, 0.001)
    assert not isinstance(found, NotDefined)
    assert (found.near, found.beside) == (34, 342)
    assert found.ratio == pytest.approx(0.19883, abs=1e-4)
    # Half a percent off there is none: the density falls away from 0 as it does in competition.
    wide = hole(log, 0.01)
    assert not isinstance(wide, NotDefined)
    assert wide.ratio > 2
    yen, _ = labeled_bids(SHARED_DATA)
    by_name = {one.name: one for one in screen(yen.rows(is_cartel), draws=59, checks=0).screens}
    # Rounding to 10,000 yen is in the simulated bids, and makes no such hole.
    assert by_name["missing bids"].p_value == pytest.approx(1 / 60)
    assert by_name["missing bids"].value < 0.3 * by_name["missing bids"].expected


@needs_bids
def test_single_auctions_tell_little_of_the_cartel(city: tuple[BidLog, np.ndarray]):
    log, is_cartel = city
    assert (len(log), int(is_cartel.sum())) == (1565, 941)
    found = {name: separation(sign * of(log), is_cartel) for name, (of, sign) in AUCTION_MEASURES.items()}
    low = found["low variation"]
    assert isinstance(low, Separation)
    assert low.auc == pytest.approx(0.554, abs=0.002)
    assert 0.5 < low.low < low.high < 0.6
    for one in found.values():
        assert isinstance(one, Separation)
        assert 0.4 < one.auc < 0.6


def test_demand_counts_wins_of_each_bid_alone():
    # Bids of 100 and 101: 100 wins, and 101 would win with 2 % less. 100 x 1.02 loses to 101.
    log = log_of({0: 100.0, 1: 101.0}, {0: 80.0, 1: 90.0})
    assert [demand(log, d) for d in (-0.02, 0.0, 0.02)] == [0.75, 0.5, 0.25]
    assert sorted(margins(log_of({0: 80.0, 1: 90.0}, reserve=100.0)).round(9)) == [-0.1, 0.1]
    # A tie counts half, and a rival's bid counts as the reserve at most.
    assert demand(log_of({0: 100.0, 1: 100.0}), 0.0) == 0.5
    assert demand(log_of({0: 104.0, 1: 108.0}, reserve=100.0), -0.02) == 0.5
    assert np.isnan(demand(log_of({0: 1.0}, {1: 2.0}), 0.0))


def test_demand_is_the_mirror_image_where_the_highest_wins():
    bids = [{0: 1 / 100.0, 1: 1 / 101.0}, {0: 1 / 80.0, 1: 1 / 90.0}]
    assert [demand(log_of(*bids, lowest_wins=False), d) for d in (-0.02, 0.0, 0.02)] == [0.75, 0.5, 0.25]


def test_bids_far_apart_break_even_at_the_cut_itself():
    # With a rival 1 % off, every bid wins with 2 % less: cut x 1 / (1 - 1/2).
    near = log_of(*[{0: 100.0, 1: 101.0}] * 30)
    found = best_response(near)
    assert not isinstance(found, NotDefined)
    assert found.break_even == pytest.approx(0.04)
    for margin, gains in ((0.03, False), (0.05, True)):
        p = gains_at(near, margin)
        assert isinstance(p, float)
        assert (p < 0.05) == gains
    assert isinstance(best_response(log_of(*[{0: 100.0, 1: 200.0}] * 30)), NotDefined)
    assert isinstance(best_response(log_of({0: 1.0})), NotDefined)


def test_competition_has_no_hole_and_arranged_gaps_have_one():
    clean = hole(market(auctions=1500), 0.005)
    assert not isinstance(clean, NotDefined)
    assert 0.8 < clean.ratio < 1.3
    arranged = hole(log_of(*[{0: 100.0, 1: 101.5 + k % 7 / 10} for k in range(60)]), 0.01)
    assert not isinstance(arranged, NotDefined)
    assert arranged.ratio == 0.0
    assert isinstance(hole(log_of({0: 1.0, 1: 2.0}), 0.01), NotDefined)


def test_the_least_weight_of_a_mixture_is_that_of_geometry():
    # Clean points on the left edge, one dirty point at x = 1: the mean must reach x >= 0.5 - 0.1.
    clean, dirty = np.array([[0.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.5]])
    assert _least_weight(clean, dirty, np.array([0.5, 0.5]), 0.1) == pytest.approx(0.4, abs=1e-6)
    assert _least_weight(clean, dirty, np.array([0.05, 0.5]), 0.1) == 0.0
    # A corner: the nearest mixture stands at a slant that no coarse grid of directions holds.
    weight = _least_weight(np.array([[0.0, 0.0]]), np.array([[0.3, 0.7]]), np.array([0.3, 0.7]), 0.2)
    assert weight == pytest.approx(1 - 0.2 / np.hypot(0.3, 0.7), abs=1e-6)
    assert isinstance(_least_weight(clean, dirty, np.array([3.0, 0.5]), 0.1), NotDefined)


def test_an_interval_of_the_auc_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    # The chance that one normal value is above another that is 0.5 lower: Phi(0.5 / sqrt(2)).
    truth, covered = 0.6381632, 0
    for _ in range(1500):
        value = np.concatenate([rng.normal(0.5, 1.0, 40), rng.normal(0.0, 1.0, 60)])
        found = separation(value, np.arange(100) < 40)
        assert isinstance(found, Separation)
        covered += found.low <= truth <= found.high
    assert 0.92 < covered / 1500 < 0.96
    ties = separation(np.array([1.0, 1.0, 1.0, 1.0]), np.array([True, True, False, False]))
    assert isinstance(ties, Separation)
    assert ties.auc == 0.5
    assert isinstance(separation(np.array([1.0, np.nan]), np.array([True, False])), NotDefined)
