"""Fit delays to logs that have the times of clicks and of their conversions.

A log ends, and what would be reported after its end is missing: more of the long delays than of the short ones. So each delay d
is weighed by its density given that it is no longer than the time c from its click to the log's end, `f(d) / F(c)` (right
truncation: Lagakos, Barraj and De Gruttola 1988). Without that a log of a week says of a mean delay of three days that it is
less than two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import number_between
from auctionsim.arguments.frames import frame_of
from auctionsim.errors import InputError
from auctionsim.traffic.delays.distributions import normal_cdf

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[np.float64]

FEWEST = 20
"""Fewest conversions of an advertiser that are fitted by themselves."""
SHORTEST = 1.0 / 3600
"""Shortest delay, hours: times of logs are in seconds."""
LONGEST = 10_000.0
"""Longest mean delay, hours; a fit that has it was cut off, and is not to be used."""
_STEPS, _CLOSE, _BINS, _LONGEST_JUMP = 500, 1e-7, 128, 64.0
_JUMPS_WITHIN = ((-50.0, -7.0), (50.0, 4.0))
_LOG_ROOT_TWO_PI = 0.9189385332046727


@dataclass(frozen=True)
class FittedDelay:
    """The delay of an advertiser, or of all together."""

    advertiser: str | None
    """Name; None for all together."""
    conversions: int
    """Number of conversions that were fitted to."""
    distribution: str
    """`exponential` or `log-normal`, whichever has the lower information criterion (Akaike 1974)."""
    mean: float
    """Mean delay, hours."""
    sigma: float
    """Standard deviation of the logarithm of log-normal delays; 0 for exponential ones."""

    @property
    def toml(self) -> str:
        """The delay as a scenario's `[delays]` or a group's `delay` takes it."""
        sigma = f", sigma = {self.sigma:.4g}" if self.distribution == "log-normal" else ""
        return f'{{ distribution = "{self.distribution}", mean = {self.mean:.4g}{sigma} }}'


def fit_delays(
    log: pl.DataFrame, click: str, conversion: str, advertiser: str, *, end: float | None = None
) -> tuple[FittedDelay, ...]:
    """Fit the delays of a log's conversions, all together and by advertiser.

    Args:
        log: A row per click; or per conversion, which is as good.
        click: Column of the click's time, seconds.
        conversion: Column of the conversion's time, seconds; null, NaN or a negative number where there is none.
        advertiser: Column of the advertiser.
        end: Time at which the log ends, seconds; that of its last click or conversion where None.

    Returns:
        The fit of all, then of each advertiser with `FEWEST` conversions or more, by name.

    Raises:
        InputError: A column is missing or holds no numbers, a conversion is before its click or after the end, or there are
            too few of them.
    """
    import polars as pl

    log = frame_of("log", log)
    for column in (click, conversion, advertiser):
        if column not in log.columns:
            raise InputError(f"log: column {column}: expected in the log, got none")
    for column in (click, conversion):
        if not log[column].dtype.is_numeric():
            raise InputError(f"log: column {column}: expected seconds, got a column of {log[column].dtype}")
    times = log.select(pl.col(click, conversion).cast(pl.Float64), pl.col(advertiser).cast(pl.String).alias("who"))
    last = times.select(pl.max_horizontal(pl.col(click, conversion).fill_nan(None).max())).item()
    if end is not None:
        last = number_between("end", end, 0)
    done = times.filter(pl.col(conversion).fill_nan(None) >= 0).drop_nulls()
    if done.height < FEWEST:
        raise InputError(f"log: column {conversion}: expected {FEWEST} conversions or more, got {done.height}")
    clicked, converted = (done[column].to_numpy() for column in (click, conversion))
    if not (np.isfinite(clicked).all() and np.isfinite(converted).all()):
        raise InputError(f"log: column {conversion}: expected finite times of clicks and conversions, got an infinite one")
    if (converted < clicked).any() or converted.max() > last:
        raise InputError(f"log: column {conversion}: expected times from the click to the log's end, got one outside")
    delay = np.maximum((converted - clicked) / 3600, SHORTEST)
    observable = np.maximum((last - clicked) / 3600, delay)
    names = done["who"].to_numpy()
    found = [fitted_delay(delay, observable)]
    for name in np.unique(names):
        own = names == name
        if own.sum() >= FEWEST:
            found.append(fitted_delay(delay[own], observable[own], str(name)))
    return tuple(found)


def fitted_delay(delay: Array, observable: Array, advertiser: str | None = None) -> FittedDelay:
    """Fit one distribution.

    Args:
        delay: Hours from click to conversion, > 0, `[conversions]`.
        observable: Hours from click to the end of the log, no less than the delay, `[conversions]`.
        advertiser: Name of the advertiser; None for all together.
    """
    mean = _exponential(delay, observable)
    mu, sigma = _log_normal(arithmetic.log(delay), arithmetic.log(observable))
    exponential = log_likelihood(delay, observable, arithmetic.log(mean), 0.0)
    log_normal = log_likelihood(delay, observable, mu, sigma)
    is_exponential = 2.0 - 2.0 * exponential <= 4.0 - 2.0 * log_normal
    own = min(float(arithmetic.exp(mu + 0.5 * sigma * sigma)), LONGEST)
    return (
        FittedDelay(advertiser, len(delay), "exponential", mean, 0.0)
        if is_exponential
        else FittedDelay(advertiser, len(delay), "log-normal", own, sigma)
    )


def log_likelihood(delay: Array, observable: Array, location: float, sigma: float) -> float:
    """Return the log likelihood of delays, each given that it is no longer than it could be.

    Args:
        delay: Hours from click to conversion, > 0, `[conversions]`.
        observable: Hours from click to the end of the log, no less than the delay, `[conversions]`.
        location: Mean of the delay's logarithm of log-normal delays, logarithm of the mean of exponential ones.
        sigma: Standard deviation of the delay's logarithm of log-normal delays, 0 for exponential ones.
    """
    if not sigma:
        mean = float(arithmetic.exp(location))
        share = -arithmetic.expm1(-observable / mean)
        return float((-arithmetic.log(mean) - delay / mean - arithmetic.log(share)).sum())
    z, end = (arithmetic.log(delay) - location) / sigma, (arithmetic.log(observable) - location) / sigma
    density = -0.5 * z * z - _LOG_ROOT_TWO_PI - arithmetic.log(sigma * delay)
    return float((density - arithmetic.log(np.maximum(normal_cdf(end), 1e-300))).sum())


def _exponential(delay: Array, observable: Array) -> float:
    """Return the mean of greatest likelihood, hours: by bisection, since the expected delay of what is seen rises with it."""
    low, high, seen = SHORTEST, LONGEST, float(delay.mean())
    for _ in range(60):
        mean = float(np.sqrt(low * high))
        # The mean of an exponential delay that is no longer than c is m - c / (e^(c/m) - 1).
        ratio = np.minimum(observable / mean, 700.0)
        expected = float(np.mean(mean - observable / arithmetic.expm1(ratio)))
        low, high = (mean, high) if expected < seen else (low, mean)
    return float(np.sqrt(low * high))


def _log_normal(log_delay: Array, log_observable: Array) -> tuple[float, float]:
    """Return mean and standard deviation of the logarithm of greatest likelihood, by expectation and maximization.

    What is missing for each conversion that was seen, `(1 - F) / F` of them beyond the log's end, is counted at its mean. Times
    to the end are taken in `_BINS` groups of as many conversions, whose members differ little. Two steps tell where the next
    ones lead (Varadhan and Roland 2008, SQUAREM), since they are short where much is missing; a jump that lowers the likelihood
    is taken back.
    """
    groups = np.array_split(np.sort(log_observable), min(_BINS, len(log_observable)))
    end, count = np.array([one.mean() for one in groups]), np.array([float(len(one)) for one in groups])
    total, squares, n = float(log_delay.sum()), float((log_delay * log_delay).sum()), len(log_delay)

    def step(at: Array) -> tuple[Array, float]:
        """Return the parameters after a step, mean and logarithm of the deviation, and the log likelihood before it."""
        mu, sigma = float(at[0]), float(arithmetic.exp(at[1]))
        z = (end - mu) / sigma
        seen = np.maximum(normal_cdf(z), 1e-12)
        missing = count * (1.0 - seen) / seen
        density = count * arithmetic.exp(-0.5 * z * z - _LOG_ROOT_TWO_PI) / seen
        weight = n + float(missing.sum())
        first = (total + float((missing * mu + sigma * density).sum())) / weight
        late = missing * (mu * mu + sigma * sigma) + density * (2 * mu * sigma + sigma * sigma * z)
        spread = max((squares + float(late.sum())) / weight - first * first, 1e-6)
        off = squares - 2 * mu * total + n * mu * mu
        likelihood = -n * float(at[1]) - 0.5 * off / (sigma * sigma) - float((count * arithmetic.log(seen)).sum())
        return np.array([first, 0.5 * float(arithmetic.log(spread))]), likelihood

    deviation = max(float(log_delay.std()), 1e-3)
    at, plain, least = np.array([total / n, float(arithmetic.log(deviation))]), None, -np.inf
    for _ in range(_STEPS):
        once, likelihood = step(at)
        if plain is not None and not likelihood >= least:
            at, plain = plain, None
            continue
        twice, least = step(once)
        change, bend = once - at, twice - 2 * once + at
        plain = twice
        if float(np.abs(twice - once).sum()) < _CLOSE:
            break
        length = min(max(float(np.sqrt((change * change).sum() / max(float((bend * bend).sum()), 1e-300))), 1.0), _LONGEST_JUMP)
        at = np.clip(at + 2 * length * change + length * length * bend, *_JUMPS_WITHIN)
    return float(twice[0]), float(arithmetic.exp(twice[1]))


def scenario_text(fits: Sequence[FittedDelay]) -> str:
    """Return fitted delays as text of a scenario: the section of all, and a comment with each advertiser's for its group."""
    common = next(one for one in fits if one.advertiser is None)
    lines = ["[delays]", f'distribution = "{common.distribution}"', f"mean = {common.mean:.4g}  # hours"]
    if common.distribution == "log-normal":
        lines.append(f"sigma = {common.sigma:.4g}")
    lines += [f"# {one.advertiser!r}: delay = {one.toml}" for one in fits if one.advertiser is not None]
    return "\n".join(lines) + "\n"
