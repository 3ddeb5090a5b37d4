"""Bounds by multipliers alone: never under the optimum, and near it, without a solver."""

from __future__ import annotations

import pytest

from auctionsim.agents.build import build_market
from auctionsim.bounds.lagrangian import proven_bound
from auctionsim.bounds.large_days import lagrangian_bound
from auctionsim.bounds.linear_program import dual_bound, solve_whole
from auctionsim.bounds.oracle import lp_bound
from auctionsim.errors import InputError
from auctionsim.market.benchmarks import day_benchmarks
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL
from .test_linear_program import program

DAY = 2
ALL_LIMITS = (
    'advertisers.0.budget="baseline*0.6"', 'advertisers.0.cpc_cap="baseline*1.0"', 'advertisers.0.spend_floor="baseline*0.2"',
    "advertisers.0.profit_floor=0.5", "platform.revenue_floor=0.5",
)  # fmt: skip
SELF_BIDDERS = '\n[[advertisers]]\ngroup = "self"\ncount = 2\ncontroller = "manual"\nbudget = "baseline*0.8"\n'


def market_with(*overrides: str, text: str = SMALL) -> Market:
    return build_market(parse_scenario(text, "small.toml", overrides=("traffic.auctions_per_day=1500", *overrides)))


@pytest.mark.parametrize("seed", range(6))
def test_a_descent_ends_near_the_optimum_of_the_whole_program_and_never_under_it(seed: int):
    this = program(seed)
    best = solve_whole(this)
    found = proven_bound(this)
    assert best.value * (1 - 1e-9) <= found.bound <= best.value * 1.001
    assert found.bound == pytest.approx(dual_bound(this, found.multipliers), rel=1e-12)
    assert (found.multipliers >= 0).all()


def test_more_steps_never_loosen_a_bound_that_starts_where_it_ended():
    this = program(1)
    first = proven_bound(this, steps=5)
    assert proven_bound(this, first.multipliers, steps=40).bound <= first.bound


def test_where_only_the_revenue_floor_binds_it_is_the_closed_form():
    market = market_with("advertisers.0.profit_floor=0.0")
    closed = day_benchmarks(market, DAY)[0].profit / float(goals_of(market, DAY).profit_scale[0])
    found = lagrangian_bound(market, DAY, own_weight=0.0, global_weight=1.0)
    assert found.value == pytest.approx(closed, rel=1e-9)


@pytest.mark.parametrize(
    ("overrides", "text", "looser"),
    [
        (("advertisers.0.profit_floor=1.0",), SMALL, 5e-3),
        (ALL_LIMITS, SMALL, 0.01),
        (("platform.self_bidder_floor=0.9",), SMALL + SELF_BIDDERS, 0.05),
        (('advertisers.0.objectives={clicks=1.0}', "advertisers.0.profit_floor=0.0"), SMALL, 0.05),
    ],
    ids=["profit floors", "every limit", "self-bidders", "clicks"],
)  # fmt: skip
def test_it_is_the_linear_program_s_bound_or_a_little_above(overrides: tuple[str, ...], text: str, looser: float):
    market = market_with(*overrides, text=text)
    exact, found = lp_bound(market, DAY), lagrangian_bound(market, DAY)
    assert exact.value * (1 - 1e-9) <= found.value <= exact.value * (1 + looser)
    assert set(found.duals.of) == set(exact.duals.of)


def test_its_arguments_are_checked_as_those_of_the_linear_program():
    market = market_with()
    with pytest.raises(InputError, match="steps: expected a whole number >= 1, got 0"):
        lagrangian_bound(market, DAY, steps=0)
    with pytest.raises(InputError, match="own_weight: expected a number >= 0, got -1"):
        lagrangian_bound(market, DAY, own_weight=-1.0)
