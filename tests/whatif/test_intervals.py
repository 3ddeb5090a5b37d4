"""Intervals of what-if answers: days without a group of auctions, and the share of intervals that cover the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import auctionsim
from auctionsim.analysis.statistics import day_interval
from auctionsim.analysis.whatif.left_out import BUDGET_SHARE, GROUPS, DealtDay, _dealt, _dealt_in_blocks
from auctionsim.analysis.whatif.replays import FIGURES, Replays, estimate
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import source_of
from auctionsim.jobs.whatif.opened import open_source
from auctionsim.jobs.whatif.replaying import own_bids, replay_days
from auctionsim.market.policy import Constant
from auctionsim.traffic.files import load_traffic
from auctionsim.traffic.table import Traffic

from .tables import frame, table


@pytest.mark.parametrize("weight", [1, 30])
def test_every_auction_is_in_one_group(weight: int):
    source = source_of(table(n=200, weight=weight), Rules())
    dealt = DealtDay(source, 0, seed=0)
    left = [dealt.without(source, group) for group in range(GROUPS)]
    for hour in range(24):
        assert sum(source.auctions(0, hour) - one.auctions(0, hour) for one in left) == source.auctions(0, hour)


@pytest.mark.parametrize("pricing", ["gsp", "vcg"])
@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
def test_a_day_without_a_group_equals_a_table_without_its_auctions(pricing: str, outcomes: str):
    rows = frame(n=400)
    base = [
        f"mechanism.pricing={pricing}",
        f"mechanism.outcomes={outcomes}",
        "advertisers.0.budget=3",
        "mechanism.slot_effect=[1,0.5]",
    ]
    opened = open_source(load_traffic(rows), base=base)
    market = opened.market
    dealt = DealtDay(market.traffic_source, 0, market.seed)
    replays = replay_days(market, Constant(own_bids(market)), {0: dealt})
    assert replays.without is not None
    cells = np.concatenate(
        [dealt.kept(hour, 0, market.traffic.weight[slice(*market.traffic.cells_of(0, hour))], 7) for hour in range(24)]
    )
    if outcomes == "sampled":
        # Draws go by an auction's index in its hour, which a table without some auctions would shift.
        assert np.isfinite(replays.without[0, 7]).all()
        return
    kept = load_traffic(rows.filter(pl.Series(np.repeat(cells > 0, 3))))
    order = [kept.advertisers.index(name) for name in market.advertisers]
    bids = np.ones((len(order), 1, 1))
    truth = auctionsim.replay(kept, coefficients=bids, pricing=pricing, slot_effect=(1, 0.5), budgets=3 * BUDGET_SHARE)
    np.testing.assert_allclose(replays.without[0, 7, :, 4], truth.cost[:, order, 0].sum(axis=0), rtol=1e-9)


def test_over_days_the_interval_is_that_of_statistics_unless_auctions_say_more():
    rng = np.random.default_rng(0)
    whole = rng.random((6, 3, 5)) + 1
    without = np.repeat((whole * BUDGET_SHARE)[:, None], GROUPS, axis=1)
    replays = Replays(whole, whole.sum(axis=1), without)
    found = estimate(FIGURES["revenue"], replays)
    expected = day_interval(whole[None, :, 1, 4])
    assert [found.low[1] / 6, found.high[1] / 6] == pytest.approx([expected.low, expected.high])
    noisy = Replays(whole, whole.sum(axis=1), without * rng.uniform(0.5, 1.5, (6, GROUPS, 1, 1)))
    assert estimate(FIGURES["revenue"], noisy).high[1] > found.high[1]


def drawn_days(pool: Traffic, days: int, auctions: float, seed: int) -> Traffic:
    """Days whose auctions are drawn from a pool, as many as a Poisson number says."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in range(days):
        chosen = rng.integers(len(pool.weight), size=rng.poisson(auctions))
        hours = np.sort(rng.integers(0, 24, len(chosen)))
        rows.append((np.full(len(chosen), day), hours, chosen))
    day, hour, cell = (np.concatenate(part) for part in zip(*rows, strict=True))
    size = 3
    index = (cell[:, None] * size + np.arange(size)).ravel()
    columns = ("advertiser", "pctr", "pcvr", "item_price", "keyword_bid", "ctr", "cvr")
    own = {name: getattr(pool, name)[index] for name in columns}
    return replace(
        pool, day=day, hour=hour, weight=np.ones(len(day), dtype=np.int64), query=pool.query[cell],
        cell_start=np.arange(len(day) + 1) * size, market_ecpm=np.zeros(len(day)), **own,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(("days", "draws"), [(1, 40), (3, 20)])
def test_intervals_cover_the_truth_in_about_95_of_100_draws(days: int, draws: int):
    # The full table of coverages, with 200 draws each, is made by benchmarks/whatif_coverage.py.
    pool = table(n=3000, advertisers=4)
    everything = auctionsim.whatif(pool, "mechanism.reserve=0.5", intervals=False).as_dict()["changes"][0]
    truth = {name: everything["change"][name]["amount"] / 3000 * 150 * days for name in ("revenue", "clicks")}
    covered = dict.fromkeys(truth, 0)
    for seed in range(draws):
        found = auctionsim.whatif(drawn_days(pool, days, 150, seed), "mechanism.reserve=0.5", seed=seed).as_dict()
        for name, value in truth.items():
            low, high = found["changes"][0]["change"][name]["interval"]
            covered[name] += low <= value <= high
    # 95 % of 40 is 38 and of 20 is 19; 6 fewer would come in less than one of 1,000 suites.
    assert min(covered.values()) >= 0.95 * draws - 6


def test_more_auctions_than_can_be_drawn_are_dealt_whole():
    weight = np.array([2**53 // 60, 7, 5 * 10**12, 40, 1])
    dealt = _dealt(weight, np.random.default_rng(0))
    assert (dealt.sum(axis=1) == weight).all()
    assert (dealt >= 0).all()


def test_numbers_dealt_in_blocks_have_the_mean_and_covariance_of_single_auctions():
    n, share = 4000, 1 / GROUPS
    drawn = np.stack([_dealt_in_blocks(np.array([n]), 10, np.random.default_rng(seed))[0] for seed in range(3000)])
    covariance = np.cov(drawn.T)
    assert drawn.mean(axis=0) == pytest.approx(n * share, abs=1.5)
    assert np.diag(covariance).mean() == pytest.approx(n * share * (1 - share), rel=0.03)
    assert covariance[~np.eye(GROUPS, dtype=bool)].mean() == pytest.approx(-n * share * share, rel=0.03)
