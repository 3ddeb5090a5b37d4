"""What tests of simulated days share: small markets, policies, and whether two days are equal to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState, Participation
from auctionsim.market.simulate import Trajectory
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.steps import Steps

from ..conftest import SMALL

RULES = """
[[advertisers]]
group = "paced"
count = 2
controller = "pid"
budget = "baseline*0.5"
[[advertisers]]
group = "throttled"
count = 2
controller = "throttle"
budget = "baseline*0.5"
"""
TIGHT = 'advertisers.0.budget="baseline*0.4"'
AMOUNTS = ("impressions", "clicks", "conversions", "gmv", "cost")
KEYWORD_BID = FEATURES.index("keyword_bid")


def small_market(*overrides: str, rules: str = "") -> Market:
    """Five sellers under a tight budget, and advertisers under rules."""
    return build_market(parse_scenario(SMALL + rules, "x.toml", overrides=[TIGHT, *overrides]))


def keyword_bids(market: Market, multiple: float = 1.0, policies: int = 1) -> np.ndarray:
    """Coefficients of a multiple of the learners' keyword bids; the others are left to their rule."""
    theta = np.repeat(market.fixed[:, :, None], policies, axis=2)
    theta[market.learners, KEYWORD_BID] = multiple
    return theta


@dataclass(frozen=True, eq=False)
class Reacting:
    """Bid the less, the more was spent; in steps of its own, and in a share of the auctions, where these are given."""

    market: Market
    steps: Callable[[int], Steps] | None = None
    share: float | None = None

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        def act(state: DayState) -> np.ndarray | Participation:
            theta = keyword_bids(self.market, policies=n_policies)
            spent = state.cumulative[:, 4] / (1 + state.cumulative[:, 4])
            theta[self.market.learners, KEYWORD_BID] = 1.5 - spent[self.market.learners]
            if self.share is None:
                return theta
            return Participation(theta, np.full((len(theta), n_policies), self.share))

        return DayPolicy(act, steps=None if self.steps is None else self.steps(day))


def is_equal(one: Trajectory, other: Trajectory, policies: slice = slice(None)) -> bool:
    """Whether two days brought the same in every hour, to the bit; of the other one's policies, those named."""
    return all((getattr(one.outcome, name) == getattr(other.outcome, name)[..., policies]).all() for name in AMOUNTS) and all(
        (a == b[..., policies]).all() for a, b in zip(one.budgets_left, other.budgets_left, strict=True)
    )
