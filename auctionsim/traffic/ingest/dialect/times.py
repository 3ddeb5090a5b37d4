"""Formats of times in logs: the SQL of the time as it is written, and of the offset from UTC that stands beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from auctionsim.traffic.ingest.database import quoted

UNITS = {"unix": 1, "unix-ms": 10**3, "unix-us": 10**6, "unix-ns": 10**9}
"""Units per second of the formats that count from 1970."""
ISO = "iso"
"""Name of the format of ISO 8601: date, `T` or a blank, time, and an offset or `Z` if the log has one."""

_NUMERIC = "dmyYHIMSfgnjuUWwGVe"
_OFFSET = r"Z|z|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?|UTC|GMT"
_ZONE_NAME = rf"{_OFFSET}|[A-Za-z][A-Za-z0-9_+/-]*"
_ISO = rf"(\d{{4}}-\d{{2}}-\d{{2}}[Tt ]\d{{2}}:\d{{2}}(?::\d{{2}})?)(?:[.,]\d+)?\s*({_OFFSET})?"
_DIRECTIVE = re.compile(r"%(-?.)")
# Seconds of the years 1 and 5138: beyond, a number is no time in this unit.
_FIRST, _LAST = -62_135_596_800, 100_000_000_000


@dataclass(frozen=True)
class TimeFormat:
    """How a log writes its times."""

    when: str
    """A key of `UNITS`, `ISO`, or a format of strptime, in which `%z` and `%Z` also accept `Z`, `+01:00` and `UTC`."""

    @property
    def unit(self) -> int | None:
        """Units per second of a format that counts from 1970, None for the others."""
        return UNITS.get(self.when)

    @property
    def has_one_zone(self) -> bool:
        """Whether at most one directive is of a zone: two may contradict each other."""
        return len(self._zone_directives) <= 1

    @property
    def has_offset(self) -> bool:
        """Whether a zone is known from the time itself. `ISO` times may have one or not."""
        return self.unit is not None or self.when == ISO or self._zone_directive is not None

    @property
    def has_date(self) -> bool:
        """Whether a day is known from the time itself: `%H:%M:%S` has none."""
        directives = {found[1].lstrip("-") for found in _DIRECTIVE.finditer(self.when.replace("%%", ""))}
        return self.unit is not None or self.when == ISO or bool(directives & set("deDFjcxUWVbBm"))

    def written(self, text: str) -> str:
        """Return the SQL of the time as it is written, a TIMESTAMP without a zone (UTC for `UNITS`); NULL if it is none.

        Args:
            text: The SQL of the trimmed text.
        """
        if self.unit is not None:
            return _from_1970(text, self.unit)
        if self.when == ISO:
            return f"try_cast(replace(upper(regexp_extract({text}, {quoted(f'^{_ISO}$')}, 1)), 'T', ' ') AS TIMESTAMP)"
        if self._zone_directive is None:
            return _read(text, self.when)
        bare = f"trim(regexp_replace({text}, {quoted(self._pattern)}, '\\1\\3'))"
        matched = f"regexp_matches({text}, {quoted(self._pattern)})"
        return f"CASE WHEN {matched} THEN {_read(bare, self._without_zone)} END"

    def offset(self, text: str) -> str:
        """Return the SQL of the offset's text, such as `+01:00` or `UTC`; empty where none stands.

        Args:
            text: The SQL of the trimmed text.
        """
        if self.unit is not None:
            return "'UTC'"
        if self.when == ISO:
            return f"regexp_extract({text}, {quoted(f'^{_ISO}$')}, 2)"
        if self._zone_directive is None:
            return "''"
        return f"regexp_extract({text}, {quoted(self._pattern)}, 2)"

    @property
    def _zone_directives(self) -> list[str]:
        return [match[0] for match in _DIRECTIVE.finditer(self.when.replace("%%", "")) if match[1] in ("z", "Z")]

    @property
    def _zone_directive(self) -> str | None:
        """Return `%z` or `%Z`, whichever the format has."""
        return next(iter(self._zone_directives), None)

    @property
    def _without_zone(self) -> str:
        return self.when.replace(str(self._zone_directive), "", 1).strip()

    @property
    def _pattern(self) -> str:
        """Return the regular expression of text before the zone, the zone, and text after it.

        What follows the zone is as narrow as its directives, so that in "Mon Mar 04 23:30:00 UTC 2024" the zone is not "Mon".
        """
        directive = str(self._zone_directive)
        _, _, after = self.when.partition(directive)
        zone = _OFFSET if directive == "%z" else _ZONE_NAME
        return f"^(.*?)({zone})({''.join(map(_narrow, re.findall(r'%-?.|[^%]', after)))})$"


def day_of(time: str) -> str:
    """Return the SQL of the days since 1970 of a TIMESTAMP."""
    return f"datediff('day', DATE '1970-01-01', {time}::DATE)"


def second_of(time: str) -> str:
    """Return the SQL of the second of the day, 0 to 86399, of a TIMESTAMP. Fractions are cut off: 23:59:59.7 is 86399."""
    return f"(hour({time}) * 3600 + minute({time}) * 60 + second({time}))::INTEGER"


def _narrow(part: str) -> str:
    """Return the regular expression of one directive or character of a format."""
    if not part.startswith("%"):
        return r"\s+" if part.isspace() else re.escape(part)
    return r"\s*\d+" if part[-1] in _NUMERIC else "%" if part == "%%" else r"\s*[^\s\d]+"


def _read(text: str, when: str) -> str:
    """Return the SQL of a time by a format of strptime, cut off to microseconds.

    Nanoseconds are a type of their own, which functions of times round: 23:59:59.9999999 would be in the next hour.
    """
    read = f"try_strptime({text}, {quoted(when)})"
    if not any(match[1] == "n" for match in _DIRECTIVE.finditer(when.replace("%%", ""))):
        return read
    nanoseconds = f"epoch_ns({read})"
    return f"make_timestamp(({nanoseconds} - (({nanoseconds} % 1000) + 1000) % 1000) // 1000)"


def _from_1970(text: str, unit: int) -> str:
    """Return the SQL of the time that a number counts. Fractions of a second are cut off, also of times before 1970."""
    # 15 decimals hold whatever a float can state, and 23 digits before them the years that are times.
    number = f"try_cast({text} AS DECIMAL(38, 15))"
    whole = f"floor({number})::HUGEINT"
    seconds = whole if unit == 1 else f"(({whole} - (({whole} % {unit}) + {unit}) % {unit}) // {unit})"
    return f"CASE WHEN {seconds} BETWEEN {_FIRST} AND {_LAST} THEN make_timestamp(({seconds} * 1000000)::BIGINT) END"
