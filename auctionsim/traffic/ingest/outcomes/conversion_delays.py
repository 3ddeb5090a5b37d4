"""Delays of a log's conversions as figures: what was fitted, and what is still to come when the log ends."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

from auctionsim.names.text import printable
from auctionsim.traffic.delays.fit import FittedDelay

NO_TIMES = "the log has no times of conversions"
"""Why delays are not defined, if the log has no column of them."""
_LATE = 1.0
"""Time in hours from the last auction and click to the last conversion from which it is said."""
_MAX_LINES = 20


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
    late: int = 0
    """Number of rows whose conversion is later than all auctions and clicks."""
    late_hours: float = 0.0
    """Time from the last auction and click to the log's end, hours."""
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

    def delay_of(self, advertiser: str) -> FittedDelay | None:
        """Return the delay that is taken for an advertiser, None if it is that of all conversions."""
        found = self.own.get(advertiser) or next((one.delay for one in self.groups if one.advertiser is None), None)
        return None if found == self.common else found

    def as_json(self) -> dict[str, Any]:
        """Return the figures as the value that `--json` prints; figures that are not defined are null."""
        common = self.common
        return {
            "reason": self.reason or None,
            "log_hours": None if self.reason == NO_TIMES else self.hours,
            "without_time": self.untimed,
            "after_last_click": self.late,
            "hours_after_last_click": None if self.reason == NO_TIMES else self.late_hours,
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
        late = [self.late_words] if self.late_words else []
        if self.common is None:
            return [f"conversion delays: not defined: {self.reason}", *untimed, *late]
        own = [one for one in self.groups if one.advertiser is not None]
        shown = sorted(own, key=lambda one: -one.observed)[:_MAX_LINES]
        few = [f"  {len(own) - len(shown)} more advertisers with fewer conversions: --json"] if len(own) > len(shown) else []
        return [
            f"conversion delays: {self.words} ({self.common.conversions} conversions in {self.hours:.1f} hours)",
            f"  {_counts(self.observed, self.eventual, self.error)}, all together",
            *(f"  {_counts(one.observed, one.eventual, one.error)}, {one.words}" for one in shown),
            *few,
            *untimed,
            *late,
        ]

    @property
    def late_words(self) -> str:
        """The assumption about conversions after the last click in words, empty where the log ends with its clicks.

        One time that is wrong can be the log's end, and then all conversions seem to have had the time to arrive.
        """
        if self.late_hours <= _LATE:
            return ""
        return (
            f"conversions after the last auction and click: {self.late}, within {self.late_hours:.1f} hours: all that came "
            "until then are taken to be in the log"
        )

    @property
    def words(self) -> str:
        """The delay of all conversions in words."""
        return "not defined" if self.common is None else delay_words(self.common)


def delay_words(delay: FittedDelay) -> str:
    """Write a delay in words."""
    sigma = f", sigma {delay.sigma:.3g}" if delay.sigma else ""
    return f"{delay.distribution}, mean {delay.mean:.4g} hours{sigma}"


def _counts(observed: float, eventual: float, error: float) -> str:
    return f"{observed:>8.0f} conversions seen {eventual:>10.1f} expected in the end (s.e. {error:.3g})"


def _delay_json(delay: FittedDelay) -> dict[str, Any]:
    return {
        "distribution": delay.distribution,
        "mean": delay.mean,
        "sigma": delay.sigma or None,
        "conversions": delay.conversions,
    }
