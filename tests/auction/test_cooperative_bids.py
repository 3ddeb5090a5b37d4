"""Bids that carry out a choice among cooperating advertisers: who wins, at which price, and how a bid moves with its value."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.auction.kernel.arguments import CANDIDATE_COLUMNS, QUALITY
from auctionsim.auction.kernel.cooperative_bids import PRICE, WORTH_COLUMNS, Choice, write_bids

LEARNERS, FIXED = 4, 2
N = LEARNERS + FIXED
BID, PCVR, VALUE = 3, 1, 2
RESERVE = 0.01


def one_auction(rng: np.random.Generator, *, bid_cap: float = np.inf) -> tuple[np.ndarray, np.ndarray, np.ndarray, Choice]:
    """All advertisers in one auction, in random order, with random worths: advertisers, pctr, features, choice."""
    advertiser = rng.permutation(N)
    pctr = rng.uniform(0.01, 0.2, N)
    features = np.zeros((N, CANDIDATE_COLUMNS))
    features[:, 0], features[:, PCVR] = 1.0, rng.uniform(0, 0.3, N)
    features[:, VALUE] = features[:, PCVR] * rng.uniform(1, 30, N)
    features[:, BID], features[:, QUALITY] = rng.uniform(0.05, 2, N), pctr ** rng.choice([0.0, 0.5, 1.0])
    worth = rng.uniform(0, 1, (N, WORTH_COLUMNS)) * rng.choice([0.0, 0.1, 1.0], (N, WORTH_COLUMNS))
    fixed = np.zeros((N, 4))
    fixed[LEARNERS:, BID] = 1.0
    is_learner = np.arange(N) < LEARNERS
    has_budget = rng.random(N) > 0.2
    others, revenue, pressure = (float(rng.uniform(0, 1)) for _ in range(3))
    mine, theirs = is_learner & has_budget, ~is_learner & has_budget
    choice = Choice(mine, theirs, fixed, worth, others, revenue, pressure, RESERVE, float(bid_cap))
    return advertiser, pctr, features, choice


def bids(advertiser: np.ndarray, pctr: np.ndarray, features: np.ndarray, choice: Choice, outside: float = 0.0) -> np.ndarray:
    written = features.copy()
    write_bids(np.array([0, N]), advertiser, pctr, np.array([outside]), choice, written)
    return written[:, BID]


def scores(advertiser: np.ndarray, pctr: np.ndarray, features: np.ndarray, choice: Choice) -> tuple[np.ndarray, float]:
    """Each learner's score, minus infinity where it may not bid, and the largest fixed rank score."""
    stands = choice.stands[advertiser] & (features[:, BID] >= RESERVE)
    given = np.max(np.where(stands, features[:, QUALITY] * features[:, BID], 0.0))
    price = np.maximum(given / features[:, QUALITY], RESERVE)
    worth = choice.worth[advertiser]
    gain = worth[:, 0] + worth[:, 1] * features[:, PCVR] + worth[:, 2] * features[:, VALUE]
    return np.where(choice.may_bid[advertiser], pctr * (gain - worth[:, 3] * price), -np.inf), float(given)


@pytest.mark.parametrize("column", [PCVR, VALUE])
def test_a_bid_is_not_negative_and_never_falls_when_its_own_value_rises(column: int):
    rng, rose = np.random.default_rng(column), 0
    for _ in range(3000):
        advertiser, pctr, features, choice = one_auction(rng, bid_cap=rng.choice([np.inf, 1.0]))
        row = int(np.flatnonzero(advertiser == 0)[0])
        before = bids(advertiser, pctr, features, choice)
        features[row, column] *= rng.uniform(1, 5)
        after = bids(advertiser, pctr, features, choice)
        assert (before >= 0).all()
        assert (before[choice.may_bid[advertiser]] <= choice.bid_cap).all()
        assert after[row] >= before[row]
        rose += after[row] > before[row]
    assert rose > 50


def test_the_learner_with_the_largest_score_wins_where_it_is_worth_more_than_the_fixed_bid():
    rng, won, left = np.random.default_rng(2), 0, 0
    for _ in range(2000):
        advertiser, pctr, features, choice = one_auction(rng)
        score, given = scores(advertiser, pctr, features, choice)
        rank = bids(advertiser, pctr, features, choice) * features[:, QUALITY]
        if not choice.may_bid[advertiser].any():
            continue
        best = int(np.argmax(score))
        stands = choice.stands[advertiser] & (features[:, BID] >= RESERVE)
        others = np.where(choice.may_bid[advertiser] | stands, rank, 0.0)
        others[best] = 0.0
        if rank[best] > given:
            won += 1
            assert rank[best] > others.max()
            assert score[best] > 0
        else:
            left += 1
            assert stands.any() or score[best] <= 0
            assert (rank[choice.may_bid[advertiser]] <= given).all()
    assert min(won, left) > 100


def test_the_runner_up_sets_the_price_that_the_winner_is_meant_to_pay():
    rng, seen = np.random.default_rng(3), 0
    for _ in range(500):
        advertiser, pctr, features, choice = one_auction(rng)
        score, given = scores(advertiser, pctr, features, choice)
        if np.isfinite(score).sum() < 2:
            continue
        rank = bids(advertiser, pctr, features, choice) * features[:, QUALITY]
        best = int(np.argmax(score))
        if rank[best] <= given:
            continue
        rivals = np.delete(np.where(np.isfinite(score), rank, 0.0), best).max()
        meant = max(choice.worth[advertiser[best], PRICE], RESERVE)
        quality = features[best, QUALITY]
        assert max(rivals, given) / quality == pytest.approx(max(meant, given / quality), rel=1e-3)
        seen += 1
    assert seen > 50


def test_self_bidders_keep_their_bids_and_pay_no_more_than_the_pressure_asks():
    rng = np.random.default_rng(4)
    for _ in range(300):
        advertiser, pctr, features, choice = one_auction(rng)
        written = bids(advertiser, pctr, features, choice)
        fixed = advertiser >= LEARNERS
        assert (written[fixed] == features[fixed, BID]).all()
        _, given = scores(advertiser, pctr, features, choice)
        rank = np.where(choice.may_bid[advertiser], written * features[:, QUALITY], 0.0)
        if given > 0 and rank.max() <= given:
            assert rank.max() <= choice.pressure * given
