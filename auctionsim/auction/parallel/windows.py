"""Clear a step in windows of auctions on several threads, exactly: ranked side by side, settled as a fixed point.

A window is cut into blocks, one after the other in time, one for each thread:

1. The first block is cleared in order, as by one thread. All others are ranked at the same time, under the budgets at the
   window's beginning (`auction/kernel/ahead.py`).
2. Each is settled as soon as it is ranked, beginning with a guess of what every advertiser has spent by then; at first what it
   had at the window's beginning. Settling is short beside ranking.
3. Adding up what the blocks before it spent gives every block the cost at which it should have begun. A block that began with
   another cost is right all the same if its budgets did not notice: with either cost nobody in it runs out, or has run out
   before. The others are settled again from the cost that is known now, back to 2.

The first block is always right, and every round makes at least one more right, so it ends after as many rounds as blocks,
mostly after one or two. Accounts are integers, so that sums over blocks do not depend on the cuts, and what comes out is the
sequential result to the bit.

For example, an advertiser with a budget of 10 has spent 7 when a window of two blocks begins, and each block costs it 2. Both
begin with 7 and end with 9. The second should have begun with 9 and run out: it is settled again. Had it spent 3 before,
nothing would have to be done, as 3 + 2 and 5 + 2 are both below 10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.ahead import Rankings, first_of, make_rankings, rank_ahead, settle_ranked, withdraw_exhausted
from auctionsim.auction.kernel.arguments import (
    CHARGE_SCALE,
    SPENDABLE,
    Accounts,
    Auction,
    AuctionRules,
    Bids,
    Workspace,
    aligned,
    make_accounts,
)
from auctionsim.auction.kernel.engine import make_workspace, replay_buckets
from auctionsim.auction.outcome import COST, IMPRESSIONS, Effort
from auctionsim.auction.sources import Chunk
from auctionsim.names.display import short_repr

Task = TypeVar("Task")
Result = TypeVar("Result")
Costs = NDArray[np.int64]
"""Cost of the day so far in units of each account, `[advertisers, P]`."""

_LEAST, _FIRST, _MOST = 4096, 16_384, 65_536
"""Fewest buckets of a window, those of the first, and most; fewer are cleared in order before threads have met."""
MOST_RANKINGS = 4_000_000
"""Most scores that a window of threads keeps, or a piece of a worker's: some 20 to 40 bytes each."""
_FEW, _MANY, _TOO_MANY = 0.01, 0.05, 0.3
"""Shares of rankings made again, below which windows grow, above which they shrink, and above which they do not pay."""
_PAUSE = 8
"""Windows that are cleared in order before it is tried again whether they pay."""
_IN_ORDER = 1.2
"""Auctions that are cleared in order while one is ranked ahead and settled, once or again."""


@dataclass(frozen=True, eq=False)
class Settled:
    """A block that was settled from some costs."""

    spent: Costs
    """Charges of every account, in units."""
    sums: NDArray[np.int64]
    """Its other sums, `[advertisers, P, 4]`."""
    ranked_again: int
    """Rankings that were made again."""

    __repr__ = short_repr


def settle_blocks(
    ledger: NDArray[np.int64],
    n_blocks: int,
    n_rankings: int,
    settle: Callable[[Sequence[tuple[int, Costs]]], Sequence[Settled]],
) -> Effort:
    """Settle the consecutive blocks of a window as a fixed point.

    Args:
        ledger: The day's accounts at the window's beginning; updated to its end.
        n_blocks: Number of blocks.
        n_rankings: Number of their rankings, buckets x policies.
        settle: Settles the blocks with these numbers from these costs, side by side.

    Returns:
        The effort.
    """
    begin, spendable = ledger[:, :, COST].copy(), ledger[:, :, SPENDABLE].copy()
    opening, settled = [begin] * n_blocks, dict[int, Settled]()
    pending, effort = list(range(n_blocks)), Effort(windows=1, ranked=n_rankings)
    while pending:
        effort.rounds += 1
        settled |= zip(pending, settle([(k, opening[k]) for k in pending]), strict=True)
        effort.ranked_again += sum(settled[k].ranked_again for k in pending)
        cost, pending = begin, []
        for number in range(n_blocks):
            if not _is_same(opening[number], cost, settled[number].spent, spendable):
                opening[number] = cost
                pending.append(number)
            cost = cost + settled[number].spent
    for one in settled.values():
        ledger[:, :, :COST] += one.sums
    ledger[:, :, COST] = cost
    return effort


def _is_same(used: Costs, right: Costs, spent: Costs, spendable: Costs) -> bool:
    """Return whether a block that began with the costs `used` went as if it had begun with the `right` ones."""
    are_out = (used >= spendable) & (right >= spendable)
    stay_in = np.maximum(used, right) + spent < spendable
    return bool(((used == right) | are_out | stay_in).all())


def cuts(n_blocks: int) -> NDArray[np.float64]:
    """Return where the blocks of a window begin and end, as shares of it, `[n_blocks + 1]`, so that all take as long.

    The first is cleared in order, which is faster, and has more of the window. Results do not depend on it.
    """
    edges = np.append(0.0, _IN_ORDER + np.arange(n_blocks))
    return edges / edges[-1]


class Block:
    """Consecutive buckets of an hour, ranked once and settled from one cost or another; and after them, those of other windows.

    Args:
        n_policies: Number P of policies.
        rules: The auction's rules.
        workspace: For these rules and policies.
    """

    def __init__(self, n_policies: int, rules: AuctionRules, workspace: Workspace) -> None:
        self._n_policies, self._rules, self._workspace = n_policies, rules, workspace
        # Written over by window after window, they stay in the cache from ranking to settling.
        self._rankings: list[Rankings] = []
        self._bids: Bids

    def begin(
        self, chunks: Iterable[Chunk], bids: Bids, opening: Costs, accounts: Accounts, rng_keys: NDArray[np.uint64]
    ) -> Settled:
        """Rank and settle each chunk, as soon as it is there and in the cache. Nobody needs it afterwards, unless `again` does.

        Args:
            chunks: The buckets.
            bids: Bids that are NaN for whoever has no budget left at the window's beginning.
            opening: Cost of the day at the block's beginning.
            accounts: The day's; its sums are not read or written.
            rng_keys: The hour's RNG key for each policy.
        """
        self._bids = bids
        return self._settled(chunks, opening, accounts, rng_keys, is_ranked=False)

    def again(self, chunks: Iterable[Chunk], opening: Costs, accounts: Accounts, rng_keys: NDArray[np.uint64]) -> Settled:
        """Settle the same chunks from other costs; see `begin`."""
        return self._settled(chunks, opening, accounts, rng_keys, is_ranked=True)

    def _settled(
        self, chunks: Iterable[Chunk], opening: Costs, accounts: Accounts, rng_keys: NDArray[np.uint64], *, is_ranked: bool
    ) -> Settled:
        changed, ranked_again = _opened(accounts, opening), 0
        # The prefilter is not used in settling.
        left = Bids(self._bids.theta.copy(), self._bids.theta_simd.copy(), np.zeros_like(self._bids.theta_f32[:, :0]))
        withdraw_exhausted(changed.ledger, left)
        for number, chunk in enumerate(chunks):
            first, last = chunk.first_bucket, chunk.last_bucket
            rankings = self._rankings_of(number, last - first)
            auction = Auction(chunk.buckets, chunk.candidates, self._bids, self._rules, accounts, self._workspace)
            if not is_ranked:
                rank_ahead(first, last, rankings, auction)
            auction = auction._replace(bids=left, accounts=changed)
            ranked_again += settle_ranked(first, last, chunk.first_index, rng_keys, rankings, auction)
        return _settled(changed, opening, ranked_again)

    def _rankings_of(self, number: int, n_buckets: int) -> Rankings:
        """Return room for the rankings of a chunk, or these rankings."""
        rules = self._rules
        if number == len(self._rankings) or n_buckets > len(self._rankings[number].who):
            room = make_rankings(n_buckets, len(rules.slot_effect), self._n_policies, is_sampled=rules.is_sampled)
            self._rankings[number : number + 1] = [room]
        return first_of(self._rankings[number], n_buckets)


def clear_in_order(
    chunks: Iterable[Chunk],
    bids: Bids,
    opening: Costs,
    accounts: Accounts,
    rng_keys: NDArray[np.uint64],
    rules: AuctionRules,
    workspace: Workspace,
) -> Settled:
    """Clear the first block of a window, whose opening costs are known: ranking ahead and settling takes an eighth longer.

    Args:
        chunks: Its buckets.
        bids: Bids that are NaN for whoever has no budget left at the window's beginning.
        opening: Cost of the day at the window's beginning.
        accounts: The day's; its sums are not read or written.
        rng_keys: The hour's RNG key for each policy.
        rules: The auction's rules.
        workspace: For these rules and policies.
    """
    changed = _opened(accounts, opening)
    # Others rank under the budgets of the window's beginning meanwhile.
    own = Bids(bids.theta.copy(), bids.theta_simd.copy(), bids.theta_f32.copy())
    for chunk in chunks:
        auction = Auction(chunk.buckets, chunk.candidates, own, rules, changed, workspace)
        replay_buckets(chunk.first_bucket, chunk.last_bucket, chunk.first_index, rng_keys, auction)
    return _settled(changed, opening, 0)


def _opened(accounts: Accounts, opening: Costs) -> Accounts:
    """Return accounts that begin with the costs `opening` and without other sums."""
    own = aligned(accounts.ledger.shape, np.int64)
    own[:, :, COST:] = accounts.ledger[:, :, COST:]
    own[:, :, COST] = opening
    return make_accounts(own, accounts.outcome_scale, accounts.is_wide, accounts.details, accounts.local_credit)


def _settled(accounts: Accounts, opening: Costs, ranked_again: int) -> Settled:
    ledger = accounts.ledger
    return Settled(ledger[:, :, COST] - opening, ledger[:, :, :COST].copy(), ranked_again)


@dataclass
class Pace:
    """How large windows pay: small ones where many budgets are about to run out. Results do not depend on it."""

    size: int = field(default_factory=lambda: _FIRST)
    """Buckets of a window, unless budgets are about to run out."""
    in_order: int = 0
    """Windows that are still to be cleared in order, as windows did not pay."""
    cost: NDArray[np.float64] | None = None
    """Currency charged for each bucket of the last window, `[advertisers, P]`."""
    shown: NDArray[np.float64] | None = None
    """Ads shown in each auction of the last window, `[advertisers, P]`."""

    def next_size(self, accounts: Accounts) -> int:
        """Return the buckets of the next window: so many that few rankings will have to be made again.

        Who runs out after a quarter of a window makes three quarters of its rankings wrong: those in which it wins, and about
        as many in which it is next below.
        """
        if self.cost is None or self.shown is None:
            return self.size
        scale = accounts.charge_scale[:, :, CHARGE_SCALE]
        left = (accounts.ledger[:, :, SPENDABLE] - accounts.ledger[:, :, COST]) / scale
        lasts = np.full_like(left, np.inf)
        np.divide(left, self.cost, out=lasts, where=(self.cost > 0) & (left > 0))
        size = self.size
        while size >= _LEAST and (2 * self.shown * np.maximum(1 - lasts / size, 0)).sum(axis=0).mean() > _MANY:
            size //= 2
        return size

    def learn(self, accounts: Accounts, before: NDArray[np.int64], auctions: int, buckets: int) -> None:
        """Learn from a window what it charged and showed; `before` holds impressions and cost before it, `[A, P, 2]`."""
        found = accounts.ledger[:, :, [IMPRESSIONS, COST]] - before
        self.shown = found[:, :, 0] / auctions
        self.cost = found[:, :, 1] / accounts.charge_scale[:, :, CHARGE_SCALE] / buckets

    def adapt(self, share: float, most: int) -> None:
        """Choose the size of the next window, at most `most`, from the share of rankings that were made again in the last."""
        if share > _TOO_MANY and self.size <= _LEAST:
            self.in_order = _PAUSE
        if share > _MANY:
            self.size = max(self.size // 2, _LEAST)
        elif share < _FEW:
            self.size = max(min(self.size * 2, most), _LEAST)


class WindowedReplay:
    """Clears the chunks of a step on several threads.

    Args:
        threads: Number of threads.
        rules: The auction's rules.
        n_policies: Number P of policies.
        max_candidates: Candidates in the largest bucket.
        pace: The day's pace, which goes on from step to step.
    """

    def __init__(self, threads: int, rules: AuctionRules, n_policies: int, max_candidates: int, pace: Pace) -> None:
        self._rules, self._n_policies = rules, n_policies
        self._pool = ThreadPoolExecutor(threads - 1)
        self._workspaces = [make_workspace(n_policies, len(rules.slot_effect), max_candidates) for _ in range(threads)]
        self._blocks = [Block(n_policies, rules, workspace) for workspace in self._workspaces]
        self._pace = pace
        self.effort = Effort()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def replay(self, chunk: Chunk, bids: Bids, accounts: Accounts, rng_keys: NDArray[np.uint64]) -> None:
        """Clear a chunk; updates `accounts`, and `bids` where budgets run out."""
        pace, begin = self._pace, chunk.first_bucket
        most = min(_MOST, MOST_RANKINGS // ((len(self._rules.slot_effect) + 1) * self._n_policies))
        while begin < chunk.last_bucket:
            end = min(begin + pace.next_size(accounts), chunk.last_bucket)
            window = chunk._replace(
                first_bucket=begin, last_bucket=end, first_index=chunk.first_index + begin - chunk.first_bucket
            )
            if pace.in_order > 0 or end - begin < _LEAST:
                pace.in_order = max(pace.in_order - 1, 0)
                auction = Auction(chunk.buckets, chunk.candidates, bids, self._rules, accounts, self._workspaces[0])
                replay_buckets(begin, end, window.first_index, rng_keys, auction)
                self.effort.in_order += (end - begin) * self._n_policies
            else:
                before = accounts.ledger[:, :, [IMPRESSIONS, COST]]
                share = self._replay_window(window, bids, accounts, rng_keys)
                pace.learn(accounts, before, int(chunk.buckets.weight[begin:end].sum()), end - begin)
                pace.adapt(share, most)
            begin = end

    def _side_by_side(self, call: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """Call a function for every task, for the first on this thread, which would only wait for another to wake up."""
        others = [self._pool.submit(call, task) for task in tasks[1:]]
        return [call(tasks[0]), *(other.result() for other in others)]

    def _replay_window(self, window: Chunk, bids: Bids, accounts: Accounts, rng_keys: NDArray[np.uint64]) -> float:
        """Clear a window, and return the share of rankings that were made again."""
        parts = _parts(window, len(self._workspaces))
        unranked = set(range(1, len(parts)))

        def settled(task: tuple[int, Costs]) -> Settled:
            number, opening = task
            if number == 0:
                return clear_in_order(parts[:1], bids, opening, accounts, rng_keys, self._rules, self._workspaces[0])
            if number in unranked:
                # In the task that settles it first: the guess it begins with does not depend on the blocks before it.
                unranked.discard(number)
                return self._blocks[number].begin([parts[number]], bids, opening, accounts, rng_keys)
            return self._blocks[number].again([parts[number]], opening, accounts, rng_keys)

        def settle(tasks: Sequence[tuple[int, Costs]]) -> Sequence[Settled]:
            return self._side_by_side(settled, tasks)

        n_rankings = (window.last_bucket - window.first_bucket) * self._n_policies
        effort = settle_blocks(accounts.ledger, len(parts), n_rankings, settle)
        withdraw_exhausted(accounts.ledger, bids)
        self.effort.add(effort)
        return effort.ranked_again / effort.ranked


def _parts(window: Chunk, n_parts: int) -> list[Chunk]:
    """Cut a window into parts whose candidates are by `cuts`, none of them without buckets."""
    first, last = window.first_bucket, window.last_bucket
    start = window.buckets.start
    wanted = start[first] + cuts(n_parts)[1:-1] * (start[last] - start[first])
    edges = sorted({first, last, *(np.clip(np.searchsorted(start[first:last], wanted) + first, first, last).tolist())})
    return [
        window._replace(first_bucket=begin, last_bucket=end, first_index=window.first_index + begin - first)
        for begin, end in pairwise(edges)
    ]
