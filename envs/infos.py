"""Lay out rewards and infos of all environments: the same keys, shapes and types after a reset and after a step.

A vector of rewards holds the objectives that a scenario can weigh, and no constraint: a weight cannot express a limit, and a
learner that scalarizes would trade one for the other. Constraints are costs in the infos, in both forms of reward.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from auctionsim.envs.batched_days import BatchedDays, HourResult
from auctionsim.objectives.costs import COSTS
from auctionsim.objectives.goals import OBJECTIVES

Array = NDArray[np.float64]

REWARDS = ("scalar", "vector")
"""Forms of the reward: a number, or the objectives."""


def rewards_of(hour: HourResult, form: str) -> NDArray[np.float32] | Array:
    """Return rewards of A agents in P environments: numbers `[P, A]`, or vectors `[P, A, 4]` in single precision."""
    return hour.rewards if form == "scalar" else hour.objectives.astype(np.float32)


def reward_space(form: str, *leading: int) -> spaces.Box:
    """Return the space of rewards: numbers `[*leading]`, or vectors `[*leading, 4]` in single precision.

    Libraries on Gymnasium, TorchRL and MO-Gymnasium among them, take an environment's `reward_space` for that of its rewards.
    """
    return spaces.Box(-np.inf, np.inf, leading, np.float64) if form == "scalar" else objective_space(form, *leading)


def objective_space(form: str, *leading: int) -> spaces.Box:
    """Return the space of vectors of clicks, conversions, GMV and profit of an hour, `[*leading, 4]`.

    It is the space of the reward where that is a vector (single precision, as MOMAland counts), and of `infos["objectives"]`
    where the reward is a number.
    """
    return spaces.Box(-np.inf, np.inf, (*leading, len(OBJECTIVES)), np.float64 if form == "scalar" else np.float32)


def infos_of(days: BatchedDays, hour: HourResult | None = None) -> dict[str, Array]:
    """Return the infos of A agents in P environments, of which the caller may change the arrays.

    Args:
        days: The environments' days.
        hour: The hour just replayed; None where days have just begun, with objectives and costs of 0.

    Returns:
        `objectives` `[P, A, 4]`, and `costs`, `violations` and `limits`, `[P, A, C]`. With a section `[information]` also
        `prices`, winning price and least winning cost of the last hour reported, `[P, A, 2]`, 0 where there are none to see.
    """
    shape = (len(days.hour), len(days.market.learners))
    violations, prices = days.violations(), days.prices()
    shown = {} if prices is None else {"prices": prices}
    return {
        "objectives": np.zeros((*shape, len(OBJECTIVES))) if hour is None else hour.objectives,
        "costs": np.zeros_like(violations) if hour is None else hour.costs,
        "violations": violations,
        "limits": days.limits(),
        **shown,
    }


def of_agent(infos: dict[str, Array], env: int, agent: int, day: int) -> dict[str, Any]:
    """Return the infos of one agent of one environment: `day`, and arrays of one axis."""
    return {"day": day} | {key: values[env, agent].copy() for key, values in infos.items()}


def cost_space(*leading: int) -> spaces.Box:
    """Return the space of the costs of an hour, `[*leading, C]`."""
    return spaces.Box(-np.inf, np.inf, (*leading, len(COSTS)), np.float64)
