"""Several policies on one day: whose bids count, and hours within finer steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant, DayPolicy
from auctionsim.agents.policies.mixed import HourByHour, Mixed
from auctionsim.agents.policies.pacing.dual_pacing import DualPacing
from auctionsim.agents.policies.pacing.pid import Pid
from auctionsim.market.market import Market, Policy
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.steps import minutes_steps

from ...conftest import SMALL


@dataclass
class InHalfHours:
    policy: Policy

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        actor = self.policy.begin(market, day, n_policies)
        return DayPolicy(actor.act, steps=minutes_steps(market.traffic, day, 30))


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(parse_scenario(SMALL, "x.toml", overrides=['advertisers.0.budget="baseline*0.5"']))


@pytest.mark.parametrize("rule", [Pid, DualPacing])
def test_a_rule_hour_by_hour_spends_in_half_hours_what_it_spends_in_hours(market: Market, rule: type):
    policy = rule(market, np.arange(5))
    hours = simulate_day(market, 2, policy).outcome
    halves = simulate_day(market, 2, InHalfHours(HourByHour(policy)))
    assert len(halves.step_hours) == 48
    np.testing.assert_allclose(halves.outcome.cost, hours.cost, rtol=1e-12)
    np.testing.assert_allclose(halves.outcome.clicks, hours.clicks, rtol=1e-12)


def test_each_policy_bids_for_its_own_advertisers(market: Market):
    low, high = (Constant(factor * market.static("manual")) for factor in (0.5, 2.0))
    is_high = np.array([True, False, True, False, False])
    mixed = simulate_day(market, 2, Mixed([(low, ~is_high), (high, is_high)]))
    factor = np.where(is_high, 2.0, 0.5)
    np.testing.assert_array_equal(mixed.coefficients[0], factor[:, None, None] * market.static("manual"))
    alone = simulate_day(market, 2, Constant(factor[:, None, None] * market.static("manual")))
    np.testing.assert_array_equal(mixed.outcome.cost, alone.outcome.cost)


def test_beside_finer_steps_a_policy_of_hours_holds_its_bids(market: Market):
    everybody = np.arange(5)
    pid, own = Pid(market, everybody), InHalfHours(Constant(market.static("manual")))
    is_pid = everybody < 2
    mixed = simulate_day(market, 2, Mixed([(own, ~is_pid), (pid, is_pid)]))
    assert len(mixed.step_hours) == 48
    first, second = np.stack(mixed.bids[::2]), np.stack(mixed.bids[1::2])
    np.testing.assert_array_equal(first, second)
    assert (first[1:, :2] != first[:-1, :2]).any(), "it reacts from hour to hour"


@dataclass
class InSteps:
    policy: Policy
    minutes: int

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        actor = self.policy.begin(market, day, n_policies)
        return DayPolicy(actor.act, steps=minutes_steps(market.traffic, day, self.minutes))


def test_policies_may_share_finer_steps_but_not_have_different_ones(market: Market):
    bids, mask = Constant(market.static("manual")), np.arange(5) < 2
    half, quarter, hour = (InSteps(bids, minutes) for minutes in (30, 15, 60))
    assert len(simulate_day(market, 2, Mixed([(half, mask), (half, ~mask)])).step_hours) == 48
    assert len(simulate_day(market, 2, Mixed([(hour, mask), (half, ~mask)])).step_hours) == 48, "hours are no other steps"
    with pytest.raises(ValueError, match="policies: expected the same steps or hours, got two with other steps"):
        simulate_day(market, 2, Mixed([(half, mask), (quarter, ~mask)]))


def test_a_policy_with_bid_features_of_its_own_is_refused(market: Market):
    class OwnFeatures:
        def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
            return DayPolicy(lambda state: market.static("manual"), market.traffic_source)

    with pytest.raises(ValueError, match="policies: expected the market's bid features for a mixture"):
        simulate_day(market, 2, Mixed([(OwnFeatures(), np.ones(5, bool))]))
