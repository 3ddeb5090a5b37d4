"""Read the date that a build or a script sets, and no clock: the same environment gives the same bytes."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from auctionsim.errors import InputError, shown

_VARIABLE = "SOURCE_DATE_EPOCH"
_END = 253402300800
"""Seconds from 1970 to the year 10000."""


def source_date() -> str | None:
    """Return the date in UTC that the environment's SOURCE_DATE_EPOCH names, such as `2026-01-31`; None if it is not set.

    The variable holds seconds since 1970 (reproducible-builds.org/specs/source-date-epoch).

    Raises:
        InputError: It holds something else.
    """
    text = os.environ.get(_VARIABLE, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) < _END):
        raise InputError(f"{_VARIABLE}: expected a whole number of seconds since 1970, got {shown(text)}")
    return datetime.fromtimestamp(int(text), UTC).date().isoformat()
