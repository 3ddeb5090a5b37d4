"""Float32 screening changes no bit: a day that it ranks equals one that is ranked exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim import replay
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.day import DayReplay, run_day
from auctionsim.auction.kernel.arguments import Auction, AuctionBuckets, make_accounts
from auctionsim.auction.kernel.candidates import pack_candidates
from auctionsim.auction.kernel.engine import make_workspace
from auctionsim.auction.kernel.prices import PRICINGS
from auctionsim.auction.kernel.rank import count_index_bits, make_bids, screen, write_screen_features
from auctionsim.auction.reference import replay_reference
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.traffic.table import Traffic

from ..conftest import fewer, make_market
from .test_windows import random_market

NAMES = ("impressions", "clicks", "conversions", "gmv", "cost")
# A cap that no bid meets: bids with bounds are ranked exactly.
UNMET_CAP = 1e300
N = 12
# A few levels, so that candidates tie, and steps that single precision cannot see or can just see.
LEVEL = st.sampled_from([0.1, 0.2, 0.2 * (1 + 1e-12), 0.2 * (1 + 1e-7), 0.2 * (1 + 1e-5), 0.4])


@st.composite
def crowded(draw: st.DrawFn) -> Traffic:
    sizes = draw(st.lists(st.integers(1, N), min_size=1, max_size=4))
    who = [i for size in sizes for i in sorted(draw(st.permutations(range(N)))[:size])]
    pctr = draw(st.lists(LEVEL, min_size=len(who), max_size=len(who)))
    bids = draw(st.lists(LEVEL, min_size=len(who), max_size=len(who)))
    external_score = draw(st.lists(st.sampled_from([0.0, 0.04, 0.04 * (1 + 1e-12)]), min_size=len(sizes), max_size=len(sizes)))
    return make_market(sizes, list(range(len(sizes))), [2] * len(sizes), who, pctr, bids, N, market_ecpm=external_score)


RULES = st.fixed_dictionaries(
    {
        "reserve": st.sampled_from([0.0, 0.2, 0.2 * (1 + 1e-12)]),
        "pricing": st.sampled_from(PRICINGS),
        "slot_effect": st.sampled_from([(1.0,), (1.0, 0.6, 0.5), (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)]),
        "outcomes": st.sampled_from(["expected", "sampled"]),
    }
)
BUDGET = st.sampled_from([np.inf, 0.05])
SCALE = st.sampled_from([1.0, 1e-25, 1e-15, 1e15, 1e25])


@settings(max_examples=fewer(500))
@given(crowded(), RULES, BUDGET)
def test_ties_and_near_ties_come_out_as_in_the_reference(traffic: Traffic, rules: dict, budget: float):
    budgets = np.full(N, budget)
    expected = replay_reference(traffic, 0, traffic.keyword_bid, budgets=budgets, **rules)
    got = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, **rules)
    for name in NAMES:
        np.testing.assert_allclose(getattr(got, name)[:, :, 0], expected[name], rtol=1e-9, atol=1e-12)


@settings(max_examples=fewer(200))
@given(crowded(), RULES, SCALE, BUDGET)
def test_screening_changes_no_bit_at_any_scale(traffic: Traffic, rules: dict, scale: float, budget: float):
    # Coefficients out of single precision's range on one side, the features that bring them back on the other.
    scaled = replace(traffic, keyword_bid=traffic.keyword_bid / scale)
    theta = scale * np.linspace(0.5, 2.0, N * 17).reshape(N, 1, 17)
    screened, exact = (replay(scaled, coefficients=theta, budgets=budget, bid_cap=cap, **rules) for cap in (np.inf, UNMET_CAP))
    for name in NAMES:
        assert (getattr(screened, name) == getattr(exact, name)).all()


def test_screening_changes_no_bit_in_auctions_of_many_candidates():
    rng = np.random.default_rng([0, 1])
    for n in (3, 17, 48, 200, 5000):
        rows = 4 * n
        traffic = make_market(
            [n] * 4, [0, 0, 1, 2], [1, 5, 1, 3], list(range(n)) * 4, list(rng.uniform(0.01, 0.2, rows)),
            list(rng.uniform(0.1, 2, rows)), n,
        )  # fmt: skip
        theta = rng.uniform(0, 1, (n, 4, 20)) * rng.integers(0, 2, (n, 4, 20))
        features = ("one", "pcvr", "value", "keyword_bid")
        for slots in ((1.0,), (1.0, 0.5, 0.5)):
            screened, exact = (
                replay(traffic, coefficients=theta, features=features, slot_effect=slots, budgets=0.5, reserve=0.1, bid_cap=cap)
                for cap in (np.inf, UNMET_CAP)
            )
            assert screened.impressions.sum() > 0
            for name in NAMES:
                assert (getattr(screened, name) == getattr(exact, name)).all()


@pytest.mark.parametrize(
    ("best", "second", "is_certain"),
    [
        # The worked example of `rank.py`: with 48 candidates 6 bits hold the index, and a unit is 64 ulps.
        (1.0001, 1.0, True),
        (1.00001, 1.0, False),
        (1.0, 1.0, False),
        # Three units apart, and two.
        (1.0 + 192 * 2.0**-23, 1.0, True),
        (1.0 + 191 * 2.0**-23, 1.0, False),
        # Outside the range of single precision, and nobody.
        (1e31, 1.0, False),
        (1e-13, 0.0, False),
        (np.nan, np.nan, True),
    ],
)
def test_a_screened_order_is_certain_from_three_units_on(best: float, second: float, is_certain: bool):
    n, first, other = 48, 37, 5
    bids = np.full(n, 0.5 if np.isfinite(best) and best > 1e-12 else np.nan)
    bids[first], bids[other] = best, second
    workspace = make_workspace(1, 1, n)
    theta = np.zeros((n, 4, 1))
    theta[:, 3] = 1.0
    ones = np.ones(n)
    candidates = pack_candidates(np.arange(n), ones, ones, bids, ones, ones, ones)
    coefficients = make_bids(theta, np.ones((n, 1), dtype=bool), workspace, is_clipped=False)
    buckets = AuctionBuckets(np.array([0, n]), np.array([1]), np.zeros(1))
    accounts = make_accounts(np.zeros((n, 1, 8), dtype=np.int64), np.ones(4), False, np.zeros((0, 1, 3)), np.zeros((0, 2, 8)))
    auction = Auction(buckets, candidates, coefficients, Rules().for_kernel(), accounts, workspace)
    write_screen_features(0, n, auction)
    index_bits = count_index_bits(n)
    assert index_bits == 6
    screen(0, n, index_bits, 0, coefficients, workspace)
    code = int(workspace.screened[0, 0])
    assert (workspace.screened[2, 0] & 1 != 0) == is_certain
    if np.isnan(best):
        assert code < 0
    else:
        assert code & 63 in ((first, other) if best - second < 64 * 2.0**-23 else (first,))
        assert code >> 6 == np.float32(best).view(np.int32) >> 6


def test_screening_changes_no_bit_of_local_credit():
    rng = np.random.default_rng(2)
    traffic = random_market(rng)
    # Of so many auctions that amounts are rounded in one go, which the fast path asks for.
    traffic = replace(traffic, weight=traffic.weight * 500)
    n = len(traffic.advertisers)
    theta = np.zeros((n, len(FEATURES), 2))
    theta[:, FEATURES.index("keyword_bid")] = rng.uniform(0.5, 1.5, (n, 2))
    found = []
    # A cap that no bid meets has all be ranked exactly, and settled by the other path.
    for cap in (np.inf, UNMET_CAP):
        rules = Rules(bid_cap=cap)
        day = DayReplay(TableSource(traffic, rules), 0, rules, policies=2, local_credit=True)
        run_day(day, lambda _: theta)
        found.append(day.local_credit.copy())
    assert found[0].any()
    assert (found[0] == found[1]).all()
