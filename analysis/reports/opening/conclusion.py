"""Conclude on a run in one plain sentence, and judge what its scenario asks: the revenue floor, and whether it is collusion."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auctionsim.analysis.documents.sections import Conclusion, Mark
from auctionsim.analysis.reports.run_collusion import SeedVerdict, counted, one_wording, seed_verdicts
from auctionsim.analysis.reports.summary import Summary, amount
from auctionsim.analysis.reports.views.advertisers import advertiser_measures
from auctionsim.analysis.statistics import LEVEL, Interval
from auctionsim.objectives.floor_days import FloorDays
from auctionsim.ratios import ROUNDING, NotDefined
from auctionsim.runs import Run

_INNOCENT = ("competitive", "pacing")


def conclusion(run: Run, own: Summary) -> Conclusion:
    """Return what a run shows: the platform's revenue, total profit against what is possible, and how many advertisers gain.

    A change whose interval in currency holds 0 is called unclear, as in the table of amounts: the ratio of two sums that vary
    together from seed to seed varies more than their difference. Where seeds differ in size it varies less; if then only the
    ratio is clear, both are said. The box is bad if a floor was missed or bidders coordinate, good if one of both was judged
    and none is bad, and unclear otherwise.
    """
    who = own.name if own.has_learners else f"{own.name} (nobody learns, everybody follows a rule)"
    if "better_off" in own.not_defined:
        text = f"{who} {_clicks(own)}; total profit is not defined: {own.not_defined['better_off']}"
    else:
        text = f"{who} {_revenue(own)} and {_profit(own)}; {_advertisers(run, own.seeds)}"
    marks = [_floor(own), *_verdict(seed_verdicts(run)), *_certainty(own)]
    tones = {mark.tone for mark in marks}
    return Conclusion(f"{text}.", "bad" if "bad" in tones else "good" if "good" in tones else "unclear", marks)


def _revenue(own: Summary) -> str:
    if "revenue" not in own.ratios:
        change = amount(own.changes["revenue"].mean, signed=True)
        return f"changed the platform's revenue by {change} ({own.not_defined['revenue']}, so there is no ratio)"
    ratio = own.ratios["revenue"]
    share = f"{_percent(ratio.mean)} of the baseline"
    if not isinstance(own.floor_days, NotDefined):
        floor = f"floor {_percent(own.floor)}"
        if own.floor_days.held == own.floor_days.days:
            return f"kept the platform's revenue ({share}, {floor})"
        verb = "missed" if ratio.mean < own.floor * (1 - ROUNDING) else "kept on average, but not on every day,"
        return f"{verb} the floor on the platform's revenue ({share}, {floor})"
    if _is_unclear(own.changes["revenue"]):
        if _is_clear(ratio):
            return f"changed the platform's revenue to {share}{_clear_as_ratio(ratio, own.changes['revenue'])}"
        return f"shows no clear change of the platform's revenue ({share}{_ends(own.changes['revenue'])})"
    if abs(ratio.mean - 1) < 5e-4:
        return f"left the platform's revenue as it was ({share})"
    return f"{'raised' if ratio.mean > 1 else 'lowered'} the platform's revenue to {share}"


def _profit(own: Summary) -> str:
    if "profit" not in own.ratios:
        change = amount(own.changes["profit"].mean, signed=True)
        return f"changed total profit by {change} ({own.not_defined['profit']}, so there is no ratio)"
    ratio, bound = own.ratios["profit"], own.ratios.get("bound")
    if _is_unclear(own.changes["profit"]):
        if _is_clear(ratio):
            share = f"{_percent(ratio.mean)} of the baseline's"
            return f"changed total profit to {share}{_clear_as_ratio(ratio, own.changes['profit'])}"
        return f"shows no clear change of total profit ({_percent(ratio.mean - 1, signed=True)}{_ends(own.changes['profit'])})"
    if abs(ratio.mean - 1) < 5e-4:
        return "left total profit as it was"
    if ratio.mean < 1:
        return f"lowered total profit by {_percent(1 - ratio.mean)}"
    text = f"raised total profit by {_percent(ratio.mean - 1)}"
    if bound is None or bound.mean <= 1:
        return text
    if ratio.mean > bound.mean * (1 + ROUNDING):
        return (
            f"{text}, more than the {_percent(bound.mean - 1)} possible at the baseline's revenue, so the platform pays for it"
        )
    return f"{text}, of a possible {_percent(bound.mean - 1)}"


def _clicks(own: Summary) -> str:
    before, after = (own.totals[arm]["clicks"].mean for arm in ("baseline", "learned"))
    return f"brought {amount(after)} clicks where the baseline brings {amount(before)}, and {_revenue(own)}"


def _advertisers(run: Run, seeds: int) -> str:
    """Return how many advertisers gain and lose in the mean of the seeds, all test days together, and how many are unclear."""
    text = _gains(run)
    return f"in the mean of {seeds} seeds {text}" if seeds > 1 and not text.startswith("no advertiser's change") else text


def _gains(run: Run) -> str:
    table = advertiser_measures(run)
    matters = pl.col("matters")
    gain, lose = (table.filter(side).height for side in (pl.col("change") > matters, pl.col("change") < -matters))
    unclear = table.filter((pl.col("change").abs() > matters) & (pl.col("low") <= 0) & (pl.col("high") >= 0)).height
    n = table.height
    if unclear and unclear == gain + lose:
        return f"no advertiser's change is sure, each interval holds 0 (in the mean {gain} of {n} gain, {lose} lose)"
    chance = f"; the interval holds 0 for {unclear}" if unclear else ""
    if gain == n:
        return ("every advertiser gains" if n > 1 else "the advertiser gains") + chance
    if not lose:
        return f"{gain} of {n} advertisers gain, none loses{chance}" if gain else "no advertiser's profit changes"
    most = f"most of all {table['advertiser'][0]}, {amount(table['change'][0], signed=True)}"
    return f"{gain} of {n} advertisers gain and {lose} lose{'s' if lose == 1 else ''} ({most}){chance}"


def _floor(own: Summary) -> Mark:
    found = own.floor_days
    if isinstance(found, NotDefined):
        return Mark("No revenue floor is set", "neutral") if own.floor <= 0 else Mark(f"Revenue floor {found}", "unclear")
    held, floor = found.held == found.days, f"Revenue floor of {_percent(own.floor)}"
    return Mark(f"{floor} {_held(found)}, worst day {_percent(found.worst)}", "good" if held else "bad")


def _held(found: FloorDays) -> str:
    if found.held == found.days:
        return f"held on {'all ' if found.days > 1 else ''}{found.days} test day{'s' if found.days > 1 else ''}"
    return f"missed on {found.days - found.held} of {found.days} test days"


def _verdict(found: Sequence[SeedVerdict]) -> list[Mark]:
    if not found:
        return []
    labels = one_wording(found)
    is_innocent = all(one.text in _INNOCENT for one in found)
    guilty = any(one.coalition is not None for one in found)
    return [Mark(f"Collusion? {counted(labels)}", "bad" if guilty else "good" if is_innocent else "unclear")]


def _certainty(own: Summary) -> list[Mark]:
    """Return a remark if a change has no interval, so that nothing says how sure it is."""
    change = own.changes["revenue"]
    if change.is_known:
        return []
    why = change.unknown or f"one {change.over.removesuffix('s')}"
    return [Mark(f"No interval: {why}", "neutral")]


def _is_unclear(change: Interval) -> bool:
    return change.is_known and change.low <= 0 <= change.high and change.high > change.low


def _is_clear(ratio: Interval) -> bool:
    return ratio.is_known and not ratio.low <= 1 <= ratio.high


def _clear_as_ratio(ratio: Interval, change: Interval) -> str:
    """Return that a ratio is clear where its change in currency is not, with both intervals."""
    interval = f"{100 * LEVEL:.0f} % interval {_percent(ratio.low)} to {_percent(ratio.high)}"
    return f" ({interval}), though in currency that is unclear, as {ratio.over} differ in size{_ends(change)}"


def _ends(change: Interval) -> str:
    """Return a change in currency with the ends of its interval."""
    low, high = (amount(end, signed=True) for end in (change.low, change.high))
    return f"; {amount(change.mean, signed=True)}, {100 * LEVEL:.0f} % interval {low} to {high}"


def _percent(share: float, *, signed: bool = False) -> str:
    """Return a share in percent of at most one decimal, which 100 % never is by rounding alone."""
    sign = "+" if signed else ""
    text = f"{100 * share:{sign}.1f}"
    if text.lstrip("+-") == "100.0" and abs(abs(share) - 1) > ROUNDING:
        text = f"{100 * share:{sign}.2f}" if abs(abs(share) - 1) > 5e-5 else f"{100 * share:{sign}.9g}"
    return f"{text.removesuffix('.0')} %"
