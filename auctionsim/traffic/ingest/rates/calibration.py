"""How well estimated rates foretell the days after the first, which they were not estimated from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auctionsim.traffic.ingest.database import Database

GROUPS = 5


@dataclass(frozen=True)
class Calibration:
    """Of one estimated rate, over the trials of the days after the first."""

    method: str
    trials: float
    hits: float
    foretold: float
    """Hits foretold."""
    entropy: float | None
    """Log loss over that of one rate for all, their mean: 1 tells nothing, below 1 is information (He et al. 2014)."""
    groups: tuple[tuple[float, float, float], ...]
    """Trials, hits foretold and hits seen, in fifths of the trials from the lowest rates to the highest."""

    def lines(self, rate: str) -> list[str]:
        """As text."""
        if not self.trials:
            return [f"estimated {rate} ({self.method}): no later day to check it on"]
        if not self.hits:
            return [f"estimated {rate} ({self.method}): {self.foretold:.1f} hits foretold, none seen after the first day"]
        ratio = f"{self.foretold / self.hits:.3f} hits foretold for each seen after the first day"
        loss = "" if self.entropy is None else f", log loss {self.entropy:.4f} of that of one rate"
        fifths = [
            f"  {trials:>10.0f} trials: {foretold:>10.1f} foretold {seen:>8.0f} seen" for trials, foretold, seen in self.groups
        ]
        return [f"estimated {rate} ({self.method}): {ratio}{loss}; by fifths of trials, lowest rates first", *fifths]


def calibrate(database: Database, rate: str, method: str) -> Calibration:
    """Calibration of `rate` in the view `rates`, which holds trials `RATE_n` and hits `RATE_c`."""
    n, c, later = f"{rate}_n", f"{rate}_c", f"WHERE {rate}_n > 0 AND day > (SELECT min(day) FROM rates)"
    trials, hits, foretold, loss = database.row(
        f"SELECT coalesce(sum({n}), 0), coalesce(sum({c}), 0), coalesce(sum({rate} * {n}), 0), "
        f"-sum({c} * ln({rate}) + ({n} - {c}) * ln(1 - {rate})) FROM rates {later}"
    )
    (baseline,) = database.row(
        f"SELECT -(c * ln(c / n) + (n - c) * ln(1 - c / n)) FROM (SELECT sum({c}) AS c, sum({n}) AS n FROM rates {later}) "
        "WHERE c > 0 AND c < n"
    ) if 0 < hits < trials else (None,)  # fmt: skip
    # Rates that differ by less than a thousandth of themselves are put together first: a sort of all may not fit into memory.
    steps = database.rows(
        f"SELECT sum({n}), sum({rate} * {n}), sum({c}) FROM rates {later} "
        f"GROUP BY round(ln({rate}) * 1000) ORDER BY min({rate})"
    )
    return Calibration(
        method,
        float(trials),
        float(hits),
        float(foretold),
        float(loss / baseline) if baseline else None,
        _fifths(steps),
    )


def _fifths(steps: Sequence[tuple[float, ...]]) -> tuple[tuple[float, float, float], ...]:
    """Sums of (trials, foretold, seen) over about as many trials each; steps in order of their rates."""
    if not steps:
        return ()
    values = np.array(steps, dtype=np.float64)
    upto = np.cumsum(values[:, 0])
    group = np.minimum((upto - values[:, 0] / 2) / upto[-1] * GROUPS, GROUPS - 1).astype(np.int64)
    return tuple((float(a), float(b), float(c)) for a, b, c in (values[group == g].sum(axis=0) for g in np.unique(group)))
