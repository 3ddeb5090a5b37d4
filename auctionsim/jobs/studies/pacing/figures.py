"""List the published statements on pacing, and set them beside what was measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from auctionsim import arithmetic
from auctionsim.analysis.documents.published import Published
from auctionsim.analysis.documents.results import by_seed, interval, paired_differences
from auctionsim.analysis.documents.sections import Table
from auctionsim.analysis.statistics import INTERVALS, Interval, mean_interval
from auctionsim.jobs.studies.pacing.multipliers import METHODS

CAMPAIGNS, VIOLATION = "random campaigns", "budget never binds"
HORIZONS = (1_000, 10_000)
"""Numbers of steps, T, at which the breach per step is measured."""
_THEIRS = {
    "dual": (".62", ".80", ".87", ".88"),
    "min": (".49", ".80", ".87", ".94"),
    "sequential": (".11", ".26", ".43", "1.44"),
}
"""Published shares of campaigns with a violation of at most 0, .2 and .5, and value over the benchmark."""
_COLUMNS = {"kept": "kept", "within_20": "within 20 %", "within_50": "within 50 %", "value": "value / best"}
_ABOVE = 1e-9
"""Lowest difference that counts as one."""
SOURCE = (
    "Balseiro et al., A Field Guide for Pacing Budget and ROS Constraints, ICML 2024, Table 2 and Proposition 3.3. Its 10,000 "
    "campaigns are private: only the order of the methods is compared. Campaigns, prices and step sizes are ours"
)


def checks(results: pl.DataFrame) -> list[tuple[Published, Interval]]:
    """Return the published statements that were measured, each with what was measured."""
    found = []
    for measure, text, low, high, of in _statements():
        values = of(results)
        if len(values):
            found.append((Published(measure, text, low, high), mean_interval(values)))
    return found


def methods_table(results: pl.DataFrame) -> Table:
    """Return each method's shares and value beside the published ones."""
    rows = []
    for method, theirs in _THEIRS.items():
        cells = [interval(results, CAMPAIGNS, method, metric) for metric in _COLUMNS]
        ours = ["not measured" if cell is None else str(cell) for cell in cells]
        rows.append([method, *(text for pair in zip(ours, theirs, strict=True) for text in pair)])
    header = [title for name in _COLUMNS.values() for title in (name, "theirs")]
    note = (
        f"Share of campaigns that keep their return on spend, and that break it by 20 and 50 % at most; means over seeds with "
        f"{INTERVALS}. Their campaigns are others, so that sizes need not agree."
    )
    return Table(["method", *header], rows, note)


Values = Callable[[pl.DataFrame], "np.ndarray | list[float]"]


def _statements() -> list[tuple[str, str, float, float, Values]]:
    """Return measure, published text, accepted range and the values by seed of every statement."""
    return [
        (
            "return kept, share of campaigns: dual less min",
            ".62 - .49 = .13, > 0",
            _ABOVE,
            1,
            _less("dual", "min", "kept"),
        ),
        ("return kept: min less sequential", ".49 - .11 = .38, > 0", _ABOVE, 1, _less("min", "sequential", "kept")),
        ("value: min less dual", ".94 - .88 = .06, > 0", _ABOVE, 1, _less("min", "dual", "value")),
        ("value: sequential less min", "1.44 - .94 = .50, > 0", _ABOVE, 10, _less("sequential", "min", "value")),
        (
            "return kept, target-roas on steady days: min less sequential",
            "> 0",
            _ABOVE,
            1,
            _less("target-roas, min", "target-roas, sequential", "ros_kept", "steady"),
        ),
        *(
            (f"breach per step, {method}, T = {steps}", *_bound(method, steps), _of(method, steps))
            for method in METHODS
            for steps in HORIZONS
        ),
    ]


def _bound(method: str, steps: int) -> tuple[str, float, float]:
    """Return the published order of the breach as text and as a range."""
    if method == "sequential":
        return "Omega(1): > .05", 0.05, 4.0
    most = float(np.sqrt(steps) * arithmetic.log(float(steps)) / steps)
    return f"sqrt(T) log T / T: < {most:.3f}", 0.0, most


def _less(arm: str, other: str, metric: str, scenario: str = CAMPAIGNS) -> Values:
    return lambda results: paired_differences(results, scenario, arm, other, metric)


def _of(method: str, steps: int) -> Values:
    return lambda results: list(by_seed(results, VIOLATION, method, f"violation_{steps}").values())
