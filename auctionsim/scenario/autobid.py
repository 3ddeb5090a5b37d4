"""The section `[advertisers.autobid]` and what an advertiser's goal asks for: today's buyers state a target, not a bid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from auctionsim.scenario.base import Objective, Positive, Section
from auctionsim.scenario.delays.section import WINDOW, Estimate, Window

Goal = Literal["target-cpa", "target-roas", "max-value"]
GOALS: tuple[Goal, ...] = ("target-cpa", "target-roas", "max-value")
"""Goals of value maximizers; the controllers of these names bid for it."""

TARGET_OF: Mapping[Objective, tuple[str, ...]] = {"conversions": ("cpa_cap",), "gmv": ("roas_floor", "roi_floor")}
"""Keys of the targets that are stated in units of an objective."""

_VALUE_OF: Mapping[Goal, tuple[Objective, ...]] = {
    "target-cpa": ("conversions",),
    "target-roas": ("gmv",),
    "max-value": ("gmv", "conversions", "clicks"),
}


class AutobidSection(Section):
    """How a controller `target-cpa`, `target-roas` or `max-value` finds its multiplier (docs/controllers.md)."""

    method: Literal["dual", "min", "sequential", "pid", "throttle"] = "dual"
    """`dual`: one multiplier made of those of budget and targets, which is optimal in truthful auctions; `min`: the lower of a
    multiplier for the budget and one for the target; `sequential`: the product of the two; `pid`: PID controllers of budget and
    target, of which the lower one bids; `throttle`: the target's multiplier, in a share of the auctions that the budget
    allows."""
    step: Annotated[Positive, Field(le=10)] = 0.1
    """Step size of the target's multiplier: change of its logarithm per usual hourly spend of slack."""
    budget_step: Annotated[Positive, Field(le=10)] = 0.3
    """Step size of the budget's multiplier: change of its logarithm per planned hourly spend."""
    rehearsals: Annotated[int, Field(ge=0, le=10**4)] = 20
    """Training days that are played against the baseline before the first day, one after the other, so that each day begins
    with the multipliers found; with 0 it begins from multipliers of 1."""
    estimate: Estimate = "naive"
    """Estimate of conversions and GMV by which the target is held, with `[delays]` alone: `naive` what has arrived,
    `waiting-window` of clicks that are older than `window`, `delay-corrected` what has arrived over the share that has,
    `survival` with what is still to come, `oracle` with what will come in fact."""
    window: Window = WINDOW
    """Hours after which a click counts, of `waiting-window` alone."""

    @model_validator(mode="after")
    def _window_has_a_use(self) -> AutobidSection:
        if self.window != WINDOW and self.estimate != "waiting-window":
            raise ValueError(f"window: expected none with estimate = '{self.estimate}', got {self.window}")
        return self


def value_of(goal: Goal, objectives: Mapping[Objective, float] | None) -> Objective:
    """Return the objective that a goal maximizes.

    Args:
        goal: The goal.
        objectives: Weights that the scenario states, None where it states none.

    Raises:
        ValueError: The weights are on others than the goal's objective, or on several.
    """
    possible = _VALUE_OF[goal]
    if objectives is None:
        return possible[0]
    weighted = [name for name, weight in objectives.items() if weight > 0]
    if len(weighted) != 1 or weighted[0] not in possible:
        words = f"a weight on {possible[0]} alone" if len(possible) == 1 else f"a weight on one of {', '.join(possible)}"
        raise ValueError(f"objectives: expected {words} with the goal '{goal}', got {', '.join(weighted) or 'none'}")
    return weighted[0]
