"""Store and report a run's verdict on collusion, seed by seed, with the verdict on its control if there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from auctionsim.analysis.economics import collusion
from auctionsim.analysis.economics.collusion import KINDS, Verdict, VerdictKind, combine
from auctionsim.analysis.reports.metrics import unknown_amounts
from auctionsim.analysis.statistics import mean_interval
from auctionsim.errors import InputError, shown
from auctionsim.runs import Run

NO_CONTROL = "no control"
"""The verdict stored for a seed whose budgets could bind, so that it needs a control."""
CONTROL = "control"
"""The folder of a run's control, itself a run: the same learner on the same traffic if nobody has a budget."""
OLD = "no verdict: collusion.parquet is of an earlier version, whose tests are withdrawn (judge again: auctionsim evaluate RUN)"

_NONE = "no verdict: "
_NEEDS_CONTROL = f"{_NONE}{collusion.NO_CONTROL} (run: auctionsim control RUN)"
TEST_COLUMNS = {
    "missing revenue": "missing_revenue",
    "profit gain": "total_profit_gain",
    "best-response gap": "best_response_gap",
    "giving way": "giving_way",
    "spared segments": "spared_segments",
    "common shading": "common_shading",
    "common level": "common_level",
}
"""Columns of collusion.parquet by the name of the test that they hold."""

_JUDGED = {"alone", "coalition", "reason"}
"""Columns that tables of the first version lack."""
_COORDINATION = "tacit or explicit coordination of "


def evidence_rows(seed: int, found: Verdict) -> pl.DataFrame:
    """Return one seed's rows of collusion.parquet, one per competitive benchmark; the tests stand in every row.

    Args:
        seed: The seed of the market.
        found: The verdict on the test days, without a control.
    """
    needs_control = found.reason == collusion.NO_CONTROL
    alone = collusion.judge(found.found) if needs_control else found
    is_all = len(alone.coalition) == len(alone.found.names)
    tests = {
        column: found.tests[name].statistic if name in found.tests else float("nan") for name, column in TEST_COLUMNS.items()
    }
    rows = [
        {
            "seed": seed,
            "benchmark": benchmark,
            "verdict": NO_CONTROL if needs_control else found.kind,
            "profit_gain": index.profit_gain,
            "suppression": index.suppression,
            "normalised_suppression": index.normalized_suppression,
            "alone": alone.kind,
            # A list, since a name may hold a comma.
            "coalition": list(alone.coalition),
            "is_everybody": is_all,
            "reason": alone.reason,
            **tests,
        }
        for benchmark, index in found.by_benchmark.items()
    ]
    return pl.DataFrame(rows, schema_overrides={"coalition": pl.List(pl.String)})


def collusion_sentence(run: Run, name: str) -> str | None:
    """Return the verdict on a run with the range of its indices over benchmarks; None if the run stores no evidence.

    Raises:
        InputError: The stored verdicts are none that this version knows.
    """
    table = run.optional_table("collusion")
    if table is None:
        return None
    if not set(table.columns) >= _JUDGED:
        return f"{name}: {OLD}"
    verdicts = counted(one_wording(_verdicts(run, table)))
    ranges, unknown = [], unknown_amounts(run)
    for column, text in (("profit_gain", "profit gain"), ("suppression", "revenue missing")):
        # Where nothing has a value, gains are of minus the cost.
        means = [
            mean_interval(own[column].to_numpy()).mean
            for _, own in table.group_by("benchmark", maintain_order=True)
            if not unknown and np.isfinite(own[column].to_numpy()).all()
        ]
        ranges.append(f"{text} {min(means):.2f} to {max(means):.2f}" if means else f"{text} not defined")
    benchmarks = ", ".join(table["benchmark"].unique(maintain_order=True))
    return f"{name}: {verdicts}; {' and '.join(ranges)} (against {benchmarks})"


def seed_verdicts(run: Run) -> list[SeedVerdict]:
    """Return the verdict on each seed; none if the run stores no evidence, or that of an earlier version."""
    table = run.optional_table("collusion")
    return [] if table is None or not set(table.columns) >= _JUDGED else _verdicts(run, table)


@dataclass(frozen=True)
class SeedVerdict:
    """The verdict on one seed."""

    text: str
    """The verdict in words; of a coordination without its members."""
    coalition: tuple[str, ...] | None = None
    """The members of a coordination; empty if all learners are, None if there is no coordination."""

    def label(self) -> str:
        """Return the verdict in words, with its members."""
        if self.coalition is None:
            return self.text
        return f"{self.text}{', '.join(self.coalition) if self.coalition else collusion.EVERYBODY}"


def one_wording(found: Sequence[SeedVerdict]) -> list[str]:
    """Return the labels of the seeds, with one wording for coalitions that differ by seed: the members that all of them have.

    Coalitions of a, b, c on one seed and of b, c, d on the next become "of b, c, and of others by seed" on two.
    """
    coalitions = list(dict.fromkeys(own.coalition for own in found if own.coalition is not None))
    if len(coalitions) < 2:
        return [own.label() for own in found]
    members = [coalition for coalition in coalitions if coalition]
    common = tuple(name for name in members[0] if all(name in own for own in members))
    whom = f"{', '.join(common)}, and of others by seed" if common else "coalitions that differ by seed"
    return [own.text if own.coalition is None else f"{own.text}{whom}" for own in found]


def counted(labels: Sequence[str]) -> str:
    """Return the verdicts with the number of their seeds, before the reason where there is one.

    Args:
        labels: The verdict on each seed in words.
    """
    said = []
    for label in dict.fromkeys(labels):
        seeds = f"on {labels.count(label)} of {len(labels)} seeds"
        reason = label.removeprefix(_NONE)
        said.append(f"{label} {seeds}" if reason == label else f"no verdict {seeds}: {reason}")
    return "; ".join(said)


def control_of(run: Run) -> Run | None:
    """Return the run's control if it has one that finished, else None."""
    folder = run.path / CONTROL
    if not (folder / "manifest.json").is_file():
        return None
    control = Run.open(folder)
    return control if control.status == "finished" else None


def _verdicts(run: Run, table: pl.DataFrame) -> list[SeedVerdict]:
    """Return the verdict of each seed; a seed stored without one gets it from the control's, if there is any."""
    control = control_of(run)
    control_table = None if control is None else control.optional_table("collusion")
    if control_table is not None and not set(control_table.columns) >= _JUDGED:
        control_table = None
    found = []
    for (seed,), own in table.group_by("seed", maintain_order=True):
        row = own.row(0, named=True)
        kind, coalition = row["verdict"], _members(row)
        if kind == NO_CONTROL:
            without = None if control_table is None else control_table.filter(seed=seed)
            if without is None or without.is_empty():
                found.append(SeedVerdict(_NEEDS_CONTROL))
                continue
            other = without.row(0, named=True)
            kind = combine(_known(run, row["alone"]), _known(run, other["alone"]))
            coalition = _members(other) if coalition is None else coalition
        found.append(_of_seed(_known(run, kind), coalition, row["reason"]))
    return found


def _members(row: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the stored coalition; earlier versions stored its names joined as text."""
    stored = row["coalition"]
    if isinstance(stored, str):
        return None if not stored else () if stored == collusion.EVERYBODY else tuple(stored.split(", "))
    if row.get("is_everybody"):
        return ()
    return tuple(stored) or None


def _of_seed(kind: VerdictKind, coalition: tuple[str, ...] | None, reason: str) -> SeedVerdict:
    if kind == "coordination":
        return SeedVerdict(_COORDINATION, coalition or ())
    return SeedVerdict(f"not defined ({reason})" if kind == "not defined" else kind)


def _known(run: Run, kind: str) -> VerdictKind:
    for known in KINDS:
        if kind == known:
            return known
    path = run.path / "collusion.parquet"
    raise InputError(f"{path}: column verdict: expected one of {', '.join(KINDS)}, got {shown(kind)}")
