"""Throttling: who participates in which auctions, against the plain reference, and the controller that paces by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.pacing.throttle import Throttle
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.day import DayReplay
from auctionsim.auction.outcome import COST, IMPRESSIONS, OUTCOMES
from auctionsim.auction.reference import replay_reference
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import StoreSource, TableSource, TrafficSource
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, Participation
from auctionsim.scenario.file import parse_scenario
from auctionsim.streams import stream
from auctionsim.traffic.generator import query_names, stream_traffic
from auctionsim.traffic.profile import load_profile
from auctionsim.traffic.stored import writer as storing
from auctionsim.traffic.stored.writer import store_traffic
from auctionsim.traffic.table import HOURS

from ..conftest import SMALL

MANUAL = FEATURES.index("keyword_bid")
EVERYBODY = np.arange(5)


class HalfMore:
    """A rule that would participate in one and a half times its auctions."""

    def __init__(self, market: Market, advertisers: np.ndarray) -> None:
        self.n = len(advertisers)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        theta = np.ones((self.n, len(FEATURES), n_policies))
        return DayPolicy(lambda state: Participation(theta, np.full((self.n, n_policies), 1.5)))


def small_market(*overrides: str) -> Market:
    return build_market(parse_scenario(SMALL, "x.toml", overrides=overrides))


def hours_of(
    market: Market,
    *share: float,
    seeds: list[int] | None = None,
    source: TrafficSource | None = None,
    local_credit: bool = False,
) -> np.ndarray:
    """A day's totals by hour, `[24, advertisers, 5, P]`, with everybody under a constant share."""
    policies = len(share)
    replay = DayReplay(
        source or market.traffic_source, 2, market.rules, policies=policies, budgets=market.budgets, seed=seeds or 0,
        local_credit=local_credit,
    )  # fmt: skip
    theta = np.zeros((5, len(FEATURES), policies))
    theta[:, MANUAL] = 1.0
    return np.stack([replay.step(theta, np.tile(np.array(share), (5, 1))) for _ in range(HOURS)])


def is_in(market: Market, share: float, seed: int = 0) -> np.ndarray:
    """Whether each row of the table participates, drawn once more from the text of the module."""
    traffic, taking = market.traffic, np.ones(len(market.traffic.advertiser), dtype=bool)
    for hour in range(HOURS):
        first, last = (int(traffic.cell_start[cell]) for cell in traffic.cells_of(2, hour))
        taking[first:last] = stream(seed, "throttle", 2, hour).random(last - first) < share
    return taking


@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
@pytest.mark.parametrize(
    "mechanism", [(), ('mechanism.pricing="vcg"', "mechanism.slot_effect=[1.0, 0.5]", "traffic.weight=3")], ids=["gsp", "vcg"]
)
def test_a_throttled_day_is_the_plain_reference_without_those_that_do_not_participate(
    mechanism: tuple[str, ...], outcomes: str
):
    market = small_market('advertisers.0.budget="baseline*0.3"', f'mechanism.outcomes="{outcomes}"', *mechanism)
    bids = np.where(is_in(market, 0.4), market.traffic.keyword_bid, np.nan)
    rules = market.rules
    expected = replay_reference(
        market.traffic, 2, bids, budgets=market.budgets, slot_effect=rules.slot_effect, pricing=rules.pricing,
        reserve=rules.reserve, outcomes=outcomes,
    )  # fmt: skip
    found = hours_of(market, 0.4)[..., 0]
    for k, name in enumerate(OUTCOMES):
        np.testing.assert_allclose(found[:, :, k], expected[name], rtol=1e-9, atol=1e-12)


def test_full_participation_is_the_unthrottled_day_and_none_is_nothing():
    market = small_market()
    both = hours_of(market, 1.0, 0.0)
    assert (both[..., 0] == hours_of(market, 1.0)[..., 0]).all()
    plain = market.outcome(2, market.static("manual"))
    assert (both[:, :, COST, 0] == plain.cost[..., 0]).all()
    assert not both[..., 1].any()


def test_policies_side_by_side_equal_each_alone():
    market = small_market('advertisers.0.budget="baseline*0.3"')
    shares, seeds = (0.2, 0.7, 0.2, 1.0, 0.7), [0, 0, 3, 3, 0]
    together = hours_of(market, *shares, seeds=seeds, local_credit=True)
    for p, (share, seed) in enumerate(zip(shares, seeds, strict=True)):
        assert (together[..., p] == hours_of(market, share, seeds=[seed])[..., 0]).all()
    assert (together[..., 1] == together[..., 4]).all()
    assert (together[..., 0] != together[..., 2]).any()


def test_a_day_in_chunks_draws_as_the_whole_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storing, "_ROWS_AT_ONCE", 64)
    market = small_market()
    section, profile = market.scenario.traffic, load_profile("plain", None)
    hours = stream_traffic(section, profile, len(EVERYBODY), 0, (0, 1, 2))
    stored = store_traffic(tmp_path / "day", market.advertisers, query_names(section), hours)
    chunked, whole = StoreSource(stored, market.rules), TableSource(stored.table(), market.rules)
    assert len(list(chunked.chunks(2, 20))) > 1
    assert (hours_of(market, 0.5, source=chunked) == hours_of(market, 0.5, source=whole)).all()


def test_the_share_is_kept_over_seeds_and_more_share_means_more_of_the_same_auctions():
    market = small_market()
    asked = np.zeros((5, 4, 3))
    asked[0, MANUAL] = 1.0
    share = np.ones((5, 3))
    share[0] = 0.25, 0.75, 1.0
    shown = []
    for seed in range(8):
        # Rivals bid nothing, so that every auction with a bid is won: some 480 of them a day.
        replay = DayReplay(market.traffic_source, 2, Rules(), policies=3, seed=seed)
        shown.append(sum(replay.step(asked, share)[0, IMPRESSIONS] for _ in range(HOURS)))
    counts = np.array(shown)
    assert (np.diff(counts, axis=1) > 0).all()
    np.testing.assert_allclose(counts.mean(axis=0) / counts[:, 2].mean(), [0.25, 0.75, 1.0], atol=0.03)


def test_a_share_outside_its_range_is_refused():
    market = small_market().under(HalfMore, EVERYBODY)
    with pytest.raises(InputError, match=r"policy HalfMore: expected shares in \[0, 1\], got 1.5 for seller_0"):
        market.outcome(2, market.fixed[:, :, None])


def test_throttle_follows_its_curve_and_keeps_the_keyword_bid():
    tight = ('advertisers.0.budget="baseline*0.4"', "traffic.auctions_per_day=6000")
    market = small_market(*tight, 'advertisers.0.controller="throttle"')
    replay = market.day(2)
    asked, spent = np.repeat(market.fixed[:, :, None], 1, axis=2), []
    for _ in range(HOURS):
        replay.step(asked)
        spent.append(1 - replay.budget_left[:, 0] / market.budgets)
        assert (replay.coefficients[:, MANUAL] == 1.0).all()
        assert (np.delete(replay.coefficients, MANUAL, axis=1) == 0.0).all()
    curve = Throttle(market, EVERYBODY)._allocated
    behind = np.abs(np.array(spent) - curve)
    assert behind[10:].max() < 0.1
    assert (np.array(spent)[-1] > 0.97).all()


def test_throttle_without_a_budget_participates_in_all():
    market = small_market('advertisers.0.controller="throttle"')
    plain = market.outcome(2, market.static("manual"))
    assert (market.outcome(2, market.fixed[:, :, None]).cost == plain.cost).all()
