"""Throttling: advertisers that stay out of some auctions by chance, without the engine knowing of it.

A candidate that stays out gets NaN bid features in a copy of the hour's rows, which is what the engine takes for a candidate
without budget. One draw per (seed, day, hour, row) decides: a row takes part where its draw is below its advertiser's share,
so that a policy with a larger share enters the auctions of a smaller one and more, whatever policies are beside it. Policies
with equal seed and shares are replayed together, others one group after the other: an hour costs up to as much as its policies
one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import Bids, Books, Cells, Room, Terms, aligned
from auctionsim.auction.kernel.engine import make_room, padded, replay_cells
from auctionsim.auction.kernel.lanes import N_FEATURES
from auctionsim.auction.kernel.ranking import make_bids
from auctionsim.auction.sources import Piece
from auctionsim.streams import stream

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Group:
    """Policies that take part in the same auctions."""

    members: NDArray[np.int64]
    seed: int
    share: Array
    """`[advertisers]`."""
    bids: Bids
    books: Books
    luck: NDArray[np.uint64]
    room: Room


def replay_throttled(
    pieces: Iterable[Piece],
    key: tuple[int, int],
    seeds: list[int],
    share: Array,
    coefficients: Array,
    is_in_play: NDArray[np.bool_],
    luck: NDArray[np.uint64],
    terms: Terms,
    books: Books,
    *,
    is_clipped: bool,
    most_rows: int,
) -> None:
    """Replay an hour in which advertisers take part in a share of their auctions; adds to `books`.

    Args:
        pieces: Of the hour, in order.
        key: Day and hour.
        seeds: Of each policy's draws, `[P]`.
        share: Of the auctions that an advertiser takes part in, in [0, 1], `[advertisers, P]`.
        coefficients: `[advertisers, 4, P]`.
        is_in_play: Who has budget left, `[advertisers, P]`.
        luck: As of `engine.replay_cells`.
        terms: The auction's rules.
        books: Of all policies.
        is_clipped: Whether bids are clipped.
        most_rows: Candidates in the largest cell.
    """
    groups = []
    for members in _alike(seeds, share):
        room = make_room(len(members), len(terms.slot_effect), most_rows)
        bids = make_bids(coefficients[:, :, members], is_in_play[:, members], room, is_clipped=is_clipped)
        of_group = _books_of(books, members)
        groups.append(_Group(members, seeds[members[0]], share[:, members[0]], bids, of_group, luck[members], room))
    draws = {seed: stream(seed, "throttle", *key) for seed in set(seeds)}
    for piece in pieces:
        start = piece.cells.start[piece.first_cell : piece.last_cell + 1]
        first_row, last_row = int(start[0]), int(start[-1])
        drawn = {seed: rng.random(last_row - first_row) for seed, rng in draws.items()}
        for group in groups:
            own = _without(piece, start, group.share, drawn[group.seed])
            replay_cells(
                own.first_cell, own.last_cell, own.place, group.luck, own.cells, own.rows, group.bids, terms, group.books,
                group.room,
            )  # fmt: skip
    for group in groups:
        n = len(group.members)
        books.ledger[:, group.members] = group.books.ledger
        books.details[:, group.members] = group.books.details
        books.shared[:, :, group.members] = group.books.shared[:, :, :n]


def _alike(seeds: list[int], share: Array) -> Iterator[NDArray[np.int64]]:
    """Policies by seed and shares, in the order of their first."""
    groups: dict[tuple[int, bytes], list[int]] = {}
    for p, seed in enumerate(seeds):
        groups.setdefault((seed, share[:, p].tobytes()), []).append(p)
    return (np.array(members) for members in groups.values())


def _books_of(books: Books, members: NDArray[np.int64]) -> Books:
    """The books of some policies, copied."""
    ledger = aligned((books.ledger.shape[0], len(members), books.ledger.shape[2]))
    ledger[...] = books.ledger[:, members]
    shared = np.zeros((*books.shared.shape[:2], padded(len(members))))
    shared[:, :, : len(members)] = books.shared[:, :, members]
    return Books(ledger, np.ascontiguousarray(books.details[:, members]), shared)


def _without(piece: Piece, start: NDArray[np.int64], share: Array, drawn: Array) -> Piece:
    """The piece as arrays of its own in which rows that stay out have no bid."""
    first_row, last_row = int(start[0]), int(start[-1])
    of_rows = slice(first_row, last_row)
    rows = piece.rows._replace(**{name: column[of_rows] for name, column in piece.rows._asdict().items()})
    figures = rows.figures.copy()
    figures[drawn >= share[rows.advertiser], :N_FEATURES] = np.nan
    own_start = start - first_row
    for array in (figures, own_start):
        # As the table's own arrays: the engine is compiled for one kind.
        array.setflags(write=False)
    of_piece = slice(piece.first_cell, piece.last_cell)
    cells = Cells(own_start, piece.cells.weight[of_piece], piece.cells.outside[of_piece])
    return Piece(cells, rows._replace(figures=figures), 0, piece.last_cell - piece.first_cell, piece.place)
