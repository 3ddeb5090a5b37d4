"""Clear one day on many workers, exactly: each ranks and settles pieces of every hour, which lie with it.

It is the fixed point of `auction/parallel/windows.py` with workers in place of threads. A window is a part of an hour, cut into
as many pieces as there are workers. A worker reads and ranks its piece once; what travels after that, for every round of
settling, is what each account has spent by the piece's beginning, and what it spends in it: 8 bytes for each advertiser and
policy, however many auctions there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.kernel.arguments import LEDGER_COLUMNS, SPENDABLE, Accounts, make_accounts
from auctionsim.auction.kernel.engine import make_workspace
from auctionsim.auction.kernel.rank import make_bids
from auctionsim.auction.outcome import COST, Effort
from auctionsim.auction.parallel.windows import MOST_RANKINGS, Block, Costs, Settled, clear_in_order, cuts, settle_blocks
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import Chunk, StoreSource, TrafficSource
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.jobs.distributed.crew import crew_of
from auctionsim.traffic.table import HOURS

_ROWS = 2_000_000
"""About as many candidates are in a piece. Of a stored day, what lies in memory is a part of it, and its rankings."""


@dataclass(frozen=True, eq=False)
class Piece:
    """What a worker must know to rank a piece, or to rank it again after it was replaced."""

    number: int
    """Number of the window on this day, by which a worker knows whether it has ranked the piece."""
    day: int
    hour: int
    buckets: tuple[int, int]
    """Indexes in the hour of its first bucket, and one past its last."""
    coefficients: NDArray[np.float64]
    """theta of the hour, `[advertisers, 4, P]`."""
    ledger: NDArray[np.int64]
    """The day's accounts at the window's beginning."""
    outcome_scale: NDArray[np.float64]
    is_wide: bool
    """Units, and whether amounts are wide, like those of `Accounts`."""
    rng_keys: NDArray[np.uint64]
    is_first: bool
    """Whether it is the first of its window, which begins with the accounts' own costs."""

    def accounts(self) -> Accounts:
        """Return the accounts at the window's beginning, without details and local credit."""
        n_policies = self.ledger.shape[1]
        nothing = np.zeros((0, n_policies, 3)), np.zeros((0, 2, n_policies))
        # What Ray hands over is read-only, for which the kernel would be compiled once more.
        return make_accounts(self.ledger, self.outcome_scale.copy(), self.is_wide, *nothing)


class PieceWorker:
    """Ranks pieces of a day and settles them; lives on a worker.

    Args:
        source: The traffic.
        rules: The auction's rules.
        n_policies: Number P of policies.
    """

    def __init__(self, source: TrafficSource, rules: Rules, n_policies: int) -> None:
        self._source = source.in_parts() if isinstance(source, StoreSource) else source
        self._rules, self._n_policies = rules, n_policies
        self._workspace = make_workspace(n_policies, len(rules.slot_effect), source.max_candidates)
        self._piece: Piece | None = None
        self._block = Block(n_policies, rules.for_kernel(), self._workspace)

    def begin(self, piece: Piece, opening: Costs) -> Settled:
        """Read and rank a piece, and settle it from the costs `opening`; clear it in order where these are surely right."""
        rules, rng_keys = self._rules.for_kernel(), piece.rng_keys.copy()
        is_in_play = piece.ledger[:, :, COST] < piece.ledger[:, :, SPENDABLE]
        bids = make_bids(piece.coefficients, is_in_play, self._workspace, is_clipped=self._rules.is_clipped)
        if piece.is_first:
            return clear_in_order(self._chunks(piece), bids, opening, piece.accounts(), rng_keys, rules, self._workspace)
        self._piece = piece
        return self._block.begin(self._chunks(piece), bids, opening, piece.accounts(), rng_keys)

    def again(self, number: int, opening: Costs) -> Settled | None:
        """Settle the piece of window `number` from other costs; None where this worker has not ranked it."""
        piece = self._piece
        if piece is None or piece.number != number:
            return None
        return self._block.again(self._chunks(piece), opening, piece.accounts(), piece.rng_keys.copy())

    def _chunks(self, piece: Piece) -> Iterator[Chunk]:
        """Read the piece, chunk by chunk."""
        return self._source.chunks(piece.day, piece.hour, piece.buckets)


class DayInPieces:
    """Clears the hours of a day on the workers of a pool; an argument of `DayReplay`.

    Args:
        pool: The pool.
        workers: Number of workers.
        source: The traffic.
        rules: The auction's rules.
        n_policies: Number P of policies.
    """

    sums_local_credit = False

    def __init__(self, pool: Pool, workers: int, source: TrafficSource, rules: Rules, n_policies: int) -> None:
        self._crew = crew_of(pool, PieceWorker, (pool.put(source), rules, n_policies), workers)
        self._workers, self._source, self._n_policies = workers, source, n_policies
        self._n_slots = len(rules.slot_effect)
        self._windows = 0
        self.effort = Effort()
        self.bytes_sent = 0
        """Bytes of coefficients, accounts and sums that travelled so far."""

    def clear(
        self, day: int, hour: int, coefficients: NDArray[np.float64], accounts: Accounts, rng_keys: NDArray[np.uint64]
    ) -> None:
        """Clear an hour; updates `accounts`."""
        n_buckets, n_rows = self._source.size_of(day, hour)
        n_rankings = n_buckets * (self._n_slots + 1) * self._n_policies
        n_windows = max(round(n_rows / (self._workers * _ROWS)), math.ceil(n_rankings / (self._workers * MOST_RANKINGS)), 1)
        for first, last in pairwise(np.linspace(0, n_buckets, n_windows + 1).astype(int).tolist()):
            own = sorted(set((first + cuts(self._workers) * (last - first)).astype(int).tolist()))
            if len(own) < 2:
                continue
            self._windows += 1
            ledger = accounts.ledger.copy()
            pieces = [
                Piece(
                    self._windows, day, hour, (begin, end), coefficients, ledger, accounts.outcome_scale, accounts.is_wide,
                    rng_keys, is_first=begin == own[0],
                )
                for begin, end in pairwise(own)
            ]  # fmt: skip
            self._clear_window(pieces, accounts)

    def _clear_window(self, pieces: list[Piece], accounts: Accounts) -> None:
        """Clear a window whose pieces lie with one worker each."""
        has_begun = set[int]()

        def settle(tasks: Sequence[tuple[int, Costs]]) -> Sequence[Settled]:
            opening = dict(tasks)
            known = [number for number in opening if number in has_begun]
            found = dict(zip(known, self._call("again", {k: (pieces[k].number, opening[k]) for k in known}), strict=True))
            # Nobody has begun, or a worker was replaced since.
            new = [number for number in opening if found.get(number) is None]
            found |= dict(zip(new, self._call("begin", {k: (pieces[k], opening[k]) for k in new}), strict=True))
            has_begun.update(opening)
            return [found[number] for number in opening]

        n_rankings = (pieces[-1].buckets[1] - pieces[0].buckets[0]) * self._n_policies
        self.effort.add(settle_blocks(accounts.ledger, len(pieces), n_rankings, settle))

    def _call(self, method: str, arguments: dict[int, tuple[Any, ...]]) -> list[Any]:
        """Call a method of some workers, and count what travels."""
        found = self._crew.call(method, list(arguments.items()))
        self.bytes_sent += sum(_size_of(value) for own in arguments.values() for value in own) + sum(map(_size_of, found))
        return found

    def warm_up(self, day: int) -> None:
        """Have every worker begun with the day's first bucket, for nothing, so that it has started and loaded the engine."""
        hour = next(hour for hour in range(HOURS) if self._source.size_of(day, hour)[0])
        n_advertisers, n_policies = len(self._source.advertisers), self._n_policies
        ledger = np.zeros((n_advertisers, n_policies, LEDGER_COLUMNS), dtype=np.int64)
        ledger[:, :, SPENDABLE] = 1
        zeros, keys = np.zeros((n_advertisers, len(FEATURES), n_policies)), np.zeros(n_policies, dtype=np.uint64)
        costs = ledger[:, :, COST]
        # Both ways of beginning, so that what they take is loaded.
        pieces = [
            Piece(-1, day, hour, (0, 1), zeros, ledger, np.ones(4), False, keys, is_first=number == 0)
            for number in range(self._workers)
        ]
        self._crew.call("begin", [(number, (piece, costs)) for number, piece in enumerate(pieces)])

    def close(self) -> None:
        """Dismiss the workers."""
        self._crew.close()


def _size_of(value: Any) -> int:
    """Return the bytes of the arrays in an argument or a result."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    return sum(map(_size_of, vars(value).values())) if isinstance(value, Piece | Settled) else 0
