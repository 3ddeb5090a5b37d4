"""Accounts are integers: no sum depends on its order, none overflows, and none is off by more than its unit allows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim import replay
from auctionsim.auction import units
from auctionsim.auction.day import DayReplay
from auctionsim.auction.kernel.arguments import CHARGE_SCALE, LIMIT, SPENDABLE
from auctionsim.auction.kernel.compiled import compiled
from auctionsim.auction.kernel.ledger import NO_LIMIT, choose_units
from auctionsim.auction.kernel.recording import to_units
from auctionsim.auction.outcome import COST
from auctionsim.auction.reference import clear
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.traffic.array_checks import MAX_AUCTIONS
from auctionsim.traffic.table import Traffic

from ..conftest import fewer, make_market

NAMES = ("impressions", "clicks", "conversions", "gmv", "cost")


@compiled
def _in_units(amount: float, is_wide: bool) -> int:
    return to_units(amount, is_wide)


@settings(max_examples=fewer(500))
@given(st.floats(0, 2.0**61))
def test_wide_amounts_are_rounded_to_the_nearest_whole_number_halves_to_even(amount: float):
    assert _in_units(amount, True) == round(amount)


@settings(max_examples=fewer(500))
@given(st.floats(0, 2.0**50))
def test_narrow_amounts_are_rounded_to_the_nearest_whole_number_halves_to_even(amount: float):
    assert _in_units(amount, False) == round(amount)


def markets_of(seed: int, n: int = 5, n_buckets: int = 30, hours: list[int] | None = None) -> Traffic:
    """Buckets with amounts over many orders of magnitude, all in the first hour where no hours are given."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, n + 1, n_buckets).tolist()
    who = [int(i) for size in sizes for i in sorted(rng.permutation(n)[:size])]
    pctr = 10.0 ** rng.uniform(-3, 0, len(who))
    bids = 10.0 ** rng.uniform(-2, 1, len(who))
    weights = rng.integers(1, 1000, n_buckets).tolist()
    return make_market(
        sizes, hours or [0] * n_buckets, weights, who, pctr.tolist(), bids.tolist(), n,
        pcvr=(10.0 ** rng.uniform(-3, 0, len(who))).tolist(), item_price=(10.0 ** rng.uniform(-1, 3, len(who))).tolist(),
    )  # fmt: skip


@pytest.mark.parametrize("pricing", ["gsp", "first", "vcg"])
@pytest.mark.parametrize("seed", range(20))
def test_totals_are_those_of_rational_arithmetic_to_a_part_in_a_billion(seed: int, pricing: str):
    traffic, slot_effect = markets_of(seed), (1.0, 0.7)
    exact = {name: [Fraction(0)] * len(traffic.advertisers) for name in NAMES}
    for bucket in range(len(traffic.weight)):
        rows = range(traffic.cell_start[bucket], traffic.cell_start[bucket + 1])
        shown = clear(
            [traffic.keyword_bid[r] for r in rows], [traffic.pctr[r] for r in rows], slot_effect=slot_effect, pricing=pricing
        )
        for placement in shown:
            row, times = rows[placement.candidate], Fraction(int(traffic.weight[bucket]))
            clicks = times * Fraction(traffic.ctr[row]) * Fraction(slot_effect[placement.slot])
            conversions = clicks * Fraction(traffic.cvr[row])
            gmv, cost = conversions * Fraction(traffic.item_price[row]), clicks * Fraction(placement.price)
            for name, amount in zip(NAMES, (times, clicks, conversions, gmv, cost), strict=True):
                exact[name][traffic.advertiser[row]] += amount
    found = replay(traffic, coefficients=np.ones((5, 1, 1)), slot_effect=slot_effect, pricing=pricing)
    for name in NAMES:
        for who, wanted in enumerate(exact[name]):
            assert abs(Fraction(getattr(found, name)[0, who, 0]) - wanted) <= wanted * Fraction(1, 10**9), (name, who)


@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
def test_a_cell_of_some_weight_is_as_many_cells_of_weight_one_in_any_order_to_the_bit(outcomes: str):
    traffic = markets_of(3)
    if outcomes == "sampled":
        traffic = make_market([2] * 40, [0] * 40, [1] * 40, [0, 1] * 40, [0.3] * 80, [1.0, 0.7] * 40, 2)
    order = np.repeat(np.arange(len(traffic.weight)), traffic.weight)
    if outcomes == "expected":
        order = np.random.default_rng(0).permutation(order)
    sizes = np.diff(traffic.cell_start)[order]
    rows = np.concatenate([np.arange(traffic.cell_start[b], traffic.cell_start[b + 1]) for b in order])
    one_by_one = make_market(
        sizes.tolist(), [0] * len(order), [1] * len(order), traffic.advertiser[rows].tolist(), traffic.pctr[rows].tolist(),
        traffic.keyword_bid[rows].tolist(), len(traffic.advertisers), pcvr=traffic.pcvr[rows].tolist(),
        item_price=traffic.item_price[rows].tolist(),
    )  # fmt: skip
    given_rules = {"coefficients": np.ones((len(traffic.advertisers), 1, 1)), "slot_effect": (1.0, 0.7), "outcomes": outcomes}
    first, second = replay(traffic, **given_rules), replay(one_by_one, **given_rules)
    for name in NAMES:
        assert (getattr(first, name) == getattr(second, name)).all()


def test_the_largest_table_on_the_largest_page_does_not_overflow():
    # 2^53 auctions, all alike, seven slots without decay, everything at its bound: totals are the largest there can be.
    n, price, bid = 8, 2.0**20, 4.0
    traffic = make_market([n], [0], [MAX_AUCTIONS], list(range(n)), [1.0] * n, [bid] * n, n, pcvr=1.0, item_price=price)
    for pricing in ("first", "gsp"):
        found = replay(traffic, coefficients=np.ones((n, 1, 1)), slot_effect=(1.0,) * 7, pricing=pricing)
        won = (np.arange(n) < 7).astype(float)
        for name, amount in zip(NAMES, (1.0, 1.0, 1.0, price, bid), strict=True):
            assert getattr(found, name)[0, :, 0].tolist() == (won * MAX_AUCTIONS * amount).tolist()


def test_no_account_can_be_charged_more_than_two_to_the_61_units_and_rounding():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        traffic = markets_of(seed)
        rules = Rules(
            tuple(np.sort(np.append(1.0, rng.uniform(0.1, 1.0, rng.integers(0, 6))))[::-1].tolist()),
            str(rng.choice(["gsp", "first", "vcg"])), outcomes=str(rng.choice(["expected", "sampled"])),
        )  # fmt: skip
        day = DayReplay(TableSource(traffic, rules), 0, rules, policies=3)
        theta = np.zeros((5, 4, 3))
        theta[:, 3] = 10.0 ** rng.uniform(-6, 6, (5, 3))
        day.step(theta)
        ledger = day._ledger
        n = int(traffic.weight.sum()) * len(rules.slot_effect)
        assert (ledger[:, :, :5] >= 0).all()
        assert (ledger[:, :, :5] <= 2**61 + n).all()


def test_who_bids_the_earth_to_win_everything_pays_what_its_rivals_bid_to_the_last_digit():
    traffic = markets_of(7)
    first = np.where(np.arange(5) == 0, 1e14, 1.0).reshape(5, 1, 1)
    modest = np.where(np.arange(5) == 0, 1e7, 1.0).reshape(5, 1, 1)
    mad, sane = (replay(traffic, coefficients=theta).cost.sum(axis=0) for theta in (first, modest))
    assert mad[0, 0] > 0
    assert (mad == sane).all()


def test_a_unit_is_never_coarser_than_a_billionth_of_the_largest_total_of_the_day():
    for seed in range(20):
        traffic, rules = markets_of(seed), Rules((1.0, 0.5))
        scale = units.outcome_scales(TableSource(traffic, rules).largest(0), rules)
        found = replay(traffic, coefficients=np.ones((5, 1, 1)), slot_effect=(1.0, 0.5))
        for name, per_unit in zip(NAMES[1:4], scale[1:], strict=True):
            assert 1 / per_unit < 1e-9 * getattr(found, name).sum(axis=0).max()


def test_bids_that_rise_during_the_day_make_units_coarser_and_bring_nobody_back():
    n = 3
    ledger = np.zeros((n, 1, 8), dtype=np.int64)
    scales, before = ledger.view(np.float64), np.zeros((n, 1), dtype=np.int64)
    budgets = np.array([[1.0], [np.inf], [0.25]])
    choose_units(ledger, scales, budgets, units.scales(np.full((n, 1), 0.1), 20), before)
    fine = scales[:, :, CHARGE_SCALE].copy()
    assert ledger[1, 0, LIMIT] == NO_LIMIT
    ledger[:, 0, COST] = [int(0.3 * fine[0, 0]), int(7.0 * fine[1, 0]), ledger[2, 0, SPENDABLE]]
    choose_units(ledger, scales, budgets, units.scales(np.full((n, 1), 0.05), 20), before)
    assert (scales[:, :, CHARGE_SCALE] == fine).all(), "never finer again"
    choose_units(ledger, scales, budgets, units.scales(np.full((n, 1), 1000.0), 20), before)
    coarse = scales[:, :, CHARGE_SCALE]
    assert (coarse < fine / 4000).all()
    np.testing.assert_allclose(ledger[:2, 0, COST] / coarse[:2, 0], [0.3, 7.0], rtol=1e-9)
    assert ledger[2, 0, COST] >= ledger[2, 0, SPENDABLE]
    assert (before == ledger[:, :, COST]).all()


def test_what_is_left_of_a_budget_is_all_of_it_before_anything_is_spent_and_never_negative():
    traffic, rules = markets_of(1), Rules(pricing="first")
    budgets = np.array([0.1, np.inf, 1e-12, 1e30, 0.0])
    day = DayReplay(TableSource(traffic, rules), 0, rules, budgets=budgets)
    assert (day.budget_left[:, 0] == budgets).all()
    theta = np.zeros((5, 4, 1))
    theta[:, 3] = 1.0
    day.step(theta)
    left, spent = day.budget_left[:, 0], day.cumulative[:, COST, 0]
    assert (left >= 0).all()
    assert left[1] == np.inf
    assert left[3] == 1e30
    np.testing.assert_allclose(left[[0, 2, 4]], (budgets - spent)[[0, 2, 4]], atol=1e-18 + 1e-9 * 0.1)
