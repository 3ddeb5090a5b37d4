"""Define the indices of collusion as formulas over numbers: 0 at the competitive outcome, 1 at the cartel's.

An index is NaN where its benchmarks leave it undefined: if a cartel would gain nothing, there is nothing to measure. Sums of
money that are equal but for rounding differ by nothing: over 24.1 - 24.1 = 4e-15 of a gain, any profit would be a cartel's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim.ratios import NOTHING, NotDefined, ratio_to_amount, safe_ratio


def profit_gain(profit: float, competitive: float, cartel: float) -> float:
    """Return Delta = (profit - competitive) / (cartel - competitive) (Calvano et al., AER 110(10), 2020, section I.E).

    Args:
        profit: The coalition's profit, in currency.
        competitive: The coalition's profit in competition.
        cartel: The coalition's profit as a cartel.

    Returns:
        0 at the competitive profit and 1 at the cartel's; NaN unless cartel > competitive by more than rounding.
    """
    return _share(profit - competitive, cartel, competitive)


def suppression(revenue: float, competitive: float) -> float:
    """Return the share of the competitive revenue that is missing, 1 - R / R_N; NaN unless R_N > 0."""
    return safe_ratio(competitive - revenue, competitive)


def normalized_suppression(revenue: float, competitive: float, cartel: float) -> float:
    """Return the missing revenue as a share of what a cartel would take away, (R_N - R) / (R_N - R_C); NaN unless R_N > R_C.

    As with profits, they must differ by more than rounding.
    """
    return _share(competitive - revenue, competitive, cartel)


def efficiency_loss(welfare: float, competitive: float) -> float:
    """Return the share of the competitive welfare that is missing, 1 - W / W_N; negative if cooperation allocates better."""
    return safe_ratio(competitive - welfare, competitive)


def harm(profit: float, without: float) -> float:
    """Return the share of its profit that a bystander loses to the others' optimizers, 1 - profit / profit without them."""
    return safe_ratio(without - profit, without)


def individual_rationality(own: ArrayLike, alone: ArrayLike) -> float:
    """Return the smallest ratio of an advertiser's objective to the one it reaches alone; >= 1 if nobody loses.

    Args:
        own: The advertisers' objectives, `[advertisers]`.
        alone: The advertisers' objectives in competition, `[advertisers]`; those of nothing or less are left out.

    Returns:
        The smallest ratio; NaN if every advertiser is left out.
    """
    mine, theirs = np.asarray(own, dtype=np.float64), np.asarray(alone, dtype=np.float64)
    is_more = theirs > NOTHING
    ratios: NDArray[np.float64] = mine[is_more] / theirs[is_more]
    return float(ratios.min()) if ratios.size else float("nan")


def _share(amount: float, high: float, low: float) -> float:
    """Return the amount over the difference of two others; NaN unless that is more than rounding."""
    share = ratio_to_amount(amount, high - low, abs(high) + abs(low))
    return float("nan") if isinstance(share, NotDefined) else share
