"""Of equal scores the first row wins, also where equal decimals are different doubles."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim import replay
from auctionsim.auction.kernel.prices import PRICINGS
from auctionsim.auction.kernel.ties import CLEAR_RATIO, tie_keys
from auctionsim.auction.reference import clear, replay_reference

from ..conftest import fewer, make_market

# The same score of 0.3 in five ways, as three different doubles.
PAIRS = [(0.3, 1.0), (0.1, 3.0), (0.6, 0.5), (0.15, 2.0), (0.05, 6.0)]
N_POLICIES = 17


def shown(
    pairs: list[tuple[float, float]], external_score: float = 0.0, bid_cap: float = np.inf, **rules: object
) -> list[float]:
    """Return the impressions of each candidate, the same under many policies; and check them against the reference."""
    n = len(pairs)
    pctr, bids = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    traffic = make_market([n], [0], [1], list(range(n)), pctr, bids, n, market_ecpm=[external_score])
    got = replay(traffic, coefficients=np.ones((n, 1, N_POLICIES)), bid_cap=bid_cap, **rules)
    expected = replay_reference(traffic, 0, traffic.keyword_bid, budgets=np.full(n, np.inf), **rules)
    for name in ("impressions", "cost"):
        totals = getattr(got, name).sum(axis=0)
        assert (totals == totals[:, :1]).all()
        np.testing.assert_allclose(totals[:, 0], expected[name].sum(axis=0), rtol=1e-12)
    assert (got.cost.sum(axis=0)[:, 0] <= np.array(pctr) * np.array(bids) * (1 + 1e-12)).all()
    return got.impressions.sum(axis=0)[:, 0].tolist()


def test_the_decimals_tie_though_the_doubles_do_not():
    assert len({pctr * bid for pctr, bid in PAIRS}) > 1
    assert len(set(tie_keys(np.array([pctr * bid for pctr, bid in PAIRS])).tolist())) == 1


@pytest.mark.parametrize("bid_cap", [np.inf, 1e300], ids=["screened", "exact"])
@pytest.mark.parametrize("pricing", PRICINGS)
@pytest.mark.parametrize("slot_effect", [(1.0,), (1.0, 0.5), (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)])
def test_the_first_rows_win_in_every_order(pricing: str, slot_effect: tuple[float, ...], bid_cap: float):
    n_shown = min(len(slot_effect), len(PAIRS))
    for pairs in itertools.permutations(PAIRS):
        won = shown(list(pairs), bid_cap=bid_cap, pricing=pricing, slot_effect=slot_effect)
        assert won == [1.0] * n_shown + [0.0] * (len(PAIRS) - n_shown)


@pytest.mark.parametrize("n", [7, 8, 9, 12, 40])
def test_the_first_row_wins_among_more_ties_than_are_kept(n: int):
    # All others are an ulp above the first, so that scores as they are keep none of its kind.
    assert shown([(0.3, 1.0), *[(0.1, 3.0)] * (n - 1)])[0] == 1.0
    assert shown([(0.3, 1.0), *[(0.1, 3.0)] * (n - 1)], slot_effect=(1.0, 0.8, 0.6))[:3] == [1.0] * 3
    assert shown([*[(0.3, 1.0)] * (n - 1), (0.1, 3.0)])[0] == 1.0


def test_the_external_competitor_ranks_below_every_tie():
    for pctr, bid in PAIRS:
        for external_score in (0.3, 0.1 * 3, float(np.nextafter(0.3, 0)), 0.6 * 0.5):
            assert shown([(pctr, bid)], external_score) == [1.0]
            assert shown([(pctr, bid)], external_score, slot_effect=(1.0, 0.5)) == [1.0]
    assert shown([(0.3, 1.0)], 0.3 * (1 + 2e-12)) == [0.0]
    assert shown([(0.3, 1.0), (0.1, 3.0)], 0.3 * (1 + 2e-12), slot_effect=(1.0, 0.5)) == [1.0, 0.0]


def test_the_winner_of_a_tie_pays_no_more_than_its_bid():
    first = clear([1.0, 3.0], [0.3, 0.1])[0]
    assert (first.candidate, first.price) == (0, 1.0)


SCORE = st.one_of(
    st.floats(1e-300, 1e300),
    st.decimals("0.0000001", "1000000", places=7).map(float),
    st.sampled_from([0.0, -1.0, float("inf"), 1e12, 1e13, 9.999999999999e12, 9.9999999999996e12]),
)


@settings(max_examples=fewer(300))
@given(st.lists(SCORE, min_size=1, max_size=20), st.integers(-3, 3))
def test_keys_are_ordered_as_scores_are_and_move_them_by_little(scores: list[float], ulps: int):
    near = np.array(scores) * (1 + ulps * np.finfo(float).eps)
    values = np.sort(np.concatenate([scores, near]))
    keys = tie_keys(values)
    assert (np.diff(keys[np.isfinite(keys)]) >= 0).all()
    # Idempotent, so that equality of keys is an equivalence.
    assert (tie_keys(keys) == keys).all()
    positive = np.isfinite(values) & (values > 0)
    assert (np.abs(keys[positive] - values[positive]) <= 0.6e-12 * values[positive]).all()
    assert (keys[~positive] == values[~positive]).all()
    # Scores that lie further apart than the kernel's margin are never a tie.
    apart = values[positive] * CLEAR_RATIO * (1 + 1e-15)
    assert (tie_keys(apart)[np.isfinite(apart)] > keys[positive][np.isfinite(apart)]).all()


@given(st.integers(1, 10**5), st.integers(1, 10**6), st.integers(1, 10**5))
def test_products_of_decimals_tie_exactly_when_the_decimals_do(rate: int, bid: int, other_rate: int):
    # A rate of five decimals and bids of two, the other chosen to tie or to miss by a cent.
    other_bid = rate * bid // other_rate
    for cents in (other_bid, other_bid + 1):
        is_tie = Fraction(rate, 10**5) * Fraction(bid, 100) == Fraction(other_rate, 10**5) * Fraction(cents, 100)
        scores = np.array([(rate / 10**5) * (bid / 100), (other_rate / 10**5) * (cents / 100)])
        assert (np.diff(tie_keys(scores))[0] == 0) == is_tie
