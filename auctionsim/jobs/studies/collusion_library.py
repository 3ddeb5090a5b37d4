"""Measure how often the verdict on collusion errs, on outcomes whose cause is known: half for tuning, half held back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from auctionsim.analysis.documents.sections import Heading, Section, Table, Text
from auctionsim.analysis.economics.collusion import KINDS, judge_auctions
from auctionsim.analysis.economics.outcome_library.kinds import drawn, kinds
from auctionsim.analysis.economics.outcome_library.markets import HELD_BACK, TUNING
from auctionsim.jobs.studies.base import Findings, Options, Unit

_HALVES = {half.name: half for half in (HELD_BACK, TUNING)}
_COLLUDES = {kind.name: kind.colludes for kind in kinds()}
_DECISIVE = ("giving way", "spared segments", "common shading", "common level")
_CONTEXT = ("missing revenue", "missing in a segment", "profit gain", "best-response gap", "winner by hour", "winner by query")


class _Study:
    title = "How often the verdict on collusion errs, on outcomes whose cause is known"
    n_seeds = 5

    def units(self, options: Options) -> Sequence[Unit]:
        chosen = kinds()[:: 27 if options.quick else 1]
        return [Unit(half, kind.name, seed) for half in _HALVES for kind in chosen for seed in options.seeds]

    def run(self, unit: Unit, options: Options) -> Findings:  # noqa: ARG002  (one outcome is quick as it is)
        kind = next(kind for kind in kinds() if kind.name == unit.arm)
        outcome = drawn(kind, _HALVES[unit.scenario], unit.seed)
        found = judge_auctions(outcome.auctions, outcome.control, outcome.start)
        split = "test" if unit.scenario == HELD_BACK.name else "train"
        rows = [(split, f"verdict {name}", float(found.kind == name)) for name in KINDS]
        rows += [(split, f"speaks {name}", float(test.speaks)) for name, test in found.tests.items()]
        rows += [
            (split, f"statistic {name}", test.statistic) for name, test in found.tests.items() if np.isfinite(test.statistic)
        ]
        return Findings(rows)

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (the study has none)
        labeled = results.with_columns(pl.col("arm").replace_strict(_COLLUDES, return_dtype=pl.Boolean).alias("colludes"))
        found: list[Section] = [Text(_sentence(labeled))]
        for half in _HALVES:
            own = labeled.filter(scenario=half)
            found += [Heading(half.capitalize()), _confusion(own), _rates(own), _wrong(own)]
        return found


def _rate(rows: pl.DataFrame, metric: str) -> float:
    """Return the mean of a metric over outcomes; one in which it is missing counts as 0."""
    n = rows.filter(metric=f"verdict {KINDS[0]}").height
    return float(rows.filter(metric=metric)["value"].sum()) / n if n else float("nan")


def _sentence(labeled: pl.DataFrame) -> str:
    own = labeled.filter(scenario=HELD_BACK.name)
    innocent, guilty = (own.filter(colludes=value) for value in (False, True))
    n = [rows.filter(metric=f"verdict {KINDS[0]}").height for rows in (innocent, guilty)]
    false, true = (f"{_rate(rows, 'verdict coordination'):.1%} of {k}" for rows, k in zip((innocent, guilty), n, strict=True))
    return (
        f"On the half that was held back, {false} outcomes without collusion are called coordination, and {true} outcomes of "
        "collusion are. "
        "Thresholds were chosen on the tuning half, which has other seeds, numbers of advertisers, values, reserves and slots."
    )


def _confusion(own: pl.DataFrame) -> Table:
    rows = []
    for label, colludes in (("nobody colludes", False), ("collusion", True)):
        part = own.filter(colludes=colludes)
        counts = [str(int(part.filter(metric=f"verdict {kind}")["value"].sum())) for kind in KINDS]
        rows.append([label, *counts])
    return Table(["truth", *KINDS], rows, "Number of outcomes with each verdict.")


def _rates(own: pl.DataFrame) -> Table:
    rows = []
    for name in (*_DECISIVE, *_CONTEXT):
        rates = [f"{_rate(own.filter(colludes=value), f'speaks {name}'):.1%}" for value in (False, True)]
        rows.append([name, *rates, "decides" if name in _DECISIVE else "context"])
    note = (
        "How often each test speaks by itself. Giving way and spared segments decide alone; common shading and common level "
        "only together, with missing revenue, a profit gain and a best-response gap."
    )
    return Table(["test", "speaks if nobody colludes", "speaks if they collude", ""], rows, note)


def _wrong(own: pl.DataFrame) -> Table:
    rows = []
    for name, colludes in _COLLUDES.items():
        part = own.filter(arm=name)
        if part.is_empty():
            continue
        rate = _rate(part, "verdict coordination")
        seen = [kind for kind in KINDS if part.filter(metric=f"verdict {kind}")["value"].sum()]
        rows.append([name, "yes" if colludes else "no", f"{rate:.0%}", ", ".join(seen)])
    return Table(["kind of outcome", "collusion", "called coordination", "verdicts given"], rows)


STUDY = _Study()
