"""Delays of a log's conversions: fitted, what is still to come when the log ends, and rates that do not depend on it.

A log ends, and conversions of its last clicks come later. They are missing in its counts: with a mean delay of two days, a log
of a week has 72 % of its conversions, and of its last day's 21 %. So each click counts as a trial in the share of conversions
that had the time to arrive (the survival estimate: the rate is conversions over the sum of these shares). With 10 conversions
of 100 clicks, of which half had the time, the rate is 0.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.names.text import printable
from auctionsim.traffic.delays.distributions import arrived_share
from auctionsim.traffic.delays.fit import FEWEST, SHORTEST, FittedDelay, fitted_delay
from auctionsim.traffic.delays.precision import arrived_error, arrived_trials, eventual_error
from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.formats.base import Format

Array = NDArray[np.float64]

NO_TIMES = "the log has no times of conversions"
"""Why delays are not defined, if the log has no column of them."""
_TOO_SHORT = "the log is too short, or has too few conversions, to tell how many are still to come"
MAX_ERROR = 0.2
"""Largest relative standard error of the share arrived at which a fit is used."""
MAX_SIGMA = 5.0
"""Largest `sigma` that a scenario can have."""
_MAX_LINES = 20
_STEP = "conversion delays"


@dataclass(frozen=True)
class EventualConversions:
    """The conversions of an advertiser's clicks, or of all advertisers' without a fit of their own."""

    advertiser: str | None
    """Name; None for all advertisers without a fit of their own."""
    delay: FittedDelay
    """The delay that is taken for them."""
    trials: float
    """Number of clicks (with `criteo-attribution`: impressions)."""
    arrived: float
    """Number of clicks whose conversion had the time to arrive: the sum of each click's share."""
    observed: float
    """Number of conversions that the log holds."""
    error: float
    """Standard error of `eventual`."""

    @property
    def eventual(self) -> float:
        """Number of conversions that are expected in the end: no more than clicks, and none that nothing tells of."""
        return min(self.observed * self.trials / self.arrived, max(self.trials, self.observed)) if self.arrived > 0 else 0.0

    @property
    def words(self) -> str:
        """The advertiser and its delay in words."""
        return f"{printable(self.advertiser or 'all others')}: {delay_words(self.delay)}"


@dataclass(frozen=True)
class ConversionDelays:
    """Delays of a log's conversions and what they hide, or why there are none."""

    reason: str = NO_TIMES
    """Why delays are not defined; empty if they are."""
    hours: float = 0.0
    """Time from the log's first auction to the last of its auctions, clicks and conversions, hours."""
    untimed: int = 0
    """Number of rows that were converted at no known time."""
    common: FittedDelay | None = None
    """The delay of all conversions, None if it is not defined."""
    groups: tuple[EventualConversions, ...] = ()
    """The advertisers without a fit of their own together, if there are any, then those with one by name."""

    @property
    def observed(self) -> float:
        """Number of conversions that the log holds."""
        return float(sum(one.observed for one in self.groups))

    @property
    def eventual(self) -> float:
        """Number of conversions that are expected in the end."""
        return float(sum(one.eventual for one in self.groups))

    @property
    def error(self) -> float:
        """Standard error of `eventual`."""
        return sqrt(sum(one.error * one.error for one in self.groups))

    @property
    def own(self) -> dict[str, FittedDelay]:
        """The delays of advertisers that have a fit of their own, by name."""
        return {one.advertiser: one.delay for one in self.groups if one.advertiser is not None}

    def as_json(self) -> dict[str, Any]:
        """Return the figures as the value that `--json` prints; figures that are not defined are null."""
        common = self.common
        return {
            "reason": self.reason or None,
            "log_hours": None if self.reason == NO_TIMES else self.hours,
            "without_time": self.untimed,
            "delay": None if common is None else _delay_json(common),
            "observed": None if common is None else self.observed,
            "eventual": None if common is None else self.eventual,
            "standard_error": None if common is None else self.error,
            "advertisers": [
                {
                    "advertiser": one.advertiser,
                    "delay": _delay_json(one.delay),
                    "clicks": one.trials,
                    "observed": one.observed,
                    "eventual": one.eventual,
                    "standard_error": one.error,
                }
                for one in self.groups
            ],
        }

    def lines(self) -> list[str]:
        """Write the figures as lines of text; none for a log without times of conversions."""
        if self.reason == NO_TIMES:
            return []
        untimed = [f"conversions without a time: {self.untimed}, which no delay is fitted to"] if self.untimed else []
        if self.common is None:
            return [f"conversion delays: not defined: {self.reason}", *untimed]
        own = [one for one in self.groups if one.advertiser is not None]
        shown = sorted(own, key=lambda one: -one.observed)[:_MAX_LINES]
        few = [f"  {len(own) - len(shown)} more advertisers with fewer conversions: --json"] if len(own) > len(shown) else []
        return [
            f"conversion delays: {self.words} ({self.common.conversions} conversions in {self.hours:.1f} hours)",
            f"  {_counts(self.observed, self.eventual, self.error)}, all together",
            *(f"  {_counts(one.observed, one.eventual, one.error)}, {one.words}" for one in shown),
            *few,
            *untimed,
        ]

    @property
    def words(self) -> str:
        """The delay of all conversions in words."""
        return "not defined" if self.common is None else delay_words(self.common)


def delay_words(delay: FittedDelay) -> str:
    """Write a delay in words."""
    sigma = f", sigma {delay.sigma:.3g}" if delay.sigma else ""
    return f"{delay.distribution}, mean {delay.mean:.4g} hours{sigma}"


def fit_conversion_delays(database: Database, form: Format) -> ConversionDelays:
    """Fit the delays of a log, and count the conversions that are still to come.

    The log ends at the last time of its auctions, clicks and conversions. All conversions are fitted together, and each
    advertiser with `FEWEST` or more by itself. A fit that does not tell the share arrived within `MAX_ERROR` is not used: the
    advertiser takes the delay of all, and if that is not told, no delay is defined.

    Args:
        database: The database that holds `log` and `good`; the tables `timed_clicks` and `arrived_shares` are made.
        form: The log's format.
    """
    if form.conversion_times is None:
        return ConversionDelays()
    times = f"({form.conversion_times}) AS times(row, seen_at, clicked_at, converted_at)"
    first, end = database.row(
        "SELECT min(seen_at), max(greatest(seen_at, clicked_at, coalesce(converted_at, clicked_at))) "
        f"FROM log JOIN {times} USING (row)"
    )
    hours = (end - first) / 3600
    database.run(
        "CREATE TABLE with_times AS SELECT row, advertiser, cvr_trials AS trials, cvr_hits AS hits, "
        "CASE WHEN cvr_hits > 0 THEN converted_at END AS converted_at, clicked_at, "
        f"greatest(floor({end!r} - clicked_at), 1)::BIGINT AS age FROM log JOIN {times} USING (row) WHERE cvr_trials > 0",
        _STEP,
    )
    database.run(
        "CREATE TABLE delay_groups AS SELECT advertiser, row_number() OVER (ORDER BY advertiser) AS number FROM with_times "
        f"WHERE converted_at IS NOT NULL GROUP BY advertiser HAVING count(*) >= {FEWEST}; "
        "CREATE TABLE timed_clicks AS SELECT row, trials, hits, clicked_at, converted_at, age, coalesce(number, 0) AS number "
        "FROM with_times LEFT JOIN delay_groups USING (advertiser); DROP TABLE with_times",
        _STEP,
    )
    timed, untimed = database.row(
        "SELECT count(converted_at), count(*) FILTER (hits > 0 AND converted_at IS NULL) FROM timed_clicks"
    )
    if timed < FEWEST:
        return ConversionDelays(f"expected {FEWEST} conversions with a time or more, got {timed}", hours, untimed)
    common, error = _fit(database, None, None)
    if common is None:
        return ConversionDelays(_TOO_SHORT, hours, untimed)
    names = dict(database.rows("SELECT number, advertiser FROM delay_groups ORDER BY number"))
    fits = {number: _fit(database, number, name) for number, name in names.items()}
    known = {number: (fit, error) for number, (fit, error) in fits.items() if fit is not None}
    others = ", ".join(str(number) for number in fits if number not in known)
    if others:
        database.run(f"UPDATE timed_clicks SET number = 0 WHERE number IN ({others})", _STEP)
    delays = {0: (common, error)} | known
    database.run("CREATE TABLE arrived_shares (number BIGINT, age BIGINT, share DOUBLE)", _STEP)
    groups = [_eventual(database, number, names.get(number), *delays[number]) for number in sorted(delays)]
    return ConversionDelays("", hours, untimed, common, tuple(one for one in groups if one is not None))


def discount_conversion_trials(database: Database, delays: ConversionDelays) -> None:
    """Count each click as a trial in the share of conversions that had the time to arrive, so that rates are those in the end.

    Args:
        database: The database that holds `log`, `timed_clicks` and `arrived_shares`.
        delays: The delays of the log.
    """
    if delays.common is None:
        return
    database.run(
        "UPDATE log SET cvr_trials = cvr_trials * share FROM timed_clicks JOIN arrived_shares USING (number, age) "
        "WHERE log.row = timed_clicks.row",
        _STEP,
    )


def _fit(database: Database, number: int | None, advertiser: str | None) -> tuple[FittedDelay | None, float]:
    """Fit the delay of a group of `timed_clicks`, or of all; None if it is not told, with its relative error."""
    where = "" if number is None else f"AND number = {number}"
    found = database.columns(
        "SELECT converted_at - clicked_at AS delay, age FROM timed_clicks "
        f"WHERE converted_at IS NOT NULL {where} ORDER BY number, row"
    )
    delay = np.maximum(_floats(found["delay"]) / 3600, SHORTEST)
    observable = np.maximum(_floats(found["age"]) / 3600, delay)
    fit = fitted_delay(delay, observable, advertiser)
    if fit.sigma > MAX_SIGMA:
        return None, inf
    age, trials = _ages(database, where)
    error = arrived_error(fit, delay, observable, age, trials)
    return (fit, error) if isfinite(error) and error <= MAX_ERROR else (None, error)


def _eventual(
    database: Database, number: int, advertiser: str | None, delay: FittedDelay, error: float
) -> EventualConversions | None:
    """Add the shares of a group's ages to `arrived_shares`, and count its conversions; None if it has no clicks."""
    age, trials = _ages(database, f"AND number = {number}")
    if not len(age):
        return None
    share = arrived_share(age, np.asarray(delay.mean), np.asarray(delay.sigma))
    seconds = np.rint(age * 3600).astype(np.int64)
    database.append("arrived_shares", {"number": np.full(len(age), number), "age": seconds, "share": share})
    (hits,) = database.row(f"SELECT sum(hits) FROM timed_clicks WHERE number = {number}")
    total, arrived, observed = float(trials.sum()), arrived_trials(delay, age, trials), float(hits)
    return EventualConversions(advertiser, delay, total, arrived, observed, eventual_error(observed, total, arrived, error))


def _ages(database: Database, where: str) -> tuple[Array, Array]:
    """Return the hours from clicks to the log's end, each once and ascending, and the clicks of each."""
    found = database.columns(
        f"SELECT age, sum(trials) AS trials FROM timed_clicks WHERE true {where} GROUP BY age ORDER BY age"
    )
    return _floats(found["age"]) / 3600, _floats(found["trials"])


def _floats(column: Any) -> Array:
    return np.asarray(column, dtype=np.float64)


def _counts(observed: float, eventual: float, error: float) -> str:
    return f"{observed:>8.0f} conversions seen {eventual:>10.1f} expected in the end (s.e. {error:.3g})"


def _delay_json(delay: FittedDelay) -> dict[str, Any]:
    return {
        "distribution": delay.distribution,
        "mean": delay.mean,
        "sigma": delay.sigma or None,
        "conversions": delay.conversions,
    }
