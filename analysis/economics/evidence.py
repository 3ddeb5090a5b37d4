"""Gather the evidence on an outcome as named tests, each with its statistic, its threshold and its reason.

docs/collusion.md explains the tests and states how often each errs on outcomes whose cause is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.economics import indices
from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.analysis.economics.best_response_gap import best_response_gains
from auctionsim.analysis.economics.coalitions import Coalition, blame, chance_of, give_way
from auctionsim.analysis.economics.segments import QuietSegments, quiet_segments, winner_predicted, worst_segment
from auctionsim.ratios import safe_ratio

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_AUCTIONS = 20_000
"""Best responses and segments look at no more auctions than this, evenly spaced over the days."""


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
    """What the statistic says, in one sentence."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the tests say about one outcome in one market."""

    tests: dict[str, Test]
    """The tests by name."""
    undefined: str
    """Why there is no verdict; empty if the tests are defined."""
    names: tuple[str, ...]
    """Names of the advertisers."""
    giving_way: Coalition | None = None
    quiet: QuietSegments | None = None
    low: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Indices of the advertisers that shade in common."""
    spent: float = float("nan")
    """Share of their budgets that advertisers with a budget spent; NaN where nobody has one."""

    def __getitem__(self, name: str) -> Test:
        return self.tests[name]

    @property
    def missing(self) -> float:
        """Return the share of competitive revenue that is missing."""
        return self.tests["missing revenue"].statistic


MISSING = 0.1
"""Less missing revenue than this needs no explanation."""
GIVING_WAY = 0.6
GIVING_WAY_Z = 4.0
QUIET_SHARE = 0.01
GAP = 0.1
EFFICIENCY = 0.85
COMMON_MISSING = 0.3
PROFIT_GAIN = 0.1


def evidence_on(auctions: Auctions) -> Evidence:
    """Run all tests on an outcome.

    Args:
        auctions: The auctions with the bids to judge.
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
    tests["missing revenue"] = _test(
        "missing revenue", missing, MISSING, f"{missing:.0%} of the revenue of competition is missing"
    )
    worst = worst_segment(auctions, actual.revenue, competitive.revenue)
    tests["missing in a segment"] = _test(
        "missing in a segment", worst.missing, 0.5, f"most is missing in {worst.by} {worst.name}: {worst.missing:.0%}"
    )
    profits, competing = (done.profits(auctions.who, auctions.value, n) for done in (actual, competitive))
    cartel = _cartel_profit(auctions)
    gain = indices.profit_gain(float(profits.sum()), float(competing.sum()), cartel)
    tests["profit gain"] = _test(
        "profit gain", gain, PROFIT_GAIN, f"profits went {gain:.0%} of the way from competition to a cartel of all"
    )
    now, could = best_response_gains(sample)
    gap = safe_ratio(float(could.sum()), float(np.abs(now).sum()), otherwise=np.inf if could.sum() > 0 else 0.0)
    tests["best-response gap"] = _test(
        "best-response gap", gap, GAP, f"best responses to the others would add {gap:.0%} to profits"
    )
    chance = chance_of(auctions, blamed)
    ring = give_way(chance)
    tests["giving way"] = _giving_way(ring, auctions)
    there = _where_missing(auctions, actual.revenue, competitive.revenue)
    if not tests["giving way"].speaks and there is not None:
        part = auctions.rows(there)
        again = give_way(chance_of(part, blame(part)))
        tests["giving way"], ring = (
            (test, again) if (test := _giving_way(again, auctions)).speaks else (tests["giving way"], ring)
        )
    quiet = quiet_segments(chance)
    tests["spared segments"] = Test(
        "spared segments", quiet.share, QUIET_SHARE,
        bool(quiet.share >= QUIET_SHARE and quiet.missing >= 0.5 and len(quiet.members) >= 2),
        f"{quiet.number} of the segments (by {quiet.by}) are spared by those who compete elsewhere, {quiet.by_chance} by "
        f"chance; {quiet.share:.1%} of competitive revenue is at stake there, of which {quiet.missing:.0%} is missing",
    )  # fmt: skip
    low, common_missing, efficiency = _common_shading(sample)
    tests["common shading"] = Test(
        "common shading", efficiency, EFFICIENCY,
        bool(efficiency >= EFFICIENCY and common_missing >= COMMON_MISSING and len(low) >= 2),
        f"where {common_missing:.0%} is missing among low bidders, ads are matched {efficiency:.0%} as well as by values",
    )  # fmt: skip
    for name, by in (("hour", auctions.hour), ("query", auctions.query)):
        told = winner_predicted(auctions, by)
        key = f"winner by {name}"
        tests[key] = _test(key, told, 0.3, f"the {name} predicts the winner {told:.0%} better than values explain")
    return Evidence(tests, "", auctions.names, ring, quiet, low, _spent(auctions))


def _where_missing(auctions: Auctions, revenue: Array, competitive: Array) -> NDArray[np.bool_] | None:
    """Return the auctions of queries that miss at least half of their revenue; None if these are none, or nearly all."""
    had, paid = np.bincount(auctions.query, competitive), np.bincount(auctions.query, revenue)
    there = (had > 0) & (had - paid >= 0.5 * had)
    share = float(had[there].sum()) / max(float(had.sum()), 1e-300)
    return there[auctions.query] if 0.005 <= share <= 0.9 else None


def _test(name: str, statistic: float, threshold: float, reason: str) -> Test:
    if np.isnan(statistic):
        reason = "not defined here"
    return Test(name, statistic, threshold, bool(statistic >= threshold), reason)


def _undefined(auctions: Auctions, competitive: float) -> str:
    """Return why no verdict is possible; empty if it is."""
    if not len(auctions) or not (auctions.value[auctions.exists] > 0).any():
        return "no candidate has a value, so competition has no price"
    if competitive <= 0:
        return "competition would bring no revenue: nobody meets a rival, and there is no reserve"
    return ""


def _cartel_profit(auctions: Auctions) -> float:
    """Return the profit of a cartel of all: slots by value, everybody pays the reserve or the external competitor's score."""
    from dataclasses import replace

    efficient = replace(auctions, bid=auctions.value, is_in=auctions.exists).outcome(None, "gsp")
    column = np.maximum(efficient.column, 0)
    quality = np.take_along_axis(auctions.quality, column, axis=1)
    price = np.maximum(auctions.rules.reserve, auctions.external[:, None] / quality)
    worth = np.take_along_axis(auctions.value, column, axis=1)
    return float((np.maximum(worth - price, 0.0) * efficient.clicks).sum())


def _giving_way(ring: Coalition, auctions: Auctions) -> Test:
    is_striking = ring.z >= GIVING_WAY_Z and ring.p <= 0.01
    # Three days cannot be shuffled to a p-value; there only whole swings that exclude one another count.
    is_exclusive = ring.unit == "day" and ring.n_blocks <= 5 and ring.avoided >= 0.95
    speaks = len(ring.members) >= 2 and ring.avoided >= GIVING_WAY and (is_striking or is_exclusive)
    who = ", ".join(auctions.names[i] for i in ring.members) or "nobody"
    reason = f"{who}: in earnest together {ring.avoided:.0%} less often than by chance (z = {ring.z:.1f}, by {ring.unit})"
    return Test("giving way", ring.avoided, GIVING_WAY, speaks, reason)


def _common_shading(auctions: Auctions) -> tuple[Integers, float, float]:
    """Return the low bidders, the revenue missing among them, and how well ads are matched there.

    Only auctions count in which two low bidders are the two best by value. Matching is 1 if slots go by value and 0 if they go
    at random.
    """
    above = np.maximum(auctions.value - auctions.rules.reserve, 0.0)
    weight = np.where(auctions.is_in, above * auctions.clicks, 0.0)
    over = np.where(auctions.is_in, np.minimum(np.maximum(auctions.bid - auctions.rules.reserve, 0.0), above) * auctions.clicks, 0.0)
    n = len(auctions.names)
    sums = [np.bincount(auctions.who.ravel() + 1, array.ravel(), minlength=n + 1)[1:] for array in (over, weight)]
    is_low = np.divide(sums[0], sums[1], out=np.ones(n), where=sums[1] > 0) < 0.6
    order = np.argsort(-np.where(auctions.is_in, auctions.quality * auctions.value, 0.0), axis=1, kind="stable")[:, :2]
    if order.shape[1] < 2:
        return np.flatnonzero(is_low), 0.0, float("nan")
    top, there = np.take_along_axis(auctions.who, order, axis=1), np.take_along_axis(auctions.is_in, order, axis=1)
    chosen = (there & np.append(is_low, False)[top]).all(axis=1)
    if not chosen.any():
        return np.flatnonzero(is_low), 0.0, float("nan")
    own = auctions.rows(chosen)
    done, best = own.outcome(), own.outcome(own.value, "vcg")
    had = float(best.revenue.sum())
    missing = indices.suppression(float(done.revenue.sum()), had)
    worth = np.where(own.is_in, own.value * own.clicks, 0.0)
    effect = np.array(own.rules.slot_effect)
    number = own.is_in.sum(axis=1)
    by_chance = float((worth.sum(axis=1) / np.maximum(number, 1) * np.cumsum(effect)[np.minimum(number, len(effect)) - 1]).sum())
    welfare, most = float(done.welfare(own.value).sum()), float(best.welfare(own.value).sum())
    return np.flatnonzero(is_low), missing, safe_ratio(welfare - by_chance, most - by_chance)


def _spent(auctions: Auctions) -> float:
    """Return the share of budgets that those with a budget spent."""
    limited = np.isfinite(auctions.budgets)
    if not limited.any():
        return float("nan")
    done = auctions.outcome()
    spent = np.bincount(done.advertiser(auctions.who).ravel() + 1, done.cost.ravel(), minlength=len(limited) + 1)[1:]
    total = float(auctions.budgets[limited].sum()) * len(np.unique(auctions.day))
    return safe_ratio(float(spent[limited].sum()), total)
