"""Read the times of a log in one zone: its own offset, or the zone that was asked for. Day and hour come from the same zone."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from auctionsim.errors import InputError, shown
from auctionsim.traffic.ingest.database import Database, named, quoted
from auctionsim.traffic.ingest.dialect.times import UNITS, TimeFormat
from auctionsim.traffic.ingest.dialect.zones import UTC, Zone, fixed_zone, named_zone

_UNIT_WORDS = {"unix": "seconds", "unix-ms": "milliseconds", "unix-us": "microseconds", "unix-ns": "nanoseconds"}
# A log's times are from 2000 to 2100 in the unit that they count in.
_FIRST, _LAST = 946_684_800, 4_102_444_800
_A_DAY = 86_400
_JANUARY = 31 * _A_DAY
_DATE = r"^(?:\d{8}|\d{4}-\d{2}-\d{2})$"

Source = Callable[[int], str]
"""Function from a row of the log to its file and line, for messages."""


@dataclass(frozen=True)
class Clock:
    """How the times of a log are read."""

    parse: str
    """SQL from the text `{0}` to the time, a TIMESTAMP in the zone; of a column of days, to their number."""
    zone: Zone | None = None
    """Zone of days and hours; None if the log does not say."""
    is_dated: bool = True
    """Whether the table counts days from the log's first; if not, the log numbers them."""
    has_date: bool = True
    """Whether the date of the first day is known."""
    assumed: tuple[str, ...] = ()
    """Lines that say what was assumed."""
    rule: str = "year({0}) BETWEEN 1 AND 9998"
    """SQL that is true if the value `{0}` is valid."""
    has_offset: bool = False
    """Whether the log's times state their offsets from UTC."""


@dataclass(frozen=True)
class _Written:
    """Times with the same text of their offset."""

    text: str
    zone: Zone | None
    row: int
    first: int
    last: int


def read_clock(database: Database, column: str, key: str, times: TimeFormat, zone: Zone | None, source: Source) -> Clock:
    """Find out how the times in the table `raw` are read.

    Args:
        database: The database that holds `raw`.
        column: The column's name in the log, for messages.
        key: The column's name in `raw`.
        times: The format of the times.
        zone: The zone that days and hours are asked for in, or None for that of the log.
        source: Function from a row to its file and line.

    Raises:
        InputError: The log has times of several offsets and no zone is asked for, or its numbers count another unit.
    """
    text = f"trim({named([key])})"
    if times.unit is not None:
        _expect_unit(database, column, text, times, source)
    found = _offsets(database, text, times) if times.has_offset else []
    if not any(written.text for written in found):
        return _without_offset(times, zone)
    where = f", column {column}: expected"
    bare = next((written for written in found if not written.text), None)
    if bare is not None:
        raise InputError(f"{source(bare.row)}{where} an offset from UTC in all times or in none, got a time without one")
    known = [written for written in found if written.zone is not None]
    if zone is None:
        return _own_offset(known, times, lambda row: source(row) + where)
    return _converted(known, times, zone)


def read_days(database: Database, key: str, parse: str, rule: str) -> Clock:
    """Find out whether a column of days in the table `raw` holds dates (20130606 or 2013-06-06) or numbers.

    Args:
        database: The database that holds `raw`.
        key: The column's name in `raw`.
        parse: SQL from the text `{0}` to a number.
        rule: SQL that is true if the number `{0}` is a day.
    """
    text = f"trim({named([key])})"
    dates, count = database.row(
        f"SELECT count(*) FILTER (regexp_matches({text}, {quoted(_DATE)})), count(*) FROM raw WHERE {text} <> ''"
    )
    if 2 * dates <= count:
        return Clock(parse, is_dated=False, has_date=False, rule=rule)
    date = _template(
        lambda x: (
            f"CASE WHEN regexp_matches({x}, {quoted(_DATE)}) THEN datediff('day', DATE '1970-01-01', "
            f"try_strptime(replace({x}, '-', ''), '%Y%m%d')::DATE) END"
        )
    )
    return Clock(date, assumed=("days: dates; the table counts them from the first",), rule="{0} IS NOT NULL")


def without_no_time(text: str) -> str:
    """Return SQL that is NULL where the SQL `text` is -1, which is no time in logs that count from 1970.

    Tables of numbers with missing values are often written as floats, so that it stands there as -1.0.
    """
    return f"CASE WHEN try_cast({text} AS DOUBLE) = -1 THEN NULL ELSE {text} END"


def read_elapsed(database: Database, column: str, key: str, times: TimeFormat, clock: Clock, source: Source) -> str:
    """Find out how the times in the table `raw` are read in UTC, so that their differences are elapsed time.

    Where the clock goes back, a sale an hour after its click has the click's own time of the clock. Times without an offset are
    read by the log's zone, or else as they stand.

    Args:
        database: The database that holds `raw`.
        column: The column's name in the log, for messages.
        key: The column's name in `raw`.
        times: The format of the times.
        clock: The clock of the log's auctions.
        source: Function from a row to its file and line.

    Returns:
        SQL from the text `{0}` to the time, a TIMESTAMP in UTC.

    Raises:
        InputError: Some times have an offset, and others or the auctions' have none; or numbers count another unit.
    """
    text = f"trim({named([key])})"
    if times.unit is not None:
        _expect_unit(database, column, without_no_time(text), times, source)
        return _template(times.written)
    found = _offsets(database, text, times)
    other = next((written for written in found if bool(written.text) != clock.has_offset), None)
    if other is not None:
        one, came = ("an", "a time without one") if clock.has_offset else ("no", shown(other.text))
        raise InputError(f"{source(other.row)}, column {column}: expected {one} offset from UTC as in timestamp, got {came}")
    if clock.has_offset:
        return _converted(found, times, UTC).parse
    if clock.zone is None or not found:
        return _template(times.written)
    zone = clock.zone
    first, last = _bounded(found[0].first, found[0].last)
    return _template(lambda x: f"({times.written(x)} - to_seconds({_written_offset(times.written(x), zone, first, last)}))")


def clock_changes(zone: Zone | None, days: Sequence[int]) -> list[tuple[datetime.date, float]]:
    """List the days of a log that do not have 24 hours by the clock of its zone, each with its hours.

    Args:
        zone: The zone, or None.
        days: Days since 1970.
    """
    if zone is None or not days:
        return []
    dates = {datetime.date(1970, 1, 1) + datetime.timedelta(days=day) for day in days if -700_000 < day < 2_900_000}
    return [(day, hours) for day, hours in zone.unusual_days(min(dates), max(dates)) if day in dates] if dates else []


def _without_offset(times: TimeFormat, zone: Zone | None) -> Clock:
    lines = [f"times: as they stand, in {zone.name}" if zone else "times: as they stand; they have no offset from UTC"]
    if not times.has_date:
        lines.append("days: the times have no date, so all rows are of one day")
    return Clock(_template(times.written), zone, has_date=times.has_date, assumed=tuple(lines))


def _own_offset(known: Sequence[_Written], times: TimeFormat, source: Source) -> Clock:
    """Read times whose offset is the same in all rows as they stand."""
    zones = {written.zone.name: written for written in known if written.zone is not None}
    if len(zones) > 1:
        (first, _), (other, written) = list(zones.items())[:2]
        raise InputError(f"{source(written.row)} {first} as before, or --timezone ZONE to convert all times to, got {other}")
    zone = known[0].zone if known else UTC
    assert zone is not None
    why = "as counted from 1970" if times.unit else "the log's own offset"
    lines = [f"times: {zone.name}, {why} (--timezone converts them)"]
    if times.unit and known and known[0].first >= 0 and known[0].last < _JANUARY:
        lines.append("times: all are in January 1970; if they do not count from 0, timestamp_format has the wrong unit")
    texts = ", ".join(quoted(written.text) for written in known) or "''"
    parse = _template(lambda x: f"CASE WHEN {times.offset(x)} IN ({texts}) THEN {times.written(x)} END")
    return Clock(_template(times.written) if times.unit else parse, zone, assumed=tuple(lines), has_offset=True)


def _converted(known: Sequence[_Written], times: TimeFormat, zone: Zone) -> Clock:
    """Convert times to UTC by their own offsets, and from there to `zone`."""
    spans = [(written, written.zone) for written in known if written.zone is not None]
    first, last = _bounded(
        min((written.first for written, _ in spans), default=0), max((written.last for written, _ in spans), default=0)
    )
    changes = zone.offsets(first, last)

    def parse(x: str) -> str:
        local = times.written(x)
        cases = " ".join(
            f"WHEN {quoted(written.text)} THEN {local} - to_seconds({_written_offset(local, own, first, last)})"
            for written, own in spans
        )
        utc = f"(CASE {times.offset(x)} {cases or 'WHEN NULL THEN NULL::TIMESTAMP'} END)"
        return f"{utc} + to_seconds({_step(utc, changes)})"

    names = sorted({own.name for _, own in spans})
    few = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    words = f"times: converted from {few} to {zone.name}"
    return Clock(_template(parse), zone, assumed=(words,), has_offset=True)


def _bounded(first: int, last: int) -> tuple[int, int]:
    """Return the span of times for which changes of a clock are looked up: two days more at both ends, within 1970 to 2100.

    Before and after, the zone's offset is that at the nearer end: one damaged time of the year 9998 would ask for 16,000
    changes.
    """
    return min(max(first - 2 * _A_DAY, 0), _LAST), min(max(last + 2 * _A_DAY, 0), _LAST)


def _written_offset(local: str, zone: Zone, first: int, last: int) -> str:
    """Return the SQL of a zone's offset at a local time; an hour that stands twice is taken as the first of the two."""
    changes = zone.offsets(first, last)
    # In Berlin the clock goes back from 3 to 2 at 01:00 UTC. Times before 3 o'clock are taken with the offset of summer, so the
    # threshold is 01:00 UTC by the larger of both offsets.
    shifted = [(since + max(before, offset), offset) for (_, before), (since, offset) in pairwise(changes)]
    return _step(local, [changes[0], *shifted])


def _step(time: str, steps: Sequence[tuple[int, int]]) -> str:
    """Return the SQL of the last value whose threshold, in seconds since 1970, is not after a TIMESTAMP."""
    if len(steps) == 1:
        return str(steps[0][1])
    earlier = " ".join(
        f"WHEN {time} < make_timestamp({threshold} * 1000000::BIGINT) THEN {before}"
        for (_, before), (threshold, _) in pairwise(steps)
    )
    return f"CASE {earlier} ELSE {steps[-1][1]} END"


def _offsets(database: Database, text: str, times: TimeFormat) -> list[_Written]:
    """List the texts of offsets in `raw` by their first row."""
    seconds = "epoch_us(written) // 1000000"
    rows = database.rows(
        f"SELECT zone, min(row), min({seconds}), max({seconds}) FROM (SELECT row, {times.written(text)} AS written, "
        f"{times.offset(text)} AS zone FROM raw) WHERE written IS NOT NULL GROUP BY zone ORDER BY min(row)"
    )
    return [_Written(zone, _same_name(named_zone(zone)), *map(int, found)) for zone, *found in rows]


def _same_name(zone: Zone | None) -> Zone | None:
    """Return the zone of a fixed offset under its one name, whether it was written `Z`, `UTC` or `+00:00`."""
    return zone if zone is None or not isinstance(zone.rules, datetime.timezone) else fixed_zone(zone.offset_at(0))


def _expect_unit(database: Database, column: str, text: str, times: TimeFormat, source: Source) -> None:
    """Refuse numbers that are of this century only if they count another unit than the one that was named."""
    value = f"try_cast({text} AS DOUBLE)"
    counts = [f"count(*) FILTER ({value} / {unit} BETWEEN {_FIRST} AND {_LAST})" for unit in UNITS.values()]
    total, *plausible = database.row(f"SELECT count({value}), {', '.join(counts)} FROM raw")
    by_unit = dict(zip(UNITS, plausible, strict=True))
    best = max(by_unit, key=lambda name: by_unit[name])
    if 2 * by_unit[best] <= total or by_unit[times.when] >= by_unit[best]:
        return
    row, first, seconds = database.rows(
        f"SELECT row, {text}, {value} / {UNITS[best]} AS found FROM raw WHERE found BETWEEN {_FIRST} AND {_LAST} "
        "ORDER BY row LIMIT 1"
    )[0]
    year = datetime.datetime.fromtimestamp(seconds, datetime.UTC).year
    declared = f'expected {_UNIT_WORDS[times.when]} since 1970 (timestamp_format = "{times.when}")'
    read = f'{shown(first)}, which as {_UNIT_WORDS[best]} is in {year}: set timestamp_format = "{best}"'
    raise InputError(f"{source(row)}, column {column}: {declared}, got {read}")


def _template(sql: Callable[[str], str]) -> str:
    """Return the SQL of a text as a template with `{0}` for the text."""
    return sql("\0").replace("{", "{{").replace("}", "}}").replace("\0", "{0}")
