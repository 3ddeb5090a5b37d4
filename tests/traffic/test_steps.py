"""Days cut into steps, and outcomes drawn once: whatever the steps, the day is the same."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.auction.day import DayReplay, run_day
from auctionsim.auction.outcome import COST
from auctionsim.auction.realized_rates import realized_rates
from auctionsim.market.market import Market
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.steps import Steps, auctions_by_step, first_rows, minutes_steps

from ..conftest import SMALL


@pytest.fixture(scope="module", params=["expected", "sampled"])
def market(request: pytest.FixtureRequest) -> Market:
    return build_market(parse_scenario(SMALL, "small.toml", overrides=[f"mechanism.outcomes={request.param}"]))


def outcome(market: Market, steps: Steps | None) -> tuple[np.ndarray, DayReplay]:
    day = market.day(0, steps=steps)
    hours = run_day(day, lambda _: market.static("manual"))
    return np.stack([hours.clicks, hours.gmv, hours.cost]), day


@pytest.mark.parametrize("minutes", [1, 15, 60])
def test_parts_of_hours_add_up_to_hours(market: Market, minutes: int):
    steps = minutes_steps(market.traffic, 0, minutes)
    assert len(steps) == 24 * 60 // minutes
    whole, _ = outcome(market, None)
    parts, day = outcome(market, steps)
    np.testing.assert_allclose(parts, whole, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(day.cumulative[:, COST, 0], whole[2, :, :, 0].sum(axis=0), rtol=1e-12)


def test_steps_of_several_hours_have_the_outcomes_of_their_hours(market: Market):
    whole, _ = outcome(market, None)
    long, _ = outcome(market, minutes_steps(market.traffic, 0, 240))
    np.testing.assert_allclose(long.sum(axis=1), whole.sum(axis=1), rtol=1e-12)
    assert (long[:, np.arange(24) % 4 > 0] == 0).all()


def test_uneven_parts_and_the_share_of_the_day(market: Market):
    parts = np.arange(24) % 3 + 1
    steps = Steps.from_parts(market.traffic, 0, parts)
    assert len(steps) == parts.sum()
    assert (np.diff(steps.share_done) > 0).all()
    assert steps.share_done[[0, -1]].tolist() == [0.0, 1.0]
    whole, _ = outcome(market, None)
    np.testing.assert_allclose(outcome(market, steps)[0], whole, rtol=1e-12, atol=1e-12)


def test_hours_must_divide_the_day(market: Market):
    with pytest.raises(ValueError, match="divisor of 24"):
        Steps.from_hours(market.traffic, 0, hours=5)


def test_auctions_and_first_rows_of_steps_are_the_advertiser_s_own(market: Market):
    traffic = market.traffic
    steps = minutes_steps(traffic, 0, 15)
    auctions, first = auctions_by_step(traffic, 0, steps), first_rows(traffic, 0, steps)
    np.testing.assert_allclose(auctions.reshape(24, 4, -1).sum(axis=1), market.hourly_auctions(0))
    for step in range(len(steps)):
        rows = range(traffic.cell_start[steps.edges[step]], traffic.cell_start[steps.edges[step + 1]])
        for who in range(len(market.advertisers)):
            own = [row for row in rows if traffic.advertiser[row] == who]
            assert first[step, who] == (own[0] if own else -1)


@pytest.mark.parametrize("weight", [1, 5])
def test_outcomes_drawn_once_equal_outcomes_drawn_hour_by_hour(weight: int):
    overrides = ["mechanism.outcomes=sampled", f"traffic.weight={weight}", "traffic.ctr_noise=1.0"]
    market = build_market(parse_scenario(SMALL, "small.toml", overrides=overrides), seed=3)
    drawn = market.with_realized_rates()
    assert drawn.rules.outcomes == "expected"
    theta = np.concatenate([market.static("manual"), market.static("truthful")], axis=2)
    for day in (0, 2):
        one, two = market.outcome(day, theta), drawn.outcome(day, theta)
        for name in ("impressions", "clicks", "conversions", "gmv", "cost"):
            np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9, atol=1e-9)
    assert realized_rates(market.traffic, 3)[0].tobytes() != realized_rates(market.traffic, 4)[0].tobytes()
