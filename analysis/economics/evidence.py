"""Gather the evidence on an outcome as named tests, each with its statistic, its threshold and its reason.

docs/collusion.md explains the tests and states how often each errs on outcomes whose cause is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.economics import indices
from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.analysis.economics.best_response_gap import best_response_gains
from auctionsim.analysis.economics.coalitions import Coalition, blame, chance_of, give_way
from auctionsim.analysis.economics.low_bids import MATCHED, low_bids
from auctionsim.analysis.economics.segments import QuietSegments, quiet_segments, winner_predicted, worst_segment
from auctionsim.names.display import short_repr
from auctionsim.ratios import NotDefined, ratio_to_amount

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_AUCTIONS = 20_000
"""Best responses and segments look at no more auctions than this, one of each of as many stretches of the days."""


@dataclass(frozen=True)
class Test:
    """One named test of an outcome."""

    __test__ = False  # pytest collects classes of this name

    name: str
    statistic: float
    """NaN where it is not defined."""
    threshold: float
    speaks: bool
    """True if the statistic reaches the threshold."""
    reason: str
    """The statistic in words."""

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class Evidence:
    """The tests of one outcome in one market."""

    tests: dict[str, Test]
    """The tests by name."""
    undefined: str
    """Reason that there is no verdict; empty if the tests are defined."""
    names: tuple[str, ...]
    """Names of the advertisers."""
    giving_way: Coalition | None = None
    quiet: QuietSegments | None = None
    low: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Indices of the advertisers that shade in common."""
    began_so: bool = False
    """True if bids before learning are known, and learning did not set those of low bidders (`LowBids.began_so`)."""
    profits: Array = field(default_factory=lambda: np.zeros(0))
    """Each advertiser's profit as its predicted rates have it, currency `[advertisers]`."""
    competitive_profits: Array = field(default_factory=lambda: np.zeros(0))
    """The same in competition."""

    __repr__ = short_repr

    def __getitem__(self, name: str) -> Test:
        return self.tests[name]

    def outsiders_harm(self, members: Integers) -> float:
        """Return the share of their profit in competition that all others lose; NaN if there are none, or they had none."""
        others = np.delete(np.arange(len(self.names)), members)
        return indices.harm(float(self.profits[others].sum()), float(self.competitive_profits[others].sum()))


MISSING = 0.1
"""Less missing revenue than this, as a share, needs no explanation."""
SEGMENT_MISSING = 0.5
PROFIT_GAIN = 0.1
GAP = 0.1
"""Below this share of profits, best responses gain so little that the bids are taken for an equilibrium."""
STRICT_GAP, EXCUSED = 0.03, 0.4
"""Bids this near to best responses are an equilibrium whatever is missing; those up to `GAP` if less than this is missing."""
GIVING_WAY, LEAST_Z, MOST_P = 0.6, 2.5, 0.005
"""Joint engagement that must be missing, as a share of chance; by how many standard deviations; in how many shuffles."""
QUIET_SHARE, FEWEST_SEGMENTS, MOST_QUIET_P = 0.01, 2, 0.01
COMMON_MISSING = 0.3
"""Missing revenue where low bidders meet, from which common shading speaks, if ads are matched by value there."""
COMMON_LEVEL = 0.01
"""Chance at most of the agreement of low bidders on a share of their values; below it, the test speaks."""
PREDICTED = 0.3
SINCE_START, FACTOR = " whose bids began no higher", " that differ by up to a factor of five"


def evidence_on(auctions: Auctions, start: Auctions | None = None) -> Evidence:
    """Run all tests on an outcome.

    Args:
        auctions: The auctions with the bids to judge.
        start: The same auctions with the bids before anybody learned; None if they are not known.
    """
    competitive, actual = auctions.competition(), auctions.outcome()
    had, paid = float(competitive.revenue.sum()), float(actual.revenue.sum())
    undefined = _undefined(auctions, had)
    if undefined:
        return Evidence({}, undefined, auctions.names)
    n, tests = len(auctions.names), {}
    blamed = blame(auctions)
    sample = auctions.sample(MOST_AUCTIONS)
    missing = indices.suppression(paid, had)
    below = f"{missing:.0%} of the revenue of competition is missing"
    above = f"revenue is {-missing:.0%} above that of competition"
    tests["missing revenue"] = _test("missing revenue", missing, MISSING, above if missing <= -0.005 else below)
    worst = worst_segment(auctions, actual.revenue, competitive.revenue)
    tests["missing in a segment"] = _test(
        "missing in a segment",
        worst.missing,
        SEGMENT_MISSING,
        f"most is missing in {worst.by} {worst.name}: {worst.missing:.0%}",
    )
    profits, competing = (done.profits(auctions.who, auctions.value, n) for done in (actual, competitive))
    cartel = _cartel_profit(auctions)
    gain = indices.profit_gain(float(profits.sum()), float(competing.sum()), cartel)
    tests["profit gain"] = _test(
        "profit gain", gain, PROFIT_GAIN, f"profits went {gain:.0%} of the way from competition to a cartel of all"
    )
    now, could = best_response_gains(sample)
    tests["best-response gap"] = _gap(float(could.sum()), float(np.abs(now).sum()))
    chance = chance_of(auctions, blamed)
    ring = give_way(chance)
    tests["giving way"] = _giving_way(ring, auctions)
    there = _where_missing(auctions, actual.revenue, competitive.revenue)
    if not tests["giving way"].speaks and there is not None:
        part = auctions.rows(there)
        again = give_way(chance_of(part, blame(part)))
        test = _giving_way(again, auctions)
        # Queries were chosen for what they miss, which is most where few happen to be in earnest.
        if test.speaks and again.unit != "query":
            tests["giving way"], ring = test, again
    quiet = quiet_segments(chance)
    tests["spared segments"] = Test(
        "spared segments", quiet.share, QUIET_SHARE,
        _is_spared(quiet),
        f"{quiet.number} of the segments (by {quiet.by}) are spared by those who compete elsewhere, {quiet.by_chance} by "
        f"chance; {quiet.share:.1%} of competitive revenue is at stake there, of which {quiet.missing:.0%} is missing"
        + (f"; {quiet.common_cause}" if quiet.number and quiet.common_cause else ""),
    )  # fmt: skip
    low = low_bids(sample, None if start is None else start.sample(MOST_AUCTIONS))
    tests["common shading"] = Test(
        "common shading", low.matching, MATCHED,
        bool(low.matching >= MATCHED and low.missing >= COMMON_MISSING and len(low.bidders) >= 2),
        f"where {low.missing:.0%} is missing among low bidders, ads are matched {low.matching:.0%} as well as by values",
    )  # fmt: skip
    tests["common level"] = Test(
        "common level", low.agreement, COMMON_LEVEL, bool(low.agreement <= COMMON_LEVEL),
        f"{len(low.bidders)} independent low bidders{SINCE_START if low.began_so else FACTOR} would agree as closely on a "
        f"share of their values in {low.agreement:.1%}",
    )  # fmt: skip
    for name, by in (("hour", sample.hour), ("query", sample.query)):
        predicted = winner_predicted(sample, by)
        key = f"winner by {name}"
        tests[key] = _test(
            key, predicted, PREDICTED, f"the {name} predicts the winner {predicted:.0%} better than values explain"
        )
    return Evidence(tests, "", auctions.names, ring, quiet, low.bidders, low.began_so, profits, competing)


def _where_missing(auctions: Auctions, revenue: Array, competitive: Array) -> NDArray[np.bool_] | None:
    """Return the auctions of queries that miss at least half of their revenue; None if these are none, or nearly all."""
    had, paid = np.bincount(auctions.query, competitive), np.bincount(auctions.query, revenue)
    there = (had > 0) & (had - paid >= 0.5 * had)
    share = float(had[there].sum()) / max(float(had.sum()), 1e-300)
    return there[auctions.query] if 0.005 <= share <= 0.9 else None


def _is_spared(quiet: QuietSegments) -> bool:
    """Return whether quiet segments are many, striking and costly, and nothing known of them explains why they are spared."""
    is_many = quiet.number >= FEWEST_SEGMENTS and quiet.share >= QUIET_SHARE and quiet.p <= MOST_QUIET_P
    return is_many and not quiet.common_cause and quiet.missing >= SEGMENT_MISSING and len(quiet.members) >= 2


def _test(name: str, statistic: float, threshold: float, reason: str) -> Test:
    if np.isnan(statistic):
        reason = "not defined here"
    return Test(name, statistic, threshold, bool(statistic >= threshold), reason)


def _gap(could: float, now: float) -> Test:
    """Return the test of what best responses would add to profits; nothing to add is no gap, whatever the profits."""
    name = "best-response gap"
    gap = ratio_to_amount(could, now, now + could, "these bids") if could > 0 else 0.0
    if isinstance(gap, NotDefined):
        return Test(name, float("nan"), GAP, speaks=False, reason=f"{name}: {gap}, so best responses have no share of it")
    return _test(name, gap, GAP, f"best responses to the others would add {gap:.0%} to profits")


def _undefined(auctions: Auctions, competitive: float) -> str:
    """Return why no verdict is possible; empty if it is."""
    if not len(auctions) or not (auctions.value[auctions.exists] > 0).any():
        return "no candidate has a value, so competition has no price"
    if competitive <= 0:
        return "competition would bring no revenue: nobody meets a rival, and there is no reserve"
    return ""


def _cartel_profit(auctions: Auctions) -> float:
    """Return the profit of a cartel of all: slots by value, everybody pays the reserve or the external competitor's score."""
    efficient = replace(auctions, bid=auctions.value, is_in=auctions.exists).outcome(None, "gsp")
    column = np.maximum(efficient.column, 0)
    quality = np.take_along_axis(auctions.quality, column, axis=1)
    price = np.maximum(auctions.rules.reserve, auctions.external[:, None] / quality)
    worth = np.take_along_axis(auctions.value, column, axis=1)
    return float((np.maximum(worth - price, 0.0) * efficient.clicks).sum())


def _giving_way(ring: Coalition, auctions: Auctions) -> Test:
    is_striking = ring.z >= LEAST_Z and ring.p <= MOST_P
    speaks = len(ring.members) >= 2 and ring.avoided >= GIVING_WAY and is_striking
    who = ", ".join(auctions.names[i] for i in ring.members) or "nobody"
    reason = f"{who}: in earnest together {ring.avoided:.0%} less often than by chance (z = {ring.z:.1f}, by {ring.unit})"
    return Test("giving way", ring.avoided, GIVING_WAY, speaks, reason)
