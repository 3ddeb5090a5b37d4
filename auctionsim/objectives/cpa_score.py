"""Score days by conversions under a target cost per conversion (CPA), as AuctionNet does.

The score of an advertiser's day is `conversions x min(1, (target / CPA)^exponent)` with `CPA = cost / conversions`. Su et al.
(AuctionNet, NeurIPS 2024 Datasets and Benchmarks) define it in their evaluation section with an exponent of 3; their published
code (alimama-tech/AuctionNet, the class PlayerAnalysis) and the NeurIPS 2024 competition use 2, which is the default here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim import arithmetic
from auctionsim.arguments import real_numbers
from auctionsim.auction.outcome import CONVERSIONS, COST
from auctionsim.errors import InputError, shown
from auctionsim.numbers import number_above
from auctionsim.objectives.constraints import CPA_CAP
from auctionsim.objectives.goals import Goals
from auctionsim.ratios import safe_ratios

Array = NDArray[np.float64]

EXPONENT = 2.0
"""Exponent of the penalty in AuctionNet's code and in the competition."""
NO_TARGET = "no advertiser has a target cost per conversion (cpa_cap)"
"""Reason why a scenario has no score."""


def cpa_score(conversions: ArrayLike, cost: ArrayLike, target: ArrayLike, exponent: float = EXPONENT) -> Array:
    """Return conversions, less a penalty where they cost more than the target.

    40 conversions for 4000 have a CPA of 100. Under a target of 80 they score 40 x (80 / 100)^2 = 25.6, under one of 100 they
    score 40. Money that brought no conversion scores 0, conversions without cost count in full.

    Args:
        conversions: Conversions of a period, >= 0.
        cost: Currency spent in the same period, >= 0.
        target: Target cost per conversion, currency > 0; infinite or NaN where there is none.
        exponent: Exponent of the penalty, > 0.

    Returns:
        The scores, in conversions, in the shape that the arguments broadcast to; NaN without a target, which is not defined.

    Raises:
        InputError: A number is outside its range, or the shapes do not broadcast to one.
    """
    exponent = number_above("exponent", exponent, 0)
    won, paid = _counted("conversions", conversions), _counted("cost", cost)
    words = "numbers > 0, or infinity or NaN where there is none"
    limit = real_numbers("target", target, words)
    if (limit <= 0).any():
        raise InputError(f"target: expected {words}, got {shown(limit[limit <= 0][0].item())}")
    try:
        np.broadcast_shapes(won.shape, paid.shape, limit.shape)
    except ValueError as error:
        shapes = ", ".join(str(list(one.shape)) for one in (won, paid, limit))
        raise InputError(f"target: expected shapes of conversions, cost and target that broadcast, got {shapes}") from error
    return _scores(won, paid, limit, exponent)


def cpa_scores(totals: Array, goals: Goals, exponent: float = EXPONENT) -> Array:
    """Return each advertiser's score of a day, `[advertisers, P]`; NaN where it has no target, or the market has none.

    Args:
        totals: The day's totals, `[advertisers, 5, P]`.
        goals: The day's goals, whose `cpa_cap` is the target.
        exponent: Exponent of the penalty, > 0.
    """
    target = goals.limits.get(CPA_CAP.key)
    if target is None:
        return np.full((totals.shape[0], totals.shape[2]), np.nan)
    return _scores(totals[:, CONVERSIONS], totals[:, COST], target, number_above("exponent", exponent, 0))


def _scores(won: Array, paid: Array, limit: Array, exponent: float) -> Array:
    """Score conversions that are checked."""
    won, paid, limit = np.broadcast_arrays(won, paid, limit)
    is_set = np.isfinite(limit)
    ratio = np.minimum(safe_ratios(np.where(is_set, limit, 0.0) * won, paid, 1.0), 1.0)
    return np.where(is_set, won * arithmetic.power(ratio, exponent), np.nan)


def _counted(source: str, value: ArrayLike) -> Array:
    """Return finite numbers >= 0."""
    array = real_numbers(source, value, "finite numbers >= 0")
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        raise InputError(f"{source}: expected finite numbers >= 0, got {shown(array[wrong][0].item())}")
    return array
