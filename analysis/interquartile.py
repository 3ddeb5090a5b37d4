"""Aggregate scores over tasks by the interquartile mean, with a stratified bootstrap interval over seeds.

Agarwal et al. (Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS 2021; the package rliable) propose
both for benchmarks with few seeds. Their percentile intervals are too narrow there: 4 or 5 seeds resampled with replacement
spread less than they did, by sqrt((n - 1) / n). The quantiles are therefore expanded (Hesterberg, The American Statistician
2015): `Phi(-sqrt(n / (n - 1)) t)` in place of 0.025, where t has n - 1 degrees of freedom for each stratum.

Measured coverage of the expected interquartile mean with 5 seeds: 6 tasks of normal values 95 %, of lognormal ones (sd 1 of the
logarithm) 94 %; 4 + 2 tasks in 2 strata whose tasks share each seed's luck 93 %, but 78 % if they are taken as independent.
Plain percentiles cover 90, 90 and 87 %.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim.analysis.statistics import Comparison, Interval, compare_paired, mean_interval, normal_tail, t_quantile
from auctionsim.arguments import finite_vector, real_numbers
from auctionsim.errors import InputError, shown
from auctionsim.streams import stream

Array = NDArray[np.float64]

BOOTSTRAP = "95 % stratified bootstrap intervals"
"""The name of these intervals in captions and notes."""
FEWEST_SEEDS = 4
"""With fewer seeds there is no interval: a few values resampled take a handful of values."""
_DRAWS = 4000


def interquartile_mean(values: ArrayLike) -> float:
    """Return the mean of the middle half: of n values, a quarter of them (rounded down) is left out at each end.

    Of 1, 2, 3, 4 and 100 it is (2 + 3 + 4) / 3 = 3, whatever the largest one is.

    Raises:
        InputError: There is no value, or one is not finite.
    """
    sample = real_numbers("values", values, "finite numbers").reshape(-1)
    if not (sample.size and np.isfinite(sample).all()):
        raise InputError(f"values: expected finite numbers, one or more, got {shown(values)}")
    return float(_middle_means(sample[None])[0])


def interquartile_interval(scores: ArrayLike, strata: Sequence[Hashable] | None = None) -> Interval:
    """Return the interquartile mean over all tasks and seeds, with its stratified bootstrap interval.

    Args:
        scores: Scores by task and seed, `[tasks, seeds]`.
        strata: Stratum of each task; tasks of one stratum share the world of a seed, so that their seeds are drawn together.
            By default each task is a stratum.

    Returns:
        The interval; it is unknown (NaN) if there are fewer than 4 seeds.

    Raises:
        InputError: A score is not finite, or the shapes do not fit.
    """
    expected = "finite numbers, one per task and seed, [tasks, seeds]"
    sample = real_numbers("scores", scores, expected)
    if sample.ndim != 2 or sample.size == 0 or not np.isfinite(sample).all():
        raise InputError(f"scores: expected {expected}, got {shown(scores)}")
    tasks, seeds = sample.shape
    groups = list(range(tasks) if strata is None else strata)
    if len(groups) != tasks:
        raise InputError(f"strata: expected {tasks}, one per task, got {len(groups)}")
    mean = interquartile_mean(sample)
    if seeds < FEWEST_SEEDS:
        return Interval(mean, math.nan, math.nan, unknown=f"fewer than {FEWEST_SEEDS} seeds")
    names = list(dict.fromkeys(groups))
    drawn = stream(0, "interquartile-bootstrap").integers(seeds, size=(_DRAWS, len(names), seeds))
    stratum = np.array([names.index(group) for group in groups])
    found = _middle_means(sample[np.arange(tasks)[:, None], drawn[:, stratum]].reshape(_DRAWS, -1))
    tail = expanded_tail(seeds, len(names))
    low, high = np.quantile(found, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def middle_interval(values: ArrayLike) -> Interval:
    """Return the interquartile mean of one market's values, one per seed, with its bootstrap interval.

    For ratios whose denominator comes near 0 on some seed: of 1.7, 3.4, 3.7, 4.9 and 49.2 the mean is 12.6, with a t interval
    from -13 to 38, and the interquartile mean 4.0. With fewer than 4 seeds nothing is left out, and it is the mean with its t
    interval.

    Measured coverage with 5 and 10 seeds: normal values 95 and 97 %; lognormal ones (sd 1 of the logarithm) 90 and 95 %, where
    t intervals of the mean cover 81 and 82 %.

    Raises:
        InputError: There is no value, or one is not finite.
    """
    sample = finite_vector("values", values, "one per seed")
    return interquartile_interval(sample[None]) if len(sample) >= FEWEST_SEEDS else mean_interval(sample)


def compare_middles(one: ArrayLike, other: ArrayLike) -> Comparison:
    """Compare two arms by the interquartile mean of their differences on the seeds that both have.

    Counts and p-value are those of `compare_paired`.

    Raises:
        InputError: The lengths differ, or there is no value, or one is not finite.
    """
    difference = np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    return replace(compare_paired(one, other), difference=middle_interval(difference))


def expanded_tail(seeds: int, strata: int) -> float:
    """Return the bootstrap quantile that stands for 0.025: 0.0010 with 5 seeds in one stratum, 0.025 with very many."""
    return normal_tail(math.sqrt(seeds / (seeds - 1)) * t_quantile(strata * (seeds - 1)))


def _middle_means(values: Array) -> Array:
    """Return the interquartile mean of each row of `[rows, n]`."""
    n = values.shape[1]
    cut = n // 4
    middle = np.sort(values, axis=1)[:, cut : n - cut]
    return np.add.accumulate(middle, axis=1)[:, -1] / middle.shape[1]
