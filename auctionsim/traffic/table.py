"""The traffic table in memory: the columns of docs/traffic.md as arrays, indexed by day and hour."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown
from auctionsim.names.display import cut, html_table, ranges, some
from auctionsim.traffic.array_checks import (
    MAX_AUCTIONS,
    check_lengths,
    check_names,
    check_range,
    check_starts,
    converted,
    range_of,
    type_of,
)
from auctionsim.traffic.rows.layout import POSITIONS, columns_of

HOURS = 24
REPLAY_NOTE = "replay"
"""Key of a table's notes that says how well a replay of the log's own bids reproduces the log."""
FIGURES_NOTE = "figures"
"""Key of a table's notes that says which figures of the generator's profile are measured and which assumed."""
KEYWORD_BID, KEYWORD_BID_COLUMN = "keyword_bid", "manual_bid"
"""Name of the keyword bid in memory, and of its column in every file that is written. A table may use either as its column."""


@dataclass(frozen=True, eq=False)
class Traffic:
    """Candidate ads grouped in cells, cells in time order.

    A cell stands for `weight` identical auctions. Row arrays have one element per candidate ad, cell arrays one per cell;
    rows `cell_start[c]:cell_start[c + 1]` are the candidates of cell c. All arrays are checked, and made read-only.

    Raises:
        InputError: An array has another shape or kind of number, or a number outside its range; the message names the first.
    """

    advertisers: tuple[str, ...]
    """Names of the advertisers, in the order of every advertiser axis."""
    queries: tuple[str, ...]
    """Names of the queries, in the order of their indices."""
    day: NDArray[np.int64]
    """Day of each cell, not decreasing, `[cells]`."""
    hour: NDArray[np.int64]
    """Hour of each cell, 0 to 23, not decreasing within a day, `[cells]`."""
    weight: NDArray[np.int64]
    """Identical auctions that each cell stands for, >= 1, `[cells]`."""
    query: NDArray[np.int64]
    """Query index of each cell, `[cells]`."""
    cell_start: NDArray[np.int64]
    """First row of each cell, followed by the number of rows, `[cells + 1]`."""
    advertiser: NDArray[np.int64]
    """Advertiser index of each row, `[rows]`."""
    pctr: NDArray[np.float64]
    """Predicted click-through rate, in (0, 1], `[rows]`."""
    pcvr: NDArray[np.float64]
    """Predicted conversion rate of a click, in [0, 1], `[rows]`."""
    item_price: NDArray[np.float64]
    """Value of a conversion, currency, >= 0, `[rows]`."""
    keyword_bid: NDArray[np.float64]
    """Keyword bid, currency per click, >= 0, `[rows]`."""
    ctr: NDArray[np.float64]
    """True click-through rate, in [0, 1]; equals `pctr` if the table has no column `ctr`, `[rows]`."""
    cvr: NDArray[np.float64]
    """True conversion rate of a click, in [0, 1]; equals `pcvr` if the table has no column `cvr`, `[rows]`."""
    market_ecpm: NDArray[np.float64]
    """Best rank score of external competitors, >= 0; 0 means that there is none, `[cells]`."""
    budgets: NDArray[np.float64] | None = None
    """Daily budget of each advertiser, currency, `[advertisers]`; None if the table has no budgets."""
    notes: dict[str, str] = field(default_factory=dict)
    """Provenance for reports: the source of the figures, what was measured and what was assumed."""

    def __post_init__(self) -> None:
        names = (*CELL_COLUMNS, *ROW_COLUMNS, "cell_start")
        kinds = {name: type_of(name) for name in names}
        for name, kind in kinds.items():
            object.__setattr__(self, name, converted(f"Traffic: {name}", getattr(self, name), kind))
        self._check()
        self._freeze()

    @classmethod
    def of_rows(cls, rows: NDArray[np.float64], **others: Any) -> Traffic:
        """Make a table whose columns are views of rows in the form that the auction reads, so that it needs no copy of them.

        Args:
            rows: The rows as `rows.layout` lays them out, all in their ranges, `[rows, 8]`; nobody keeps a view of them.
            others: The table's other arguments by name; `advertiser` is in its range, too, and nobody keeps a view of it.

        Raises:
            InputError: An array of cells has another shape, or a number outside its range.
        """
        table = object.__new__(cls)
        for name, value in {"budgets": None, "_rows": rows, **columns_of(rows), **others}.items():
            object.__setattr__(table, name, value)
        table._check(CELL_COLUMNS)
        table._freeze()
        return table

    @property
    def rows(self) -> NDArray[np.float64] | None:
        """Rows in the form that the auction reads, `rows.layout`, of which the columns are views, `[rows, 8]`; None without."""
        rows: NDArray[np.float64] | None = self.__dict__.get("_rows")
        return rows

    def _freeze(self) -> None:
        """Make the arrays read-only as in Ray's object store, so that numba compiles the engine for one kind of array."""
        for name in (*CELL_COLUMNS, *ROW_COLUMNS, "cell_start"):
            getattr(self, name).setflags(write=False)
        if self.rows is not None:
            self.rows.setflags(write=False)

    def __repr__(self) -> str:
        counts = f"{len(self.advertisers)} advertisers, {len(self.queries)} queries, {len(self.advertiser)} rows"
        budgets = "" if self.budgets is None else ", with budgets"
        return cut(f"Traffic(days {ranges(self.days)}: {self.auctions} auctions in {len(self.day)} cells, {counts}{budgets})")

    def _repr_html_(self) -> str:
        """Return the table's figures for a notebook."""
        parts = {
            "days": ranges(self.days),
            "auctions": f"{self.auctions:,}",
            "cells": f"{len(self.day):,}",
            "candidate ads (rows)": f"{len(self.advertiser):,}",
            "advertisers": f"{len(self.advertisers)}: {some(self.advertisers)}",
            "queries": f"{len(self.queries)}: {some(self.queries)}",
            "budgets": "none" if self.budgets is None else f"{self.budgets.sum():.6g} a day in all",
            "source": self.notes.get("source", "not noted"),
        }
        return html_table("Traffic table", parts)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was derived, and the columns that are views of rows: a pickle would hold them twice."""
        left_out = {"derived", *(() if self.rows is None else POSITIONS)}
        return {name: it for name, it in self.__dict__.items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled table; a pickle keeps no array read-only."""
        self.__dict__.update(state)
        if self.rows is not None:
            self.__dict__.update(columns_of(self.rows))
        self._freeze()

    def __deepcopy__(self, memo: dict[int, Any]) -> Traffic:
        """Return the table itself, which never changes."""
        return self

    def _check(self, ranged: tuple[str, ...] | None = None) -> None:
        """Check every array, so that whoever reads them may trust their lengths, indices and ranges.

        Args:
            ranged: The columns whose ranges are not known yet; all where None.
        """
        for key in ("advertisers", "queries"):
            object.__setattr__(self, key, tuple(getattr(self, key)))
            check_names(f"Traffic: {key}", getattr(self, key))
        columns = {name: getattr(self, name) for name in (*CELL_COLUMNS, *ROW_COLUMNS)}
        check_lengths("Traffic: ", columns, CELL_COLUMNS, ROW_COLUMNS)
        for name in columns if ranged is None else ranged:
            valid = range_of(name, len(self.advertisers), len(self.queries), any_price=True)
            check_range(f"Traffic: {name}", columns[name], valid)
        check_starts("Traffic: cell_start", self.cell_start, len(self.day), len(self.advertiser))
        if (np.diff(self.day * HOURS + self.hour) < 0).any():
            raise InputError("Traffic: hour: expected cells in time order, got an hour after a later one")
        if float(np.sum(self.weight, dtype=np.float64)) > MAX_AUCTIONS:
            raise InputError(f"Traffic: weight: expected weights that sum to <= {MAX_AUCTIONS} (2^53), got more")
        if self.budgets is not None:
            budgets = converted("Traffic: budgets", self.budgets, np.float64)
            object.__setattr__(self, "budgets", budgets)
            if budgets.shape != (len(self.advertisers),) or not (budgets >= 0).all():
                raise InputError(
                    f"Traffic: budgets: expected {len(self.advertisers)} numbers >= 0, one for each advertiser, "
                    f"got {shown(budgets.tolist())}"
                )

    @cached_property
    def derived(self) -> dict[str, Any]:
        """Hold what others made of the table, by their names; it goes with the table, and is not pickled."""
        return {}

    @cached_property
    def days(self) -> tuple[int, ...]:
        """Days of the table, ascending."""
        return tuple(int(day) for day in np.unique(self.day))

    @cached_property
    def _hour_start(self) -> NDArray[np.int64]:
        """First cell of each day and hour, `[days, 25]`; the last column is the end of the day."""
        code = self.day * HOURS + self.hour
        wanted = np.array(self.days)[:, None] * HOURS + np.arange(HOURS + 1)
        return np.searchsorted(code, wanted, side="left")

    def cells_of(self, day: int, hour: int) -> tuple[int, int]:
        """Return the first cell of an hour and the cell after its last one.

        Raises:
            InputError: The table has no such day.
        """
        if day not in self.days:
            raise InputError(f"day: expected one of {ranges(self.days)}, got {day}")
        index = self.days.index(day)
        return int(self._hour_start[index, hour]), int(self._hour_start[index, hour + 1])

    @property
    def auctions(self) -> int:
        """Number of auctions in the table, the sum of all weights."""
        return int(self.weight.sum())

    def auctions_on(self, day: int) -> int:
        """Count the auctions of a day."""
        return int(self.weight[self.cell_slice(day)].sum())

    def cells_on(self, day: int) -> int:
        """Count the cells of a day."""
        cells = self.cell_slice(day)
        return cells.stop - cells.start

    def candidates_on(self, day: int) -> int:
        """Count the candidates of a day's cells, one row of the table each."""
        cells = self.cell_slice(day)
        return int(self.cell_start[cells.stop] - self.cell_start[cells.start])

    def cell_slice(self, day: int) -> slice:
        """Return the slice of a day's cells."""
        return slice(self.cells_of(day, 0)[0], self.cells_of(day, HOURS - 1)[1])

    @property
    def row_day(self) -> NDArray[np.int64]:
        """Day of each row's cell, `[rows]`."""
        return np.repeat(self.day, np.diff(self.cell_start))

    @property
    def row_weight(self) -> NDArray[np.int64]:
        """Weight of each row's cell, `[rows]`."""
        return np.repeat(self.weight, np.diff(self.cell_start))

    @property
    def row_hour(self) -> NDArray[np.int64]:
        """Hour of each row's cell, `[rows]`."""
        return np.repeat(self.hour, np.diff(self.cell_start))


CELL_COLUMNS = ("day", "hour", "weight", "query", "market_ecpm")
ROW_COLUMNS = ("advertiser", "pctr", "pcvr", "item_price", "keyword_bid", "ctr", "cvr")
