"""Decide what is uncertain and what differs: intervals over seeds and over days, paired comparisons, ranks, and inequality.

Every report, figure and study takes its intervals and comparisons from here, so that no two of them can disagree. A seed is one
independent replicate: its own traffic, initial values and noise. Where the traffic is fixed, as in a log, a seed varies the
learner alone; the replicates are then the days (`day_interval`).

Intervals are Student's t intervals, chosen by measured coverage. With 3, 5, 10 and 20 normal values 95 % of them cover the
mean, where percentile and BCa bootstrap intervals cover 73 to 75, 84, 90 and 93 %. With exponential values t intervals cover 87
to 92 %, with lognormal ones (sd 1 of the logarithm) 82 to 85 %; the bootstrap intervals cover no more there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtrc, ndtr, stdtrit

from auctionsim.arguments import finite_vector, instance_of, number_between, real_numbers, text
from auctionsim.arithmetic import dot
from auctionsim.errors import InputError, shown
from auctionsim.numbers import number_above
from auctionsim.streams import stream

LEVEL = 0.95
"""Nominal coverage of every interval."""
INTERVALS = f"{100 * LEVEL:.0f} % t intervals"
"""The name of these intervals in captions and notes."""
TIE = 1e-9
"""Two figures are equal if they differ by at most this share of the larger one: less is rounding."""

_EXACT_UP_TO = 16
_SIGN_PATTERNS = 20_000


@dataclass(frozen=True)
class Interval:
    """A mean with its interval at `LEVEL`."""

    mean: float
    low: float
    """Lower end; NaN if there is one replicate, since its spread is unknown."""
    high: float
    over: str = "seeds"
    """The replicates: `seeds` or `days`."""
    unknown: str = ""
    """Why there is no interval, if it is not for having one replicate alone."""

    @property
    def is_known(self) -> bool:
        """Return True if the interval is known: there are two replicates or more."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def within(self, low: float, high: float) -> Interval:
        """Return the interval without what no mean can be, such as a share beyond 1. It covers as often as before."""
        return self if not self.is_known else replace(self, low=max(self.low, low), high=min(self.high, high))

    def as_dict(self) -> dict[str, float | None]:
        """Return mean, low and high for JSON; low and high are None if the interval is unknown."""
        low, high = (self.low, self.high) if self.is_known else (None, None)
        return {"mean": self.mean, "low": low, "high": high}

    def __str__(self) -> str:
        if not self.is_known:
            why = self.unknown or f"one {self.over.removesuffix('s')}"
            return f"{self.mean:.3f} ({why}, no interval)"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Comparison:
    """The paired difference of two arms over the seeds, or the days of a log, that both have: first arm minus second."""

    difference: Interval
    better: int
    """Number of seeds (or days) on which the first arm is above the second by more than rounding."""
    seeds: int
    """Number of replicates: of seeds, or of days if `difference.over` says so."""
    p_value: float
    """p-value of the two-sided sign-flip test of no difference; with n seeds it is >= 2 / 2^n."""

    @property
    def differs(self) -> bool:
        """Return True if the interval excludes 0; equal arms are called different in at most about 5 % of comparisons."""
        return self.difference.low > 0 or self.difference.high < 0

    def __str__(self) -> str:
        return f"{self.difference}, above on {self.better} of {self.seeds} {self.difference.over}, p = {self.p_value:.3g}"


def mean_interval(values: ArrayLike) -> Interval:
    """Return the mean of independent values, one per seed, with its t interval; a single value has no interval.

    mean +- t(0.975, n - 1) sd / sqrt(n) (Student 1908). Measured coverage: 95 % for normal values; 87 to 92 % for exponential
    ones with 3 to 20 seeds.

    Raises:
        InputError: There is no value, or one is not finite.
    """
    sample = finite_vector("values", values, "one per seed")
    mean, n = float(sample.mean()), len(sample)
    if n == 1:
        return Interval(mean, math.nan, math.nan)
    half = t_quantile(n - 1) * float(sample.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)


def day_interval(values: ArrayLike) -> Interval:
    """Return the mean of values on fixed traffic, with an interval that holds for further days of the same kind.

    The values of all seeds on one day share the day's traffic, so days are the replicates: 5 seeds on one day are one day. The
    squared standard error is (MS_days + max(MS_seeds - MS_rest, 0)) / (seeds x days), with the mean squares of a two-way layout
    and degrees of freedom by Satterthwaite (1946). With one seed it is the t interval over days. Measured coverage: 93 to 97 %
    from 3 days on, 90 to 96 % for 2 days. Days are taken as independent: a trend over days is not in the interval.

    Args:
        values: A measure by seed and day, `[seeds, days]`: one day's figure, or `pseudo_values` for a ratio of totals.

    Returns:
        The interval over days; it is unknown (NaN) if there is one day.

    Raises:
        InputError: There is no value, or one is not finite.
    """
    expected = "finite numbers, one per seed and day, [seeds, days]"
    sample = real_numbers("values", values, expected)
    if sample.ndim != 2 or sample.size == 0 or not np.isfinite(sample).all():
        raise InputError(f"values: expected {expected}, got {shown(values)}")
    (seeds, days), mean = sample.shape, float(sample.mean())
    if days == 1:
        return Interval(mean, math.nan, math.nan, "days")
    by_day, by_seed = sample.mean(axis=0) - mean, sample.mean(axis=1) - mean
    ms_days, ms_learner = seeds * float(np.square(by_day).sum()) / (days - 1), 0.0
    if seeds > 1:
        rest = sample - mean - by_day - by_seed[:, None]
        ms_rest = float((rest * rest).sum()) / ((seeds - 1) * (days - 1))
        ms_learner = max(days * float(np.square(by_seed).sum()) / (seeds - 1) - ms_rest, 0.0)
    spread = ms_days + ms_learner
    if spread == 0:
        return Interval(mean, mean, mean, "days")
    freedom = spread * spread / (ms_days * ms_days / (days - 1) + ms_learner * ms_learner / max(seeds - 1, 1))
    half = t_quantile(freedom) * math.sqrt(spread / (seeds * days))
    return Interval(mean, mean - half, mean + half, "days")


def pseudo_values(whole: ArrayLike, without: ArrayLike) -> NDArray[np.float64]:
    """Return one value per seed and day whose mean estimates a measure of all days together: D x whole - (D - 1) x without.

    The jackknife (Tukey 1958). It makes days replicates of a measure that is no mean of days, such as a ratio of totals. A
    learned revenue of 3 and 9 on two days, over a baseline of 2 and 4, is a ratio of 12/6 = 2; without day 0 it is 9/4, without
    day 1 3/2; the pseudo-values are 2 x 2 - 9/4 = 1.75 and 2 x 2 - 3/2 = 2.5.

    Args:
        whole: The measure over all days, `[seeds]`.
        without: The measure over all days but one, `[seeds, days]`.

    Raises:
        InputError: The two do not have the same number of seeds.
    """
    every, left = real_numbers("whole", whole, "numbers, [seeds]"), real_numbers("without", without, "numbers, [seeds, days]")
    if every.ndim != 1 or left.ndim != 2 or len(every) != len(left):
        raise InputError(f"without: expected [seeds, days] beside whole [seeds], got {left.shape} and {every.shape}")
    every = every[:, None]
    days = left.shape[1]
    return days * every - (days - 1) * left


def t_quantile(freedom: float) -> float:
    """Return how many standard errors enclose the central `LEVEL` of a t distribution: 12.706 for 1 degree of freedom."""
    # Ten digits: the last ones of the library differ between processors.
    return float(f"{stdtrit(number_above('freedom', freedom, 0), (1 + LEVEL) / 2):.10g}")


def normal_tail(z: float) -> float:
    """Return the probability that a standard normal variable exceeds z: 0.025 for 1.96."""
    # Ten digits, as above.
    return float(f"{ndtr(-z):.10g}")


def central_range(values: ArrayLike, level: float) -> tuple[float, float]:
    """Return the percentiles that enclose the central `level` of values, for example the 2.5th and 97.5th for 0.95."""
    level = number_between("level", level, 0, 1)
    low, high = np.quantile(finite_vector("values", values, "one or more"), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def compare_paired(first: ArrayLike, second: ArrayLike) -> Comparison:
    """Compare two arms by their values on the same seeds, in the same order.

    The p-value is the share of sign patterns of the differences whose mean is at least as far from 0 as the observed one
    (Fisher 1935). Up to 16 seeds all patterns are counted, beyond that 20,000 random ones and the observed one.

    Raises:
        InputError: The two do not have the same number of values, or one is not finite.
    """
    one, other = finite_vector("first", first, "one per seed"), finite_vector("second", second, "one per seed")
    if one.shape != other.shape:
        raise InputError(f"second: expected one value of each arm per seed, got {len(one)} and {len(other)}")
    # Arms that do the same in another order of sums differ by rounding, say by 1e-16 on every seed: no difference.
    differences = np.where(np.abs(one - other) <= TIE * np.maximum(np.abs(one), np.abs(other)), 0.0, one - other)
    interval = mean_interval(differences)
    means = np.abs(dot(_sign_patterns(len(differences)), differences)) / len(differences)
    # Patterns that differ from the observed one by rounding only are as far from 0 as it is.
    p_value = float((means >= abs(interval.mean) * (1 - 1e-12)).mean())
    return Comparison(interval, int((differences > 0).sum()), len(differences), p_value)


def ranks(scores: Mapping[str, float]) -> dict[str, float]:
    """Return each name's rank by its score, 1 for the highest, best first; tied names share the mean of their places.

    Scores tie if they are equal up to rounding (`TIE`). Scores of 3, 2 and 2 have the ranks 1, 2.5 and 2.5, so that no tie is
    broken by a name. Tied names are in alphabetical order.

    Raises:
        InputError: A score is NaN; what is not defined has no rank.
    """
    instance_of("scores", scores, Mapping, "a dictionary of scores by name")
    for name, score in scores.items():
        text(f"scores: name {shown(name)}", name)
        if not isinstance(score, int | float | np.integer | np.floating) or isinstance(score, bool):
            raise InputError(f"scores[{name!r}]: expected a score, got {shown(score)}")
    undefined = [name for name, score in scores.items() if math.isnan(score)]
    if undefined:
        raise InputError(f"{undefined[0]}: expected a score, got NaN, which has no rank")
    found: dict[str, float] = {}
    left = sorted(scores, key=lambda name: (-scores[name], name))
    while left:
        tied = [name for name in left if math.isclose(scores[name], scores[left[0]], rel_tol=TIE, abs_tol=0.0)]
        found |= dict.fromkeys(sorted(tied), len(found) + (len(tied) + 1) / 2)
        left = left[len(tied) :]
    return found


def rank_text(rank: float, others: Iterable[float]) -> str:
    """Return a rank as tables show it: `1`, or `2-4, shared` for each of three names whose mean place is 3.

    Args:
        rank: The rank to show.
        others: All ranks of the table, the one to show included.
    """
    shared = sum(other == rank for other in others)
    if shared == 1:
        return f"{rank:g}"
    first = round(rank - (shared - 1) / 2)
    return f"{first}-{first + shared - 1}, shared"


def gini(values: ArrayLike) -> float:
    """Return the Gini coefficient: half the mean absolute difference of two values, divided by the mean; 0 if all are equal.

    With negative values it can exceed 1. It is NaN unless the mean is > 0.
    """
    sample = real_numbers("values", values, "numbers, one per advertiser")
    if sample.ndim != 1:
        raise InputError(f"values: expected numbers, one per advertiser, got shape {sample.shape}")
    sample = np.sort(sample)
    n, total = len(sample), float(sample.sum())
    if n == 0 or not total > 0:
        return float("nan")
    return float(2 * (np.arange(1, n + 1) * sample).sum() / (n * total) - (n + 1) / n)


def _sign_patterns(n: int) -> NDArray[np.float64]:
    """Return sign patterns of n differences, `[patterns, n]`: every one if there are few, else the observed and random ones."""
    if n <= _EXACT_UP_TO:
        return np.array(list(product((-1.0, 1.0), repeat=n)))
    drawn = stream(0, "sign-flips").choice((-1.0, 1.0), size=(_SIGN_PATTERNS, n))
    # The differences as they were observed are one of the patterns.
    return np.concatenate([np.ones((1, n)), drawn])


def chance_of_as_many(successes: int, trials: int, share: float) -> float:
    """Return the probability of as many `successes` or more in `trials` independent trials, each with the chance `share`."""
    return float(bdtrc(successes - 1, trials, share))
