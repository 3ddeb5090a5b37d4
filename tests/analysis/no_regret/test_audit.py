"""The regret audit: no regret where bids are best, the best fixed bid where they are not, and swaps by level."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant, DayPolicy, DayState
from auctionsim.analysis.economics.no_regret import audit
from auctionsim.analysis.economics.no_regret.audit import AMOUNTS, MULTIPLIERS, fixed_bids, regret, regret_rows, regrets
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

DAYS = (2, 3)


def made(*overrides: str) -> Market:
    return build_market(parse_scenario(SMALL, "small.toml", overrides=overrides))


@pytest.fixture(scope="module")
def market() -> Market:
    """Five learners, one slot, second price, no budgets."""
    return made()


class Alternating:
    """Everybody bids multiples of the value of a click that change by the hour's parity."""

    def __init__(self, market: Market, even: float, odd: float) -> None:
        self.bids = market.static("truthful")
        self.factors = even, odd

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        def act(state: DayState) -> np.ndarray:
            return np.repeat(self.bids * self.factors[state.hour % 2], n_policies, axis=-1)

        return DayPolicy(act)


def test_truthful_bids_have_no_regret_in_a_second_price_auction(market: Market):
    for who in (0, 3):
        found = regret(market, DAYS, Constant(market.static("truthful")), who)
        assert found.external == pytest.approx([0, 0], abs=1e-9)
        assert found.cumulative_external == pytest.approx([0, 0], abs=1e-9)
        # Levels are bids' own, so a swap may choose better by the hour: little, since truth is best in each.
        assert found.swap == pytest.approx([0, 0], abs=1e-9)
        assert found.cumulative_swap == pytest.approx([0, 0], abs=1e-9)


def test_a_shading_bidder_regrets_what_the_best_fixed_bid_would_have_earned(market: Market):
    policy = market.static("truthful")
    policy[1] *= 0.05
    found = regret(market, DAYS, Constant(policy), 1)
    assert (found.external > 0).all()
    assert found.cumulative_external[0] == pytest.approx(found.external[0])
    assert found.cumulative_external[1] <= found.external.sum() + 1e-9
    for d, day in enumerate(DAYS):
        now = simulate_day(market, day, Constant(policy)).outcome.profit.sum(axis=0)[1, 0]
        best = max(_played(market, day, policy, 1, bid) for bid in fixed_bids())
        assert found.earned[d] == pytest.approx(now)
        assert found.external[d] == pytest.approx(best - now)


def test_bids_that_are_wrong_in_some_hours_have_more_swap_than_external_regret(market: Market):
    # 16 times the value in odd hours buys at a loss, a 16th in even hours buys nothing: each level has a better bid.
    found = regret(market, DAYS, Alternating(market, 1 / 16, 16.0), 2)
    assert (found.swap >= found.external - 1e-9).all()
    assert (found.swap > 0).all()
    assert (found.cumulative_swap >= np.maximum(found.cumulative_external, 0)).all()
    assert found.cumulative_swap[0] == pytest.approx(found.swap[0])
    half = regret(market, DAYS, Alternating(market, 1.0, 0.25), 2)
    assert (half.swap >= half.external - 1e-9).all()


def test_several_advertisers_replayed_side_by_side_have_the_regret_of_each_alone(monkeypatch: pytest.MonkeyPatch):
    # Budgets that bind, so that what one bids changes what rivals have left in later hours.
    market = made('advertisers.0.budget="baseline*0.5"')
    policy = Alternating(market, 1 / 4, 4.0)
    together = regrets(market, DAYS, policy, [0, 3, 4])
    # Two at a time, then the third.
    monkeypatch.setattr(audit, "_MOST_BIDDERS", 2 * len(market.advertisers) * len(fixed_bids()))
    in_parts = regrets(market, DAYS, policy, [0, 3, 4])
    for who, found, part in zip((0, 3, 4), together, in_parts, strict=True):
        alone = regret(market, DAYS, policy, who)
        for name in ("earned", "fixed", "swapped", "swapped_through"):
            assert np.array_equal(getattr(found, name), getattr(alone, name)), name
            assert np.array_equal(getattr(part, name), getattr(alone, name)), name


def test_staying_away_from_cheap_hours_is_a_mistake_of_one_level(market: Market):
    class StaysAway(Alternating):
        """Rivals bid next to nothing in odd hours, and advertiser 0 bids its value in even hours only."""

        def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
            def act(state: DayState) -> np.ndarray:
                theta = np.repeat(self.bids * 1.0, n_policies, axis=-1)
                if state.hour % 2:
                    theta[0] *= 0.0
                    theta[1:] *= 0.01
                return theta

            return DayPolicy(act)

    found = regret(market, DAYS, StaysAway(market, 1, 1), 0)
    # Bidding its value in all hours is a fixed bid, and repairs the mistake: both regrets are what the odd hours are worth.
    assert (found.external > 0).all()
    assert found.swap == pytest.approx(found.external, rel=0.01)


def test_with_budgets_the_rule_is_replayed_as_a_whole():
    market = made('advertisers.0.budget="baseline*0.5"')
    policy = Alternating(market, 4.0, 0.1)
    found = regret(market, DAYS, policy, 1)
    assert (found.swap >= np.maximum(found.external, 0) - 1e-9).all()
    assert np.isfinite(found.swapped).all()


def test_rows_have_every_day_and_the_days_up_to_it(market: Market):
    policy = Constant(0.1 * market.static("truthful"))
    rows = regret_rows(7, market, policy, DAYS, most=2)
    assert rows.height == 2 * 2
    assert rows.columns == ["seed", "day", "advertiser", *AMOUNTS]
    assert rows["seed"].unique().to_list() == [7]
    first = rows.filter(advertiser=market.advertisers[0])
    assert first["day"].to_list() == [2, 3]
    assert (first["external_regret"] > 0).all()
    assert first["cumulative_external_regret"][0] == pytest.approx(first["external_regret"][0])
    assert rows.equals(regret_rows(7, market, policy, DAYS, most=2))


def test_the_candidates_are_none_and_multiples_of_two_kinds_of_bids():
    bids = fixed_bids()
    assert len(bids) == 1 + 2 * len(MULTIPLIERS)
    assert (bids[0] == 0).all()
    assert 1.0 in MULTIPLIERS


def _played(market: Market, day: int, policy: np.ndarray, who: int, bid: np.ndarray) -> float:
    changed = policy.copy()
    changed[who] = bid[:, np.newaxis]
    return float(simulate_day(market, day, Constant(changed)).outcome.profit.sum(axis=0)[who, 0])
