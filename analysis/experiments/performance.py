"""Repeat experiments over random assignments: bias, standard error and coverage of each design, beside the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.experiments.arms import CONTROL, METRICS, TREATMENT, Arms
from auctionsim.analysis.experiments.designs import Design
from auctionsim.analysis.experiments.estimates import Estimate
from auctionsim.analysis.statistics import Interval, chance_of_as_many, mean_interval
from auctionsim.names.display import short_repr
from auctionsim.streams import stream

Array = NDArray[np.float64]
NOMINAL_MISSES = 0.05
"""Share of 95 % intervals that miss what they are about, and of A/A tests that find an effect."""
CHANCE = 0.025
"""Probability below which chance does not explain a share; with two shares, at most 5 % of right designs are accused."""


@dataclass(frozen=True, eq=False)
class Performance:
    """How a design performs in one kind of test, over repeated assignments on the same traffic."""

    design: Design
    is_aa: bool
    """True for an A/A test, in which both arms are control."""
    days: tuple[int, ...]
    control: Array
    """Metrics a day with everybody in control, `[metrics]`."""
    treatment: Array
    """Metrics a day with everybody in treatment, `[metrics]`."""
    effects: Array
    """Estimates, `[replicates, metrics]`."""
    errors: Array
    """Stated standard errors, `[replicates, metrics]`."""
    low: Array
    """Lower ends of the intervals, `[replicates, metrics]`."""
    high: Array
    """Upper ends of the intervals, `[replicates, metrics]`."""

    __repr__ = short_repr

    def of(self, metric: str) -> MetricPerformance:
        """Return the design's performance on one metric."""
        k = METRICS.index(metric)
        truth = float(self.treatment[k] - self.control[k])
        effects, low, high = self.effects[:, k], self.low[:, k], self.high[:, k]
        # The arms' sums have other orders, so that equal amounts differ by rounding.
        slack = 1e-9 * max(abs(float(self.control[k])), abs(float(self.treatment[k])))
        covers = (low - slack <= truth) & (truth <= high + slack)
        finds = (low > slack) | (high < -slack)
        return MetricPerformance(
            metric=metric,
            control=float(self.control[k]),
            truth=truth,
            estimate=float(effects.mean()),
            bias=mean_interval(effects - truth),
            standard_error=float(effects.std(ddof=1)) if len(effects) > 1 else math.nan,
            stated_error=float(self.errors[:, k].mean()),
            coverage=float(covers.mean()),
            finds_effect=float(finds.mean()),
            replicates=len(effects),
        )


@dataclass(frozen=True)
class MetricPerformance:
    """A design's performance on one metric; amounts are those of a day."""

    metric: str
    control: float
    """The metric with everybody in control."""
    truth: float
    """The true effect: everybody in treatment minus everybody in control."""
    estimate: float
    """Mean estimate."""
    bias: Interval
    """Mean of estimate minus truth, with its interval over replicates."""
    standard_error: float
    """Standard deviation of the estimates over replicates; NaN for one replicate."""
    stated_error: float
    """Mean of the standard errors that the experiments state."""
    coverage: float
    """Share of the experiments whose interval holds the truth, in [0, 1]; 0.95 is nominal."""
    finds_effect: float
    """Share of the experiments whose interval excludes 0, in [0, 1]: false alarms in an A/A test, 0.05 being nominal."""
    replicates: int

    @property
    def is_biased(self) -> bool:
        """Return whether the bias differs from 0: its interval excludes 0, and it is more than rounding."""
        return (self.bias.low > 0 or self.bias.high < 0) and abs(self.bias.mean) > 1e-9 * max(abs(self.control), 1e-300)

    @property
    def is_too_narrow(self) -> bool:
        """Return whether intervals miss the truth more often than chance explains at 95 % (Clopper and Pearson 1934)."""
        return _exceeds(1 - self.coverage, self.replicates)

    @property
    def has_false_alarms(self) -> bool:
        """Return whether an A/A test finds an effect more often than chance explains at 5 % (Clopper and Pearson 1934)."""
        return _exceeds(self.finds_effect, self.replicates)

    @property
    def is_empty(self) -> bool:
        """Return whether the effect and every estimate of it are 0, without any spread, up to rounding."""
        spread = self.standard_error if self.replicates > 1 else 0.0
        return max(abs(self.truth), abs(self.estimate), spread, self.stated_error) <= 1e-9 * abs(self.control)

    def as_dict(self) -> dict[str, float | str | None]:
        """Return the figures for JSON; those that are not defined are None."""
        known = self.bias.is_known
        found: dict[str, float | str | None] = {"metric": self.metric, "bias": self.bias.mean if known else None}
        for name in (
            "control",
            "truth",
            "estimate",
            "standard_error",
            "stated_error",
            "coverage",
            "finds_effect",
            "replicates",
        ):
            value = getattr(self, name)
            has_figure = math.isfinite(value) and (known or name not in ("coverage", "finds_effect"))
            found[name] = value if has_figure else None
        return {**found, "bias_low": self.bias.low if known else None, "bias_high": self.bias.high if known else None}


def _exceeds(share: float, n: int) -> bool:
    """Return whether a share of n experiments is above the nominal 5 % by more than chance: 6 of 40 are, 5 are not."""
    return n > 1 and chance_of_as_many(round(share * n), n, NOMINAL_MISSES) < CHANCE


def truth(arms: Arms, days: Sequence[int]) -> tuple[Array, Array]:
    """Return the metrics of each day with everybody in control and with everybody in treatment, `[days, metrics]` each."""
    control, treatment = (np.array([arms.everywhere(arm, day) for day in days]) for arm in (CONTROL, TREATMENT))
    return control, treatment


def measure(
    arms: Arms,
    design: Design,
    days: Sequence[int],
    replicates: int,
    seed: int,
    *,
    is_aa: bool = False,
    known_truth: tuple[Array, Array] | None = None,
    done: Callable[[], None] | None = None,
) -> Performance:
    """Repeat an experiment over random assignments.

    Args:
        arms: Control and treatment.
        design: A design without a `problem`.
        days: Days of the experiment.
        replicates: Number of assignments, >= 1.
        seed: Seed of the assignments. A replicate's assignment depends on it, the design and the replicate's number alone.
        is_aa: Whether both arms are control.
        known_truth: Result of `truth` for these days, where the caller has it already.
        done: Function that is called after each replicate.
    """
    tested = Arms(arms.markets[CONTROL]) if is_aa else arms
    used = design.days(days)
    control, treatment = truth(tested, days) if known_truth is None else known_truth
    n_used = len(used)
    if is_aa:
        treatment = control
    estimates: list[Estimate] = []
    for replicate in range(replicates):
        estimates.append(design.run(tested, used, stream(seed, "experiment", design.name, replicate)))
        if done is not None:
            done()
    effects, errors, low, high = (
        np.array([getattr(one, name) for one in estimates]) for name in ("effect", "error", "low", "high")
    )
    means = control[:n_used].mean(axis=0), treatment[:n_used].mean(axis=0)
    return Performance(design, is_aa, used, *means, effects, errors, low, high)
