"""Rings: one member bids in each auction, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim.auction.day import DayReplay, run_day
from auctionsim.auction.kernel.ties import tie_keys
from auctionsim.auction.outcome import Outcome
from auctionsim.auction.reference import replay_reference
from auctionsim.auction.rules import PreRanker, Ring, Rules
from auctionsim.auction.sources import StoreSource, TableSource, ranked_rows, source_of
from auctionsim.traffic.table import Traffic

from ..conftest import make_market
from ..stored_tables import store_table
from .test_kernel import BUDGETS, NAMES, RULES, N, markets

MEMBERS = st.lists(st.integers(0, N - 1), min_size=2, max_size=N, unique=True).map(tuple)


def played(traffic: Traffic, rules: Rules, seed: int = 0, budgets: np.ndarray | None = None, source=None) -> Outcome:
    """Replay a day under keyword bids."""
    n = len(traffic.advertisers)
    theta = np.zeros((n, 4, 1))
    theta[:, 3] = 1.0
    limits = np.full((n, 1), np.inf) if budgets is None else budgets[:, None]
    day = DayReplay(source or source_of(traffic, rules), 0, rules, policies=1, budgets=limits, seed=seed)
    return run_day(day, lambda _: theta)


def one_slot(bids: list[float], pctr: list[float] | None = None) -> Traffic:
    n = len(bids)
    return make_market([n], [3], [100], list(range(n)), pctr or [0.1] * n, bids, n)


def test_a_ring_of_the_two_highest_takes_out_the_second_bid():
    traffic, rules = one_slot([5.0, 4.0, 3.0, 1.0]), Rules(reserve=0.5)
    plain = played(traffic, rules)
    ring = played(traffic, replace(rules, rings=(Ring((0, 1), "keyword-bid"),)))
    clicks = plain.clicks.sum()
    # Revenue falls by exactly v2 - v3 a click; the winner, clicks and welfare stay.
    assert plain.cost.sum() - ring.cost.sum() == pytest.approx(clicks * (4.0 - 3.0), rel=1e-9)
    assert ring.cost.sum() == pytest.approx(clicks * 3.0, rel=1e-9)
    np.testing.assert_array_equal(ring.clicks, plain.clicks)


@pytest.mark.parametrize(
    ("members", "price"), [((1, 2), 4.0), ((0, 2), 4.0), ((0, 3), 4.0), ((0, 1, 2), 1.0), ((0, 1, 2, 3), 0.5)]
)
def test_a_ring_moves_the_price_only_by_its_bids_next_to_the_winner(members: tuple[int, ...], price: float):
    traffic, rules = one_slot([5.0, 4.0, 3.0, 1.0]), Rules(reserve=0.5)
    ring = played(traffic, replace(rules, rings=(Ring(members, "keyword-bid"),)))
    # A ring of all pays the reserve.
    assert ring.cost.sum() == pytest.approx(ring.clicks.sum() * price, rel=1e-9)


def test_the_score_says_which_member_bids():
    # Values are 1 for all: the highest rank score of values is that of the highest pctr, row 2; of equal ones the lower row.
    traffic = one_slot([5.0, 4.0, 3.0], [0.1, 0.1, 0.2])
    rules = Rules(squash=1.0)
    by_bid, by_value = (ranked_rows(traffic, replace(rules, rings=(Ring((0, 1, 2), s),))) for s in ("keyword-bid", "value"))
    assert by_bid.tolist() == [False, False, True]
    assert by_value.tolist() == [False, False, True]
    bare = replace(rules, squash=0.0)
    by_bid, by_value = (ranked_rows(traffic, replace(bare, rings=(Ring((1, 2, 0), s),))) for s in ("keyword-bid", "value"))
    assert by_bid.tolist() == [True, False, False]
    assert by_value.tolist() == [True, False, False]


def test_members_whose_scores_differ_in_the_last_bit_tie_and_the_first_bids():
    traffic = one_slot([5.0, float(np.nextafter(5.0, 9.0)), 3.0])
    assert ranked_rows(traffic, Rules(rings=(Ring((0, 1), "keyword-bid"),))).tolist() == [True, False, True]


@settings(max_examples=100)
@given(markets(), BUDGETS, RULES, MEMBERS, st.sampled_from(["keyword-bid", "value"]))
def test_the_kernel_equals_the_reference_without_the_bids_of_who_withdraws(
    traffic: Traffic, budgets: np.ndarray, rules: dict, members: tuple[int, ...], score: str
):
    own = Rules(**{name: value for name, value in rules.items() if name != "seed"}, rings=(Ring(members, score),))
    # By definition: of the members in a bucket, all but the first of the highest score have no bid. Scores that agree to 13
    # digits tie, as in the reference: 5.0 and the next double are one score.
    value = (traffic.keyword_bid if score == "keyword-bid" else traffic.pcvr * traffic.item_price) * own.quality(traffic.pctr)
    key = tie_keys(value)
    bids = traffic.keyword_bid.copy()
    for bucket in range(len(traffic.weight)):
        rows = range(traffic.cell_start[bucket], traffic.cell_start[bucket + 1])
        theirs = [row for row in rows if traffic.advertiser[row] in members]
        for row in theirs:
            if row != max(theirs, key=lambda k: (key[k], -k)):
                bids[row] = np.nan
    bound = np.full(N, traffic.keyword_bid.max(initial=0.0))
    expected = replay_reference(traffic, 0, bids, budgets=budgets, bid_bounds=bound, **rules)
    got = played(traffic, own, rules["seed"], budgets)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(got, name)[:, :, 0], expected[name])


def test_stored_traffic_has_the_rings_of_the_table(tmp_path: Path):
    rng = np.random.default_rng(3)
    sizes, who = [6] * 80, list(range(6)) * 80
    pctr, bids = rng.uniform(0.01, 0.2, 480).round(4), rng.uniform(0.1, 3.0, 480).round(3)
    hours = np.sort(rng.integers(0, 24, 80)).tolist()
    # As float32 numbers, which stored traffic holds.
    pctr, bids = (one.astype(np.float32).astype(np.float64).tolist() for one in (pctr, bids))
    traffic = make_market(sizes, hours, [1] * 80, who, pctr, bids, 6, pcvr=0.125, item_price=8.0)
    rules = Rules(slot_effect=(1.0, 0.5), rings=(Ring((0, 1, 2), "value"), Ring((3, 5), "keyword-bid")))
    table, stored = TableSource(traffic, rules), StoreSource(store_table(traffic, tmp_path / "stored"), rules)
    assert table.is_ranked.mean() == pytest.approx(3 / 6)
    one, other = (played(traffic, rules, source=source) for source in (table, stored))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_ring_chooses_among_those_whom_the_preranker_kept():
    traffic = one_slot([5.0, 4.0, 3.0, 1.0])
    rules = Rules(preranker=PreRanker(3), rings=(Ring((2, 3), "keyword-bid"),))
    assert ranked_rows(traffic, rules).tolist() == [True, True, True, False]
    assert ranked_rows(traffic, replace(rules, rings=(Ring((0, 3), "keyword-bid"),))).tolist() == [True, True, True, False]
