"""Calibration of estimated rates on the days after the first that has trials.

A day's rates are estimated from earlier days alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from auctionsim.traffic.ingest.database import Database

GROUPS = 5
_LACKING = {"pctr": "impressions of which it says whether they were clicked", "pcvr": "conversions"}
"""The rows that are lacking in a log from which a rate cannot be estimated, in words."""


@dataclass(frozen=True)
class Calibration:
    """Calibration of one estimated rate, over the trials of the days after the first."""

    method: str
    """Method of the estimate, `empirical` or `logistic`."""
    trials: float
    """Number of trials: impressions for pctr, clicks for pcvr."""
    hits: float
    """Number of hits seen: clicks for pctr, conversions for pcvr."""
    predicted: float
    """Number of hits predicted."""
    entropy: float | None
    """Normalized entropy: log loss over that of the mean rate (He et al. 2014). 1 is no information, lower is better. None if
    all trials are hits or none is."""
    groups: tuple[tuple[float, float, float], ...]
    """Trials, predicted hits and hits, in fifths of the trials from the lowest rates to the highest."""
    assumed: float | None = None
    """The rate of all rows that lack it, where the log has no trial to estimate it from; else None."""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as the value that `--json` prints."""
        figures = asdict(self)
        # The key that scripts know.
        return {("foretold" if name == "predicted" else name): value for name, value in figures.items()}

    def lines(self, rate: str) -> list[str]:
        """Write the figures as lines of text; `rate` is the rate's name."""
        if self.assumed is not None:
            return [f"estimated {rate}: not defined, as the log has no {_LACKING[rate]}: taken as {self.assumed:g}"]
        if not self.trials:
            return [f"estimated {rate} ({self.method}): no later day to check it on"]
        if not self.hits:
            return [f"estimated {rate} ({self.method}): {self.predicted:.1f} hits predicted, none seen after the first day"]
        ratio = f"{self.predicted / self.hits:.3f} hits predicted per hit seen after the first day"
        loss = "" if self.entropy is None else f", log loss {self.entropy:.4f} of the mean rate's"
        fifths = [
            f"  {trials:>10.0f} trials: {predicted:>10.1f} predicted {hits:>8.0f} seen"
            for trials, predicted, hits in self.groups
        ]
        return [f"estimated {rate} ({self.method}): {ratio}{loss}; by fifths of trials, lowest rates first", *fifths]


def calibrate(database: Database, rate: str, method: str, first: int | None, unknown: float) -> Calibration:
    """Measure the calibration of a rate.

    Args:
        database: The database with the view `rates`, which holds each rate, its trials `RATE_n` and its hits `RATE_c`.
        rate: Name of the rate, `pctr` or `pcvr`.
        method: Method of the estimate.
        first: The first day with trials, None where there is none.
        unknown: The rate that is taken where there is none.
    """
    if first is None:
        return Calibration(method, 0.0, 0.0, 0.0, None, (), unknown)
    n, c, later = f"{rate}_n", f"{rate}_c", f"WHERE {rate}_n > 0 AND day > {first}"
    trials, hits, predicted, loss = database.row(
        f"SELECT coalesce(sum({n}), 0), coalesce(sum({c}), 0), coalesce(sum({rate} * {n}), 0), "
        f"-sum({c} * ln({rate}) + ({n} - {c}) * ln(1 - {rate})) FROM rates {later}"
    )
    (baseline,) = database.row(
        f"SELECT -(c * ln(c / n) + (n - c) * ln(1 - c / n)) FROM (SELECT sum({c}) AS c, sum({n}) AS n FROM rates {later}) "
        "WHERE c > 0 AND c < n"
    ) if 0 < hits < trials else (None,)  # fmt: skip
    # Rates within 0.1 % of each other are grouped first, because a sort of all rows may not fit into memory.
    steps = database.rows(
        f"SELECT sum({n}), sum({rate} * {n}), sum({c}) FROM rates {later} "
        f"GROUP BY round(ln({rate}) * 1000) ORDER BY min({rate})"
    )
    return Calibration(
        method,
        float(trials),
        float(hits),
        float(predicted),
        float(loss / baseline) if baseline else None,
        _fifths(steps),
    )


def _fifths(steps: Sequence[tuple[float, ...]]) -> tuple[tuple[float, float, float], ...]:
    """Sum (trials, predicted hits, hits) over fifths of the trials; `steps` are in order of their rates."""
    if not steps:
        return ()
    values = np.array(steps, dtype=np.float64)
    cumulative = np.cumsum(values[:, 0])
    group = np.minimum((cumulative - values[:, 0] / 2) / cumulative[-1] * GROUPS, GROUPS - 1).astype(np.int64)
    return tuple((float(a), float(b), float(c)) for a, b, c in (values[group == g].sum(axis=0) for g in np.unique(group)))
