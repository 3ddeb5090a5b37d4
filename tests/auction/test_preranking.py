"""The pre-ranker keeps the best M of each auction: the kernel equals the reference, and its mask is all that it changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim import InputError, replay
from auctionsim.auction.day import DayReplay
from auctionsim.auction.kernel.noise import hour_rng_key, normal
from auctionsim.auction.outcome import Outcome
from auctionsim.auction.reference import replay_reference
from auctionsim.auction.rules import PreRanker, Rules
from auctionsim.auction.sources import StoreSource, TableSource
from auctionsim.traffic.table import Traffic

from ..conftest import make_market
from ..stored_tables import store_table
from .test_kernel import BUDGETS, NAMES, RULES, N, markets
from .test_windows import random_market, small_windows, tight_budgets

__all__ = ["small_windows"]

PRERANKERS = st.builds(
    PreRanker, keep=st.integers(1, N), noise=st.sampled_from([0.0, 0.3, 2.0]), score=st.sampled_from(["ecpm", "pctr"]),
    seed=st.integers(0, 3),
)  # fmt: skip


def expect_same(one: Outcome, other: Outcome) -> None:
    for name in NAMES:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def wide_market(n: int = 30, n_buckets: int = 400) -> Traffic:
    """Auctions of many candidates, some of them in decimals that tie."""
    rng = np.random.default_rng(5)
    pctr, bids = rng.uniform(0.01, 0.2, n * n_buckets), rng.uniform(0.1, 3.0, n * n_buckets)
    pctr[::7], bids[::7] = 0.1, 1.5
    hours = np.sort(rng.integers(0, 24, n_buckets)).tolist()
    who = list(range(n)) * n_buckets
    return make_market([n] * n_buckets, hours, [1] * n_buckets, who, pctr.tolist(), bids.tolist(), n)


def replayed(traffic: Traffic, preranker: PreRanker | None, **others: object) -> Outcome:
    return replay(traffic, coefficients=np.ones((len(traffic.advertisers), 1, 1)), preranker=preranker, **others)


@settings(max_examples=150)
@given(markets(), BUDGETS, RULES, PRERANKERS)
def test_the_kernel_equals_the_reference_with_a_preranker(traffic: Traffic, budgets: np.ndarray, rules: dict, own: PreRanker):
    expected = replay_reference(traffic, 0, traffic.keyword_bid, budgets=budgets, preranker=own, **rules)
    got = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, preranker=own, **rules)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(got, name)[:, :, 0], expected[name])


@settings(max_examples=50)
@given(markets(), BUDGETS, RULES, st.sampled_from([0.0, 1.0]), st.sampled_from(["ecpm", "pctr"]))
def test_to_keep_all_candidates_changes_no_byte(traffic: Traffic, budgets: np.ndarray, rules: dict, noise: float, score: str):
    theta = np.ones((N, 1, 1))
    plain = replay(traffic, coefficients=theta, budgets=budgets, **rules)
    expect_same(replay(traffic, coefficients=theta, budgets=budgets, preranker=PreRanker(N, noise, score), **rules), plain)


@pytest.mark.parametrize("slots", [(1.0,), (1.0, 0.8, 0.6)])
@pytest.mark.parametrize("pricing", ["gsp", "first", "vcg"])
@pytest.mark.parametrize("squash", [1.0, 0.5, 0.0])
def test_without_noise_slots_and_one_more_are_enough_for_the_same_winners(slots: tuple, pricing: str, squash: float):
    # Keyword bids are the bids here, and nobody has a budget, so the pre-ranker's order is the auction's.
    traffic = wide_market()
    rules = {"slot_effect": slots, "pricing": pricing, "squash": squash, "reserve": 0.3}
    plain, kept = replayed(traffic, None, **rules), replayed(traffic, PreRanker(len(slots) + 1), **rules)
    for name in ("impressions", "clicks", "conversions", "gmv"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(plain, name))
    np.testing.assert_allclose(kept.cost, plain.cost, rtol=1e-11)
    # With one fewer the last slot's price is set by nobody but the reserve.
    if pricing != "first":
        assert replayed(traffic, PreRanker(len(slots)), **rules).cost.sum() < 0.9 * plain.cost.sum()


def test_ties_at_the_last_place_go_to_the_lower_row():
    # 0.3 x 1, 0.1 x 3 and 0.15 x 2 tie as decimals, not as doubles.
    traffic = make_market([4], [0], [1], [0, 1, 2, 3], [0.15, 0.1, 0.3, 0.5], [2.0, 3.0, 1.0, 2.0], 4)
    assert replayed(traffic, PreRanker(3), slot_effect=(1.0,) * 4).impressions.sum(axis=(0, 2)).tolist() == [1, 1, 0, 1]


def test_errors_are_standard_normal_and_belong_to_an_advertiser_in_a_bucket():
    key = hour_rng_key(0, 1, 2, "preranker")
    draws = np.array([normal(key, bucket, who) for bucket in range(100) for who in range(100)])
    assert abs(draws.mean()) < 0.04
    assert abs(draws.std() - 1) < 0.03
    assert abs(np.mean(np.abs(draws) < 1.959964) - 0.95) < 0.01
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.04
    assert len(np.unique(draws)) == len(draws)
    # Who else is a candidate does not matter: advertiser 2 is dropped or kept for its own error alone.
    traffic = wide_market()
    shorter = replace(traffic, keyword_bid=np.where(traffic.advertiser == 0, 0.0, traffic.keyword_bid))
    own = Rules(preranker=PreRanker(15, 1.0))
    one, other = (TableSource(each, own).is_ranked[traffic.advertiser == 2] for each in (traffic, shorter))
    assert (one <= other).all()
    assert one.sum() < other.sum()


def test_revenue_and_welfare_fall_as_fewer_are_kept_and_as_noise_rises():
    # A value of a click in proportion to the bid, so that the auction's own order is the efficient one.
    traffic = wide_market()
    traffic = replace(traffic, item_price=traffic.keyword_bid / traffic.pcvr, pcvr=traffic.pcvr)
    by_keep = [replayed(traffic, PreRanker(keep, 0.5)) for keep in (30, 15, 6, 3, 2)]
    by_noise = [replayed(traffic, PreRanker(4, noise)) for noise in (0.0, 0.3, 1.0, 3.0)]
    for outcomes in (by_keep, by_noise):
        revenue, welfare = ([float(getattr(one, name).sum()) for one in outcomes] for name in ("cost", "gmv"))
        assert (np.diff(revenue) < 0).all()
        assert (np.diff(welfare) < 0).all()
    # Chance alone: 4 of 30 are kept, so that the best is among them in 4 of 30 auctions, and who wins is worth less.
    assert by_noise[-1].gmv.sum() < 0.8 * by_noise[0].gmv.sum()


def test_a_stored_day_drops_the_same_candidates_chunk_by_chunk(tmp_path: Path):
    traffic = wide_market()
    single = {name: getattr(traffic, name).astype(np.float32).astype(float) for name in ("pctr", "keyword_bid", "pcvr")}
    traffic = replace(traffic, **single, ctr=single["pctr"], cvr=single["pcvr"])
    stored, own = store_table(traffic, tmp_path / "stored"), PreRanker(6, 0.7, seed=3)
    budgets = np.where(np.arange(30) % 3 == 0, 0.4, np.inf)
    expect_same(replayed(stored, own, budgets=budgets), replayed(traffic, own, budgets=budgets))
    # Part of an hour draws what the whole hour draws.
    source, table = StoreSource(stored, Rules(preranker=own)), TableSource(traffic, Rules(preranker=own))
    first, last = traffic.cells_of(0, 3)
    part = next(source.chunks(0, 3, (2, 5)))
    rows = slice(int(traffic.cell_start[first + 2]), int(traffic.cell_start[first + 5]))
    np.testing.assert_array_equal(part.candidates.advertiser < 30, table.is_ranked[rows])
    assert last - first >= 5


@pytest.mark.usefixtures("small_windows")
def test_any_number_of_threads_and_policies_gives_the_same_bytes():
    for number in range(40):
        rng = np.random.default_rng([11, number])
        traffic, own = random_market(rng), PreRanker(int(rng.integers(1, 4)), 0.5, seed=number)
        theta = rng.choice([1.0, 0.7, 0.3], (len(traffic.advertisers), 1, 3))
        free = replay(traffic, coefficients=theta, preranker=own)
        budgets = tight_budgets(rng, traffic, free.cost.sum(axis=0).max(axis=1))
        outcomes = "sampled" if number % 3 == 0 else "expected"
        rules = {"budgets": budgets, "preranker": own, "outcomes": outcomes, "slot_effect": (1.0, 0.6)}
        one, three = (replay(traffic, coefficients=theta, threads=n, **rules) for n in (1, 3))
        expect_same(one, three)
        alone = replay(traffic, coefficients=theta[:, :, 1:2], **rules)
        np.testing.assert_array_equal(one.cost[:, :, 1:2], alone.cost)


def test_details_local_credit_and_throttling_count_only_who_was_kept():
    traffic, own = wide_market(), PreRanker(5, 0.5)
    rules = Rules(preranker=own)
    source = TableSource(traffic, rules)
    entered = np.bincount(traffic.advertiser[source.is_ranked], minlength=30)
    assert source.is_ranked.sum() == 5 * 400
    np.testing.assert_array_equal(replayed(traffic, own, details=True).participated.sum(axis=(0, 2)), entered)
    theta = np.zeros((30, 4, 1))
    theta[:, 3] = 1.0
    day = DayReplay(source, 0, rules, local_credit=True)
    throttled = DayReplay(source, 0, rules, seed=1)
    while not day.is_over:
        day.step(theta)
        throttled.step(theta, np.full((30, 1), 0.5))
    total = day.cumulative[:, 4].sum()
    assert day.local_credit.shape == (30, 2, 1)
    # Every auction's cost is credited to its five candidates.
    np.testing.assert_allclose(day.local_credit[:, 1].sum(), 5 * total)
    assert 0 < throttled.cumulative[:, 0].sum() < day.cumulative[:, 0].sum()


def test_what_is_no_preranker_ends_in_one_line():
    with pytest.raises(InputError, match=r"^keep: expected a whole number >= 1, got 0$"):
        PreRanker(0)
    with pytest.raises(ValueError, match=r"^noise: expected a number in \[0, 10\], got -1$"):
        PreRanker(1, -1)
    with pytest.raises(ValueError, match=r"^score: unknown 'ecmp'; choose from ecpm, pctr \(did you mean 'ecpm'\?\)$"):
        PreRanker(1, score="ecmp")
    with pytest.raises(InputError, match=r"^preranker: expected a PreRanker .*, got 4$"):
        replayed(wide_market(4, 2), 4)
