"""Time zones by name: IANA names, fixed offsets and UTC, with the offsets in force over a span of time.

The zone of the machine is never used: the same log gives the same days and hours everywhere.
"""

from __future__ import annotations

import datetime
import re
import zoneinfo
from dataclasses import dataclass

from auctionsim.errors import InputError, shown, suggestion

_DAY = 86_400
_FIXED = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d)(?::?([0-5]\d))?)?", re.IGNORECASE)
_UTC = ("UTC", "GMT", "Z")
# Files of the system's zone folder that mean another zone on every machine.
_NOT_PORTABLE = frozenset({"localtime", "posixrules", "Factory"})
# Seconds since 1970 of the years 2 and 9998, between which `datetime` can convert to every zone.
_FIRST, _LAST = -62_104_060_800, 253_339_228_800


@dataclass(frozen=True)
class Zone:
    """A time zone."""

    name: str
    """Name for messages and notes: `UTC`, `UTC+01:00` or an IANA name."""
    rules: datetime.tzinfo
    """Rules of the zone."""

    def offset_at(self, time: int) -> int:
        """Return the offset from UTC, in seconds, at a time in seconds since 1970 in UTC."""
        moment = datetime.datetime.fromtimestamp(min(max(time, _FIRST), _LAST), self.rules)
        offset = moment.utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    def offsets(self, first: int, last: int) -> list[tuple[int, int]]:
        """List the offsets in force from `first` to `last`, seconds since 1970 in UTC.

        Returns:
            Times from which an offset holds, ascending, with the offset in seconds. The first pair begins at `first`.
        """
        found = [(first, self.offset_at(first))]
        for begin in range(first, last, _DAY):
            end = min(begin + _DAY, last)
            if self.offset_at(end) != found[-1][1]:
                found.append(self._next_change(begin, end))
        return found

    def unusual_days(self, first: datetime.date, last: datetime.date) -> list[tuple[datetime.date, float]]:
        """List the days from `first` to `last` that do not have 24 hours, each with its hours."""
        start, stop = self._midnight(first), self._midnight(last + datetime.timedelta(days=1))
        found = []
        for since, offset in self.offsets(start, stop)[1:]:
            day = (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=since + offset)).date()
            hours = (self._midnight(day + datetime.timedelta(days=1)) - self._midnight(day)) / 3600
            if hours != 24 and first <= day <= last:
                found.append((day, hours))
        return found

    def _midnight(self, day: datetime.date) -> int:
        return int(datetime.datetime(day.year, day.month, day.day, tzinfo=self.rules).timestamp())

    def _next_change(self, begin: int, end: int) -> tuple[int, int]:
        """Return the second after `begin` from which the offset at `end` holds, by bisection."""
        offset = self.offset_at(end)
        while end - begin > 1:
            middle = (begin + end) // 2
            begin, end = (begin, middle) if self.offset_at(middle) == offset else (middle, end)
        return end, offset


UTC = Zone("UTC", datetime.UTC)


def find_zone(source: str, name: str) -> Zone:
    """Return a zone by its name.

    Args:
        source: The flag or key that holds the name, for messages.
        name: An IANA name such as `Europe/Berlin`, an offset such as `+01:00`, or `UTC` or `Z`.

    Raises:
        InputError: There is no such zone.
    """
    zone = named_zone(name)
    if zone is None:
        expected = "expected an IANA name (Europe/Berlin), an offset (+01:00), UTC or Z"
        raise InputError(f"{source}: {expected}, got {shown(name)}{suggestion(name, _names())}")
    return zone


def named_zone(name: str) -> Zone | None:
    """Return a zone by its name, None if there is none."""
    if name.upper() in _UTC:
        return UTC
    fixed = _FIXED.fullmatch(name)
    if fixed:
        hours, minutes, seconds = (int(part or 0) for part in fixed.groups()[1:])
        offset = (hours * 3600 + minutes * 60 + seconds) * (-1 if fixed[1] == "-" else 1)
        return None if hours > 14 else fixed_zone(offset)
    return Zone(name, zoneinfo.ZoneInfo(name)) if name in _names() else None


def fixed_zone(offset: int) -> Zone:
    """Return the zone of a fixed offset from UTC, in seconds."""
    if offset == 0:
        return UTC
    hours, rest = divmod(abs(offset), 3600)
    seconds = f":{rest % 60:02d}" if rest % 60 else ""
    name = f"UTC{'-' if offset < 0 else '+'}{hours:02d}:{rest // 60:02d}{seconds}"
    return Zone(name, datetime.timezone(datetime.timedelta(seconds=offset)))


def _names() -> set[str]:
    """Return all IANA names."""
    return zoneinfo.available_timezones() - _NOT_PORTABLE
