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


def test_two_policies_with_steps_of_their_own_are_refused(market: Market):
    own = InHalfHours(Constant(market.static("manual")))
    mask = np.arange(5) < 2
    with pytest.raises(ValueError, match="policies: expected one with steps of its own, got 2"):
        simulate_day(market, 2, Mixed([(own, mask), (own, ~mask)]))
