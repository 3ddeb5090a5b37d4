"""The sections `[[advertisers]]`: who bids for what, under which limits."""

from __future__ import annotations

import math
import re
from typing import Literal, get_args

from pydantic import Field, FiniteFloat, field_validator, model_validator

from auctionsim.errors import shown, suggestion
from auctionsim.scenario.autobid import GOALS, TARGET_OF, AutobidSection, Goal, value_of
from auctionsim.scenario.base import Count, Name, NotNegative, Objective, Section, Share, check_level, profile_share
from auctionsim.scenario.delays.section import DelaySection

CONTROLLERS = ("learner", "manual", "truthful", "linear", "ortb", "pid", "dual-pacing", "throttle", "timetable", "uscb-oracle")
"""Names of the built-in controllers that need no target. A user's own is named by `package.module:Class`."""
AUTOBIDDERS: tuple[str, ...] = GOALS
"""Names of the built-in controllers that maximize value under the group's targets and budget."""

_CLASS_PATH = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
_BUDGET_WORDS = "a number > 0, 'baseline*SHARE', 'profile*SHARE', 'table' or 'none'"
_LEVEL_WORDS = "a number > 0, 'baseline*SHARE' or 'none'"
_FLOOR_WORDS = "a number >= 0, 'baseline*SHARE' or 'none'"
_SPEND_WORDS = "a number >= 0 or 'baseline*SHARE'"


class AdvertiserGroup(Section):
    """Advertisers that are alike in controller, objectives and constraints."""

    group: Name
    """Name of the group; synthetic advertisers are called group_0, group_1, ..."""
    count: Count = 1
    """Number of advertisers. With a traffic table, groups take its advertisers in order of first appearance."""
    controller: str = "learner"
    """The bidder: a `learner`, or a rule (docs/controllers.md) by name or as `package.module:Class`. `manual` advertisers bid
    for themselves and are never controlled."""
    keywords: Literal["shared", "disjoint"] = "shared"
    """Synthetic only. `disjoint`: the group's advertisers never meet; each query has one of them."""
    goal: Goal | None = None
    """Goal of a value maximizer, in place of weights: `target-cpa` conversions under `cpa_cap`, `target-roas` GMV under
    `roas_floor` or `roi_floor`, `max-value` the one objective that `objectives` names (GMV by default) under `budget` and
    whatever targets there are. A controller of such a name has the goal of that name. Targets hold for a day, never for an
    auction."""
    autobid: AutobidSection = AutobidSection()
    """Settings of the controllers `target-cpa`, `target-roas` and `max-value`."""
    delay: DelaySection | None = None
    """Distribution of the group's delays in place of that of `[delays]`, which must be there."""
    objectives: dict[Objective, NotNegative] = Field(default={"profit": 1.0})
    """Weights over clicks, conversions, gmv and profit, each relative to its baseline value."""
    budget: FiniteFloat | str | None = None
    """Hard daily budget: currency, `baseline*SHARE` of the spend under the baseline without budgets, `profile*SHARE`, `table`,
    or `none`. `profile*SHARE` is synthetic only: SHARE of the mean spend of all advertisers under the baseline without budgets,
    times a factor that is drawn from the profile's spread of budgets and has a median of 1."""
    account: Name | None = None
    """The account of `[[accounts]]` whose budget the group's advertisers share, as campaigns of it."""
    account_floor: Share = 0.0
    """Share of the account's budget that is reserved for each advertiser of the group."""
    account_ceiling: Share = 1.0
    """Share of the account's budget that each advertiser of the group may spend at most."""
    cpc_cap: FiniteFloat | str | None = None
    """Soft cap on the price per click: currency, or `baseline*SHARE`."""
    cpa_cap: FiniteFloat | str | None = None
    """Soft cap on the cost per conversion, the target CPA: currency, or `baseline*SHARE`. Reports score against it
    (docs/measures.md)."""
    roi_floor: FiniteFloat | str | None = None
    """Soft floor on (gmv - cost) / cost: a number, or `baseline*SHARE`. 0: a conversion costs no more than `item_price`."""
    roas_floor: FiniteFloat | str | None = None
    """Soft floor on gmv / cost, the target return on ad spend: a number, or `baseline*SHARE`. Another way to state `roi_floor`,
    which is less by 1; only one of the two may be given."""
    profit_floor: NotNegative = 0.0
    """Soft floor on profit, as a share of the baseline profit; 0 turns it off."""
    spend_floor: FiniteFloat | str = 0.0
    """Soft floor on the spend of a day, a platform's or an agency's commitment: currency, or `baseline*SHARE` of the baseline's
    spend on the same day; 0 turns it off."""

    @field_validator("budget")
    @classmethod
    def _none_is_none(cls, budget: float | str | None) -> float | str | None:
        """Read the word `none` as no budget: TOML has no null, and an override may have to remove a budget."""
        return None if budget == "none" else budget

    @model_validator(mode="after")
    def _levels_are_right(self) -> AdvertiserGroup:
        names = (*CONTROLLERS, *AUTOBIDDERS)
        if self.controller not in names and not _CLASS_PATH.match(self.controller):
            raise ValueError(
                f"controller: unknown {shown(self.controller)}; choose from {', '.join(names)}, or package.module:Class"
                f"{suggestion(self.controller, names)}"
            )
        if sum(self.objectives.values()) <= 0:
            raise ValueError("objectives: expected a weight > 0, got none")
        if self.budget != "table":
            share = profile_share(self.budget)
            if share is None:
                check_level("budget", self.budget, _BUDGET_WORDS)
            elif not 0 < share < math.inf:
                raise ValueError(f"budget: expected {_BUDGET_WORDS}, got {shown(self.budget)}")
        for key in level_keys():
            is_floor = key.endswith("_floor")
            words = _SPEND_WORDS if key == "spend_floor" else _FLOOR_WORDS if is_floor else _LEVEL_WORDS
            check_level(key, getattr(self, key), words, may_be_zero=is_floor)
        if isinstance(self.budget, float) and isinstance(self.spend_floor, float) and self.spend_floor > self.budget:
            raise ValueError(f"spend_floor: expected a number <= budget = {self.budget}, got {self.spend_floor}")
        if self.roas_floor is not None and self.roi_floor is not None:
            raise ValueError("roas_floor: expected roas_floor or roi_floor, got both")
        return self

    @model_validator(mode="after")
    def _goal_is_right(self) -> AdvertiserGroup:
        """Resolve the goal to weights, and check that what it needs is there."""
        bidder = next((name for name in GOALS if name == self.controller), None)
        if bidder is None and self.autobid != AutobidSection():
            raise ValueError(f"autobid: expected only with a controller {', '.join(GOALS)}, got it with '{self.controller}'")
        if bidder is not None and self.goal not in (None, bidder):
            raise ValueError(f"goal: expected '{bidder}', which the controller bids for, got '{self.goal}'")
        goal = self.goal or bidder
        if goal is None:
            return self
        value = value_of(goal, self.objectives if "objectives" in self.model_fields_set else None)
        _check_targets(self, goal, value)
        # A frozen section that was just made: nobody has seen it yet.
        self.__dict__.update(goal=goal, objectives={value: self.objectives.get(value, 1.0)})
        return self

    @model_validator(mode="after")
    def _account_is_right(self) -> AdvertiserGroup:
        if self.account is None and (self.account_floor, self.account_ceiling) != (0.0, 1.0):
            raise ValueError("account: expected the name of an account with account_floor or account_ceiling, got none")
        if self.account_floor > self.account_ceiling:
            raise ValueError(
                f"account_floor: expected a number <= account_ceiling = {self.account_ceiling}, got {self.account_floor}"
            )
        if self.account is not None and self.budget is not None:
            raise ValueError(f"budget: expected none in an account, whose budget is shared, got {shown(self.budget)}")
        return self

    @property
    def has_budget(self) -> bool:
        """Whether money is limited."""
        return self.budget is not None or self.account is not None

    @property
    def value(self) -> Objective:
        """The objective of the largest weight, which a value maximizer wants as much of as it can get."""
        return max(self.objectives, key=self.objectives.__getitem__)


def _check_targets(group: AdvertiserGroup, goal: Goal, value: Objective) -> None:
    """Check that a goal's target, or a budget, is there, and that the method fits them.

    Raises:
        ValueError: Something is missing; the message begins with its key.
    """
    asked = [key for keys in TARGET_OF.values() for key in keys if getattr(group, key) not in (None, 0.0)]
    own = TARGET_OF.get(value, ())
    if goal != "max-value" and not set(own) & set(asked):
        raise ValueError(f"{own[0]}: expected a target > 0 with the goal '{goal}', got none")
    if not asked and not group.has_budget:
        raise ValueError(f"budget: expected a budget or a target with the goal '{goal}', since value has no end, got none")
    if group.controller not in GOALS:
        return
    method, others = group.autobid.method, [key for key in asked if key not in own]
    if others and method != "dual":
        raise ValueError(f"autobid.method: expected 'dual' with {others[0]}, which is no target on {value}, got '{method}'")
    if method == "throttle" and not group.has_budget:
        raise ValueError("autobid.method: expected a budget with 'throttle', got none")


def level_keys() -> tuple[str, ...]:
    """Return the keys of soft limits that may be a number or `baseline*SHARE`, so that a new one is checked like the others."""
    fields = AdvertiserGroup.model_fields.items()
    return tuple(name for name, field in fields if str in get_args(field.annotation) and name != "budget")
