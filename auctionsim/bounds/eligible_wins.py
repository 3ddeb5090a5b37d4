"""Who could win each auction of a day, and for how much: everything that any bids of the learners could bring about.

With one slot the winner pays per click the next rank score over its own quality, at least the reserve. Learners may bid
anything, so a learner can win every auction it is a candidate in; what it pays lies between two limits that the others set:

- At least what keeps it above everybody whose bid is given: the outside bidder, and every advertiser under a fixed rule that is
  surely still in the market (its budget would last even if it had won everything so far at its own bid).
- At most any amount (the bid cap where there is one) where another learner is a candidate, since that one may bid just below;
  else what the fixed bidders set.

An advertiser under a fixed rule wins only where it beats all of those, at a price between theirs and its own bid.
Charges capped by the last of a budget are left to whoever uses this (`bounds/oracle.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.auction.budgets import exhausted_threshold
from auctionsim.errors import InputError
from auctionsim.market.market import Market

Array = NDArray[np.float64]
_PER_COLUMN = ("advertiser", "clicks", "conversions", "gmv", "least", "most")


@dataclass(frozen=True, eq=False)
class Contests:
    """Columns are the candidates that can win, contiguous by cell; every cell has one. Quantities are of one auction."""

    cell_start: NDArray[np.int64]
    """First column of each cell, and the number of columns at the end: `[cells + 1]`."""
    weight: Array
    """Identical auctions each cell stands for, `[cells]`."""
    must_fill: NDArray[np.bool_]
    """Whether somebody inside wins whatever the learners bid, `[cells]`."""
    advertiser: NDArray[np.int64]
    """Advertiser index of each column."""
    clicks: Array
    """Expected clicks of the column as winner."""
    conversions: Array
    """Expected conversions of the column as winner."""
    gmv: Array
    """Expected GMV of the column as winner, currency."""
    least: Array
    """Least expected payment of the column as winner, currency."""
    most: Array
    """Largest expected payment of the column as winner, currency; infinite where another learner may set it."""

    @property
    def cell(self) -> NDArray[np.int64]:
        """Cell index of each column."""
        return np.repeat(np.arange(len(self.weight)), np.diff(self.cell_start))


def contests(market: Market, day: int) -> Contests:
    """The contests of a day, cells that are alike merged.

    Raises:
        InputError: The market has several slots, first-price payments, sampled outcomes, or a controller whose bids are not
            known beforehand: for these the limits above do not hold.
    """
    _check(market)
    offers = _Offers.of(market, day)
    return merged(offers.contests())


def merged(all_cells: Contests) -> Contests:
    """Alike cells as one of their summed weight: the same optimum, fewer columns."""
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
    rules, place = market.rules, f"{market.scenario.name}: oracle-lp"
    if len(rules.slot_effect) != 1:
        raise InputError(f"{place}: expected one slot (mechanism.slot_effect = [1.0]), got {len(rules.slot_effect)}")
    if rules.pricing == "first":
        raise InputError(f"{place}: expected mechanism.pricing 'gsp' or 'vcg', got 'first'")
    if rules.outcomes != "expected":
        raise InputError(f"{place}: expected mechanism.outcomes 'expected', got '{rules.outcomes}'")
    for group in market.groups:
        if group.controller != "learner" and group.controller not in STATIC_BIDS:
            raise InputError(f"{place}: expected controllers learner or {', '.join(STATIC_BIDS)}, got '{group.controller}'")


@dataclass(frozen=True, eq=False)
class _Offers:
    """The rows of a day that take part, with the bids of those under a fixed rule."""

    market: Market
    cell: NDArray[np.int64]
    """Cell of the day of each row."""
    row: NDArray[np.int64]
    """Row of the traffic table."""
    is_free: NDArray[np.bool_]
    """Whether a learner bids."""
    bid: Array
    """Currency per click; 0 for learners."""
    score: Array
    """Rank score of a fixed bid; -1 for learners."""
    is_sure: NDArray[np.bool_]
    """Whether a fixed bid stands in all auctions of its cell whatever happened before."""
    weight: Array
    """Auctions of each cell of the day."""
    outside: Array
    """Rank score outside of each cell of the day."""

    @classmethod
    def of(cls, market: Market, day: int) -> _Offers:
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

    def contests(self) -> Contests:
        """Which rows can win, and the limits of their payments."""
        n_cells, rules = len(self.weight), self.market.rules
        sure = np.where(self.is_sure, self.score, -1.0)
        top, second = _two_best(sure, self.cell, n_cells)
        # Of equal scores the first row wins, and the outside bidder never does.
        is_top = np.zeros(len(self.row), dtype=bool)
        first_top = np.flatnonzero(self.is_sure & (sure == top[self.cell]))
        is_top[first_top[np.unique(self.cell[first_top], return_index=True)[1]]] = True
        top_row = np.full(n_cells, len(self.row))
        top_row[self.cell[is_top]] = np.flatnonzero(is_top)
        beats_top = (self.score > top[self.cell]) | (
            (self.score == top[self.cell]) & (np.arange(len(self.row)) <= top_row[self.cell])
        )

        given = np.maximum(np.where(is_top, second[self.cell], top[self.cell]), self.outside[self.cell])
        all_given = np.maximum(_largest(self.score, self.cell, n_cells), self.outside)[self.cell]
        others_free = np.bincount(self.cell, self.is_free, minlength=n_cells)[self.cell] - self.is_free
        is_unsure = ~self.is_free & ~self.is_sure
        others_unsure = np.bincount(self.cell, is_unsure, minlength=n_cells)[self.cell] - is_unsure
        quality, ctr = self.market.quality[self.row], self.market.traffic.ctr[self.row]
        least = ctr * np.maximum(given / quality, rules.reserve)
        highest_bid = np.maximum(ctr * rules.bid_cap, least)
        most_of_free = np.where(others_free > 0, highest_bid, ctr * np.maximum(all_given / quality, rules.reserve))
        # With room for rounding: a bid at the cap may just tie.
        free_can_win = self.is_free & (least <= ctr * rules.bid_cap * (1 + 1e-9))
        can_win = free_can_win | (beats_top & ~self.is_free & (self.score >= self.outside[self.cell]))
        most_of_fixed = np.where(others_free + others_unsure > 0, np.maximum(ctr * self.bid, least), least)
        must_fill = np.zeros(n_cells, dtype=bool)
        must_fill[self.cell[is_top & can_win]] = True
        return self._columns(can_win, must_fill, least, np.where(self.is_free, most_of_free, most_of_fixed))

    def _columns(self, can_win: NDArray[np.bool_], must_fill: NDArray[np.bool_], least: Array, most: Array) -> Contests:
        traffic, row = self.market.traffic, self.row[can_win]
        size = np.bincount(self.cell[can_win], minlength=len(self.weight))
        conversions = traffic.ctr[row] * traffic.cvr[row]
        return Contests(
            np.concatenate([[0], np.cumsum(size[size > 0])]),
            self.weight[size > 0],
            must_fill[size > 0],
            traffic.advertiser[row],
            traffic.ctr[row],
            conversions,
            conversions * traffic.item_price[row],
            least[can_win],
            most[can_win],
        )


def _lasts(market: Market, row: NDArray[np.int64], cell: NDArray[np.int64], charge: Array) -> NDArray[np.bool_]:
    """Whether each row's advertiser has budget left after the row's cell even if it won all so far at `charge`."""
    order = np.argsort(market.traffic.advertiser[row], kind="stable")
    who = market.traffic.advertiser[row][order]
    running = np.concatenate([[0.0], np.cumsum(charge[order])])
    place = who * (int(cell.max(initial=0)) + 1) + cell[order]
    spent = running[np.searchsorted(place, place, side="right")] - running[np.searchsorted(who, who)]
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
    place = np.arange(len(score)) - np.searchsorted(cell[order], cell[order])
    best = np.full((2, n_cells), -1.0)
    for k in range(2):
        chosen = order[place == k]
        best[k, cell[chosen]] = score[chosen]
    return best[0], best[1]
