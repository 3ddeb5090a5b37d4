"""Measures of a log against what is computed by hand, and by other libraries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auctionsim.analysis.screens.by_auction import gap, kurtosis, relative_distance, skewness, variation
from auctionsim.analysis.screens.competition import fitted
from auctionsim.analysis.screens.log import BidLog
from auctionsim.analysis.screens.measures import (
    MEASURES,
    gaps_of,
    mean_kurtosis,
    near_wins,
    pair_correlation,
    quiet_block,
    repeat_wins,
    winner_entropy,
)
from auctionsim.ratios import NotDefined

from .logs import log_of, market


def test_moments_of_an_auction_are_those_of_scipy():
    log = market(auctions=60)
    for k in range(60):
        bids = log.bid[k, : log.counts[k]]
        n = len(bids)
        assert variation(log)[k] == pytest.approx(bids.std(ddof=1) / bids.mean()) if n > 1 else np.isnan(variation(log)[k])
        if n >= 4:
            assert kurtosis(log)[k] == pytest.approx(stats.kurtosis(bids, bias=False))
        else:
            assert np.isnan(kurtosis(log)[k])


def test_gap_and_distance_are_of_the_two_best_bids():
    log = log_of({0: 100.0, 1: 110.0, 2: 120.0}, {0: 50.0, 1: 60.0}, {2: 1.0})
    np.testing.assert_allclose(gap(log), [0.1, 0.2, np.nan])
    # Losers of 110 and 120: a standard deviation of 7.071.
    np.testing.assert_allclose(relative_distance(log), [10 / np.std([110, 120], ddof=1), np.nan, np.nan])
    high = log_of({0: 100.0, 1: 110.0, 2: 120.0}, lowest_wins=False)
    np.testing.assert_allclose(gap(high), [10 / 120])
    low = log_of({0: 10.0, 1: 100.0, 2: 101.0, 3: 102.0})
    assert skewness(low)[0] < -0.5
    assert skewness(log_of({0: 1000.0, 1: 100.0, 2: 101.0, 3: 102.0}, lowest_wins=False))[0] < -0.5


def test_levels_let_the_lowest_win_whichever_bid_wins():
    low, high = log_of({0: 2.0, 1: 3.0}), log_of({0: 2.0, 1: 3.0}, lowest_wins=False)
    assert low.level[0].argmin() == 0
    assert high.level[0].argmin() == 1
    assert gaps_of(low)[0] == pytest.approx(np.log(1.5))
    assert gaps_of(high)[0] == pytest.approx(np.log(1.5))


def test_entropy_and_repeats_by_hand():
    # Two bidders take turns: all win alike, and nobody wins twice running.
    turns = log_of(*[{0: 1.0, 1: 2.0} if k % 2 else {0: 2.0, 1: 1.0} for k in range(80)])
    assert winner_entropy(turns) == pytest.approx(1.0)
    assert repeat_wins(turns) == 0.0
    # Bidder 0 wins 60 of 80, always running.
    runs = log_of(*[{0: 1.0, 1: 2.0} if k < 60 else {0: 2.0, 1: 1.0} for k in range(80)])
    share = np.array([0.75, 0.25])
    assert winner_entropy(runs) == pytest.approx(-(share * np.log2(share)).sum())
    # Of 79 wins with a next auction, one is followed by a loss.
    assert repeat_wins(runs) == pytest.approx(78 / 79)
    with_gaps = log_of(*[{0: 1.0, 1: 2.0} if k % 2 else {1: 1.0, 2: 2.0} for k in range(80)])
    # Bidder 0 wins all of its own auctions; bidder 1 bids in all, and wins every other one.
    assert repeat_wins(with_gaps) == pytest.approx(39 / 79)


def test_near_wins_are_within_an_eighth_of_the_median_gap():
    gaps = [0.01] * 10 + [0.2] * 40
    log = log_of(*[{0: 1.0, 1: float(np.exp(g))} for g in gaps])
    assert near_wins(log) == pytest.approx(10 / 50)


def test_two_bidders_with_shared_errors_are_seen_and_common_costs_are_not():
    def log(shared: float) -> BidLog:
        rng = np.random.default_rng(3)
        auctions = []
        for _ in range(150):
            cost, error, both = np.exp(rng.normal()), rng.normal(0, 0.05, 5), rng.normal(0, 0.05)
            error[:2] = shared * both + np.sqrt(1 - shared) * error[:2]
            auctions.append(dict(enumerate(cost * np.exp(error))))
        return log_of(*auctions)

    together, alone = pair_correlation(log(0.9)), pair_correlation(log(0.0))
    assert isinstance(together, float)
    assert isinstance(alone, float)
    # Five independent errors around their mean are correlated by -1/4.
    assert alone < 1.5
    assert together > 5


def test_a_quiet_stretch_is_seen_and_a_quiet_kind_of_auction_is_not():
    rng = np.random.default_rng(0)
    quiet = np.arange(400) // 50 == 5

    def log(is_quiet: np.ndarray) -> BidLog:
        return log_of(*[dict(enumerate(np.exp(rng.normal(0, 0.01 if q else 0.05, 4)))) for q in is_quiet])

    stretch, mixed = quiet_block(log(quiet)), quiet_block(log(rng.permutation(quiet)))
    assert isinstance(stretch, float)
    assert isinstance(mixed, float)
    # All 50 auctions are in the lowest eighth of ranks: a mean of -7/16 in units of 1/sqrt(12 x 50).
    assert stretch == pytest.approx(-7 / 16 * np.sqrt(600), abs=1.5)
    assert mixed > -3.5


def test_too_few_auctions_define_nothing():
    small = log_of(*[{0: 1.0, 1: 2.0}] * 5)
    for one in MEASURES:
        found = one.of(small)
        assert isinstance(found, NotDefined), one.name
        assert found.reason
    assert isinstance(mean_kurtosis(log_of(*[{0: 1.0, 1: 2.0, 2: 3.0}] * 99)), NotDefined)
    alone = log_of(*[{0: 1.0}] * 99)
    assert all(isinstance(one.of(alone), NotDefined) for one in MEASURES)


def test_the_fit_takes_common_and_own_levels_apart():
    rng = np.random.default_rng(1)
    common, own = rng.normal(0, 1, 400), np.array([-0.2, 0.0, 0.1, 0.1])
    log = log_of(*[dict(enumerate(np.exp(c + own + rng.normal(0, 0.05, 4)))) for c in common])
    fit = fitted(log)
    np.testing.assert_allclose(fit.own, own, atol=0.01)
    np.testing.assert_allclose(fit.common, common, atol=0.12)
    assert fit.spread == pytest.approx(0.05, rel=0.05)
    drawn = fit.simulated(np.random.default_rng(2))
    assert fitted(drawn).spread == pytest.approx(0.05, rel=0.07)
    assert np.array_equal(drawn.who, log.who)


def test_errors_keep_the_tails_that_taking_means_out_had_thinned():
    """Laplace errors have an excess kurtosis of 3; of three bids a residual keeps half of it."""
    rng = np.random.default_rng(1)
    log = log_of(*[dict(enumerate(np.exp(0.02 * rng.laplace(size=3)))) for _ in range(3000)])
    fit = fitted(log)
    plain = fit.residuals()[log.exists]
    assert stats.kurtosis(plain) == pytest.approx(1.5, abs=0.3)
    assert stats.kurtosis(fit.errors) == pytest.approx(3.0, abs=0.6)
    # So what is simulated shows the log's own tails again.
    again = fitted(fit.simulated(np.random.default_rng(2))).residuals()[log.exists]
    assert stats.kurtosis(again) == pytest.approx(stats.kurtosis(plain), abs=0.3)


@pytest.mark.parametrize("lowest_wins", [True, False])
def test_simulated_bids_keep_shape_unit_and_reserve(lowest_wins: bool):
    rng = np.random.default_rng(1)
    auctions = [{i: 5000.0 + 50 * float(rng.integers(0, 40)) for i in range(3)} for _ in range(60)]
    log = log_of(*auctions, lowest_wins=lowest_wins, reserve=7000.0)
    assert log.unit == 50.0
    drawn = fitted(log).simulated(np.random.default_rng(0))
    bids = drawn.bid[drawn.exists]
    assert np.array_equal(bids, np.rint(bids / 50) * 50)
    assert not lowest_wins or (bids <= 7000).all()
    again = fitted(log).simulated(np.random.default_rng(0))
    assert np.array_equal(again.bid, drawn.bid, equal_nan=True)
    assert (np.argsort(-np.nan_to_num(drawn.level.mean(axis=1)))[:5] >= 0).all()
