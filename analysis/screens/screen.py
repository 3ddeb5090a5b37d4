"""Screen a log: every measure beside what simulated competition shows of it, with its rate of false alarms and its power."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.screens.competition import Competition, fitted
from auctionsim.analysis.screens.demand import BestResponse, Hole, best_response, gains_at, hole
from auctionsim.analysis.screens.entry import Entry, entry_drop
from auctionsim.analysis.screens.log import BidLog
from auctionsim.analysis.screens.measures import MEASURES, Measure
from auctionsim.analysis.screens.rings import RINGS
from auctionsim.names.display import short_repr
from auctionsim.ratios import NotDefined
from auctionsim.streams import stream

Array = NDArray[np.float64]

LEVEL = 0.05
"""Chance of one false alarm or more among all screens of a log, and the level of size and power."""
MOST_AUCTIONS = 3000
HOLE_WIDTH = 0.002
GAP, ENTRY = "best-response gap", "entry"
_LEAST = 19
"""Draws on which a measure is defined, so that it has a rate."""


@dataclass(frozen=True, eq=False)
class Screen:
    """One screen's finding."""

    name: str
    meaning: str
    value: float | NotDefined
    p_value: float | NotDefined
    """Share of simulated competition that shows as much, or why there is none."""
    expected: float | None = None
    """Mean over simulated competition."""
    size: float | None = None
    """Rate of false alarms at `LEVEL`, by simulation of logs of competition; None where it is not simulated."""
    power: dict[str, float] = field(default_factory=dict)
    """Rate of alarms at `LEVEL` by what a ring does."""
    flagged: bool = False
    """Whether it still speaks when it is counted that several screens are looked at (Holm 1979)."""

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class Screening:
    """All screens of a log."""

    log: BidLog
    auctions: int
    """Auctions of the whole log; `log` holds those that were screened."""
    screens: tuple[Screen, ...]
    best_response: BestResponse | NotDefined
    hole: Hole | NotDefined
    entry: Entry | NotDefined
    draws: int
    checks: int

    __repr__ = short_repr

    @property
    def flagged(self) -> tuple[str, ...]:
        """Return the names of the screens that speak."""
        return tuple(one.name for one in self.screens if one.flagged)

    @property
    def sentence(self) -> str:
        """Return the finding in one sentence."""
        tried = sum(not isinstance(one.p_value, NotDefined) for one in self.screens)
        if not tried:
            return "No screen is defined on these bids."
        needed = round(tried / LEVEL) - 1
        if not self.flagged and self.draws < needed:
            return f"{self.draws} draws are too few for any of {tried} screens to speak, and {needed} are needed (--draws)."
        if not self.flagged:
            return f"None of {tried} screens shows more than simulated competition does. That acquits nobody."
        names = ", ".join(self.flagged)
        return (
            f"{len(self.flagged)} of {tried} screens show what competition would not: {names}. A reason to look, not a proof."
        )


def screen(
    log: BidLog,
    *,
    draws: int = 499,
    checks: int = 99,
    seed: int = 0,
    margin: float | None = None,
    pays_bid: bool = True,
    entrant: str | None = None,
    progress: Callable[[str, float], None] = lambda what, share: None,  # noqa: ARG005
) -> Screening:
    """Screen a log of bids.

    Args:
        log: The log.
        draws: Logs of competition that p-values rest on, >= 19.
        checks: Logs of competition, and of each ring, that size and power rest on; 0 for neither.
        seed: Seed of all draws.
        margin: Smallest profit margin that bidders are taken to have, a share of the bid; None to test no gap.
        pays_bid: Whether winners pay their bids; the gap to best responses is not defined where they do not.
        entrant: Bidder whose entry is looked at; None for none.
        progress: Callback with a step's name and the share of it that is done.

    Raises:
        InputError: The log has no such entrant.
    """
    entry = NotDefined("no entrant is named") if entrant is None else entry_drop(log, entrant, "--entrant")
    kept = log.sample(MOST_AUCTIONS)
    fit = fitted(kept)
    null, refits = np.empty((draws, len(MEASURES))), []
    for k in range(draws):
        drawn = fit.simulated(stream(seed, "screens", "competition", k))
        null[k] = _values(drawn)
        if k < checks:
            refits.append(drawn)
        progress("competition", (k + 1) / draws)
    size, power = _rates(fit, refits, null, checks, seed, progress)
    found = [
        _judged(one, one.of(kept), null[:, i], None if size is None else size[i], {name: row[i] for name, row in power.items()})
        for i, one in enumerate(MEASURES)
    ]
    gap = best_response(log) if pays_bid else NotDefined("winners do not pay their bids")
    found += [_gap(log, gap, margin), _entry(entry)]
    return Screening(kept, len(log), _with_flags(found), gap, hole(log, HOLE_WIDTH), entry, draws, checks)


def p_value(value: float, null: Array, tail: str) -> float:
    """Return the share of draws, the value among them, that are at least as far out on a side; on both, twice the smaller.

    Args:
        value: The value.
        null: Its draws under competition; NaN where it was not defined.
        tail: `low`, `high` or `both`.
    """
    known = null[np.isfinite(null)]
    low, high = (float(1 + (side <= 0).sum()) / (1 + len(known)) for side in (known - value, value - known))
    return {"low": low, "high": high, "both": min(1.0, 2.0 * min(low, high))}[tail]


def _values(log: BidLog) -> Array:
    found = [one.of(log) for one in MEASURES]
    return np.array([np.nan if isinstance(value, NotDefined) else value for value in found])


def _rates(
    fit: Competition, logs: list[BidLog], null: Array, checks: int, seed: int, progress: Callable[[str, float], None]
) -> tuple[Array | None, dict[str, Array]]:
    """Return each measure's rate of alarms in competition, and by what a ring does.

    One log of competition is fitted to each log and measured, and all of these together are the logs' null distribution
    (Giacomini, Politis and White 2013): two fits a log, where a test of its own would take hundreds.
    """
    if not checks:
        return None, {}
    kinds = {"competition": logs} | {
        name: [ring(fit, stream(seed, "screens", name, k)) for k in range(checks)] for name, ring in RINGS.items()
    }
    rates = {}
    for number, (name, own) in enumerate(kinds.items()):
        again = []
        for k, log in enumerate(own):
            again.append(_values(fitted(log).simulated(stream(seed, "screens", "again", name, k))))
            progress("size and power", (number + (k + 1) / len(own)) / len(kinds))
        values = null[: len(own)] if name == "competition" else np.array([_values(log) for log in own])
        rates[name] = np.array([_rate(values[:, i], np.array(again)[:, i], one) for i, one in enumerate(MEASURES)])
    return rates.pop("competition"), rates


def _rate(values: Array, null: Array, measure: Measure) -> float:
    known = values[np.isfinite(values)]
    if len(known) < _LEAST or np.isfinite(null).sum() < _LEAST:
        return float("nan")
    return float(np.mean([p_value(float(value), null, measure.tail) <= LEVEL for value in known]))


def _judged(measure: Measure, value: float | NotDefined, null: Array, size: float | None, power: dict[str, float]) -> Screen:
    if isinstance(value, NotDefined):
        return Screen(measure.name, measure.meaning, value, value)
    if np.isfinite(null).sum() < _LEAST:
        return Screen(measure.name, measure.meaning, value, NotDefined("simulated competition hardly ever defines it"))
    if float(np.nanstd(null)) == 0.0 and value == float(np.nanmean(null)):
        return Screen(measure.name, measure.meaning, value, NotDefined("it is the same in all simulated competition"))
    known = {name: float(rate) for name, rate in power.items() if np.isfinite(rate)}
    rate = None if size is None or not np.isfinite(size) else float(size)
    share = p_value(value, null, measure.tail)
    return Screen(measure.name, measure.meaning, value, share, float(np.nanmean(null)), rate, known)


def _gap(log: BidLog, gap: BestResponse | NotDefined, margin: float | None) -> Screen:
    meaning = "profit margin from which on bids better by 2 % gain"
    if isinstance(gap, NotDefined):
        return Screen(GAP, meaning, gap, gap)
    if margin is None:
        return Screen(GAP, meaning, gap.break_even, NotDefined("no profit margin is assumed (--margin)"))
    return Screen(GAP, meaning, gap.break_even, gains_at(log, margin), margin)


def _entry(entry: Entry | NotDefined) -> Screen:
    meaning = "change of winning bids for the worse after an entry"
    if isinstance(entry, NotDefined):
        return Screen(ENTRY, meaning, entry, entry)
    return Screen(ENTRY, f"{meaning} of {entry.entrant}", entry.change, entry.p_value, 0.0)


def _with_flags(found: list[Screen]) -> tuple[Screen, ...]:
    """Return the screens, with those flagged that Holm's procedure rejects."""
    tried = sorted((float(one.p_value), i) for i, one in enumerate(found) if not isinstance(one.p_value, NotDefined))
    flagged = set()
    for k, (share, i) in enumerate(tried):
        if share > LEVEL / (len(tried) - k):
            break
        flagged.add(i)
    return tuple(
        Screen(one.name, one.meaning, one.value, one.p_value, one.expected, one.size, one.power, i in flagged)
        for i, one in enumerate(found)
    )
