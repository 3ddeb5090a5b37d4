"""Strength of competition, against a plain loop over auctions."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.market.competition import hourly_competition, meeting_share
from auctionsim.market.market import Market

from ..conftest import make_market
from .days import small_market


def by_loop(market: Market, day: int) -> np.ndarray:
    """Return the same figures, auction bucket by auction bucket."""
    traffic, n = market.traffic, len(market.advertisers)
    total, auctions = np.zeros((24, n)), np.zeros((24, n))
    for cell in range(*traffic.cell_slice(day).indices(len(traffic.weight))):
        rows = range(traffic.cell_start[cell], traffic.cell_start[cell + 1])
        score = {row: market.quality[row] * traffic.keyword_bid[row] for row in rows}
        for row in rows:
            rival = max((score[other] for other in rows if other != row), default=0.0)
            where = traffic.hour[cell], traffic.advertiser[row]
            total[where] += traffic.weight[cell] * (rival - score[row]) / (rival + score[row])
            auctions[where] += traffic.weight[cell]
    return np.divide(total, auctions, out=total, where=auctions > 0)


@pytest.mark.parametrize("overrides", [(), ("traffic.weight=3", "mechanism.squash=0.5")], ids=["plain", "squashed"])
def test_it_is_the_mean_over_an_advertiser_s_auctions(overrides: tuple[str, ...]):
    market = small_market(*overrides)
    for day in (0, 2):
        np.testing.assert_allclose(market.competition(day), by_loop(market, day), rtol=1e-12, atol=1e-15)


def test_a_lone_advertiser_has_minus_one_and_equals_have_zero():
    # Hour 0: a1 alone. Hour 5: a0 and a1 with equal rank scores. Hour 9: a0 against three times its rank score.
    traffic = make_market(
        [1, 2, 2], [0, 5, 9], [1, 1, 4], [1, 0, 1, 0, 1], [0.1] * 5, [1.0, 2.0, 2.0, 1.0, 3.0], n_advertisers=2
    )
    found = hourly_competition(traffic, traffic.pctr, 0)
    assert found[0].tolist() == [0.0, -1.0]
    assert found[5].tolist() == [0.0, 0.0]
    assert found[9] == pytest.approx([0.5, -0.5])
    assert not found[[1, 23]].any()


def test_two_of_five_advertisers_of_whom_four_are_candidates_meet_in_three_quarters_of_their_auctions():
    assert small_market("traffic.weight=3").meeting_share(0) == pytest.approx((4 - 1) / (5 - 1))


def test_auctions_count_by_their_weight_and_everybody_in_every_auction_meets_always():
    # Three advertisers: nine auctions of two of them, one of all.
    traffic = make_market([2, 3], [0, 5], [9, 1], [0, 1, 0, 1, 2], [0.1] * 5, [1.0] * 5, n_advertisers=3)
    assert meeting_share(TableSource(traffic, Rules()), 0) == pytest.approx((2.1 - 1) / 2)
    traffic = make_market([3], [0], [9], [0, 1, 2], [0.1] * 3, [1.0] * 3, n_advertisers=3)
    assert meeting_share(TableSource(traffic, Rules()), 0) == 1.0
