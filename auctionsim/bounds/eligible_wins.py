"""Eligible wins of a day: the advertisers that could win each auction, and bounds on their payments, whatever learners bid.

With one slot the winner pays per click the next rank score over its own quality, at least the reserve. Learners may bid
anything, so a learner can win every auction it is a candidate in. The others set two bounds on what it pays:

- Payment lower bound: the price against every bid that surely stands. These are the outside bidder, and every advertiser under
  a fixed rule whose budget lasts even if it had won everything so far at its own bid.
- Payment upper bound: the bid cap, or infinity where there is none, if another learner is a candidate, since that one may bid
  just below; else the price against all fixed bids.

An advertiser under a fixed rule wins only where it beats all of those, at a price between theirs and its own bid.
Charges capped by the last of a budget are left to whoever uses this (`bounds/oracle.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.auction.budgets import exhausted_threshold
from auctionsim.auction.kernel.ties import tie_keys
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]
_PER_COLUMN = ("advertiser", "clicks", "conversions", "gmv", "payment_min", "payment_max")


@dataclass(frozen=True, eq=False)
class EligibleWins:
    """Eligible wins: a column for each candidate that can win its cell.

    Columns are contiguous by cell, and every cell has at least one. Quantities are expectations for one auction.
    """

    cell_start: NDArray[np.int64]
    """First column of each cell, and the number of columns at the end: `[cells + 1]`."""
    weight: Array
    """Number of identical auctions that each cell stands for, `[cells]`."""
    must_fill: NDArray[np.bool_]
    """Whether some advertiser of the market wins whatever the learners bid, `[cells]`."""
    advertiser: NDArray[np.int64]
    """Advertiser index of each column, `[columns]`."""
    clicks: Array
    """Expected clicks of the column as winner, `[columns]`."""
    conversions: Array
    """Expected conversions of the column as winner, `[columns]`."""
    gmv: Array
    """Expected GMV of the column as winner, currency, `[columns]`."""
    payment_min: Array
    """Lower bound of the column's expected payment as winner, currency, `[columns]`."""
    payment_max: Array
    """Upper bound of that payment, currency, `[columns]`; infinite where another learner may set it."""

    __repr__ = short_repr

    @property
    def cell(self) -> NDArray[np.int64]:
        """Cell index of each column, `[columns]`."""
        return np.repeat(np.arange(len(self.weight)), np.diff(self.cell_start))


def eligible_wins(market: Market, day: int, *, merge: bool = True) -> EligibleWins:
    """List the eligible wins of a day.

    Args:
        market: The market.
        day: A day of its traffic.
        merge: Whether identical cells are merged, which takes a solver less time and looks at every cell in turn.

    Raises:
        InputError: The market has several slots, first-price payments, sampled outcomes, accounts, or a controller whose bids
            are not known beforehand: for these the payment bounds do not hold.
    """
    _check(market)
    every = _Candidates.of(market, day).eligible_wins()
    return merged(every) if merge else every


def standing_wins(market: Market, day: int) -> EligibleWins:
    """List the eligible wins of a day as if every fixed bid stood all day, whatever its budget: what a learner expects to meet.

    Raises:
        InputError: The market has several slots, first-price payments or sampled outcomes.
    """
    _check_rules(market)
    found = _Candidates.of(market, day)
    return replace(found, is_sure=~found.is_free).eligible_wins()


def merged(all_cells: EligibleWins) -> EligibleWins:
    """Merge identical cells into one of their summed weight: the same optimum with fewer columns."""
    data = np.stack([getattr(all_cells, name).astype(np.float64) for name in _PER_COLUMN], axis=1)
    start = all_cells.cell_start
    first_of: dict[tuple[bool, bytes], int] = {}
    same = np.empty(len(all_cells.weight), dtype=np.int64)
    for cell, fill in enumerate(all_cells.must_fill):
        same[cell] = first_of.setdefault((bool(fill), data[start[cell] : start[cell + 1]].tobytes()), cell)
    kept = np.unique(same)
    if len(kept) == len(same):
        return all_cells
    columns = np.isin(all_cells.cell, kept)
    return replace(
        all_cells,
        cell_start=np.concatenate([[0], np.cumsum(np.diff(start)[kept])]),
        weight=np.bincount(same, all_cells.weight)[kept].astype(np.float64),
        must_fill=all_cells.must_fill[kept],
        **{name: getattr(all_cells, name)[columns] for name in _PER_COLUMN},
    )


def _check(market: Market) -> None:
    _check_rules(market)
    # A campaign's part may run out in every hour, and not once a day: more last charges than the program knows.
    market.expect_no_accounts("oracle-lp")
    for group in market.groups:
        if group.controller != "learner" and group.controller not in STATIC_BIDS:
            expected = f"expected controllers learner or {', '.join(STATIC_BIDS)}"
            raise InputError(f"{market.scenario.name}: oracle-lp: {expected}, got '{group.controller}'")


def _check_rules(market: Market) -> None:
    rules, source = market.rules, f"{market.scenario.name}: oracle-lp"
    if len(rules.slot_effect) != 1:
        raise InputError(f"{source}: expected one slot (mechanism.slot_effect = [1.0]), got {len(rules.slot_effect)}")
    if rules.pricing == "first":
        raise InputError(f"{source}: expected mechanism.pricing 'gsp' or 'vcg', got 'first'")
    if rules.outcomes != "expected":
        raise InputError(f"{source}: expected mechanism.outcomes 'expected', got '{rules.outcomes}'")


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Candidates of a day: the rows of the traffic table that take part, with the bids of those under a fixed rule."""

    market: Market
    cell: NDArray[np.int64]
    """Index of each row's cell within the day, `[rows]`."""
    row: NDArray[np.int64]
    """Index in the traffic table, `[rows]`."""
    is_free: NDArray[np.bool_]
    """Whether a learner sets the bid, `[rows]`."""
    bid: Array
    """Fixed bid, currency per click, `[rows]`; 0 for learners."""
    score: Array
    """Rank score of the fixed bid, `[rows]`; -1 for learners."""
    is_sure: NDArray[np.bool_]
    """Whether the fixed bid stands in all auctions of its cell whatever happened before, `[rows]`."""
    weight: Array
    """Number of auctions in each cell of the day, `[cells]`."""
    outside: Array
    """Rank score of the outside bidder in each cell of the day, `[cells]`."""

    @classmethod
    def of(cls, market: Market, day: int) -> _Candidates:
        traffic = market.traffic
        cells = traffic.cell_slice(day)
        start = traffic.cell_start[cells.start : cells.stop + 1]
        row = np.arange(start[0], start[-1])
        cell = np.repeat(np.arange(len(start) - 1), np.diff(start))
        who = traffic.advertiser[row]
        is_free = market.is_controlled[who]
        given = np.clip((market.fixed[who] * market.phi[row]).sum(axis=1), market.rules.bid_floor, market.rules.bid_cap)
        bid = np.where(is_free, 0.0, given)
        takes_part = (market.budgets[who] > 0) & (is_free | (bid >= market.rules.reserve))
        cell, row, is_free, bid = cell[takes_part], row[takes_part], is_free[takes_part], bid[takes_part]
        weight = traffic.weight[cells].astype(np.float64)
        return cls(
            market,
            cell,
            row,
            is_free,
            bid,
            np.where(is_free, -1.0, market.quality[row] * bid),
            ~is_free & _lasts(market, row, cell, weight[cell] * bid * traffic.ctr[row]),
            weight,
            traffic.market_ecpm[cells],
        )

    def eligible_wins(self) -> EligibleWins:
        """Find the rows that can win, and the bounds of their payments."""
        n_cells, rules = len(self.weight), self.market.rules
        sure = np.where(self.is_sure, self.score, -1.0)
        top, second = _two_best(sure, self.cell, n_cells)
        # Of equal scores the first row wins, and the outside bidder never does. Payments follow the scores as they are.
        key = tie_keys(self.score)
        sure_key = np.where(self.is_sure, key, -1.0)
        top_key = _largest(sure_key, self.cell, n_cells)
        is_top = np.zeros(len(self.row), dtype=bool)
        first_top = np.flatnonzero(self.is_sure & (sure_key == top_key[self.cell]))
        is_top[first_top[np.unique(self.cell[first_top], return_index=True)[1]]] = True
        top_row = np.full(n_cells, len(self.row))
        top_row[self.cell[is_top]] = np.flatnonzero(is_top)
        beats_top = (key > top_key[self.cell]) | (
            (key == top_key[self.cell]) & (np.arange(len(self.row)) <= top_row[self.cell])
        )

        given = np.maximum(np.where(is_top, second[self.cell], top[self.cell]), self.outside[self.cell])
        all_given = np.maximum(_largest(self.score, self.cell, n_cells), self.outside)[self.cell]
        others_free = np.bincount(self.cell, self.is_free, minlength=n_cells)[self.cell] - self.is_free
        is_unsure = ~self.is_free & ~self.is_sure
        others_unsure = np.bincount(self.cell, is_unsure, minlength=n_cells)[self.cell] - is_unsure
        quality, ctr = self.market.quality[self.row], self.market.traffic.ctr[self.row]
        payment_min = ctr * np.maximum(given / quality, rules.reserve)
        highest_bid = np.maximum(ctr * rules.bid_cap, payment_min)
        max_of_learner = np.where(others_free > 0, highest_bid, ctr * np.maximum(all_given / quality, rules.reserve))
        # With room for rounding: a bid at the cap may just tie.
        free_can_win = self.is_free & (payment_min <= ctr * rules.bid_cap * (1 + 1e-9))
        can_win = free_can_win | (beats_top & ~self.is_free & (key >= tie_keys(self.outside)[self.cell]))
        max_of_fixed = np.where(others_free + others_unsure > 0, np.maximum(ctr * self.bid, payment_min), payment_min)
        must_fill = np.zeros(n_cells, dtype=bool)
        must_fill[self.cell[is_top & can_win]] = True
        payment_max = np.where(self.is_free, max_of_learner, max_of_fixed)
        return self._columns(can_win, must_fill, payment_min, payment_max)

    def _columns(
        self, can_win: NDArray[np.bool_], must_fill: NDArray[np.bool_], payment_min: Array, payment_max: Array
    ) -> EligibleWins:
        traffic, row = self.market.traffic, self.row[can_win]
        size = np.bincount(self.cell[can_win], minlength=len(self.weight))
        conversions = traffic.ctr[row] * traffic.cvr[row]
        return EligibleWins(
            np.concatenate([[0], np.cumsum(size[size > 0])]),
            self.weight[size > 0],
            must_fill[size > 0],
            traffic.advertiser[row],
            traffic.ctr[row],
            conversions,
            conversions * traffic.item_price[row],
            payment_min[can_win],
            payment_max[can_win],
        )


def _lasts(market: Market, row: NDArray[np.int64], cell: NDArray[np.int64], charge: Array) -> NDArray[np.bool_]:
    """Whether each row's advertiser has budget left after the row's cell even if it won all so far at `charge`."""
    order = np.argsort(market.traffic.advertiser[row], kind="stable")
    who = market.traffic.advertiser[row][order]
    running = np.concatenate([[0.0], np.cumsum(charge[order])])
    position = who * (int(cell.max(initial=0)) + 1) + cell[order]
    spent = running[np.searchsorted(position, position, side="right")] - running[np.searchsorted(who, who)]
    lasts = np.empty(len(row), dtype=bool)
    budgets = market.budgets[who]
    # Twice what counts as spent: room for rounding in the running sum.
    lasts[order] = spent < budgets - 2 * exhausted_threshold(budgets)
    return lasts


def _largest(score: Array, cell: NDArray[np.int64], n_cells: int) -> Array:
    """Largest score of each cell, -1 where it has none."""
    best = np.full(n_cells, -1.0)
    np.maximum.at(best, cell, score)
    return best


def _two_best(score: Array, cell: NDArray[np.int64], n_cells: int) -> tuple[Array, Array]:
    """The two largest scores of each cell, ties counted twice; -1 where there are none."""
    order = np.lexsort((-score, cell))
    rank = np.arange(len(score)) - np.searchsorted(cell[order], cell[order])
    best = np.full((2, n_cells), -1.0)
    for k in range(2):
        chosen = order[rank == k]
        best[k, cell[chosen]] = score[chosen]
    return best[0], best[1]
