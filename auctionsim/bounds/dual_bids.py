"""Derive bids from multipliers: the score rule of the cooperative program, and the bid formula that follows from it.

With c the expected payment of a win, advertiser i's win of auction j is worth, at the multipliers of a solved program,

    s_ij = num_ij - den_i c_ij
    num_ij = (w_click,i + beta_i cap_i) ctr_ij + w_conv,i ctr_ij cvr_ij + (w_gmv,i + w_profit,i + mu_i + phi_i) gmv_ij
    den_i  = w_profit,i + alpha_i + beta_i + (1 + roi_i) mu_i + phi_i - sigma_i - rho

with rewards w, and multipliers alpha of the budget, beta of the CPC cap, mu of the ROI floor, phi of the profit floor, sigma of
the spend floor, rho of the revenue floor: a row takes its multiplier times its coefficients off. The optimum gives j to the
largest positive score; i bids num_ij / den_i per impression, that is theta_0 + theta_1 cvr + theta_2 cvr item_price per click.
Our reconstruction; derived step by step in docs/macg-theory.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.bounds.eligible_wins import EligibleWins
from auctionsim.bounds.linear_goals import LinearGoals
from auctionsim.bounds.oracle import Duals
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]
NOBODY = -1


@dataclass(frozen=True, eq=False)
class DualForm:
    """Values of wins at given multipliers: the numerator and denominator of the score and of the bid."""

    numerator: Array
    """Value of a click, a conversion and a unit of GMV to each advertiser, objective units, `[advertisers, 3]`."""
    denominator: Array
    """Loss of value per unit of payment, objective units per currency, `[advertisers]`; <= 0 where no payment is too high."""

    __repr__ = short_repr

    @classmethod
    def of(cls, goals: LinearGoals, duals: Duals) -> DualForm:
        """Return the form of a program at its multipliers.

        The multiplier of the self-bidders' floor counts for them as that of a profit floor.
        """
        profit = goals.rewards[:, 3]
        numerator = np.stack([goals.rewards[:, 0], goals.rewards[:, 1], goals.rewards[:, 2] + profit], axis=1)
        denominator = profit + duals.budget
        for row in goals.rows():
            multiplier = duals.of[row.constraint.key]
            numerator -= (row.coefficients[:3] * multiplier).T
            denominator = denominator + row.coefficients[3] * multiplier
        return cls(numerator, denominator)

    def worth(self, eligible: EligibleWins) -> Array:
        """Return the value of each column to its advertiser before payment, num, `[columns]`."""
        quantities = np.stack([eligible.clicks, eligible.conversions, eligible.gmv], axis=1)
        return (self.numerator[eligible.advertiser] * quantities).sum(axis=1)

    def score(self, eligible: EligibleWins) -> Array:
        """Return the score s of each column at the lower bound of its payment, `[columns]`."""
        return self.worth(eligible) - self.denominator[eligible.advertiser] * eligible.payment_min

    def bid(self, eligible: EligibleWins) -> Array:
        """Return the bid per impression of each column, num / den, currency `[columns]`; infinite where den <= 0."""
        den = self.denominator[eligible.advertiser]
        return np.divide(self.worth(eligible), den, out=np.full(len(den), np.inf), where=den > 0)

    def coefficients(self) -> Array:
        """Return the coefficients theta of 1, cvr and cvr x item_price in the bid per click, `[advertisers, 3]`.

        They are infinite where den <= 0.
        """
        den = self.denominator[:, None]
        return np.divide(self.numerator, den, out=np.full(self.numerator.shape, np.inf), where=den > 0)


def winners_by_score(eligible: EligibleWins, form: DualForm) -> NDArray[np.int64]:
    """Choose winners by the score rule: the column of the largest score > 0 in each cell, or `NOBODY`, `[cells]`."""
    return _best(eligible, form.score(eligible), 0.0)


def winners_by_bid(eligible: EligibleWins, form: DualForm) -> NDArray[np.int64]:
    """Choose winners by the naive rule: the column of the highest bid in each cell, or `NOBODY`, `[cells]`.

    The highest bidder wins only if its bid covers the lower bound of its payment.
    """
    bid = form.bid(eligible)
    best = _best(eligible, bid, -np.inf)
    return np.where(bid[best] >= eligible.payment_min[best], best, NOBODY)


def winners_of(eligible: EligibleWins, wins: Array, tolerance: float = 1e-6) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Read the winners off a solution of the program.

    Args:
        eligible: The eligible wins of the day.
        wins: Auctions won by each column in the solution, `[columns]`.
        tolerance: Largest rounding error in a column's share of its cell.

    Returns:
        The column that wins more than half of each cell, or `NOBODY`, `[cells]`; and whether each cell is undivided, all of it
        taken by one column or by nobody, `[cells]`.
    """
    share = wins / eligible.weight[eligible.cell]
    best = _best(eligible, share, 0.5)
    is_whole = np.bincount(eligible.cell, (share > tolerance) & (share < 1 - tolerance), minlength=len(eligible.weight)) == 0
    return best, is_whole


def _best(eligible: EligibleWins, value: Array, above: float) -> NDArray[np.int64]:
    """Find the first column of the largest value in each cell, or `NOBODY` where that value is <= `above`."""
    order = np.lexsort((-value, eligible.cell))
    first = order[eligible.cell_start[:-1]]
    return np.where(value[first] > above, first, NOBODY)
