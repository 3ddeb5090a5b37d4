"""Compare advertisers' own objectives with the baseline's, where that has a meaning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import COST, GMV
from auctionsim.objectives.goals import objective_vector
from auctionsim.ratios import NOTHING, ROUNDING, safe_ratios

Array = NDArray[np.float64]


def relative_objectives(totals: Array, baseline: Array, weights: Array) -> Array:
    """Return each advertiser's objectives over the baseline's, averaged by its weights, `[advertisers]`.

    NaN for an advertiser that asks for something of which the baseline brings nothing or less: against a baseline that loses
    0.2 a profit of 0.87 would be -4.3 times as much, though it is a gain.

    Args:
        totals: Totals of one policy over some days, `[advertisers, 5]`.
        baseline: Those of the baseline.
        weights: Weights of clicks, conversions, GMV and profit, `[advertisers, 4]`.
    """
    own, usual = (objective_vector(sums[:, :, None])[:, :, 0] for sums in (totals, baseline))
    turnover = np.abs(usual)
    turnover[:, 3] = baseline[:, GMV] + baseline[:, COST]
    ratio = safe_ratios(own, np.where(usual > np.maximum(ROUNDING * turnover, NOTHING), usual, 0.0))
    parts = np.where(weights > 0, weights * ratio, 0.0)
    mean: Array = parts.sum(axis=1) / weights.sum(axis=1)
    return mean


def mean_of_defined(ratios: Array) -> float:
    """Return the mean of the ratios that are defined, NaN if none is.

    Args:
        ratios: The ratios of some advertisers, NaN where not defined, `[advertisers]`.
    """
    defined = ratios[~np.isnan(ratios)]
    return float(defined.mean()) if len(defined) else float("nan")
