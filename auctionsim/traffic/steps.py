"""Steps of a day: hours, parts of hours, several hours, or a number of auctions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError
from auctionsim.names.display import short_repr
from auctionsim.traffic.table import HOURS, Traffic

MINUTES = 60


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of one day."""

    edges: NDArray[np.int64]
    """First cell of each step, followed by the cell after the day's last one, `[steps + 1]`."""
    hour: NDArray[np.int64]
    """Hour that each step begins in, followed by 24, `[steps + 1]`."""
    share_done: NDArray[np.float64]
    """Share of the day before each step, 0 to 1, followed by 1, `[steps + 1]`."""

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.edges) - 1

    @classmethod
    def from_hours(cls, traffic: Traffic, day: int, *, hours: int = 1) -> Steps:
        """Cut a day into steps of whole hours.

        Args:
            traffic: The table.
            day: The day to cut.
            hours: Hours per step, a divisor of 24.

        Raises:
            InputError: `hours` does not divide 24.
        """
        if hours < 1 or HOURS % hours:
            raise InputError(f"hours: expected a divisor of 24, got {hours}")
        starts = np.arange(0, HOURS + 1, hours)
        first = [traffic.cells_of(day, int(hour))[0] for hour in starts[:-1]]
        return cls(np.array([*first, traffic.cell_slice(day).stop]), starts, starts / HOURS)

    @classmethod
    def from_parts(cls, traffic: Traffic, day: int, parts: NDArray[np.int64]) -> Steps:
        """Cut each hour of a day into steps of about as many cells. Time runs evenly over an hour's cells.

        Args:
            traffic: The table.
            day: The day to cut.
            parts: Number of steps in each hour, >= 1, shape [24].
        """
        edges, begun = [], []
        for hour in range(HOURS):
            first, last = traffic.cells_of(day, hour)
            n = int(parts[hour])
            edges.append(np.linspace(first, last, n + 1).astype(np.int64)[:-1])
            begun.append(hour + np.arange(n) / n)
        share = np.append(np.concatenate(begun), HOURS) / HOURS
        hours = np.append(np.repeat(np.arange(HOURS), parts), HOURS)
        return cls(np.append(np.concatenate(edges), traffic.cell_slice(day).stop), hours, share)


def minutes_steps(traffic: Traffic, day: int, minutes: int) -> Steps:
    """Cut a day into steps of `minutes`: a divisor of 60, or 60 times a divisor of 24."""
    if minutes > MINUTES:
        return Steps.from_hours(traffic, day, hours=minutes // MINUTES)
    return Steps.from_parts(traffic, day, np.full(HOURS, MINUTES // minutes))


def auctions_by_step(traffic: Traffic, day: int, steps: Steps) -> NDArray[np.float64]:
    """Count the auctions in which each advertiser is a candidate, by step, `[steps, advertisers]`."""
    n = len(traffic.advertisers)
    step, rows = _step_of_rows(traffic, day, steps)
    key = step * n + traffic.advertiser[rows]
    return np.bincount(key, traffic.row_weight[rows], minlength=len(steps) * n).reshape(len(steps), n).astype(np.float64)


def first_rows(traffic: Traffic, day: int, steps: Steps) -> NDArray[np.int64]:
    """Return the row of each advertiser's first auction in each step, `[steps, advertisers]`; -1 if it has none."""
    n = len(traffic.advertisers)
    step, rows = _step_of_rows(traffic, day, steps)
    key, index = np.unique(step * n + traffic.advertiser[rows], return_index=True)
    first = np.full(len(steps) * n, -1, dtype=np.int64)
    first[key] = rows.start + index
    return first.reshape(len(steps), n)


def _step_of_rows(traffic: Traffic, day: int, steps: Steps) -> tuple[NDArray[np.int64], slice]:
    """Return the step of each row of a day, and the slice of these rows."""
    cells = traffic.cell_slice(day)
    rows = slice(int(traffic.cell_start[cells.start]), int(traffic.cell_start[cells.stop]))
    of_cell = np.searchsorted(steps.edges, np.arange(cells.start, cells.stop), side="right") - 1
    return np.repeat(of_cell, np.diff(traffic.cell_start[cells.start : cells.stop + 1])), rows
