"""Store and report a run's verdict on collusion, seed by seed, with the evidence of its control if there is one."""

from __future__ import annotations

import numpy as np
import polars as pl

from auctionsim.analysis.economics.collusion import THRESHOLD, BenchmarkIndices, Evidence, classify, judge
from auctionsim.analysis.statistics import mean_interval
from auctionsim.errors import InputError
from auctionsim.runs import Run

NO_CONTROL = "no control"
"""The label of a seed that gets no verdict, since budgets bind and the run has no control."""
CONTROL = "control"
"""The folder of a run's control, itself a run: the same learner on the same traffic if nobody has a budget."""

_WORDS = {
    "competitive": "no sign of collusion",
    "disputed": "disputed (flagged against some competitive benchmarks, not against others)",
    "pacing": "pacing, not collusion",
    "collusion": "collusion",
    NO_CONTROL: "no verdict: budgets bind, and pacing them looks like collusion; a verdict needs a control without budgets "
    "(`auctionsim control RUN`)",
}
_COLUMNS = ("benchmark", "profit_gain", "suppression", "normalised_suppression")


def evidence_rows(seed: int, found: Evidence, *, has_budgets: bool) -> pl.DataFrame:
    """Return one seed's rows of collusion.parquet, one per competitive benchmark.

    Args:
        seed: The seed of the market.
        found: The evidence on the test days.
        has_budgets: True if an advertiser has a budget. An outcome that is flagged may then be pacing, and gets no verdict.
    """
    label: str = judge(found, found).label
    label = NO_CONTROL if has_budgets and label != "competitive" else label
    rows = [
        (seed, benchmark, label, index.profit_gain, index.suppression, index.normalized_suppression)
        for benchmark, index in found.by_benchmark.items()
    ]
    return pl.DataFrame(rows, schema=("seed", "benchmark", "verdict", *_COLUMNS[1:]), orient="row")


def collusion_sentence(run: Run, name: str) -> str | None:
    """Return the verdict on a run with the range of its indices over benchmarks; None if the run stores no evidence.

    Raises:
        InputError: The stored evidence has < 2 benchmarks.
    """
    table = run.optional_table("collusion")
    if table is None:
        return None
    by_seed = _verdicts(run, table)
    counts = {label: by_seed.count(label) for label in _WORDS if label in by_seed}
    verdicts = "; ".join(f"{_WORDS[label]} on {count} of {len(by_seed)} seeds" for label, count in counts.items())
    ranges = []
    for column, text in (("profit_gain", "profit gain"), ("suppression", "revenue missing")):
        means = [
            mean_interval(own[column].to_numpy()).mean
            for _, own in table.group_by("benchmark", maintain_order=True)
            if np.isfinite(own[column].to_numpy()).all()
        ]
        ranges.append(f"{text} {min(means):.2f} to {max(means):.2f}" if means else f"{text} undefined")
    benchmarks = ", ".join(table["benchmark"].unique(maintain_order=True))
    return f"{name}: {verdicts}; {' and '.join(ranges)} (against {benchmarks}; threshold {THRESHOLD})"


def control_of(run: Run) -> Run | None:
    """Return the run's control if it has one that finished, else None."""
    folder = run.path / CONTROL
    if not (folder / "manifest.json").is_file():
        return None
    control = Run.open(folder)
    return control if control.status == "finished" else None


def _verdicts(run: Run, table: pl.DataFrame) -> list[str]:
    """Return the label of each seed; a seed stored without a verdict gets one from the control's evidence, if there is any."""
    control = control_of(run)
    control_table = None if control is None else control.optional_table("collusion")
    labels = []
    for (seed,), own in table.group_by("seed", maintain_order=True):
        label: str = own["verdict"][0]
        if label == NO_CONTROL and control_table is not None and not (without := control_table.filter(seed=seed)).is_empty():
            try:
                label = classify(_by_benchmark(own), _by_benchmark(without))
            except ValueError as error:
                raise InputError(f"{run.path / 'collusion.parquet'}: seed {seed}: {error}") from None
        labels.append(label)
    return labels


def _by_benchmark(rows: pl.DataFrame) -> dict[str, BenchmarkIndices]:
    """Return one seed's stored indices by the name of the benchmark."""
    stored = rows.select(_COLUMNS).iter_rows()
    return {benchmark: BenchmarkIndices(gain, missing, share) for benchmark, gain, missing, share in stored}
