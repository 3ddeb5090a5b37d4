"""Where a replay gets its traffic from: a table in memory, or pieces of one that is larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import QUALITY, Cells, Rows
from auctionsim.auction.kernel.candidates import rows_of
from auctionsim.auction.rules import Rules
from auctionsim.traffic.store import StoredTraffic
from auctionsim.traffic.table import Traffic


class Piece(NamedTuple):
    """Consecutive cells of one hour."""

    cells: Cells
    rows: Rows
    first_cell: int
    last_cell: int
    place: int
    """The first cell's place in the hour."""


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
        phi: Bid features `[rows, 4]` in place of the table's own.
    """

    def __init__(self, traffic: Traffic, rules: Rules, phi: NDArray[np.float64] | None = None) -> None:
        self._traffic = traffic
        self._cells = Cells(traffic.cell_start, traffic.weight, traffic.market_ecpm)
        columns = (traffic.pcvr, traffic.keyword_bid, traffic.ctr, traffic.cvr, traffic.item_price)
        self._rows = rows_of(traffic.advertiser, rules.quality(traffic.pctr), *columns, phi=phi)

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


class StoredFeed:
    """The pieces of stored traffic as the engine takes them."""

    def __init__(self, stored: StoredTraffic, rules: Rules) -> None:
        self._stored = stored
        self._rules = rules
        self.advertisers = stored.advertisers
        self.most_rows = stored.most_rows

    def weights(self, day: int, hour: int) -> NDArray[np.int64]:
        """Auctions of every cell of an hour."""
        return self._stored.weights(day, hour)

    def pieces(self, day: int, hour: int, places: tuple[int, int] | None = None) -> Iterator[Piece]:
        """The cells of an hour, or those from one place in it to before another, piece by piece."""
        place = 0 if places is None else places[0]
        for part in self._stored.columns(day, hour, places):
            n_cells = len(part["size"])
            start = np.append(0, np.cumsum(part["size"], dtype=np.int64))
            cells = Cells(start, part["weight"].astype(np.int64), part["market_ecpm"].astype(np.float64))
            quality, advertiser = self._rules.quality(part["pctr"].astype(np.float64)), part["advertiser"].astype(np.int64)
            pctr, pcvr, item_price = part["pctr"], part["pcvr"], part["item_price"]
            rows = rows_of(advertiser, quality, pcvr, part["keyword_bid"], pctr, pcvr, item_price)
            for array in cells:
                array.setflags(write=False)
            yield Piece(cells, rows, 0, n_cells, place)
            place += n_cells


def source_of(traffic: Traffic | StoredTraffic, rules: Rules) -> TableFeed | StoredFeed:
    """Return the traffic as the engine takes it under these rules."""
    return TableFeed(traffic, rules) if isinstance(traffic, Traffic) else StoredFeed(traffic, rules)
