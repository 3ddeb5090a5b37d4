"""Participation, winning prices and least winning costs, bounds of bids; hours as the unit of a day."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim import replay
from auctionsim.auction.reference import clear, replay_reference
from auctionsim.traffic.table import Traffic

from ..conftest import fewer, make_market
from .test_kernel import BUDGETS, NAMES, PRICING, RULES, SLOTS, N, markets


def test_participation_counts_eligible_bids_and_prices_are_means_over_auctions():
    # a0 beats a1 in hour 0 and pays its score; a2 bids below the reserve; in hour 1 a1 is alone.
    traffic = make_market([3, 1], [0, 1], [2, 1], [0, 1, 2, 1], [1.0, 0.5, 1.0, 0.5], [2.0, 1.0, 0.1, 1.0], 3)
    got = replay(traffic, coefficients=np.ones((3, 1, 1)), reserve=0.2, details=True)
    assert got.participated[:2, :, 0].tolist() == [[2.0, 2.0, 0.0], [0.0, 1.0, 0.0]]
    assert got.winning_price[0, 0, 0] == 0.5
    assert got.least_winning_cost[0, 1, 0] == 2.0 / 0.5
    assert got.winning_price[1, 1, 0] == 0.2
    assert np.isnan(got.least_winning_cost[0, 0, 0])
    assert np.isnan(got.winning_price[0, 2, 0])


@settings(max_examples=fewer(200))
@given(markets(), PRICING, SLOTS, st.sampled_from([0.0, 0.5]))
def test_details_equal_the_reference_auction_by_auction(
    traffic: Traffic, pricing: str, slot_effect: tuple[float, ...], reserve: float
):
    rules = {"pricing": pricing, "slot_effect": slot_effect, "reserve": reserve}
    got = replay(traffic, coefficients=np.ones((N, 1, 1)), details=True, **rules)
    participated, won, least = np.zeros((24, N)), np.zeros((24, N)), np.zeros((24, N))
    for bucket, weight in enumerate(traffic.weight):
        rows = slice(traffic.cell_start[bucket], traffic.cell_start[bucket + 1])
        bids, pctr, who = traffic.keyword_bid[rows], traffic.pctr[rows], traffic.advertiser[rows]
        external_score, hour = traffic.market_ecpm[bucket], traffic.hour[bucket]
        shown = {p.candidate: p for p in clear(list(bids), list(pctr), external_score=external_score, **rules)}
        for i in range(len(bids)):
            if bids[i] >= reserve:
                participated[hour, who[i]] += weight
                if i in shown:
                    won[hour, who[i]] += weight * shown[i].price
                else:
                    # The least bid that is shown, found by bidding more and more than the rivals' scores.
                    taken = sorted([*np.delete(bids * pctr * (bids >= reserve), i), external_score], reverse=True)
                    least[hour, who[i]] += weight * max(taken[len(slot_effect) - 1] / pctr[i], reserve)
    assert (got.participated[:, :, 0] == participated).all()
    np.testing.assert_allclose(np.nan_to_num(got.winning_price * got.impressions)[:, :, 0], won, atol=1e-12)
    lost = got.participated - got.impressions
    np.testing.assert_allclose(np.nan_to_num(got.least_winning_cost * lost)[:, :, 0], least, atol=1e-12)


@settings(max_examples=fewer(200))
@given(markets(), BUDGETS, RULES)
def test_counting_details_changes_no_outcome_and_nobody_wins_without_participating(
    traffic: Traffic, budgets: np.ndarray, rules: dict
):
    plain, detailed = (
        replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, details=details, **rules) for details in (False, True)
    )
    for name in NAMES:
        np.testing.assert_allclose(getattr(plain, name), getattr(detailed, name), rtol=1e-12, atol=1e-12)
    assert plain.participated is None
    assert (detailed.participated >= detailed.impressions).all()
    assert (detailed.participated.sum(axis=1)[:, 0] <= [traffic.weight[traffic.hour == h].sum() * N for h in range(24)]).all()


@settings(max_examples=fewer(200))
@given(markets(), BUDGETS, RULES, st.floats(0, 2), st.floats(0, 3))
def test_bids_are_clipped_to_their_bounds(traffic: Traffic, budgets: np.ndarray, rules: dict, floor: float, width: float):
    bounds = {"bid_floor": floor, "bid_cap": floor + width}
    clipped = np.clip(traffic.keyword_bid, floor, floor + width)
    expected = replay_reference(traffic, 0, clipped, budgets=budgets, **rules)
    got = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, **rules, **bounds)
    for name in NAMES:
        np.testing.assert_allclose(getattr(got, name)[:, :, 0], expected[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [({"bid_floor": -1.0}, "bid_floor: expected"), ({"bid_floor": 2.0, "bid_cap": 1.0}, ">= bid_floor = 2.0, got 1.0")],
)
def test_bounds_out_of_order_are_refused(bounds: dict, message: str):
    traffic = make_market([1], [0], [1], [0], [1.0], [1.0], 1)
    with pytest.raises(ValueError, match=message):
        replay(traffic, coefficients=np.ones((1, 1, 1)), **bounds)


@settings(max_examples=fewer(200))
@given(markets(), BUDGETS, PRICING, SLOTS, st.integers(0, 23), st.integers(0, 23))
def test_splitting_a_day_at_any_hour_changes_nothing(
    traffic: Traffic, budgets: np.ndarray, pricing: str, slot_effect: tuple[float, ...], first: int, second: int
):
    # All in one hour, or cut into an early and a late one anywhere: the same totals, budgets carried over the cut.
    cells = np.arange(len(traffic.hour))
    cut = first % (len(cells) + 1)
    early, late = sorted((first, second))
    whole = replace(traffic, hour=np.full(len(cells), first))
    split = replace(traffic, hour=np.where(cells < cut, early, late))
    rules = {"budgets": budgets, "pricing": pricing, "slot_effect": slot_effect}
    one, two, many = (replay(t, coefficients=np.ones((N, 1, 1)), **rules) for t in (whole, split, traffic))
    for name in NAMES:
        total = getattr(one, name).sum(axis=0)
        np.testing.assert_allclose(getattr(two, name).sum(axis=0), total, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(getattr(many, name).sum(axis=0), total, rtol=1e-9, atol=1e-12)
