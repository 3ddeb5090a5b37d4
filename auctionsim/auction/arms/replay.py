"""Replay one day whose auctions belong to two arms of an experiment, hour by hour, with exact budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction import units
from auctionsim.auction.arms.clear import Tally, Visits, clear_visits
from auctionsim.auction.kernel.arguments import (
    LEDGER_COLUMNS,
    SPENDABLE,
    Auction,
    AuctionBuckets,
    aligned,
    make_accounts,
)
from auctionsim.auction.kernel.engine import make_workspace, padded
from auctionsim.auction.kernel.ledger import choose_units, collect_step, money_left
from auctionsim.auction.kernel.noise import hour_rng_key
from auctionsim.auction.kernel.rank import make_bids
from auctionsim.auction.outcome import COST, OUTCOMES
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import Chunk, TableSource
from auctionsim.auction.throttling import participating
from auctionsim.errors import InputError
from auctionsim.names.display import short_repr
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ArmBids:
    """The bids of one arm in an hour."""

    coefficients: Array
    """theta over `bid_formula.FEATURES`, >= 0, `[advertisers, 4, 1]`."""
    share: Array | None = None
    """Share of its auctions that each advertiser enters, by chance, in [0, 1], `[advertisers, 1]`; None for all."""

    __repr__ = short_repr


class _Pot:
    """The accounts of one set of budgets."""

    def __init__(self, budgets: Array) -> None:
        n = len(budgets)
        self.budgets = budgets[:, None].copy()
        self.ledger = aligned((n, 1, LEDGER_COLUMNS), np.int64)
        self.scales = self.ledger.view(np.float64)
        self.cost_before = np.zeros((n, 1), dtype=np.int64)
        self.last_step = np.zeros((n, len(OUTCOMES), 1))
        self.cumulative = np.zeros_like(self.last_step)

    @property
    def is_in_play(self) -> NDArray[np.bool_]:
        """Return who has budget left, `[advertisers, 1]`."""
        in_play: NDArray[np.bool_] = self.ledger[:, :, COST] < self.ledger[:, :, SPENDABLE]
        return in_play

    @property
    def budget_left(self) -> Array:
        """Return the currency left of each budget, `[advertisers, 1]`; infinite where there is none."""
        left = np.empty_like(self.budgets)
        money_left(self.ledger, self.scales, self.budgets, left)
        return left

    def collect(self, outcome_scale: Array, details: Array) -> None:
        """Move the sums of an hour out of the ledger."""
        before, self.cumulative, self.last_step = self.cumulative, np.empty_like(self.cumulative), np.empty_like(self.last_step)
        collect_step(
            self.ledger, self.scales, outcome_scale, self.cost_before, details, before, self.last_step, self.cumulative
        )


class ArmsReplay:
    """The replay of one day with two arms; `step` replays an hour.

    Each auction is cleared under the rules and bids of its arm, in the order of the table. With one pot of budgets an
    advertiser whose budget is spent leaves both arms from the next auction on, with two pots only the arm of that pot.

    Args:
        sources: The same traffic table under the rules of control and of treatment.
        day: One of its days.
        rules: The rules of control and of treatment; clicks and conversions are expected in both, or sampled in both.
        visits: The day's auctions with arm and unit, buckets counted in the table.
        pots: Daily budgets, currency `[advertisers]`, infinite for none: one array for both arms, or one for each.
        n_units: Number of units.
        seed: Seed of sampled outcomes and throttled auctions.

    Raises:
        InputError: Outcomes are sampled in one arm only.
    """

    def __init__(
        self,
        sources: tuple[TableSource, TableSource],
        day: int,
        rules: tuple[Rules, Rules],
        visits: Visits,
        pots: Sequence[Array],
        n_units: int,
        seed: int = 0,
    ) -> None:
        if rules[0].outcomes != rules[1].outcomes:
            raise InputError(f"rules: expected outcomes {rules[0].outcomes!r} in both arms, got {rules[1].outcomes!r}")
        self.day, self.hour = day, 0
        """Day, and hour of the next step; 24 when the day is over."""
        self._sources, self._rules, self._visits, self._seed = sources, rules, visits, seed
        self._kernel_rules = [one.for_kernel() for one in rules]
        self._pots = [_Pot(budgets) for budgets in pots]
        self._pot_of = self._pots * 2 if len(self._pots) == 1 else self._pots
        # Both arms count in the same units, those that suit the one with more slots.
        self._largest = [source.largest(day) for source in sources]
        self._bits = max(units.count_bits(*pair) for pair in zip(self._largest, rules, strict=True))
        self._outcome_scale = np.minimum(*(units.outcome_scales(*pair) for pair in zip(self._largest, rules, strict=True)))
        self._is_wide = all(units.are_wide(*pair) for pair in zip(self._largest, rules, strict=True))
        n, n_rows = len(sources[0].advertisers), sources[0].max_candidates
        self._workspaces = [make_workspace(1, len(one.slot_effect), n_rows) for one in rules]
        self._n_units, self._n_rows = n_units, n_rows
        self.by_unit = np.zeros((n_units, len(OUTCOMES)))
        """Outcomes of the day so far by unit, all advertisers together, `[units, 5]`."""
        self.by_arm = np.zeros((2, n, len(OUTCOMES)))
        """Outcomes of the day so far by arm and advertiser, `[2, advertisers, 5]`."""

    @property
    def is_over(self) -> bool:
        """Whether all 24 hours were replayed."""
        return self.hour == HOURS

    def account(self, arm: int) -> tuple[Array, Array, Array]:
        """Return what an arm's bidders see.

        Args:
            arm: 0 for control, 1 for treatment.

        Returns:
            Budget left `[advertisers, 1]`, and the outcomes of their pot in the last hour and in the day so far,
            `[advertisers, 5, 1]` each; with one pot those of both arms together.
        """
        pot = self._pot_of[arm]
        return pot.budget_left, pot.last_step, pot.cumulative

    def step(self, bids: tuple[ArmBids, ArmBids]) -> None:
        """Replay the next hour.

        Args:
            bids: The bids of control and of treatment.
        """
        self._choose_units(bids)
        chunks = [next(source.chunks(self.day, self.hour)) for source in self._sources]
        first, last = chunks[0].first_bucket, chunks[0].last_bucket
        weight = np.ones(last - first, dtype=np.int64)
        details, local_credit = np.zeros((0, 1, 3)), np.zeros((0, 2, padded(1)))
        auctions = []
        for arm, chunk in enumerate(chunks):
            pot, workspace, own = self._pot_of[arm], self._workspaces[arm], bids[arm]
            made = make_bids(own.coefficients, pot.is_in_play, workspace, is_clipped=self._rules[arm].is_clipped)
            accounts = make_accounts(pot.ledger, self._outcome_scale, self._is_wide, details, local_credit)
            part = self._part(chunk, own.share, weight)
            auctions.append(Auction(part.buckets, part.candidates, made, self._kernel_rules[arm], accounts, workspace))
        begin, end = np.searchsorted(self._visits.bucket, [first, last])
        visits = Visits(*(column[begin:end] for column in self._visits))._replace(bucket=self._visits.bucket[begin:end] - first)
        n = len(self._sources[0].advertisers)
        tally = Tally(
            self.by_unit, self.by_arm, np.empty((self._n_rows, len(OUTCOMES)), dtype=np.int64), np.full(n, -1, dtype=np.int64)
        )
        keys = np.zeros(1, dtype=np.uint64)
        if self._rules[0].outcomes == "sampled":
            keys[0] = hour_rng_key(self._seed, self.day, self.hour)
        clear_visits(visits, weight, keys, auctions[0], auctions[1], tally)
        for pot in self._pots:
            pot.collect(self._outcome_scale, details)
        self.hour += 1

    def _choose_units(self, bids: tuple[ArmBids, ArmBids]) -> None:
        """Choose the units in which charges are summed; a pot of both arms takes the coarser."""
        wanted = []
        for own, largest, rules in zip(bids, self._largest, self._rules, strict=True):
            bounds = units.charge_bounds(units.bid_bounds(own.coefficients, largest, rules), largest, rules)
            wanted.append(units.scales(bounds, self._bits))
        if len(self._pots) == 1:
            wanted = [np.minimum(*wanted)]
        for pot, scales in zip(self._pots, wanted, strict=True):
            choose_units(pot.ledger, pot.scales, pot.budgets, scales, pot.cost_before)

    def _part(self, chunk: Chunk, share: Array | None, weight: NDArray[np.int64]) -> Chunk:
        """Return an hour's buckets counted from 0, with the weights of `weight`, and without who does not participate."""
        start = chunk.buckets.start[chunk.first_bucket : chunk.last_bucket + 1]
        external = chunk.buckets.external_score[chunk.first_bucket : chunk.last_bucket]
        candidates = chunk.candidates
        if share is not None:
            # One draw for each row, the same in both arms.
            draws = stream(self._seed, "throttle", self.day, self.hour).random(int(start[-1]) - int(start[0]))
            part = participating(chunk, start, share[:, 0], draws)
            start, candidates = part.buckets.start, part.candidates
        view = weight.view()
        view.setflags(write=False)
        return Chunk(AuctionBuckets(start, view, external), candidates, 0, len(view), 0)


def day_visits(weight: NDArray[np.int64], first: int, block: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a day's buckets and weights, taken apart into blocks of at most so many identical auctions.

    Args:
        weight: Auctions in each bucket of the day, `[buckets]`.
        first: Index of the day's first bucket in the table.
        block: Most auctions in a block, >= 1.

    Returns:
        Bucket and weight of each block, in time order, `[blocks]` each.
    """
    n_blocks = -(-weight // block)
    bucket = np.repeat(np.arange(len(weight)), n_blocks)
    sizes = np.full(len(bucket), block, dtype=np.int64)
    ends = np.cumsum(n_blocks) - 1
    sizes[ends[n_blocks > 0]] = (weight - (n_blocks - 1) * block)[n_blocks > 0]
    return bucket + first, sizes
