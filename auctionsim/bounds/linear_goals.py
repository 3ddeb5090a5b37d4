"""Write goals as a linear program over the eligible wins of a day: its variables, and a row for every constraint.

The variables are the auctions that each column wins, then two of each advertiser: extra payments E beyond the
lower bounds, and the discount d on the last charge of its budget (`oracle.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array

from auctionsim.auction.budgets import EXHAUSTED_SHARE
from auctionsim.bounds.eligible_wins import EligibleWins
from auctionsim.names.display import short_repr
from auctionsim.objectives.base import Constraint
from auctionsim.objectives.constraints import constraints_in

Array = NDArray[np.float64]
QUANTITIES = ("clicks", "conversions", "gmv", "cost")
"""Names of the totals of an advertiser that rows are made of, in the order of `LinearRow.coefficients`."""


@dataclass(frozen=True, eq=False)
class LinearGoals:
    """Objective and constraints of a program."""

    rewards: Array
    """Reward per click, conversion, unit of GMV and unit of profit of each advertiser, `[advertisers, 4]`, >= 0."""
    budget: Array
    """Budget of each advertiser, currency `[advertisers]`; infinite where there is none."""
    is_self_bidding: NDArray[np.bool_]
    """Whether a fixed rule bids for the advertiser, `[advertisers]`."""
    limits: Mapping[str, Array]
    """Limits by the constraint's key: `[advertisers]`, or `[1]` for a constraint on several advertisers together."""

    __repr__ = short_repr

    def rows(self) -> Iterator[Row]:
        """Yield the row or rows of every constraint that there is, in the table's order."""
        for one in constraints_in(self.limits):
            holds = one.is_set(self.limits[one.key])
            if holds.any():
                row = one.row(np.where(holds, self.limits[one.key], 0.0), self.is_self_bidding)
                yield Row(one, holds, row.coefficients(len(self.budget)), row.right)


class Row(NamedTuple):
    """A constraint as rows of the program: one for each advertiser, or one for all."""

    constraint: Constraint
    holds: NDArray[np.bool_]
    """Whether each row exists, in the shape of `right`."""
    coefficients: Array
    """Coefficients of clicks, conversions, GMV and cost, `[4, advertisers]`."""
    right: Array
    """Right-hand side, `[advertisers]` or `[1]`."""


class RowBlock(NamedTuple):
    """Rows of one kind, `matrix @ variables <= right`. Only those that hold enter the program."""

    name: str
    """Kind of the rows: the key of a constraint, or `budget`, `extra` or `discount`."""
    matrix: csr_array
    """Coefficients of the program's variables, `[rows, variables]`."""
    right: Array
    """Right-hand side, `[rows]`."""
    holds: NDArray[np.bool_]
    """Whether each row enters the program, `[rows]`."""


@dataclass(frozen=True, eq=False)
class Quantities:
    """Advertisers' totals as linear functions of the program's variables: wins of each column, then every E, then every d."""

    of_each: dict[str, csr_array]
    """Matrices of `clicks conversions gmv cost`, of `extra discount`, and of `room` for E, each `[advertisers, variables]`."""
    side_limit: Array
    """Upper bounds of E, then of d, currency, `[2 * advertisers]`."""
    is_open: NDArray[np.bool_]
    """Whether no bid limits an advertiser's extra payments, `[advertisers]`."""

    __repr__ = short_repr

    @classmethod
    def of(cls, eligible: EligibleWins, goals: LinearGoals) -> Quantities:
        """Write the totals of a day's eligible wins."""
        n, columns = len(goals.budget), len(eligible.advertiser)
        entries = (eligible.advertiser, np.arange(columns))

        def won(per_win: Array) -> csr_array:
            return coo_array((per_win, entries), shape=(n, columns + 2 * n)).tocsr()

        def side(k: int) -> csr_array:
            entries = (np.arange(n), columns + k * n + np.arange(n))
            return coo_array((np.ones(n), entries), shape=(n, columns + 2 * n)).tocsr()

        largest_min = np.zeros(n)
        np.maximum.at(largest_min, eligible.advertiser, eligible.payment_min)
        has_budget = np.isfinite(goals.budget)
        discount = np.where(has_budget, largest_min + EXHAUSTED_SHARE * np.where(has_budget, goals.budget, 0.0), 0.0)
        is_open = np.zeros(n, dtype=bool)
        is_open[eligible.advertiser[np.isinf(eligible.payment_max)]] = True
        room = np.where(np.isinf(eligible.payment_max), 0.0, eligible.payment_max - eligible.payment_min)
        has_room = is_open | (np.bincount(eligible.advertiser, room, minlength=n) > 0)
        extra = np.where(has_room, _largest_useful_payment(eligible, goals) + discount, 0.0)
        return cls(
            {
                "clicks": won(eligible.clicks),
                "conversions": won(eligible.conversions),
                "gmv": won(eligible.gmv),
                "cost": won(eligible.payment_min) + side(0) - side(1),
                "extra": side(0),
                "discount": side(1),
                "room": won(room),
            },
            np.concatenate([extra, discount]),
            is_open,
        )


def program_rows(quantities: Quantities, goals: LinearGoals) -> list[RowBlock]:
    """Return the rows of budgets, of constraints on each advertiser, of E and d, and of constraints on several advertisers."""
    each, n = quantities.of_each, len(goals.budget)
    budget = np.where(np.isfinite(goals.budget), goals.budget, 0.0)
    discount = quantities.side_limit[n:]
    discounted = diags_array(budget) @ each["discount"] - diags_array(discount) @ each["cost"]
    has_extra = ~quantities.is_open & (quantities.side_limit[:n] > 0)
    on_each, on_many = [], []
    for row in goals.rows():
        terms = [diags_array(one) @ each[name] for name, one in zip(QUANTITIES, row.coefficients, strict=True) if one.any()]
        left = sum(terms[1:], terms[0])
        left.sum_duplicates()
        left.eliminate_zeros()
        if row.constraint.is_each:
            on_each.append(RowBlock(row.constraint.key, left, row.right, row.holds))
        else:
            on_many.append(RowBlock(row.constraint.key, csr_array(np.ones((1, n))) @ left, row.right, row.holds))
    return [
        RowBlock("budget", each["cost"], goals.budget, np.isfinite(goals.budget)),
        *on_each,
        RowBlock("extra", each["extra"] - each["room"], np.zeros(n), has_extra),
        RowBlock("discount", discounted, np.zeros(n), discount > 0),
        *on_many,
    ]


def _largest_useful_payment(eligible: EligibleWins, goals: LinearGoals) -> Array:
    """Compute the cost of each advertiser beyond which an extra payment serves no constraint, currency `[advertisers]`.

    Paying extra serves floors on payments alone, and at some optimum nobody does once they are kept. With a revenue floor of 10
    and a floor of 3 on the own spend, an advertiser that pays 10 keeps both whatever the others do. Other quantities in such a
    row count as if the advertiser won every auction where they stand against it.
    """
    useful = np.zeros(len(goals.budget))
    wins = np.stack([eligible.clicks, eligible.conversions, eligible.gmv]) * eligible.weight[eligible.cell]
    for row in goals.rows():
        serves, rest = row.coefficients[3] < 0, np.broadcast_to(row.right, useful.shape)
        if not serves.any():
            continue
        if not row.constraint.is_each and (row.coefficients[3] > 0).any():
            # What one pays would have to outweigh what others may pay, without end.
            raise ValueError(f"{row.constraint.key}: expected coefficients of cost of one sign, got both")
        against = np.maximum((row.coefficients[:3, eligible.advertiser] * wins).sum(axis=0), 0.0)
        worst = np.bincount(eligible.advertiser, against, minlength=len(useful))
        needed = (worst if row.constraint.is_each else worst.sum()) - rest
        is_needed = serves & np.broadcast_to(row.holds, useful.shape)
        useful = np.maximum(useful, np.where(is_needed, needed / np.where(serves, -row.coefficients[3], 1.0), 0.0))
    return useful
