"""The sieve in single precision changes no bit: ranked by it or exactly, a day comes out the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim import replay
from auctionsim.auction.reference import replay_reference
from auctionsim.traffic.table import Traffic

from ..conftest import make_market

NAMES = ("impressions", "clicks", "conversions", "gmv", "cost")
# Bounds that no bid meets: bids with bounds are ranked exactly.
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
    outside = draw(st.lists(st.sampled_from([0.0, 0.04, 0.04 * (1 + 1e-12)]), min_size=len(sizes), max_size=len(sizes)))
    return make_market(sizes, list(range(len(sizes))), [2] * len(sizes), who, pctr, bids, N, outside=outside)


RULES = st.fixed_dictionaries(
    {
        "reserve": st.sampled_from([0.0, 0.2, 0.2 * (1 + 1e-12)]),
        "pricing": st.sampled_from(["gsp", "first", "vcg"]),
        "slot_effect": st.sampled_from([(1.0,), (1.0, 0.6, 0.5), (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)]),
        "outcomes": st.sampled_from(["expected", "sampled"]),
    }
)
BUDGET = st.sampled_from([np.inf, 0.05])
SCALE = st.sampled_from([1.0, 1e-25, 1e-15, 1e15, 1e25])


@settings(max_examples=500)
@given(crowded(), RULES, BUDGET)
def test_ties_and_near_ties_come_out_as_in_the_reference(traffic: Traffic, rules: dict, budget: float):
    budgets = np.full(N, budget)
    expected = replay_reference(traffic, 0, traffic.keyword_bid, budgets=budgets, **rules)
    got = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, **rules)
    for name in NAMES:
        np.testing.assert_allclose(getattr(got, name)[:, :, 0], expected[name], rtol=1e-9, atol=1e-12)


@settings(max_examples=200)
@given(crowded(), RULES, SCALE, BUDGET)
def test_the_sieve_changes_no_bit_at_any_scale(traffic: Traffic, rules: dict, scale: float, budget: float):
    # Coefficients out of single precision's range on one side, the features that bring them back on the other.
    scaled = replace(traffic, keyword_bid=traffic.keyword_bid / scale)
    theta = scale * np.linspace(0.5, 2.0, N * 17).reshape(N, 1, 17)
    sifted, exact = (replay(scaled, coefficients=theta, budgets=budget, bid_cap=cap, **rules) for cap in (np.inf, UNMET_CAP))
    for name in NAMES:
        assert (getattr(sifted, name) == getattr(exact, name)).all()


def test_the_sieve_changes_no_bit_in_auctions_of_many_candidates():
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
            sifted, exact = (
                replay(traffic, coefficients=theta, features=features, slot_effect=slots, budgets=0.5, reserve=0.1, bid_cap=cap)
                for cap in (np.inf, UNMET_CAP)
            )
            assert sifted.impressions.sum() > 0
            for name in NAMES:
                assert (getattr(sifted, name) == getattr(exact, name)).all()
