"""How well a log tells what is still to come: errors hold what comes as often as they say, and grow where a log says little."""

from __future__ import annotations

import math

import numpy as np
import pytest

from auctionsim.traffic.delays.fit import FittedDelay, fitted_delay
from auctionsim.traffic.delays.precision import arrived_error, arrived_trials, eventual_error

WEEK = 168.0
FEW, MUCH = 20, 0.2
"""Fewest conversions, and largest relative error of the share arrived, with which `ingest` uses a fit."""


def eventual(rng: np.random.Generator, clicks: int, mean: float, sigma: float = 0.0) -> tuple[int, float, float, float]:
    """Conversions seen in a week's log of clicks of which a tenth converts, expected in the end over all that will come, its
    error, and the relative error of the share arrived; the latter is infinite for too few conversions.
    """
    age = rng.uniform(0, WEEK, clicks)
    delay = rng.lognormal(math.log(mean) - sigma * sigma / 2, sigma, clicks) if sigma else rng.exponential(mean, clicks)
    comes = rng.random(clicks) < 0.1
    seen = comes & (delay < age)
    if seen.sum() < FEW:
        return int(seen.sum()), math.nan, math.nan, math.inf
    fit = fitted_delay(delay[seen], age[seen])
    error = arrived_error(fit, delay[seen], age[seen], age, np.ones(clicks))
    arrived = arrived_trials(fit, age, np.ones(clicks))
    total, of = seen.sum() * clicks / arrived, comes.sum()
    return int(seen.sum()), total / of, eventual_error(seen.sum(), clicks, arrived, error) / of, error


def drawn(logs: int, clicks: int, mean: float, sigma: float = 0.0) -> tuple[float, float, float, float]:
    """Conversions seen on average, the share of logs whose fit is used, and of these the mean of what is expected in the end
    over what comes, and the share of logs whose 95 % interval holds what comes.
    """
    rng = np.random.default_rng(5)
    found = np.array([eventual(rng, clicks, mean, sigma) for _ in range(logs)])
    used = found[found[:, 3] <= MUCH]
    held = np.abs(used[:, 1] - 1) < 1.96 * used[:, 2]
    return float(found[:, 0].mean()), len(used) / logs, float(used[:, 1].mean()), float(held.mean())


def test_what_comes_in_the_end_is_within_the_error_of_a_short_log():
    _, used, ratio, held = drawn(20, 2000, 48.0)
    assert used >= 0.8
    assert ratio == pytest.approx(1.0, abs=0.06)
    assert held >= 0.8


@pytest.mark.long
@pytest.mark.parametrize(
    ("clicks", "mean", "sigma"), [(2000, 12.0, 0.0), (2000, 72.0, 0.0), (2000, 24.0, 1.2), (400, 12.0, 0.0)]
)
def test_intervals_hold_what_comes_in_95_of_100_logs(clicks: int, mean: float, sigma: float):
    _, used, ratio, held = drawn(100, clicks, mean, sigma)
    assert used > 0.7
    assert ratio == pytest.approx(1.0, abs=0.03)
    # The standard error of a coverage of 0.95 is 0.022 over 100 logs.
    assert held >= 0.88


@pytest.mark.long
def test_few_conversions_of_long_delays_are_mostly_refused_and_else_too_low():
    seen, used, ratio, _ = drawn(100, 400, 84.0)
    assert 20 < seen < 30
    assert used < 0.6
    assert 0.7 < ratio < 0.95


def test_a_delay_far_beyond_the_log_is_not_told():
    rng = np.random.default_rng(2)
    age = rng.uniform(0, WEEK, 4000)
    delay = rng.exponential(2000.0, 4000)
    seen = delay < age
    fit = fitted_delay(delay[seen], age[seen])
    assert arrived_error(fit, delay[seen], age[seen], age, np.ones(4000)) > MUCH


def test_the_error_of_exponential_delays_without_an_end_is_that_of_a_mean():
    delay = np.random.default_rng(3).exponential(10.0, 500)
    fit = FittedDelay(None, 500, "exponential", float(delay.mean()), 0.0)
    # The share arrived at age t is 1 - e^(-t/m), whose relative slope in log m is -(t/m) / (e^(t/m) - 1). The error of log m is
    # 1 / root n.
    age = np.array([7.0])
    slope = age[0] / fit.mean / math.expm1(age[0] / fit.mean)
    error = arrived_error(fit, delay, np.full(500, 1e7), age, np.ones(1))
    assert error == pytest.approx(slope / math.sqrt(500), rel=1e-3)
    assert arrived_trials(fit, age, np.array([3.0])) == pytest.approx(-3 * math.expm1(-age[0] / fit.mean))


def test_the_error_in_the_end_is_nothing_where_everything_has_arrived():
    assert eventual_error(50.0, 300.0, 300.0, 0.0) == 0.0
    # By hand: 50 seen of half the clicks: variances 50 (seen) + 50 (to come) + (0.1 x 100)^2 (share).
    assert eventual_error(50.0, 300.0, 150.0, 0.1) == pytest.approx(math.sqrt(50 + 50 + 100))
    # Rows that stand for ten conversions each: five of them came, which is less certain than fifty.
    assert eventual_error(50.0, 300.0, 150.0, 0.0, squares=500.0) == pytest.approx(math.sqrt(500 + 500))
    # None seen is not none to come.
    assert eventual_error(0.0, 300.0, 150.0, 0.1) == pytest.approx(math.sqrt(2))
    # Of clicks of the last second nothing is known.
    assert eventual_error(0.0, 3.0, 0.0, 0.1) == 3.0
