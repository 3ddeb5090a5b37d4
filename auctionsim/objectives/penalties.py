"""Shape penalties for rewards: numbers that a network of 32 bits survives, whatever its agents bid.

`fitness.penalty`, `base^violation - 1`, has no bound. Evolution strategies rank, so infinity is one more rank to them; a value
network that meets -10^25 is lost. A reward's penalty is the same as far as violations of a policy near feasibility go, and
levels off beyond:

| violation | `fitness.penalty`, base 20 | `capped` | `linear` |
|---|---|---|---|
| 0.1 | 0.35 | 0.35 | 1.9 |
| 0.5 | 3.5 | 3.5 | 9.5 |
| 1 | 19 | 19 | 19 |
| 10 | 10^13 | 138 | 190 |
| 10^6 | infinite | 450 | 1.9 x 10^7 |
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import one_of
from auctionsim.objectives.base import Constraint
from auctionsim.objectives.fitness import Price, penalty
from auctionsim.scenario import LearnerSection

Array = NDArray[np.float64]

PENALTIES = ("capped", "linear", "none")
"""Shapes of the penalty in an environment's rewards."""
MOST_AT_KNEE = 99.0
"""The most that `capped` charges where it leaves `base^violation - 1`, fitness units: 19 with the base 20."""
MOST_BEYOND = 900.0
"""Bound of what `capped` charges beyond that point, fitness units; one violation costs less than 999."""


def reward_price(shape: str, settings: LearnerSection) -> Price:
    """Return the price of violations in an environment's rewards: the same for all constraints.

    Args:
        shape: One of `PENALTIES`.
        settings: Section `[learner]` of the scenario, whose `penalty` is the base.

    Raises:
        InputError: The shape is unknown.
    """
    one_of("penalty", shape, PENALTIES)
    # No function inside a function: environments hold it, and are pickled.
    return partial(_shaped, shape, settings.penalty)


def capped(violation: Array, base: float) -> Array:
    """Return `base^violation - 1` up to the knee, and beyond it a logarithm that levels off at `MOST_BEYOND` more.

    The knee is a violation of 1, or less where `base^violation - 1` reaches `MOST_AT_KNEE` before (with a base above 100). A
    floor on spend or revenue cannot be missed by more than 1, which is all of it. Beyond the knee, with x the rest of the
    violation and s the slope at the knee, it adds `m y / (1 + y)`, where `y = s log(1 + x) / m` and m is `MOST_BEYOND`. So it
    rises everywhere, without a kink: an agent that is far off still sees which way is less bad.

    Args:
        violation: Relative violations, of any shape; below 0 where there is slack.
        base: `learner.penalty`, > 1.
    """
    knee, slope = _knee(base)
    beyond = np.maximum(violation - knee, 0.0)
    y = slope / MOST_BEYOND * arithmetic.log1p(beyond)
    return penalty(np.minimum(violation, knee), base) + MOST_BEYOND * (1.0 - 1.0 / (1.0 + y))


def linear(violation: Array, base: float) -> Array:
    """Return what grows in proportion to a violation, and is as much as `capped` at no violation and at the knee.

    Args:
        violation: Relative violations, of any shape; below 0 where there is slack.
        base: `learner.penalty`, > 1.
    """
    knee, _ = _knee(base)
    at_knee = float(penalty(np.array(knee), base))
    return np.maximum(violation, 0.0) * (at_knee / knee)


def _knee(base: float) -> tuple[float, float]:
    """Return the violation at which `capped` leaves `base^violation - 1`, and the slope there."""
    rate = float(arithmetic.log(base))
    knee = min(1.0, float(arithmetic.log(1.0 + MOST_AT_KNEE)) / rate)
    return knee, rate * (float(penalty(np.array(knee), base)) + 1.0)


def _shaped(shape: str, base: float, _: Constraint, violation: Array) -> Array:
    """Return the price of a violation of any constraint by one of `PENALTIES`."""
    if shape == "none":
        return np.zeros_like(violation)
    return capped(violation, base) if shape == "capped" else linear(violation, base)
