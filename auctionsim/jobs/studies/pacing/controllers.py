"""List the controllers that are put to the test, and make each for a case: all rules, and all autobidders by each method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.registry import find_rule
from auctionsim.jobs.studies.pacing.cases import TEST_DAYS, TRAIN_DAYS, Case, case_budgets, case_traffic
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState, Policy
from auctionsim.scenario import AUTOBIDDERS, CONTROLLERS, AutobidSection
from auctionsim.traffic.given import scenario_for
from auctionsim.traffic.table import Traffic

Array = NDArray[np.float64]

_TARGET_CPA, _TARGET_ROAS = "cpa_cap=1.0", "roas_floor=1.0"
"""A conversion is worth 1, so that the two are the same target: a return on spend of 1."""
_GOAL_KEYS = {"target-cpa": ("objectives={conversions=1.0}", _TARGET_CPA), "max-value": ("objectives={gmv=1.0}",)}
"""Keys of the group by autobidder; a new one has the target of `target-roas`. `max-value` has a budget and no target."""
_EVERY_METHOD = "target-roas"
"""Autobidder that is put to the test by each of its methods."""
METHODS: tuple[str, ...] = get_args(AutobidSection.model_fields["method"].annotation)


@dataclass(frozen=True)
class Arm:
    """A controller under its settings."""

    controller: str
    method: str = ""
    """Method of an autobidder; empty for a rule."""

    @property
    def name(self) -> str:
        """Return the arm's name in the results."""
        return f"{self.controller}, {self.method}" if self.method else self.controller

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of its group: what it wants, and by which method it bids."""
        if not self.method:
            return ("objectives={gmv=1.0}", _TARGET_ROAS)
        goal = _GOAL_KEYS.get(self.controller, ("objectives={gmv=1.0}", _TARGET_ROAS))
        return (f"controller={self.controller}", *goal, f"autobid.method={self.method}")


RULE = Arm("learner")
"""The market that rules bid in: nobody's bids are fixed."""


def arms() -> tuple[Arm, ...]:
    """Return all arms: every rule, every autobidder by its default method, and one of them by every method."""
    rules = [Arm(name) for name in CONTROLLERS if name != "learner"]
    default = AutobidSection().method
    bidders = [Arm(name, method) for name in AUTOBIDDERS for method in METHODS if method == default or name == _EVERY_METHOD]
    return (*rules, *bidders)


def arm_of(name: str) -> Arm:
    """Return the arm of a name."""
    return next(arm for arm in arms() if arm.name == name)


def case_market(case: Case, seed: int, per_hour: int, arm: Arm = RULE) -> Market:
    """Make the market of a case: campaigns that want value, with a budget and a return on spend of 1 or more.

    Args:
        case: The case.
        seed: The seed.
        per_hour: The mean number of auctions of a campaign in an hour.
        arm: The arm whose goals the campaigns state.
    """
    traffic = case_traffic(case, seed, per_hour)
    return market_of(traffic, case_budgets(case, traffic), seed, arm.keys)


def market_of(traffic: Traffic, budgets: Array, seed: int, keys: tuple[str, ...] = RULE.keys) -> Market:
    """Make a market on a case's traffic.

    Args:
        traffic: The traffic.
        budgets: The daily budget of each advertiser, currency `[advertisers]`.
        seed: The seed.
        keys: Keys of the one group of advertisers, as `key=value`.
    """
    overrides = (
        f"traffic.train_days={list(TRAIN_DAYS)}",
        f"traffic.test_days={list(TEST_DAYS)}",
        *(f"advertisers.0.{key}" for key in keys),
    )
    named = dict(zip(traffic.advertisers, budgets.tolist(), strict=True))
    return build_market(scenario_for(traffic, name="pacing", budgets=named, overrides=overrides), seed)


def policy_of(arm: Arm, market: Market) -> Policy:
    """Return the policy by which an arm bids for all campaigns.

    Args:
        arm: The arm.
        market: The market of the case, with the arm's goals.
    """
    rule = find_rule(arm.controller)
    if isinstance(rule, str):
        return _Static(market.static(rule))
    if market.rule_policies:
        return market.rule_policies[0][1]
    return rule(market, np.arange(len(market.advertisers)))


@dataclass(frozen=True, eq=False)
class _Static:
    """Bid alike all day."""

    coefficients: Array

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (bids of one fit any number)
        """Begin a day."""
        return DayPolicy(self._act)

    def _act(self, state: DayState) -> Array:  # noqa: ARG002  (nothing changes)
        return self.coefficients
