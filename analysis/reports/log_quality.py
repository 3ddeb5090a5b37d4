"""The data-quality page of an ingested log: one self-contained HTML file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from auctionsim.analysis.documents import page
from auctionsim.analysis.documents.plots.log_quality import calibration_figure, candidates_figure, volume_figure
from auctionsim.analysis.documents.plots.style import svg
from auctionsim.ratios import safe_ratio
from auctionsim.traffic.ingest.bad_rows import BadRow
from auctionsim.traffic.ingest.outcomes.conversion_delays import ConversionDelays
from auctionsim.traffic.ingest.outcomes.position_effects import SlotEffect
from auctionsim.traffic.ingest.outcomes.quality import QUANTILES, ColumnQuality, Quality
from auctionsim.traffic.ingest.summary import Summary

_UNDEFINED = "not defined"


@dataclass(frozen=True)
class LogMechanism:
    """One mechanism under which the log's own bids were replayed."""

    name: str
    """The mechanism in words."""
    winners: float
    """Share of the log's winners that win in the replay."""
    charges: float
    """Charges of the replay over the log's; NaN where they are not defined."""
    error: float
    """Mean absolute difference of the charges over the log's mean charge; NaN where it is not defined."""


def quality_page(summary: Summary, replay: str, mechanisms: Sequence[LogMechanism], log: str, command: str) -> str:
    """Return the data-quality page as HTML.

    Args:
        summary: The summary of the log, with its quality.
        replay: The line that says how well a replay of the log's own bids reproduces it.
        mechanisms: The mechanisms that were tried, the one that fits best first; none if nothing could be replayed.
        log: The log and its format in words.
        command: The command line that made the page.

    Raises:
        ValueError: The summary has no quality.
    """
    quality = summary.quality
    if quality is None:
        raise ValueError("summary.quality: expected the figures of the page, got None")
    parts = [
        page.verdict(f"{replay[0].upper()}{replay[1:]}."),
        *(page.verdict(f"Units: {one.words}.") for one in summary.units),
        page.verdict(_overview(summary)),
        *_dropped(summary),
        *_columns(quality.columns),
        *_volume(quality),
        *_candidates(quality),
        *_calibration(summary, quality),
        *_positions(summary),
        *_delays(summary.conversion_delays),
        *_mechanisms(mechanisms, replay),
        page.command(command),
    ]
    return page.page(f"Data quality: {log}", parts)


def _overview(summary: Summary) -> str:
    kept = safe_ratio(summary.rows_kept, summary.rows_read)
    stray = f" {summary.stray_clicks} clicks are not counted: their rows were not shown." if summary.stray_clicks else ""
    return (
        f"{summary.rows_read} rows read, {summary.rows_kept} kept ({kept:.2%}). {summary.auctions} auctions of "
        f"{summary.advertisers} advertisers and {summary.queries} queries on {len(summary.days)} days.{stray}"
    )


def _dropped(summary: Summary) -> list[str]:
    title = page.heading("Rows that were dropped")
    if not summary.dropped:
        return [title, page.note("None.")]
    rows = [[reason, str(count), f"{safe_ratio(count, summary.rows_read):.3%}"] for reason, count in summary.dropped.items()]
    notes = [f"First of them: {bad.reason}: {'; '.join(map(_source, bad.examples))}." for bad in summary.bad]
    notes += [f"Read as: {line}." for line in summary.assumed]
    return [title, page.table(["reason", "rows", "share of rows"], rows), *map(page.note, notes)]


def _source(bad: BadRow) -> str:
    """Return file and row of a row that was dropped, and its auction; not what it says, which may be about a person."""
    return bad.source + (f", auction {bad.auction}" if bad.auction is not None else "")


def _columns(columns: Sequence[ColumnQuality]) -> list[str]:
    rows = []
    for one in columns:
        values = "" if one.values is None else f"about {one.values}"
        zeros = "" if one.zeros is None else f"{one.zeros}"
        span = f"{one.quantiles[0]} to {one.quantiles[-1]}" if one.quantiles else ""
        rows.append([one.name, str(one.missing), f"{safe_ratio(one.missing, one.rows):.2%}", values, zeros, span])
    numbers = [[one.name, *one.quantiles] for one in columns if len(one.quantiles) == len(QUANTILES) + 2]
    return [
        page.heading("Columns that were read"),
        page.table(["column", "missing", "share missing", "different values", "zeros", "range"], rows),
        page.note(
            "Missing: rows whose value is empty, among all rows that could be split into columns. Ranges and quantiles are "
            "those of valid rows. Numbers of different values and quantiles are approximate."
        ),
        page.table(["quantiles", "lowest", *(f"{quantile:.0%}" for quantile in QUANTILES), "highest"], numbers),
    ]


def _volume(quality: Quality) -> list[str]:
    days = [day for day, _ in quality.volume]
    hours = [sum(count > 0 for count in volume) for _, volume in quality.volume]
    empty = sum(24 - count for count in hours)
    totals = [sum(volume) for _, volume in quality.volume]
    middle = sorted(totals)[len(totals) // 2]
    odd = [f"{day} ({total})" for day, total in zip(days, totals, strict=True) if not middle / 2 <= total <= middle * 2]
    said = f"Auctions by day and hour, of {len(days)} days. "
    said += f"{empty} hours have none (crosses)." if empty else "No hour is empty."
    if odd:
        said += f" Days with less than half or more than twice the median of {middle} auctions: {', '.join(odd[:10])}"
        said += f" and {len(odd) - 10} more." if len(odd) > 10 else "."
    figure = svg(volume_figure(days, [volume for _, volume in quality.volume]))
    return [page.heading("Volume by day and hour"), page.picture(figure, said)]


def _candidates(quality: Quality) -> list[str]:
    counts, auctions = [count for count, _ in quality.candidates], [number for _, number in quality.candidates]
    mean = sum(a * b for a, b in quality.candidates) / sum(auctions)
    alone = safe_ratio(sum(number for count, number in quality.candidates if count == 1), sum(auctions))
    said = f"Candidates per auction: {mean:.2f} on average, from {min(counts)} to {max(counts)}; {alone:.1%} have one alone."
    return [page.heading("Candidates per auction"), page.picture(svg(candidates_figure(counts, auctions)), said)]


def _calibration(summary: Summary, quality: Quality) -> list[str]:
    title = page.heading("Calibration of click rates")
    if not quality.calibration:
        return [title, page.note(f"Calibration of pctr: {_UNDEFINED}: the log has no clicks.")]
    rows, rates, observed, errors = [], [], [], []
    for number, (trials, predicted, hits) in enumerate(quality.calibration, start=1):
        rate = hits / trials
        rates.append(predicted / trials)
        observed.append(rate)
        errors.append(math.sqrt(max(rate * (1 - rate), 0.0) / trials))
        ratio = safe_ratio(predicted, hits)
        ratio_text = _UNDEFINED if math.isnan(ratio) else f"{ratio:.3f}"
        counts = [f"{trials:.0f}", f"{hits:.0f}", f"{predicted:.1f}", f"{rates[-1]:.5f}", f"{rate:.5f}"]
        rows.append([str(number), *counts, ratio_text])
    predicted, hits = (sum(group[i] for group in quality.calibration) for i in (1, 2))
    total = safe_ratio(predicted, hits)
    overall = _UNDEFINED if math.isnan(total) else f"{total:.3f}"
    source = "estimated from the log's earlier days" if "pctr" in summary.calibration else "the log's own"
    said = (
        f"Predicted click rates, {source}, times the effect of the slot, against clicks per impression, by tenths of "
        f"impressions with 95 % intervals. Predicted clicks per click: {overall}."
    )
    figure = svg(calibration_figure(rates, observed, errors))
    header = ["tenth, lowest pctr first", "impressions", "clicks", "predicted", "predicted rate", "observed rate", "ratio"]
    lines = [page.note(line) for rate, found in summary.calibration.items() if rate != "pctr" for line in found.lines(rate)]
    return [title, page.picture(figure, said), page.table(header, rows), *lines]


def _positions(summary: Summary) -> list[str]:
    title, effects = page.heading("Position effects"), summary.position_effects
    if not effects.slots:
        return [title, page.note(f"Position effects: {_UNDEFINED}: {effects.reason}.")]
    note = page.note(
        "Click rate of a slot over that of slot 1 within the same query and advertiser, by Mantel and Haenszel's ratio. The "
        "ratio over all rows together also holds the selection of good ads into good slots."
    )
    header = ["slot", "impressions", "clicks", "effect", "standard error", "95 % interval", "all rows together"]
    return [title, page.table(header, [_slot_row(one) for one in effects.slots]), note]


def _slot_row(one: SlotEffect) -> list[str]:
    low, high = one.interval
    numbers = [one.effect, one.error]
    shown = [_UNDEFINED if math.isnan(number) else f"{number:.4f}" for number in numbers]
    interval = _UNDEFINED if math.isnan(low) else f"{low:.4f} to {high:.4f}"
    raw = _UNDEFINED if math.isnan(one.raw) else f"{one.raw:.4f}"
    return [str(one.slot), f"{one.impressions:.0f}", f"{one.clicks:.0f}", *shown, interval if one.slot > 1 else "-", raw]


def _delays(delays: ConversionDelays) -> list[str]:
    """Write the delays of conversions: of all together, and what advertisers' own span, without their names."""
    title = page.heading("Delays of conversions")
    late = f" {delays.late_words[0].upper()}{delays.late_words[1:]}." if delays.late_words else ""
    if delays.common is None:
        return [title, page.note(f"Delays: {_UNDEFINED}: {delays.reason}.{late}")]
    means = [one.mean for one in delays.own.values()]
    said = f"Delay of all {delays.common.conversions} conversions with a time, in {delays.hours:.1f} hours: {delays.words}."
    if means:
        said += f" {len(means)} advertisers have fits of their own, with means from {min(means):.4g} to {max(means):.4g} h."
    if delays.untimed:
        said += f" {delays.untimed} conversions have no time, and no delay is fitted to them."
    said += late
    parts = [("all together", delays)]
    for name, has_own in (("without a fit of their own", False), ("with a fit of their own", True)):
        groups = tuple(one for one in delays.groups if (one.advertiser is not None) == has_own)
        parts += [(name, replace(delays, groups=groups))] if groups else []
    rows = [
        [name, f"{of.observed:.0f}", f"{of.eventual:.1f}", f"{of.error:.3g}", f"{safe_ratio(of.observed, of.eventual):.1%}"]
        for name, of in parts
    ]
    header = ["advertisers", "conversions seen", "expected in the end", "standard error", "share seen"]
    note = page.note(
        "The log's end hides conversions that come later. Delays are weighed by their density given that they could be seen, "
        "and a click is a trial of an estimated pcvr in the share of conversions that had the time to arrive."
    )
    return [title, page.verdict(said), page.table(header, rows), note]


def _mechanisms(mechanisms: Sequence[LogMechanism], replay: str) -> list[str]:
    title = page.heading("Replay of the log's own bids")
    if not mechanisms:
        return [title, page.note(f"{replay[0].upper()}{replay[1:]}.")]
    rows = [
        [
            one.name,
            f"{one.winners:.1%}",
            _UNDEFINED if math.isnan(one.charges) else f"{one.charges:.3f}",
            _UNDEFINED if math.isnan(one.error) else f"{one.error:.1%}",
        ]
        for one in mechanisms
    ]
    header = ["mechanism", "winners that win again", "charges / the log's", "mean absolute difference of charges"]
    note = page.note("Each auction is cleared on its own, without budgets. Charges are compared where the winner is the same.")
    return [title, page.table(header, rows), note]
