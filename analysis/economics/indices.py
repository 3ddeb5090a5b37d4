"""Indices of collusion as formulas over numbers: 0 where the outcome is the competitive one, 1 where it is the cartel's.

An index is NaN where its benchmarks leave it undefined: where a cartel would gain nothing, there is nothing to measure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def profit_gain(profit: float, competitive: float, cartel: float) -> float:
    """Delta = (profit - competitive) / (cartel - competitive) (Calvano et al., AER 110(10), 2020, section I.E).

    Args:
        profit: Of the coalition, currency.
        competitive: Its profit in competition.
        cartel: Its profit as a cartel.
    """
    return _share(profit - competitive, cartel - competitive)


def suppression(revenue: float, competitive: float) -> float:
    """Share of the competitive revenue that is missing, 1 - R / R_N."""
    return _share(competitive - revenue, competitive)


def normalised_suppression(revenue: float, competitive: float, cartel: float) -> float:
    """Share of the revenue a cartel would take away that is missing, (R_N - R) / (R_N - R_C)."""
    return _share(competitive - revenue, competitive - cartel)


def efficiency_loss(welfare: float, competitive: float) -> float:
    """Share of the competitive welfare that is missing, 1 - W / W_N; below 0 where cooperation allocates better."""
    return _share(competitive - welfare, competitive)


def harm(profit: float, without: float) -> float:
    """Share of its profit that a bystander loses to the others' optimisers, 1 - profit / profit without them."""
    return _share(without - profit, without)


def individual_rationality(own: ArrayLike, alone: ArrayLike) -> float:
    """The smallest ratio of an advertiser's objective to what it reaches out of self-interest; at least 1 if all gain.

    Args:
        own: Objectives `[advertisers]`.
        alone: The same in competition; advertisers at or below 0 there are left out.
    """
    mine, theirs = np.asarray(own, dtype=np.float64), np.asarray(alone, dtype=np.float64)
    ratios: NDArray[np.float64] = mine[theirs > 0] / theirs[theirs > 0]
    return float(ratios.min()) if ratios.size else float("nan")


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
