"""Fit the delays of a log's conversions, and make rates that do not depend on when the log ends.

A log ends, and conversions of its last clicks come later. They are missing in its counts: with a mean delay of two days, a log
of a week has 72 % of its conversions, and of its last day's 21 %. So each click counts as a trial in the share of conversions
that had the time to arrive (the survival estimate: the rate is conversions over the sum of these shares). With 10 conversions
of 100 clicks, of which half had the time, the rate is 0.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.traffic.delays.distributions import arrived_share
from auctionsim.traffic.delays.fit import FEWEST, SHORTEST, FittedDelay, fitted_delay
from auctionsim.traffic.delays.precision import arrived_error, arrived_trials, eventual_error
from auctionsim.traffic.ingest.database import Database
from auctionsim.traffic.ingest.formats.base import Format
from auctionsim.traffic.ingest.outcomes.conversion_delays import ConversionDelays, EventualConversions

Array = NDArray[np.float64]

MAX_ERROR = 0.2
"""Largest relative standard error of the share arrived at which a fit is used."""
MAX_SIGMA = 5.0
"""Largest `sigma` that a scenario can have."""
_TOO_SHORT = "the log is too short, or has too few conversions, to tell how many are still to come"
_STEP = "conversion delays"


@dataclass(frozen=True, eq=False)
class _Clicks:
    """Clicks of an advertiser, of several or of all, and the delay that was fitted to their conversions."""

    age: Array
    """Hours from clicks to the log's end, each once and ascending, `[n]`."""
    trials: Array
    """Clicks of each age, `[n]`."""
    delay: FittedDelay | None = None
    """The delay; None where it has fewer conversions than `FEWEST`."""
    error: float = np.inf
    """Relative standard error of the share of conversions that had arrived."""

    @property
    def is_reliable(self) -> bool:
        """Whether the log tells the delay well enough to be used."""
        return self.delay is not None and self.delay.sigma <= MAX_SIGMA and self.error <= MAX_ERROR


def fit_conversion_delays(database: Database, form: Format) -> ConversionDelays:
    """Fit the delays of a log, and count the conversions that are still to come.

    The log ends at the last time of its auctions, clicks and conversions. All conversions are fitted together, each advertiser
    with `FEWEST` or more by itself, and the advertisers without a fit of their own together. A fit that does not tell the share
    arrived within `MAX_ERROR` is not used: the advertiser joins those without one, these take the delay of all with a relative
    error of `MAX_ERROR` or more, and if that is not told, no delay is defined.

    Args:
        database: The database that holds `log` and `good`; the tables `timed_clicks` and `arrived_shares` are made.
        form: The log's format.
    """
    if form.conversion_times is None:
        return ConversionDelays()
    found = _time_clicks(database, form.conversion_times)
    (timed,) = database.row("SELECT count(converted_at) FROM timed_clicks")
    if timed < FEWEST:
        return replace(found, reason=f"expected {FEWEST} conversions with a time or more, got {timed}")
    common = _fit(database, None)
    if common.delay is None or not common.is_reliable:
        return replace(found, reason=_why_not(common))
    database.run("CREATE TABLE arrived_shares (number BIGINT, age BIGINT, share DOUBLE)", _STEP)
    groups, others = [], []
    for number, name in database.rows("SELECT number, advertiser FROM delay_groups ORDER BY number"):
        own = _fit(database, number, name)
        if own.delay is not None and own.is_reliable:
            groups.append(_eventual(database, number, name, own, own.delay, own.error))
        else:
            others.append(str(number))
    if others:
        database.run(f"UPDATE timed_clicks SET number = 0 WHERE number IN ({', '.join(others)})", _STEP)
    rest = _fit(database, 0) if groups else common
    if len(rest.age):
        # Those whose own delay is not told mostly have longer ones than all together, which they are given only if need be.
        delay, error = common.delay, max(common.error, MAX_ERROR)
        if rest.delay is not None and rest.is_reliable:
            delay, error = rest.delay, rest.error
        groups.insert(0, _eventual(database, 0, None, rest, delay, error))
    return replace(found, reason="", common=common.delay, groups=tuple(groups))


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


def _time_clicks(database: Database, conversion_times: str) -> ConversionDelays:
    """Make `timed_clicks`, and `delay_groups` of advertisers with `FEWEST` conversions or more; return the log's length.

    Args:
        database: The database that holds `log` and `good`.
        conversion_times: The SELECT of `Format.conversion_times`.
    """
    times = f"({conversion_times}) AS times(row, seen_at, clicked_at, converted_at)"
    first, last, end = database.row(
        "SELECT min(seen_at), max(greatest(seen_at, clicked_at)), "
        f"max(greatest(seen_at, clicked_at, coalesce(converted_at, clicked_at))) FROM log JOIN {times} USING (row)"
    )
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
    untimed, late = database.row(
        "SELECT count(*) FILTER (hits > 0 AND converted_at IS NULL), "
        f"count(*) FILTER (converted_at > {last!r}) FROM timed_clicks"
    )
    hours, late_hours = (end - first) / 3600, (end - last) / 3600
    return ConversionDelays(hours=hours, untimed=untimed, late=late, late_hours=late_hours)


def _fit(database: Database, number: int | None, advertiser: str | None = None) -> _Clicks:
    """Fit the delay of a group of `timed_clicks`, or of all."""
    where = "" if number is None else f"AND number = {number}"
    ages = database.columns(f"SELECT age, sum(trials) AS trials FROM timed_clicks WHERE true {where} GROUP BY age ORDER BY age")
    found = database.columns(
        "SELECT converted_at - clicked_at AS delay, age FROM timed_clicks "
        f"WHERE converted_at IS NOT NULL {where} ORDER BY number, row"
    )
    clicks = _Clicks(_floats(ages["age"]) / 3600, _floats(ages["trials"]))
    if len(found["delay"]) < FEWEST:
        return clicks
    delay = np.maximum(_floats(found["delay"]) / 3600, SHORTEST)
    observable = np.maximum(_floats(found["age"]) / 3600, delay)
    fit = fitted_delay(delay, observable, advertiser)
    return replace(clicks, delay=fit, error=arrived_error(fit, delay, observable, clicks.age, clicks.trials))


def _why_not(common: _Clicks) -> str:
    """Say why the delay of all conversions is not told."""
    if common.delay is not None and common.delay.sigma > MAX_SIGMA:
        return (
            "some conversions come at once and others late, so that no delay fits all together: "
            f"expected sigma <= {MAX_SIGMA:g}, got {common.delay.sigma:.3g}"
        )
    return _TOO_SHORT


def _eventual(
    database: Database, number: int, advertiser: str | None, clicks: _Clicks, delay: FittedDelay, error: float
) -> EventualConversions:
    """Add the shares of a group's ages to `arrived_shares`, and count its conversions."""
    share = arrived_share(clicks.age, np.asarray(delay.mean), np.asarray(delay.sigma))
    seconds = np.rint(clicks.age * 3600).astype(np.int64)
    database.append("arrived_shares", {"number": np.full(len(seconds), number), "age": seconds, "share": share})
    hits, squares = database.row(f"SELECT sum(hits), sum(hits * hits) FROM timed_clicks WHERE number = {number}")
    total, arrived, observed = float(clicks.trials.sum()), arrived_trials(delay, clicks.age, clicks.trials), float(hits)
    spread = eventual_error(observed, total, arrived, error, squares=float(squares))
    return EventualConversions(advertiser, delay, total, arrived, observed, spread)


def _floats(column: Any) -> Array:
    return np.asarray(column, dtype=np.float64)
