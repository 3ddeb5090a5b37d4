"""The traffic table in memory: the columns of docs/traffic.md as arrays, indexed by day and hour."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

HOURS = 24
KEYWORD_BID, KEYWORD_BID_COLUMN = "keyword_bid", "manual_bid"
"""The keyword bid's column has the name on the right in every file that is written; a table may give it by either name."""


@dataclass(frozen=True, eq=False)
class Traffic:
    """Candidate ads grouped in cells, cells in time order.

    A cell stands for `weight` identical auctions. Row arrays have one element per candidate ad, cell arrays one per cell;
    rows `cell_start[c]:cell_start[c + 1]` are the candidates of cell c. Arrays are not to be written to.
    """

    advertisers: tuple[str, ...]
    """Names, in the order of every advertiser axis."""
    queries: tuple[str, ...]
    """Names of the queries (keywords)."""
    day: NDArray[np.int64]
    """Day of each cell, not decreasing."""
    hour: NDArray[np.int64]
    """Hour of each cell, 0 to 23, not decreasing within a day."""
    weight: NDArray[np.int64]
    """Identical auctions each cell stands for, at least 1."""
    query: NDArray[np.int64]
    """Query index of each cell."""
    cell_start: NDArray[np.int64]
    """First row of each cell, and the number of rows at the end: `[cells + 1]`."""
    advertiser: NDArray[np.int64]
    """Advertiser index of each row."""
    pctr: NDArray[np.float64]
    """Predicted click-through rate of each row, in (0, 1]."""
    pcvr: NDArray[np.float64]
    """Predicted conversion rate of a click, in [0, 1]."""
    item_price: NDArray[np.float64]
    """Currency per conversion, at least 0."""
    keyword_bid: NDArray[np.float64]
    """Keyword-level bid, currency per click, at least 0."""
    ctr: NDArray[np.float64]
    """True click-through rate; the prediction where the table has no column of its own."""
    cvr: NDArray[np.float64]
    """True conversion rate of a click."""
    market_ecpm: NDArray[np.float64]
    """Best rank score of bidders outside the simulation for each cell, 0 for none."""
    budgets: NDArray[np.float64] | None = None
    """Daily budget of each advertiser where the table knows it, currency; else None."""
    notes: dict[str, str] = field(default_factory=dict)
    """Where the figures come from and what is supposed, for the report."""

    def __post_init__(self) -> None:
        # Read-only here as in Ray's object store, so that the engine is compiled for one kind of array.
        for name in (*CELL_COLUMNS, *ROW_COLUMNS, "cell_start"):
            getattr(self, name).setflags(write=False)

    @cached_property
    def days(self) -> tuple[int, ...]:
        """The days of the table, ascending."""
        return tuple(int(day) for day in np.unique(self.day))

    @cached_property
    def _hour_start(self) -> NDArray[np.int64]:
        """First cell of each (day, hour): `[days, 25]`."""
        code = self.day * HOURS + self.hour
        wanted = np.array(self.days)[:, None] * HOURS + np.arange(HOURS + 1)
        return np.searchsorted(code, wanted, side="left")

    def cells_of(self, day: int, hour: int) -> tuple[int, int]:
        """First cell of an hour and the cell after its last one.

        Raises:
            ValueError: The table has no such day.
        """
        if day not in self.days:
            raise ValueError(f"day: expected one of {_ranges(self.days)}, got {day}")
        index = self.days.index(day)
        return int(self._hour_start[index, hour]), int(self._hour_start[index, hour + 1])

    @property
    def auctions(self) -> int:
        """How many auctions the table has."""
        return int(self.weight.sum())

    def auctions_on(self, day: int) -> int:
        """How many auctions a day has."""
        return int(self.weight[self.cell_slice(day)].sum())

    def cell_slice(self, day: int) -> slice:
        """The cells of a day."""
        return slice(self.cells_of(day, 0)[0], self.cells_of(day, HOURS - 1)[1])

    @property
    def row_day(self) -> NDArray[np.int64]:
        """The day of each row's cell."""
        return np.repeat(self.day, np.diff(self.cell_start))

    @property
    def row_weight(self) -> NDArray[np.int64]:
        """The weight of each row's cell."""
        return np.repeat(self.weight, np.diff(self.cell_start))

    @property
    def row_hour(self) -> NDArray[np.int64]:
        """The hour of each row's cell."""
        return np.repeat(self.hour, np.diff(self.cell_start))


CELL_COLUMNS = ("day", "hour", "weight", "query", "market_ecpm")
ROW_COLUMNS = ("advertiser", "pctr", "pcvr", "item_price", "keyword_bid", "ctr", "cvr")


def _ranges(days: tuple[int, ...]) -> str:
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{days[0]} to {days[-1]}"
    return ", ".join(map(str, days))
