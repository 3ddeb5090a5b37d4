"""How often the interval of conversions still to come holds them, over many advertisers: `python benchmarks/ingest_delays.py`.

Draws logs of a week in which a tenth of the clicks convert in the end, after exponential delays whose means differ between
advertisers, takes the delays that `ingest` takes, and prints how many of the conversions that come it expects, and how often
the 95 % interval of all together holds them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from auctionsim.traffic.delays.fit import FEWEST, FittedDelay, fitted_delay
from auctionsim.traffic.delays.precision import arrived_error, arrived_trials, eventual_error
from auctionsim.traffic.ingest.outcomes.delay_fits import MAX_ERROR, MAX_SIGMA

WEEK, RATE, LOGS = 168.0, 0.1, 60
Array = NDArray[np.float64]
Advertiser = tuple[Array, Array, NDArray[np.bool_], int]
"""Hours from clicks to the log's end, delays, whether a conversion was seen, and how many come in the end."""
# Name, clicks of each advertiser, mean delay in hours, deviation of its logarithm between advertisers.
CASES = (
    ("10 advertisers of some 30 conversions", [400] * 10, 40.0, 0.7),
    ("10 of some 60 and 50 of 3", [800] * 10 + [40] * 50, 30.0, 0.7),
    ("1 of some 130 and 50 of 3, delays alike", [2000] + [40] * 50, 48.0, 0.0),
)


def drawn(rng: np.random.Generator, clicks: int, mean: float) -> Advertiser:
    age, delay = rng.uniform(0, WEEK, clicks), rng.exponential(mean, clicks)
    comes = rng.random(clicks) < RATE
    return age, delay, comes & (delay < age), int(comes.sum())


def binned(age: Array) -> tuple[Array, Array]:
    count, edge = np.histogram(age, 100, (0, WEEK))
    return (edge[1:] + edge[:-1])[count > 0] / 2, count[count > 0].astype(float)


def fit(group: list[Advertiser]) -> tuple[FittedDelay, float] | None:
    """The delay of some advertisers and the relative error of the share arrived, or None where the log does not tell it."""
    age, delay, seen = (np.concatenate([one[k] for one in group]) for k in range(3))
    if seen.sum() < FEWEST:
        return None
    found = fitted_delay(delay[seen], age[seen])
    error = arrived_error(found, delay[seen], age[seen], *binned(age))
    return (found, error) if found.sigma <= MAX_SIGMA and error <= MAX_ERROR else None


def eventual(group: list[Advertiser], delay: FittedDelay, error: float) -> tuple[float, float]:
    age, trials = binned(np.concatenate([one[0] for one in group]))
    seen, clicks, arrived = float(sum(one[2].sum() for one in group)), float(trials.sum()), arrived_trials(delay, age, trials)
    return min(seen * clicks / arrived, clicks), eventual_error(seen, clicks, arrived, error)


def told(log: list[Advertiser]) -> tuple[float, float] | None:
    """Expected conversions of all advertisers and their standard error, or None where they are not defined."""
    common = fit(log)
    if common is None:
        return None
    own = [(one, fit([one])) for one in log]
    found = [eventual([one], *its) for one, its in own if its is not None]
    rest = [one for one, its in own if its is None]
    if rest:
        theirs = (fit(rest) or (common[0], max(common[1], MAX_ERROR))) if found else common
        found.append(eventual(rest, *theirs))
    return sum(number for number, _ in found), math.sqrt(sum(error * error for _, error in found))


for name, clicks, middle, spread in CASES:
    rng, used = np.random.default_rng(1), []
    for _ in range(LOGS):
        means = np.exp(rng.normal(math.log(middle), spread, len(clicks)))
        log = [drawn(rng, n, mean) for n, mean in zip(clicks, means, strict=True)]
        expected, come = told(log), sum(one[3] for one in log)
        if expected is not None:
            used.append((expected[0] / come, abs(expected[0] - come) < 1.96 * expected[1]))
    ratio, held = np.mean(used, axis=0)
    print(
        f"{name}: {len(used)} of {LOGS} logs defined, {ratio:.3f} of what comes expected, interval holds {held:.0%}", flush=True
    )
