"""Measure screens of bids: false alarms on innocent logs, power on labeled outcomes, and a cartel's labeled auctions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.sections import Heading, Section, Table, Text
from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.analysis.economics.outcome_library.kinds import drawn, kinds
from auctionsim.analysis.economics.outcome_library.markets import EARLIER
from auctionsim.analysis.screens.by_auction import AUCTION_MEASURES, separation
from auctionsim.analysis.screens.demand import CUT, best_response, demand, hole, least_collusive_share
from auctionsim.analysis.screens.innocent import CASES, innocent_log
from auctionsim.analysis.screens.labeled import labeled_bids
from auctionsim.analysis.screens.log import BidLog, bid_log
from auctionsim.analysis.screens.measures import MEASURES
from auctionsim.analysis.screens.screen import HOLE_WIDTH, LEVEL, Screening, screen
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.ratios import NotDefined
from auctionsim.streams import stream

_INNOCENT, _LIBRARY, _CITY = "innocent logs", "outcome library", "tsuchiura"
_PARTS = ("all auctions", "cartel's auctions", "other auctions")
_AUCTIONS, _LOGS, _DRAWS, _QUICK_DRAWS, _CITY_DRAWS = 300, 2, 119, 19, 199
_KINDS = {kind.name: kind for kind in kinds() if kind.setting.pricing == "first"}


class _Study:
    title = "Screens of bids: false alarms, power, and the labeled auctions of a cartel"
    n_seeds = 10
    takes_data = True

    def units(self, options: Options) -> Sequence[Unit]:
        names = list(_KINDS)[:: 8 if options.quick else 1]
        cases = list(CASES)[:: 3 if options.quick else 1]
        found = [Unit(_INNOCENT, case, seed) for case in cases for seed in options.seeds]
        found += [Unit(_LIBRARY, name, seed) for name in names for seed in options.seeds]
        return found + ([] if options.data is None else [Unit(_CITY, part, options.seeds[0]) for part in _PARTS])

    def run(self, unit: Unit, options: Options) -> Findings:
        if unit.scenario == _CITY:
            return Findings(_of_city(unit, options))
        logs, draws = _LOGS if unit.scenario == _INNOCENT else 1, _QUICK_DRAWS if options.quick else _DRAWS
        found = []
        for k in range(logs):
            log = _drawn(unit, k)
            found.append(screen(log, draws=draws, checks=0, seed=unit.seed * 1000 + k))
        return Findings(_alarms(found))

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (the study has none)
        return [Text(_sentence(results)), *_innocent(results), *_library(results), *_city(results)]


def log_of_auctions(auctions: Auctions) -> BidLog:
    """Return the rank scores of auctions that took part, for the screens: the highest wins."""
    row, column = np.nonzero(auctions.exists & auctions.is_in & (auctions.bid > 0))
    score = (auctions.quality * auctions.bid)[row, column]
    query = auctions.query[row]
    return bid_log(row, auctions.who[row, column], score, names=auctions.names, lowest_wins=False, segment=query)


def _drawn(unit: Unit, k: int) -> BidLog:
    if unit.scenario == _INNOCENT:
        return innocent_log(CASES[unit.arm], _AUCTIONS, stream(unit.seed, "screens", "innocent", unit.arm, k))
    return log_of_auctions(drawn(_KINDS[unit.arm], EARLIER, unit.seed + k).auctions).sample(_AUCTIONS)


def _alarms(found: Sequence[Screening]) -> list[tuple[str, str, float]]:
    """Return the rate of alarms of each screen at `LEVEL`, and of logs on which one or more speak after Holm."""
    rows = [("test", "flagged", float(np.mean([bool(one.flagged) for one in found])))]
    for i, measure in enumerate(MEASURES):
        shares = [one.screens[i].p_value for one in found]
        known = [share <= LEVEL for share in shares if not isinstance(share, NotDefined)]
        if known:
            rows.append(("test", f"alarm {measure.name}", float(np.mean(known))))
    return rows


def _of_city(unit: Unit, options: Options) -> list[tuple[str, str, float]]:
    log, is_cartel = labeled_bids(Path(str(options.data)))
    exact, _ = labeled_bids(Path(str(options.data)), over_reserve=True)
    chosen: NDArray[np.bool_] = {_PARTS[0]: np.ones(len(log), dtype=bool), _PARTS[1]: is_cartel, _PARTS[2]: ~is_cartel}[
        unit.arm
    ]
    own = log.rows(chosen)
    found = screen(own, draws=_QUICK_DRAWS if options.quick else _CITY_DRAWS, checks=0, seed=unit.seed)
    rows = [("test", "flagged", float(bool(found.flagged))), ("test", "auctions", float(len(own)))]
    for one in found.screens[: len(MEASURES)]:
        if not isinstance(one.value, NotDefined) and not isinstance(one.p_value, NotDefined):
            rows += [("test", f"value {one.name}", one.value), ("test", f"p {one.name}", one.p_value)]
            rows.append(("test", f"competition {one.name}", float(one.expected or 0.0)))
    gap, near = best_response(own), hole(own, HOLE_WIDTH)
    if not isinstance(gap, NotDefined):
        rows.append(("test", "break-even margin", gap.break_even))
    if not isinstance(near, NotDefined):
        rows.append(("test", "density at 0", near.ratio))
    rows += [
        ("test", "demand as bid", demand(exact.rows(chosen), 0.0)),
        ("test", "demand 2 % lower", demand(exact.rows(chosen), -CUT)),
    ]
    if unit.arm == _PARTS[0]:
        share = least_collusive_share(exact)
        rows += [] if isinstance(share, NotDefined) else [("test", "least collusive share", share)]
        for name, (measure, sign) in AUCTION_MEASURES.items():
            apart = separation(sign * measure(log), is_cartel)
            if not isinstance(apart, NotDefined):
                ends = (
                    ("", apart.auc),
                    (" low", apart.low),
                    (" high", apart.high),
                    (" n", float(apart.labeled + apart.others)),
                )
                rows += [("test", f"auc {name}{end}", value) for end, value in ends]
    return rows


def _mean(rows: pl.DataFrame, metric: str) -> str:
    own = rows.filter(metric=metric)["value"]
    return "not defined" if own.is_empty() else f"{own.to_numpy().mean():.0%}"


def _sentence(results: pl.DataFrame) -> str:
    innocent = results.filter(scenario=_INNOCENT, metric="flagged")
    guilty = results.filter(scenario=_LIBRARY, metric="flagged").filter(pl.col("arm").is_in(_guilty_names()))
    rate = "not measured" if innocent.is_empty() else f"{innocent['value'].to_numpy().mean():.1%}"
    power = "not measured" if guilty.is_empty() else f"{guilty['value'].to_numpy().mean():.0%}"
    return (
        f"One screen or more speaks on {rate} of innocent logs, where {LEVEL:.0%} is meant, and on {power} of the library's "
        "collusive outcomes in the first price. A screen is a reason to look, not a proof."
    )


def _guilty_names() -> list[str]:
    return [name for name, kind in _KINDS.items() if kind.colludes]


def _rates(own: pl.DataFrame, arms: Sequence[str]) -> list[list[str]]:
    names = ["flagged", *(f"alarm {one.name}" for one in MEASURES)]
    return [[arm, *(_mean(own.filter(arm=arm), name) for name in names)] for arm in arms if not own.filter(arm=arm).is_empty()]


def _header(first: str) -> list[str]:
    return [first, "one or more, after Holm", *(one.name for one in MEASURES)]


def _innocent(results: pl.DataFrame) -> list[Section]:
    own = results.filter(scenario=_INNOCENT)
    note = (
        f"Rates of alarms, each screen at {LEVEL:.0%}. Procurement logs of {_AUCTIONS} auctions in which firms bid markups on "
        f"their own costs, {_LOGS} logs a seed; {_DRAWS} draws a log."
    )
    return [Heading("Nobody colludes"), Table(_header("market"), _rates(own, list(CASES)), note)]


def _library(results: pl.DataFrame) -> list[Section]:
    own = results.filter(scenario=_LIBRARY)
    found: list[Section] = []
    for colludes, title in ((False, "The library's outcomes without collusion"), (True, "The library's collusive outcomes")):
        arms = [name for name, kind in _KINDS.items() if kind.colludes == colludes]
        note = (
            "Rates of alarms. First-price outcomes of the half that was held back (docs/collusion.md), rank scores of up "
            f"to {_AUCTIONS} auctions. Screens see bids alone; the verdict of docs/collusion.md sees values too."
        )
        found += [Heading(title), Table(_header("kind of outcome"), _rates(own, arms), note)]
    return found


def _city(results: pl.DataFrame) -> list[Section]:
    own = results.filter(scenario=_CITY)
    if own.is_empty():
        return [Heading("A real cartel"), Text("Not measured: the public bids are not there (--data).")]
    value = {(row["arm"], row["metric"]): row["value"] for row in own.to_dicts()}

    def cell(arm: str, metric: str) -> str:
        return f"{value[arm, metric]:.4g}" if (arm, metric) in value else "not defined"

    def against(arm: str, name: str) -> str:
        return f"{cell(arm, f'value {name}')} ({cell(arm, f'competition {name}')}), p {cell(arm, f'p {name}')}"

    rows = [[one.name, *(against(arm, one.name) for arm in _PARTS)] for one in MEASURES]
    rows += [
        [name, *(cell(arm, name) for arm in _PARTS)]
        for name in ("auctions", "density at 0", "break-even margin", "demand as bid", "demand 2 % lower")
    ]
    every = [[cell(_PARTS[0], f"auc {name}{end}") for end in ("", " low", " high", " n")] for name in AUCTION_MEASURES]
    apart = [[name, f"{auc} [{low}, {high}]", n] for name, (auc, low, high, n) in zip(AUCTION_MEASURES, every, strict=True)]
    share = cell(_PARTS[0], "least collusive share")
    note = (
        f"Value (mean of simulated competition) and p of {_CITY_DRAWS} draws. Bids of a city's procurement, 2007 to 2015 "
        "(GitHub sylvaingchassang/missing_bids, MIT), over the reserve."
    )
    return [
        Heading("A real cartel"),
        Text(
            f"The authors' tests state demands of 0.693839 and 0.25017 and a least collusive share of 0.303379; here they are "
            f"{value[_PARTS[0], 'demand 2 % lower']:.6f}, {value[_PARTS[0], 'demand as bid']:.6f} and {share}."
        ),
        Table(["screen", *_PARTS], rows, note),
        Heading("Auctions one by one"),
        Table(
            ["number", "AUC", "auctions"], apart,
            "How well one auction's bids tell whether the label calls it the cartel's: area under the ROC curve with its 95 % "
            "interval. 0.5 is chance.",
        ),
    ]  # fmt: skip


STUDY = _Study()
