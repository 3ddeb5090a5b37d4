"""Estimate an effect from the units of an experiment, with the interval that an analyst would report."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.statistics import t_quantile
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimate:
    """Estimated effects of the change on each metric, a day, with standard errors and intervals."""

    effect: Array
    """Treatment minus control, `[metrics]`."""
    error: Array
    """Stated standard error, `[metrics]`."""
    low: Array
    """Lower end of the 95 % t interval, `[metrics]`."""
    high: Array

    __repr__ = short_repr


def two_sample(control: Array, treatment: Array, scale: float) -> Estimate:
    """Estimate an effect from independent units of two arms.

    scale x (mean of treatment - mean of control), with Welch's standard error and degrees of freedom (Welch 1947).

    Args:
        control: Figures of the units in control, `[units, metrics]`, 2 units or more.
        treatment: Those of the units in treatment.
        scale: Units of the whole market, for figures of one unit; auctions a day, for figures of one auction.
    """
    parts = [sample.var(axis=0, ddof=1) / len(sample) for sample in (control, treatment)]
    spread = parts[0] + parts[1]
    below = parts[0] * parts[0] / (len(control) - 1) + parts[1] * parts[1] / (len(treatment) - 1)
    freedom = np.divide(spread * spread, below, out=np.full_like(spread, len(control) + len(treatment) - 2.0), where=below > 0)
    return _interval(scale * (treatment.mean(axis=0) - control.mean(axis=0)), scale * np.sqrt(spread), freedom)


def paired(differences: Array, scale: float) -> Estimate:
    """Estimate an effect from pairs, one unit of which was treated at random: scale x the mean difference, with its t interval.

    Args:
        differences: Treatment minus control in each pair, `[pairs, metrics]`, 2 pairs or more.
        scale: Pairs of a whole day.
    """
    n = len(differences)
    error = differences.std(axis=0, ddof=1) / math.sqrt(n)
    return _interval(scale * differences.mean(axis=0), scale * error, np.full(differences.shape[1], n - 1.0))


def _interval(effect: Array, error: Array, freedom: Array) -> Estimate:
    half = error * np.array([t_quantile(float(one)) for one in freedom])
    return Estimate(effect, error, effect - half, effect + half)
