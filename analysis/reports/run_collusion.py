"""Is it collusion? What a run's evaluation stored about it, in words and numbers."""

from __future__ import annotations

import numpy as np
import polars as pl

from auctionsim.analysis.economics.collusion import SHOWN_FROM, Against, Evidence, judge, kind_of
from auctionsim.analysis.reports.metrics import bootstrap
from auctionsim.errors import InputError
from auctionsim.runs import Run

NO_CONTROL = "no control"
CONTROL = "control"
"""Folder of a run's control, itself a run: the same learner on the same traffic where nobody has a budget."""

_WORDS = {
    "competitive": "no sign of collusion",
    "disputed": "disputed (raised against some competitive benchmarks, not against others)",
    "pacing": "pacing, not collusion",
    "collusion": "collusion",
    NO_CONTROL: "no verdict: budgets bind, and pacing them looks alike; that takes a control without budgets "
    "(`auctionsim control RUN`)",
}


def evidence_rows(seed: int, found: Evidence, *, has_budgets: bool) -> pl.DataFrame:
    """A seed's rows of collusion.parquet: one per competitive benchmark.

    Args:
        seed: Of the market.
        found: On the test days.
        has_budgets: Whether somebody has a budget; what is raised then may be pacing, and gets no verdict.
    """
    kind: str = judge(found, found).kind
    kind = NO_CONTROL if has_budgets and kind != "competitive" else kind
    rows = [
        (seed, benchmark, kind, index.profit_gain, index.suppression, index.normalised_suppression)
        for benchmark, index in found.against.items()
    ]
    names = ("seed", "benchmark", "verdict", "profit_gain", "suppression", "normalised_suppression")
    return pl.DataFrame(rows, schema=names, orient="row")


def collusion_sentence(run: Run, name: str) -> str | None:
    """The verdict on a run with the range of its indices over benchmarks; None where nothing was stored."""
    table = run.optional_table("collusion")
    if table is None:
        return None
    by_seed = _verdicts(run, table)
    kinds = {kind: by_seed.count(kind) for kind in _WORDS if kind in by_seed}
    said = "; ".join(f"{_WORDS[kind]} on {count} of {len(by_seed)} seeds" for kind, count in kinds.items())
    ranges = []
    for column, label in (("profit_gain", "profit gain"), ("suppression", "revenue missing")):
        means = [
            bootstrap(own[column].to_numpy()).mean
            for _, own in table.group_by("benchmark", maintain_order=True)
            if np.isfinite(own[column].to_numpy()).all()
        ]
        ranges.append(f"{label} {min(means):.2f} to {max(means):.2f}" if means else f"{label} undefined")
    benchmarks = ", ".join(table["benchmark"].unique(maintain_order=True))
    return f"{name}: {said}; {' and '.join(ranges)} (against {benchmarks}; raised from {SHOWN_FROM})"


def control_of(run: Run) -> Run | None:
    """The run's control, where it was trained to its end."""
    folder = run.path / CONTROL
    if not (folder / "manifest.json").is_file():
        return None
    control = Run.open(folder)
    return control if control.status == "finished" else None


def _verdicts(run: Run, table: pl.DataFrame) -> list[str]:
    """The verdict on each seed; with the control's evidence where it takes one and there is one."""
    control = control_of(run)
    beside = None if control is None else control.optional_table("collusion")
    kinds = []
    for (seed,), own in table.group_by("seed", maintain_order=True):
        kind: str = own["verdict"][0]
        if kind == NO_CONTROL and beside is not None and not (without := beside.filter(seed=seed)).is_empty():
            try:
                kind = kind_of(_against(own), _against(without))
            except ValueError as error:
                raise InputError(f"{run.path / 'collusion.parquet'}: seed {seed}: {error}") from None
        kinds.append(kind)
    return kinds


def _against(rows: pl.DataFrame) -> dict[str, Against]:
    names = ("benchmark", "profit_gain", "suppression", "normalised_suppression")
    return {benchmark: Against(gain, raw, share) for benchmark, gain, raw, share in rows.select(names).iter_rows()}
