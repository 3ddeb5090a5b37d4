"""The sections `[[advertisers]]`: who bids for what, under which limits."""

from __future__ import annotations

import re
from typing import Literal, get_args

from pydantic import Field, FiniteFloat, field_validator, model_validator

from auctionsim.errors import shown, suggestion
from auctionsim.scenario.base import Count, Name, NotNegative, Objective, Section, check_level

CONTROLLERS = ("learner", "manual", "truthful", "linear", "ortb", "pid", "dual-pacing", "throttle", "timetable", "uscb-oracle")
"""Names of the built-in controllers. A user's own is named by `package.module:Class`."""

_CLASS_PATH = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
_BUDGET_WORDS = "a number > 0, 'baseline*SHARE', 'table' or 'none'"
_LEVEL_WORDS = "a number > 0 or 'baseline*SHARE'"
_FLOOR_WORDS = "a number >= 0 or 'baseline*SHARE'"


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
    objectives: dict[Objective, NotNegative] = Field(default={"profit": 1.0})
    """Weights over clicks, conversions, gmv and profit, each relative to its baseline value."""
    budget: FiniteFloat | str | None = None
    """Hard daily budget: currency, `baseline*SHARE` of the spend under the baseline without budgets, `table`,
    or `none`."""
    cpc_cap: FiniteFloat | str | None = None
    """Soft cap on the price per click: currency, or `baseline*SHARE`."""
    cpa_cap: FiniteFloat | str | None = None
    """Soft cap on the cost per conversion, the target CPA: currency, or `baseline*SHARE`. Reports score against it
    (docs/measures.md)."""
    roi_floor: FiniteFloat | str | None = None
    """Soft floor on (gmv - cost) / cost: a number, or `baseline*SHARE`. 0: a conversion costs no more than `item_price`."""
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
        if self.controller not in CONTROLLERS and not _CLASS_PATH.match(self.controller):
            choices = ", ".join(CONTROLLERS)
            raise ValueError(
                f"controller: unknown {shown(self.controller)}; choose from {choices}, or package.module:Class"
                f"{suggestion(self.controller, CONTROLLERS)}"
            )
        if sum(self.objectives.values()) <= 0:
            raise ValueError("objectives: expected a weight > 0, got none")
        if self.budget != "table":
            check_level("budget", self.budget, _BUDGET_WORDS)
        for key in level_keys():
            is_floor = key.endswith("_floor")
            check_level(key, getattr(self, key), _FLOOR_WORDS if is_floor else _LEVEL_WORDS, may_be_zero=is_floor)
        if isinstance(self.budget, float) and isinstance(self.spend_floor, float) and self.spend_floor > self.budget:
            raise ValueError(f"spend_floor: expected a number <= budget = {self.budget}, got {self.spend_floor}")
        return self


def level_keys() -> tuple[str, ...]:
    """Return the keys of soft limits that may be a number or `baseline*SHARE`, so that a new one is checked like the others."""
    fields = AdvertiserGroup.model_fields.items()
    return tuple(name for name, field in fields if str in get_args(field.annotation) and name != "budget")
