"""Store and report a run's verdict on collusion, seed by seed, with the verdict on its control if there is one."""

from __future__ import annotations

import numpy as np
import polars as pl

from auctionsim.analysis.economics import collusion
from auctionsim.analysis.economics.collusion import KINDS, Verdict, VerdictKind, combine
from auctionsim.analysis.statistics import mean_interval
from auctionsim.errors import InputError, shown
from auctionsim.runs import Run

NO_CONTROL = "no control"
"""The verdict stored for a seed whose budgets bind, so that it needs a control."""
CONTROL = "control"
"""The folder of a run's control, itself a run: the same learner on the same traffic if nobody has a budget."""
OLD = "no verdict: collusion.parquet is of an earlier version, whose tests are withdrawn (judge again: auctionsim evaluate RUN)"

_NEEDS_CONTROL = f"no verdict: {collusion.NO_CONTROL} (`auctionsim control RUN`)"
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
            "coalition": collusion.EVERYBODY if is_all else ", ".join(alone.coalition),
            "reason": alone.reason,
            **tests,
        }
        for benchmark, index in found.by_benchmark.items()
    ]
    return pl.DataFrame(rows)


def collusion_sentence(run: Run, name: str) -> str | None:
    """Return the verdict on a run with the range of its indices over benchmarks; None if the run stores no evidence.

    Raises:
        InputError: The stored verdicts are none that this version knows.
    """
    table = run.optional_table("collusion")
    if table is None:
        return None
    if not {"alone", "coalition", "reason"} <= set(table.columns):
        return f"{name}: {OLD}"
    by_seed = one_coalition(_verdicts(run, table))
    verdicts = "; ".join(f"{label} on {by_seed.count(label)} of {len(by_seed)} seeds" for label in dict.fromkeys(by_seed))
    ranges = []
    for column, text in (("profit_gain", "profit gain"), ("suppression", "revenue missing")):
        means = [
            mean_interval(own[column].to_numpy()).mean
            for _, own in table.group_by("benchmark", maintain_order=True)
            if np.isfinite(own[column].to_numpy()).all()
        ]
        ranges.append(f"{text} {min(means):.2f} to {max(means):.2f}" if means else f"{text} not defined")
    benchmarks = ", ".join(table["benchmark"].unique(maintain_order=True))
    return f"{name}: {verdicts}; {' and '.join(ranges)} (against {benchmarks})"


def one_coalition(labels: list[str]) -> list[str]:
    """Return the labels of the seeds, with one wording for coalitions that differ by seed: the members that all of them have.

    Coalitions of a, b, c on one seed and of b, c, d on the next become "of b, c, and of others by seed" on two.
    """
    found = list(dict.fromkeys(label for label in labels if label.startswith(_COORDINATION)))
    if len(found) < 2:
        return labels
    members = [label.removeprefix(_COORDINATION).split(", ") for label in found if not label.endswith(collusion.EVERYBODY)]
    common = [name for name in members[0] if all(name in own for own in members)]
    whom = f"{', '.join(common)}, and of others by seed" if common else "coalitions that differ by seed"
    return [f"{_COORDINATION}{whom}" if label in found else label for label in labels]


def control_of(run: Run) -> Run | None:
    """Return the run's control if it has one that finished, else None."""
    folder = run.path / CONTROL
    if not (folder / "manifest.json").is_file():
        return None
    control = Run.open(folder)
    return control if control.status == "finished" else None


def _verdicts(run: Run, table: pl.DataFrame) -> list[str]:
    """Return the label of each seed; a seed stored without a verdict gets one from the control's, if there is any."""
    control = control_of(run)
    control_table = None if control is None else control.optional_table("collusion")
    if control_table is not None and "alone" not in control_table.columns:
        control_table = None
    labels = []
    for (seed,), own in table.group_by("seed", maintain_order=True):
        kind, coalition, reason = own["verdict"][0], own["coalition"][0], own["reason"][0]
        if kind == NO_CONTROL:
            without = None if control_table is None else control_table.filter(seed=seed)
            if without is None or without.is_empty():
                labels.append(_NEEDS_CONTROL)
                continue
            kind = combine(_known(run, own["alone"][0]), _known(run, without["alone"][0]))
            coalition = coalition or without["coalition"][0]
        labels.append(_label(_known(run, kind), coalition, reason))
    return labels


def _label(kind: VerdictKind, coalition: str, reason: str) -> str:
    if kind == "coordination":
        return f"{_COORDINATION}{coalition}"
    return f"not defined ({reason})" if kind == "not defined" else kind


def _known(run: Run, kind: str) -> VerdictKind:
    for known in KINDS:
        if kind == known:
            return known
    path = run.path / "collusion.parquet"
    raise InputError(f"{path}: column verdict: expected one of {', '.join(KINDS)}, got {shown(kind)}")
