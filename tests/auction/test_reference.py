"""The plain reference of the mechanism agrees with the literature and has the mechanism's properties."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim.auction.kernel.prices import PRICINGS
from auctionsim.auction.reference import clear
from auctionsim.errors import InputError

from ..conftest import fewer

BIDS = st.lists(st.floats(0, 10), min_size=1, max_size=6)


# No subnormal ones: a share of 5e-324 rounds to 0, so that three steps of a vcg price can sum to less than the reserve.
RESERVE = st.floats(0, 5, allow_subnormal=False)


def auctions() -> st.SearchStrategy[tuple[list[float], list[float], float]]:
    return BIDS.flatmap(
        lambda bids: st.tuples(st.just(bids), st.lists(st.floats(0.01, 1), min_size=len(bids), max_size=len(bids)), RESERVE)
    )


def test_gsp_revenue_of_the_textbook_example():
    # Edelman, Ostrovsky and Schwarz 2007: values 10, 4, 2 a click; slots of 200 and 100 clicks an hour; GSP earns 1000.
    shown = clear([10.0, 4.0, 2.0], [1.0, 1.0, 1.0], slot_effect=(1.0, 0.5))
    clicks = [200, 100]
    assert [placement.candidate for placement in shown] == [0, 1]
    assert sum(placement.price * clicks[placement.slot] for placement in shown) == pytest.approx(1000)


def test_the_price_is_the_next_rank_score_over_the_own_pctr():
    (placement,) = clear([2.0, 3.0], [0.5, 0.2])
    assert placement.candidate == 0
    assert placement.price == pytest.approx(3.0 * 0.2 / 0.5)


def test_of_equal_rank_scores_the_lower_index_wins():
    (placement,) = clear([1.0, 2.0, 2.0], [1.0, 0.5, 0.5])
    assert placement.candidate == 0


def test_a_bid_under_the_reserve_neither_wins_nor_sets_a_price():
    (placement,) = clear([2.0, 0.9], [0.1, 1.0], reserve=1.0)
    assert (placement.candidate, placement.price) == (0, 1.0)
    assert clear([0.9], [1.0], reserve=1.0) == []


@settings(max_examples=fewer(200))
@given(auctions(), st.integers(1, 4), st.sampled_from(PRICINGS), st.sampled_from([0.0, 0.2]))
def test_nobody_pays_above_its_bid_or_below_the_reserve(
    auction: tuple[list[float], list[float], float], slots: int, pricing: str, external_score: float
):
    bids, pctr, reserve = auction
    effect = (1.0, 0.7, 0.5, 0.1)[:slots]
    for placement in clear(bids, pctr, slot_effect=effect, reserve=reserve, pricing=pricing, external_score=external_score):
        assert reserve * (1 - 1e-12) <= placement.price <= bids[placement.candidate] * (1 + 1e-12)


@settings(max_examples=fewer(200))
@given(auctions(), st.floats(1, 3))
def test_the_winner_s_price_does_not_move_with_its_own_bid(auction: tuple[list[float], list[float], float], factor: float):
    bids, pctr, reserve = auction
    before = clear(bids, pctr, reserve=reserve)
    if before:
        raised = [bid * factor if i == before[0].candidate else bid for i, bid in enumerate(bids)]
        (after,) = clear(raised, pctr, reserve=reserve)
        assert (after.candidate, after.slot) == (before[0].candidate, before[0].slot)
        # Of scores that agree to 13 digits, and so tie, the winner pays the lower one, which may be its own.
        assert after.price == pytest.approx(before[0].price, rel=1e-12)


@settings(max_examples=fewer(200))
@given(auctions(), st.sampled_from(PRICINGS), st.sampled_from([0.0, 0.2]))
def test_slots_below_all_offers_change_no_price(
    auction: tuple[list[float], list[float], float], pricing: str, external_score: float
):
    bids, pctr, reserve = auction
    effect = [0.9**slot for slot in range(len(bids) + 1)]
    few, many = (
        clear(bids, pctr, slot_effect=slots, reserve=reserve, pricing=pricing, external_score=external_score)
        for slots in (effect, [*effect, *[effect[-1] / 2] * 50])
    )
    assert [(one.candidate, one.slot) for one in few] == [(one.candidate, one.slot) for one in many]
    assert [one.price for one in few] == pytest.approx([one.price for one in many])


def test_a_pricing_rule_that_the_reference_does_not_know_is_refused():
    with pytest.raises(InputError, match="pricing: unknown 'vgc'; choose from gsp, first, vcg"):
        clear([2.0, 1.0], [1.0, 1.0], pricing="vgc")
