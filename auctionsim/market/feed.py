"""Where a replay gets its traffic from: a table in memory, or pieces of one that is larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.arguments import CTR, CVR, ITEM_PRICE, QUALITY, ROW_COLUMNS, Cells, Rows, aligned
from auctionsim.market.bids import feature_columns
from auctionsim.market.rules import Rules
from auctionsim.market.traffic import Traffic


class Piece(NamedTuple):
    """Consecutive cells of one hour."""

    cells: Cells
    rows: Rows
    first_cell: int
    last_cell: int
    place: int
    """The first cell's place in the hour."""


def rows_of(
    advertiser: NDArray[np.int64],
    phi: NDArray[np.float64],
    quality: NDArray[np.float64],
    ctr: NDArray[np.float64],
    cvr: NDArray[np.float64],
    item_price: NDArray[np.float64],
) -> Rows:
    """Rows as the engine reads them, from columns."""
    figures = aligned((len(advertiser), ROW_COLUMNS))
    figures[:, :QUALITY] = phi
    for column, values in ((QUALITY, quality), (CTR, ctr), (CVR, cvr), (ITEM_PRICE, item_price)):
        figures[:, column] = values
    # Read-only as a table's own arrays, so that the engine is compiled for one kind of array.
    for array in (advertiser, figures):
        array.setflags(write=False)
    return Rows(advertiser, figures)


class Feed(Protocol):
    """Traffic as the engine takes it; the pieces of an hour come in order and may be as small as memory asks."""

    @property
    def advertisers(self) -> tuple[str, ...]:
        """Names, in the order of every advertiser axis."""

    @property
    def most_rows(self) -> int:
        """Candidates in the largest cell."""

    def pieces(self, day: int, hour: int, places: tuple[int, int] | None = None) -> Iterator[Piece]:
        """The cells of an hour, or those from one place in it to before another."""

    def weights(self, day: int, hour: int) -> NDArray[np.int64]:
        """Auctions of every cell of an hour."""


class TableFeed:
    """A table in memory: every hour is one piece of the same arrays.

    Args:
        traffic: The table.
        rules: The auction's.
        phi: `feature_columns(traffic)`, where the caller has it already.
    """

    def __init__(self, traffic: Traffic, rules: Rules, phi: NDArray[np.float64] | None = None) -> None:
        phi = feature_columns(traffic) if phi is None else phi
        self._traffic = traffic
        self._cells = Cells(traffic.cell_start, traffic.weight, traffic.market_ecpm)
        self._rows = rows_of(traffic.advertiser, phi, rules.quality(traffic.pctr), traffic.ctr, traffic.cvr, traffic.item_price)

    @property
    def advertisers(self) -> tuple[str, ...]:
        """Names, in the order of every advertiser axis."""
        return self._traffic.advertisers

    @property
    def most_rows(self) -> int:
        """Candidates in the largest cell."""
        return int(np.diff(self._traffic.cell_start).max(initial=0))

    @property
    def phi(self) -> NDArray[np.float64]:
        """Bid features of every row, `[rows, 4]`."""
        return self._rows.figures[:, :QUALITY]

    @property
    def quality(self) -> NDArray[np.float64]:
        """What a bid is multiplied with to rank, `[rows]`."""
        return self._rows.figures[:, QUALITY]

    def pieces(self, day: int, hour: int, places: tuple[int, int] | None = None) -> Iterator[Piece]:
        """The hour, or the part of it, as one piece.

        Raises:
            ValueError: The table has no such day.
        """
        first, last = self._traffic.cells_of(day, hour)
        begin, end = (0, last - first) if places is None else places
        yield Piece(self._cells, self._rows, first + begin, first + end, begin)

    def weights(self, day: int, hour: int) -> NDArray[np.int64]:
        """Auctions of every cell of an hour."""
        weight: NDArray[np.int64] = self._traffic.weight[slice(*self._traffic.cells_of(day, hour))]
        return weight
